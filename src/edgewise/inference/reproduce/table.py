"""Rows as a table in Markdown, ours beside the published figures, and what of the targets was not reached."""

import statistics
from collections.abc import Sequence
from typing import Any

from edgewise.inference.reproduce.cells import CELLS, MOST_ECE, STEPS, Cell, Published

Row = dict[str, Any]
GROUP = ("cell", "method", "train_systems", "test_systems", "budget", "isomorphism", "noise", "missing")
"""Rows that are alike in these differ in their seed only and become one line."""


def table_text(table: str, rows: Sequence[Row]) -> str:
    """The table of these rows, with notes under it; seeds of one setting are one line, mean ± standard deviation.

    Args:
        table: "nri-table1" or "nri-table2"; rows: what `reproduce` gives.
    """
    groups = _groups(rows)
    make = _accuracy_table if table == "nri-table1" else _forecast_table
    return "\n".join([*make(groups), "", *_notes(table, rows)]) + "\n"


def shortfalls(row: Row, cell: Cell) -> list[str]:
    """What keeps a row of table 1 from its cell's target, in words; nothing if the target is reached.

    The target is an accuracy (rounded to one digit) and a calibration error on fresh systems, from at most the cell's
    number of training systems, fitted within at most the cell's minutes.
    """
    figures = _aimed(row, cell)
    accuracy, ece = 100 * figures["edge_accuracy"], figures["ece"]
    missed = []
    if round(accuracy, 1) < cell.target.accuracy:
        missed.append(f"accuracy {accuracy:.1f}")
    if ece > MOST_ECE:
        missed.append(f"ECE {ece:.3f}")
    if row["train_systems"] > cell.train_systems:
        missed.append(f"{row['train_systems']} systems")
    if row["seconds"] > 60 * cell.minutes:
        missed.append(f"{row['seconds']:.0f} s")
    return missed


def _aimed(row: Row, cell: Cell) -> dict[str, float]:
    return row["undirected" if cell.target.undirected else "directed"]


def _groups(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that differ in their seed only, in the order of the cells."""
    found: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        found.setdefault(tuple(row[name] for name in GROUP), []).append(row)
    order = list(CELLS)
    return sorted(found.values(), key=lambda group: order.index(group[0]["cell"]))


def _accuracy_table(groups: list[list[Row]]) -> list[str]:
    others = ("NRI", "NRI-MPM", "supervised")
    head = ("cell", "method", "trained on", "seeds", "accuracy, %", "undirected, %", "AUROC", "ECE", "fit, s",
            "best baseline, %", *(f"{name}, %" for name in others), "aimed at, %", "reached")  # fmt: skip
    lines = []
    for rows in groups:
        cell = CELLS[rows[0]["cell"]]
        aimed = [_aimed(row, cell) for row in rows]
        both = [row["undirected"]["edge_accuracy"] for row in rows if row["undirected"]]
        best = [max(row["baselines"].values(), default=0.0) for row in rows]
        published = {figure.method: _published(figure) for figure in cell.accuracies}
        lines.append(
            (
                *_who(rows),
                _mean([100 * row["directed"]["edge_accuracy"] for row in rows], "{:.2f}"),
                _mean([100 * p for p in both], "{:.2f}"),
                _mean([figures["auroc"] for figures in aimed], "{:.4f}"),
                _mean([figures["ece"] for figures in aimed], "{:.4f}"),
                _mean([row["seconds"] for row in rows], "{:.0f}"),
                _mean([100 * p for p in best], "{:.1f}"),
                *(published[name] for name in others),
                f"{cell.target.accuracy:.1f}{' undirected' if cell.target.undirected else ''}",
                _verdict([", ".join(shortfalls(row, cell)) for row in rows]),
            )
        )
    return _markdown(head, lines)


def _forecast_table(groups: list[list[Row]]) -> list[str]:
    head = ("cell", "forecast by", "trained on", "seeds", *(f"MSE, {k} step{'s' * (k > 1)}" for k in STEPS),
            "graphs right, %", "fit, s", "reached")  # fmt: skip
    lines = []
    for rows in groups:
        cell = CELLS[rows[0]["cell"]]
        nri = cell.errors[0]
        where, who, trained, seeds = _who(rows)
        for way in ("directed", "undirected"):
            found = [row[way] for row in rows if row[way]]
            if not found:
                continue
            lines.append(
                (
                    where,
                    f"{who}, {way} graphs",
                    trained,
                    seeds,
                    *_columns([figures["mse"] for figures in found]),
                    _mean([100 * figures["edge_accuracy"] for figures in found], "{:.2f}"),
                    _mean([row["seconds"] for row in rows], "{:.0f}"),
                    _verdict([_over([figures["mse"] for figures in found], nri)]),
                )
            )
        static = _columns([row["static"] for row in rows])
        lines.append((where, "static", "", "", *static, "", "", ""))
        figures = (f"{error:.2e}{'*' if nri.recalled else ''}" for error in _many(nri))
        lines.append((where, "NRI, published", "50000", "", *figures, "", "", ""))
    return _markdown(head, lines)


def _who(rows: list[Row]) -> tuple[str, str, str, str]:
    """Cell, method, training systems and seeds of a line."""
    first = rows[0]
    marks = [
        "other isomorphism classes" if first["isomorphism"] else "",
        f"noise {first['noise']:g}" if first["noise"] else "",
        f"missing {first['missing']:.0%}" if first["missing"] else "",
    ]
    cell = ", ".join([first["cell"], *filter(None, marks)])
    trained = str(first["train_systems"]) if first["train_systems"] else "-"
    return cell, first["method"], trained, str(len(rows))


def _columns(errors: list[list[float | None]]) -> list[str]:
    """The errors of all seeds at each step."""
    return [_mean([row[k] for row in errors], "{:.2e}") for k in range(len(STEPS))]


def _over(errors: list[list[float | None]], nri: Published) -> str:
    """At which steps the mean error of the seeds is above the published one."""
    limits = _many(nri)
    above = []
    for k, limit in enumerate(limits):
        column = [row[k] for row in errors]
        values = [value for value in column if value is not None]
        if len(values) < len(column) or statistics.fmean(values) > limit:
            above.append(f"{STEPS[k]}")
    return f"above NRI at {', '.join(above)}" if above else ""


def _many(figure: Published) -> tuple[float, ...]:
    return figure.value if isinstance(figure.value, tuple) else (figure.value,)


def _published(figure: Published) -> str:
    return ", ".join(f"{value:.1f}" for value in _many(figure)) + ("*" if figure.recalled else "")


def _verdict(missed: list[str]) -> str:
    """ "yes", or which of the seeds fell short and of what."""
    bad = [text for text in missed if text]
    if not bad:
        return "yes"
    share = f" by {len(bad)} of {len(missed)} seeds" if len(missed) > 1 else ""
    return f"not reached{share}: {'; '.join(dict.fromkeys(bad))}"


def _mean(values: Sequence[float | None], form: str) -> str:
    """The mean, and the standard deviation where there are several; "-" where a value is missing."""
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return "-"
    mean = form.format(statistics.fmean(known))
    return mean if len(known) == 1 else f"{mean} ± {form.format(statistics.stdev(known))}"


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> list[str]:
    """A Markdown table whose columns are lined up."""
    widths = [max(len(row[k]) for row in [head, *lines]) for k in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return [line(head), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, lines)]


def _notes(table: str, rows: Sequence[Row]) -> list[str]:
    """What a reader must know to compare."""
    cells = [CELLS[name] for name in dict.fromkeys(row["cell"] for row in rows)]
    figures = [f for cell in cells for f in (cell.accuracies if table == "nri-table1" else cell.errors)]
    sources = list(dict.fromkeys(figure.source for figure in figures))
    said = [
        f"Published figures: {'; '.join(sources)}; from 50000 training systems, 10000 to test on."
        if sources
        else "No row is done yet.",
    ]
    if any(figure.recalled for figure in figures):
        said.append("A star: recalled from the paper, not compared with its text.")
    if table == "nri-table1":
        said += [
            "accuracy: each direction of a pair read alone; undirected: the evidence of both directions added.",
            "AUROC and ECE are of the reading that is aimed at. The aim includes an ECE of at most"
            f" {MOST_ECE:g}, at most the cell's number of training systems and at most its minutes.",
        ]
    else:
        said += [
            "Graphs from frames 0 to 48; forecasts start at frame 49, so k steps are frame 49 + k. Units: [-1, 1] over"
            " the training systems; with fewer of them their range is smaller, and the same error counts for more."
            " Reached: at or below NRI at every step.",
        ]
    said += [f"{cell.name}: fresh systems {_tests(rows, cell)}; {_given(rows, cell)}" for cell in cells]
    if table == "nri-table1":
        said += [f"{cell.name}, published: {_all_published(cell)}." for cell in cells]
    return [f"- {text}" for text in said]


def _all_published(cell: Cell) -> str:
    return ", ".join(f"{figure.method} {_published(figure)}" for figure in cell.accuracies)


def _tests(rows: Sequence[Row], cell: Cell) -> str:
    counts = dict.fromkeys(row["test_systems"] for row in rows if row["cell"] == cell.name)
    return ", ".join(map(str, counts))


def _given(rows: Sequence[Row], cell: Cell) -> str:
    """Which features and inductive biases a cell's law had."""
    mine = [row for row in rows if row["cell"] == cell.name]
    settings = dict.fromkeys(
        ", ".join(f"{name} = {_plain(value)}" for name, value in row["settings"].items())
        or "default settings"
        for row in mine
    )
    laws = dict.fromkeys(" ".join(row["law"]) for row in mine if row["law"])
    return f"features {', '.join(cell.features)}; {'; '.join(settings)}. {' '.join(laws)}".strip()


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
