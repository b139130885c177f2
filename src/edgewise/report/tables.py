"""The tables of the page as rows of ready texts: baselines, forecast errors, how it was run."""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgewise.report.formatting import duration, moment, number, percent, plain, score
from edgewise.report.records import Records


@dataclass(frozen=True)
class Metric:
    """How a metric is shown, and which direction is better (+1 higher, -1 lower)."""

    key: str
    label: str
    better: int
    show: Callable[[float | None], str]


METRICS = (
    Metric("edge_accuracy", "Edge accuracy", +1, percent),
    Metric("auroc", "AUROC", +1, score),
    Metric("auprc", "AUPRC", +1, score),
    Metric("f1", "F1", +1, score),
    Metric("ece", "ECE", -1, score),
    Metric("brier", "Brier", -1, score),
    Metric("seconds", "Time", 0, duration),
)


@dataclass(frozen=True)
class Cell:
    text: str
    best: bool = False


@dataclass(frozen=True)
class Row:
    name: str
    cells: tuple[Cell, ...]
    ours: bool = False


@dataclass(frozen=True)
class Table:
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def comparison(records: Records) -> Table | None:
    """Our method beside the baselines; None where no truth lets anything be measured."""
    if not records.has_truth:
        return None
    scores: dict[str, Mapping[str, Any]] = {"": records.metrics, **records.metrics.get("baselines", {})}
    shown = [m for m in METRICS if any(row.get(m.key) is not None for row in scores.values())]
    best = {metric.key: _best(metric, scores) for metric in shown}
    rows = tuple(
        Row(
            name=name or f"edgewise ({records.run['method']})",
            cells=tuple(_cell(metric, row.get(metric.key), best[metric.key]) for metric in shown),
            ours=not name,
        )
        for name, row in scores.items()
    )
    return Table(tuple(_with_direction(metric) for metric in shown), rows)


def forecast_errors(records: Records) -> Table | None:
    """Error of the forecast some steps ahead, beside the trivial forecasts."""
    forecast = records.metrics.get("forecast")
    if not forecast:
        return None
    series = {name: values for name, values in forecast.items() if name not in ("steps", "unit")}
    lowest = [
        min((v for v in column if v is not None), default=None)
        for column in zip(*series.values(), strict=True)
    ]
    rows = tuple(
        Row(
            name="edgewise" if name == "ours" else name,
            cells=tuple(
                Cell(number(v), v is not None and v == low) for v, low in zip(values, lowest, strict=True)
            ),
            ours=name == "ours",
        )
        for name, values in series.items()
    )
    return Table(tuple("1 step" if step == 1 else f"{step} steps" for step in forecast["steps"]), rows)


def tried_settings(run: Mapping[str, Any]) -> Table | None:
    """The settings that `--auto` tried, those that were chosen marked; None where settings were given."""
    tried = (run.get("auto") or {}).get("tried")
    if not tried:
        return None
    rows = tuple(
        Row(
            name=each["name"],
            cells=(
                Cell(f"{each['nats']:.3f}", each["chosen"]),
                Cell("chosen" if each["chosen"] else f"{each['behind']:.3f} ± {each['standard_error']:.3f}"),
                Cell(duration(each["seconds"])),
            ),
            ours=each["chosen"],
        )
        for each in tried
    )
    return Table(("Nats a number", "Behind the chosen", "Time"), rows)


def command_line(argv: list[str]) -> list[str]:
    """The words of the command as they can be typed again, without the folder of the program."""
    program = Path(argv[0]).name if argv else ""
    words = [program, *argv[1:]] if program.startswith("edgewise") else ["edgewise", *argv]
    return [shlex.quote(word) for word in words]


def data_facts(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    missing = data.get("missing_fraction")
    sampling = "regular" if data.get("regular") else "irregular"
    if data.get("dt") is not None:
        sampling += f", every {plain(data['dt'])}"
    return [
        ("File", plain(data.get("path"))),
        ("Recordings", plain(data.get("n_sequences"))),
        ("Frames", plain(data.get("n_frames"))),
        ("Entities", plain(data.get("n_entities"))),
        ("Features", plain(data.get("features"))),
        ("Position", plain(data.get("position") or None)),
        ("Velocity", plain(data.get("velocity") or None)),
        ("Not observed", "nothing missing" if not missing else percent(missing)),
        ("Sampling", sampling),
        ("Known graph", "yes, used only to score" if data.get("has_truth") else "no"),
        ("Fingerprint", plain(data.get("fingerprint"))),
    ]


def run_facts(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    versions = [(f"{name} version", plain(version)) for name, version in run.get("versions", {}).items()]
    return [
        ("Made", moment(run.get("created"))),
        ("Method", plain(run["method"])),
        ("Seed", plain(run.get("seed"))),
        ("Time", duration(run.get("seconds"))),
        ("CPU cores", plain(run.get("cores"))),
        *_calibration_facts(run.get("calibration")),
        ("edgewise version", plain(run.get("edgewise"))),
        *versions,
    ]


def _calibration_facts(calibration: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    if calibration is None:
        return []
    return [
        ("Temperature of the evidence", f"{calibration['temperature']:.3g}"),
        ("Recordings held out to measure it", plain(calibration["held_out"])),
    ]


def setting_facts(settings: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, plain(value)) for name, value in settings.items()]


def _best(metric: Metric, scores: Mapping[str, Mapping[str, Any]]) -> float | None:
    values = [row[metric.key] for row in scores.values() if row.get(metric.key) is not None]
    if not metric.better or len(values) < 2:
        return None
    return max(values) if metric.better > 0 else min(values)


def _cell(metric: Metric, value: float | None, best: float | None) -> Cell:
    return Cell(metric.show(value), best is not None and value == best)


def _with_direction(metric: Metric) -> str:
    return metric.label + {1: " ↑", -1: " ↓", 0: ""}[metric.better]
