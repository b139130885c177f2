"""What commands print."""

import sys
from pathlib import Path
from typing import Any


def say(text: str) -> None:
    """A line for a person, on stderr: stdout is for results."""
    print(text, file=sys.stderr)


def print_json(value: Any) -> None:
    """One JSON object on stdout."""
    from edgewise.inference.records import to_json

    print(to_json(value, indent=2))


def percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f} %"


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def print_summary(result: Any, run: Path | None = None) -> None:
    """The result in a few lines: graph, how sure, how right, beside the simple answers."""
    metrics = result.metrics
    print(f"{metrics['n_edges']} edges between {len(result.entities)} entities in {_graphs(result)}")
    print(f"types: {', '.join(result.types)}")
    for note in result.about["notes"]:
        print(f"note: {note}")
    if metrics["edge_accuracy"] is not None:
        print_table(metrics)
    if metrics.get("forecast"):
        _print_forecast(metrics["forecast"])
    if run is not None:
        print(f"run:  {run}")
        print(f"page: {run / 'report.html'}")


def _graphs(result: Any) -> str:
    count = len(result.sequences)
    return (
        "one shared graph" if result.sequences == ["all"] else f"{count} recording{'s' if count != 1 else ''}"
    )


def print_table(metrics: dict[str, Any]) -> None:
    print(f"{'against the truth':<22}{'accuracy':>10}{'AUROC':>9}{'F1':>9}{'ECE':>9}{'Brier':>9}")
    for name, row in {"edgewise": metrics, **metrics["baselines"]}.items():
        figures = "".join(f"{number(row[key]):>9}" for key in ("auroc", "f1", "ece", "brier"))
        print(f"{name:<22}{percent(row['edge_accuracy']):>10}{figures}")


def _print_forecast(errors: dict[str, Any]) -> None:
    print(
        f"{'forecast, ' + errors['unit']:<26}" + "".join(f"{f'{step} steps':>12}" for step in errors["steps"])
    )
    for name in ("ours", "nothing moves", "constant velocity"):
        print(f"{'  ' + name:<26}" + "".join(f"{number(value):>12}" for value in errors[name]))
