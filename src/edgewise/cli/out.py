"""What commands print."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SURE = 0.95


def say(text: str) -> None:
    """A line for a person, on stderr: stdout is for results."""
    print(text, file=sys.stderr)


def say_notes(notes: Sequence[str]) -> None:
    """What a person should know of data or a result, a line each."""
    for note in notes:
        say(f"note: {note}")


def print_json(value: Any) -> None:
    """One JSON object on stdout."""
    from edgewise.folders import to_json

    print(to_json(value, indent=2))


def print_run(result: Any, run: Path, *, json: bool) -> None:
    """The result of a run that lies in a folder: one JSON object, or a few lines; what is to be noted, on stderr."""
    say_notes(result.about["notes"])
    if json:
        page = str(run / "report.html")
        print_json(result.metrics | {"run": str(run), "page": page, "types": list(result.types)})
    else:
        print_summary(result, run)


def counted(count: int, word: str, plural: str | None = None) -> str:
    """ "1 frame", "2 frames"."""
    return f"{count} {word if count == 1 else plural or word + 's'}"


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def print_summary(result: Any, run: Path | None = None) -> None:
    """The result in a few lines: graph, how sure, how right, beside the simple answers."""
    metrics = result.metrics
    print(
        f"{counted(metrics['n_edges'], 'edge')} between {len(result.entities)} entities in {_graphs(result)}"
    )
    print(_how_sure(result))
    print(f"types: {', '.join(result.types)}")
    if "auto" in result.about:
        _print_tried(result.about["auto"]["tried"])
    if metrics["edge_accuracy"] is not None:
        print_table(metrics)
    if metrics.get("strength"):
        print_strength(metrics["strength"])
    if metrics.get("forecast"):
        _print_forecast(metrics["forecast"])
    if run is not None:
        print(f"run:  {run}")
        print(f"page: {run / 'report.html'}")


def _print_tried(tried: list[dict[str, Any]]) -> None:
    """The settings that were tried, those that were chosen marked with a star."""
    print(f"{'settings tried':<58}{'nats a number':>14}{'seconds':>9}")
    for each in tried:
        mark = "*" if each["chosen"] else " "
        print(f"{mark} {each['name']:<56}{each['nats']:>14.3f}{each['seconds']:>9.1f}")


def print_strength(found: dict[str, Any]) -> None:
    """How well continuous strengths agree with known ones, in a line."""
    print(
        f"strengths: correlation {number(found['correlation'])} with the truth;"
        f" the 95 % intervals hold {percent(found['coverage'])}"
    )


def _graphs(result: Any) -> str:
    if result.sequences == ["all"]:
        return "one shared graph"
    return counted(len(result.sequences), "recording")


def _how_sure(result: Any) -> str:
    """How many pairs have one type of at least 95 %."""
    best = result.probability.max("type").transpose(..., "receiver", "sender").to_numpy()
    n = best.shape[-1]
    pairs = best.reshape(-1, n * n)[:, [k for k in range(n * n) if k % (n + 1)]]
    return f"{percent(float((pairs >= SURE).mean()))} of the pairs have a type of at least {100 * SURE:g} % probability"


def print_table(metrics: dict[str, Any]) -> None:
    print(f"{'against the truth':<22}{'accuracy':>10}{'AUROC':>9}{'F1':>9}{'ECE':>9}{'Brier':>9}")
    for name, row in {"edgewise": metrics, **metrics["baselines"]}.items():
        scores = (row[key] for key in ("auroc", "f1", "ece", "brier"))
        figures = "".join(f"{'-' if score is None else f'{score:.4f}':>9}" for score in scores)
        print(f"{name:<22}{percent(row['edge_accuracy']):>10}{figures}")


def _print_forecast(errors: dict[str, Any]) -> None:
    print(
        f"{'forecast, ' + errors['unit']:<26}"
        + "".join(f"{counted(step, 'step'):>12}" for step in errors["steps"])
    )
    for name in ("ours", "nothing moves", "constant velocity"):
        print(f"{'  ' + name:<26}" + "".join(f"{number(value):>12}" for value in errors[name]))
