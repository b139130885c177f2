"""The tables of a training page as rows of ready texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nlargest
from math import sqrt
from typing import Any

from edgewise.report.formatting import DASH, capital, count, duration, moment, number, percent, plain
from edgewise.report.tables import Cell, Row, Table
from edgewise.report.training.arrows import WithAndWithout
from edgewise.report.training.records import Confusion, Point, Regression, Run, Scores, TrainingRecords
from edgewise.report.training.scale import Scale, scale_of, significant

LARGEST_ERRORS = 10


@dataclass(frozen=True)
class Recall:
    """One class of a confusion matrix: how many of its nodes were found, and what they were taken for."""

    name: str
    total: int
    share: float | None
    taken_for: str


def comparison(records: TrainingRecords) -> Table:
    """Ours, the published figure and the simple answers, each with what ours differs by."""
    scores, scale = records.scores, scale_of(records.scores)
    arrow = "↑" if scores.higher_is_better else "↓"

    def row(name: str, figure: str, sd: str, value: float | None) -> Row:
        gap = DASH if value is None or scores.mean is None else scale.signed_gap(scores.mean - value)
        return Row(name, (Cell(figure), Cell(sd), Cell(gap)))

    ours = (Cell(scale.bare(scores.mean)), Cell(scale.bare(scores.sd)), Cell(""))
    n = len(scores.tests)
    rows = [Row(f"ours, mean of {count(n)} runs" if n > 1 else "ours", ours, ours=True)]
    if scores.published:
        shown = scores.published
        sd = DASH if shown.sd is None else scale.given(shown.sd)
        title = f"published: {shown.source}" if shown.source else "published"
        rows.append(row(title, scale.given(shown.value), sd, shown.value))
    rows += [row(name, scale.bare(value), DASH, value) for name, value in scores.baselines]
    return Table((f"{capital(scale.label)} {arrow}", "sd", "Gap"), tuple(rows))


def with_and_without(runs: Sequence[WithAndWithout], scores: Scores) -> list[tuple[str, ...]]:
    """Seed, the figure with non-local blocks, the figure without, and their difference, a row a run."""
    scale = scale_of(scores)

    def gap(run: WithAndWithout) -> str:
        if run.with_blocks is None or run.without is None:
            return DASH
        return scale.signed_gap(run.with_blocks - run.without)

    return [
        (
            DASH if run.seed is None else str(run.seed),
            scale.bare(run.with_blocks),
            scale.bare(run.without),
            gap(run),
        )
        for run in runs
    ]


def runs_table(scores: Scores) -> Table:
    """Every run; columns that no run filled are left out."""
    scale = scale_of(scores)
    columns = {
        "Seed": lambda run: run.seed,
        "Split": lambda run: run.split,
        "Test": lambda run: run.test,
        "Validation": lambda run: run.validation,
        "Train": lambda run: run.train,
        "Epochs": lambda run: run.epochs,
        "Best epoch": lambda run: run.best_epoch,
        "Time": lambda run: run.seconds,
    }
    shown = {
        name: get
        for name, get in columns.items()
        if name == "Test" or any(get(run) is not None for run in scores.runs)
    }

    def text(name: str, run: Run) -> str:
        value = shown[name](run)
        match name:
            case "Test" | "Validation" | "Train":
                return scale.bare(value)
            case "Time":
                return duration(value)
            case _:
                return DASH if value is None else count(int(value))

    rows = tuple(
        Row(str(index + 1), tuple(Cell(text(name, run)) for name in shown))
        for index, run in enumerate(scores.runs)
    )
    return Table(tuple(shown), rows)


def recalls(confusion: Confusion) -> list[Recall]:
    """Recall of each class: the diagonal count over the sum of its row."""
    return [_recall(confusion.classes, index, row) for index, row in enumerate(confusion.counts)]


def residual_facts(preview: Regression) -> list[tuple[str, str]]:
    """RMSE and MAE of the pooled predictions, and what else describes them."""
    points, unit = preview.points, f" {preview.unit}" if preview.unit else ""
    if not points:
        return []
    errors = [point.error for point in points]
    n = len(errors)
    mean_true = sum(point.true for point in points) / n
    spread = sum((point.true - mean_true) ** 2 for point in points)
    squares = sum(error**2 for error in errors)
    names = len({point.name for point in points})
    return [
        ("Predictions", count(n)),
        (f"{capital(preview.item)}s", count(names)),
        ("RMSE", f"{number(sqrt(squares / n))}{unit}"),
        ("MAE", f"{number(sum(map(abs, errors)) / n)}{unit}"),
        ("Mean error", f"{number(sum(errors) / n).replace('-', '−')}{unit}"),
        ("R²", number(1 - squares / spread).replace("-", "−") if spread else DASH),
        ("Largest error", f"{number(max(map(abs, errors)))}{unit}"),
    ]


def largest_errors(preview: Regression) -> Table:
    """The worst predictions, with as many decimals as three digits of the worst error need."""
    worst = nlargest(LARGEST_ERRORS, preview.points, key=lambda point: abs(point.error))
    scale = Scale("error", preview.unit, significant(worst[0].error if worst else None, 3))
    has_split = any(point.split is not None for point in worst)

    def row(point: Point) -> Row:
        split = [count(point.split)] if has_split else []
        figures = [scale.bare(point.true), scale.bare(point.predicted), scale.signed(point.error)]
        return Row(point.name, tuple(Cell(text) for text in (*split, *figures)))

    split = ["Split"] if has_split else []
    return Table((*split, "True", "Predicted", "Error"), tuple(row(point) for point in worst))


def data_facts(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    facts = [(str(name), plain(value)) for name, value in _pairs(data.get("facts"))]
    return [("Data", plain(data.get("path"))), *facts, ("Fingerprint", plain(data.get("fingerprint")))]


def run_facts(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    versions = [(f"{name} version", plain(version)) for name, version in run.get("versions", {}).items()]
    return [
        ("Made", moment(run.get("created"))),
        ("Recipe", plain(run.get("name"))),
        ("Time", duration(run.get("seconds"))),
        ("CPU cores", plain(run.get("cores"))),
        ("Threads", plain(run.get("threads"))),
        ("edgewise version", plain(run.get("edgewise"))),
        *versions,
    ]


def _recall(classes: Sequence[str], index: int, row: Sequence[int]) -> Recall:
    total = sum(row)
    wrong = [(n, -other) for other, n in enumerate(row) if other != index and n]
    most, other = max(wrong) if wrong else (0, 0)
    taken_for = f"{classes[-other]} ({percent(most / total)})" if wrong else "nothing else"
    share = row[index] / total if total else None
    return Recall(classes[index], total, share, taken_for if total else DASH)


def _pairs(facts: object) -> list[tuple[Any, Any]]:
    """`[[name, value], ...]`; an entry that is no pair is left out."""
    entries = facts if isinstance(facts, list) else []
    return [(entry[0], entry[1]) for entry in entries if isinstance(entry, list) and len(entry) == 2]
