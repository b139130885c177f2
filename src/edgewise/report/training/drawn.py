"""What the scripts of a training page draw: no more runs, epochs and points than a reader can see."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from edgewise.report.training.arrows import drawn_arrows
from edgewise.report.training.forces import CentralForces, drawn_forces
from edgewise.report.training.records import (
    Confusion,
    Curve,
    Preview,
    Regression,
    Run,
    Sequences,
    TrainingRecords,
)
from edgewise.report.training.scale import Scale, scale_of

MOST_CURVES = 60
MOST_EPOCHS = 250
MOST_POINTS = 4000
KINDS = {
    Confusion: "classification",
    Regression: "regression",
    Sequences: "sequences",
    CentralForces: "central-forces",
}


def embedded(records: TrainingRecords) -> dict[str, Any]:
    """The value that the page holds as JSON."""
    scale = scale_of(records.scores)
    curves = drawn_curves(records)
    return {
        "kind": KINDS[type(records.preview)],
        "scores": _scores(records, scale),
        "curves": curves,
        "chosen": typical(curves),
        "preview": _preview(records.preview)
        | ({} if records.arrows is None else {"arrows": drawn_arrows(records.arrows)}),
    }


def drawn_curves(records: TrainingRecords) -> list[dict[str, Any]]:
    """At most `MOST_CURVES` runs, spread evenly over the runs in their order; each with at most `MOST_EPOCHS`."""
    known = [
        (index, curve)
        for index, curve in enumerate(records.curves)
        if curve.epoch and (curve.train_loss or curve.validation_loss)
    ]
    runs = records.scores.runs
    same = len(runs) == len(records.curves)
    names = run_names(runs if same else records.curves)
    return [
        _curve(curve, names[index], runs[index] if same else None)
        for index, curve in evenly(known, MOST_CURVES)
    ]


def evenly(items: Sequence[Any], most: int) -> list[Any]:
    """At most `most` of the items, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[round(i * (len(items) - 1) / (most - 1))] for i in range(most)]


def typical(curves: Sequence[dict[str, Any]]) -> int:
    """The place of the run with the median test figure: neither the best nor the worst is held up."""
    known = sorted((curve["test"], place) for place, curve in enumerate(curves) if curve["test"] is not None)
    return known[len(known) // 2][1] if known else 0


def run_names(runs: Sequence[Run | Curve]) -> list[str]:
    """`seed 3, split 1` of every run; a split that all share is left out, and what has neither goes by its place."""
    splits = [run.split if isinstance(run, Run) else None for run in runs]
    several = len(set(splits)) > 1
    names = []
    for index, (run, split) in enumerate(zip(runs, splits, strict=True)):
        known = [("seed", run.seed), ("split", split if several else None)]
        parts = [f"{word} {value}" for word, value in known if value is not None]
        names.append(", ".join(parts) or f"run {index + 1}")
    return names


def _curve(curve: Curve, name: str, run: Run | None) -> dict[str, Any]:
    keep = evenly(range(len(curve.epoch)), MOST_EPOCHS)

    def thinned(values: Sequence[float | None]) -> list[float | None]:
        return [values[place] for place in keep] if len(values) == len(curve.epoch) else []

    return {
        "name": name,
        "test": run.test if run else None,
        "best_epoch": run.best_epoch if run else None,
        "epoch": thinned(curve.epoch),
        "train_loss": thinned(curve.train_loss),
        "validation_loss": thinned(curve.validation_loss),
        "validation_metric": thinned(curve.validation_metric),
    }


def _scores(records: TrainingRecords, scale: Scale) -> dict[str, Any]:
    scores = records.scores
    return {
        "label": scale.label,
        "unit": scale.unit,
        "decimals": scale.decimals,
        "mean": scores.mean,
        "sd": scores.sd,
        "published": scores.published.value if scores.published else None,
        "runs": [
            {"name": name, "test": run.test, "validation": run.validation}
            for name, run in zip(run_names(scores.runs), scores.runs, strict=True)
        ],
    }


def _preview(preview: Preview) -> dict[str, Any]:
    if isinstance(preview, Confusion):
        return {"classes": list(preview.classes), "counts": [list(row) for row in preview.counts]}
    if isinstance(preview, Sequences):
        alignments = [example.alignment for example in preview.examples]
        return {
            "alignments": [asdict(alignment) for alignment in alignments if alignment is not None],
            "by_length": [asdict(row) for row in preview.by_length],
        }
    if isinstance(preview, CentralForces):
        return drawn_forces(preview)
    order = sorted(preview.points, key=lambda point: abs(point.error))
    shown = evenly(order, MOST_POINTS)
    return {
        "target": preview.target,
        "unit": preview.unit,
        "names": [point.name for point in shown],
        "true": [point.true for point in shown],
        "predicted": [point.predicted for point in shown],
    }
