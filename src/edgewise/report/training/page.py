"""What the template of a training page is filled with."""

from typing import Any

from edgewise.report import inline
from edgewise.report import rollout as rollout_section
from edgewise.report.folder import Json
from edgewise.report.tables import command_line, setting_facts
from edgewise.report.training import tables
from edgewise.report.training.drawn import embedded
from edgewise.report.training.forces import CentralForces, forces_context
from edgewise.report.training.headline import headline, over, tiles
from edgewise.report.training.records import Confusion, Preview, Sequences, TrainingRecords
from edgewise.report.training.scale import scale_of

TEMPLATE = "training.html.j2"


def context(records: TrainingRecords, rollout: Json | None = None) -> dict[str, Any]:
    run, scores, drawn = records.run, records.scores, embedded(records)
    name = str(run.get("name") or records.folder.name)
    return {
        "title": f"{name} – edgewise report",
        "eyebrow": name,
        "run": run,
        "headline": headline(records),
        "checked_known": scores.mean is not None and scores.published is not None,
        "tiles": tiles(records),
        "scores": scores,
        "scale": scale_of(scores),
        "arrows": records.arrows,
        "with_and_without": tables.with_and_without(records.with_and_without, scores),
        "over": over(scores.runs),
        "comparison": tables.comparison(records),
        "curves": drawn["curves"],
        "chosen": drawn["chosen"],
        "n_curves": len(records.curves),
        "has_metric": any(curve["validation_metric"] for curve in drawn["curves"]),
        "runs": tables.runs_table(scores),
        "protocol": [str(sentence) for sentence in run.get("protocol") or []],
        "command": command_line([str(word) for word in run.get("argv", [])]),
        "data_facts": tables.data_facts(run["data"]),
        "run_facts": tables.run_facts(run),
        "setting_facts": setting_facts(run.get("settings", {})),
        "scripts": inline.scripts(inline.TRAINING),
        "data": inline.data(drawn | {"rollout": rollout}),
        "rollout": rollout_section.context(rollout),
        **_preview(records.preview),
    }


def _preview(preview: Preview) -> dict[str, Any]:
    """What the section of the test predictions shows."""
    if isinstance(preview, Confusion):
        return {
            "kind": "classification",
            "recalls": tables.recalls(preview),
            "n_predictions": sum(map(sum, preview.counts)),
        }
    if isinstance(preview, Sequences):
        return {
            "kind": "sequences",
            "examples": preview.examples,
            "aligned": any(example.alignment for example in preview.examples),
            "by_length": preview.by_length,
            "n_predictions": sum(row.n for row in preview.by_length),
        }
    if isinstance(preview, CentralForces):
        return forces_context(preview)
    return {
        "kind": "regression",
        "target": preview.target or "target",
        "unit": preview.unit,
        "item": preview.item,
        "named_by": preview.named_by,
        "residual_facts": tables.residual_facts(preview),
        "largest_errors": tables.largest_errors(preview),
        "n_predictions": len(preview.points),
    }
