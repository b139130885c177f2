"""What the template of an inference page is filled with."""

from pathlib import Path
from typing import Any

from edgewise.report import inline, tables
from edgewise.report import rollout as rollout_section
from edgewise.report.folder import Json
from edgewise.report.headline import headline, tiles
from edgewise.report.records import Records

TEMPLATE = "inference.html.j2"
SHOWN_EDGES = 30


def context(records: Records, rollout: Json | None = None) -> dict[str, Any]:
    run, metrics = records.run, records.metrics
    return {
        "title": f"{Path(str(run['data'].get('path') or records.folder)).name} – edgewise report",
        "eyebrow": Path(str(run["data"].get("path") or "")).name or "a run",
        "run": run,
        "headline": headline(records),
        "checked_known": records.has_truth,
        "tiles": tiles(records),
        "undirected": records.undirected,
        "has_position": any(item.get("position") for item in records.preview["sequences"]),
        "sequences": records.preview["sequences"],
        "entities": records.preview["entities"],
        "law": _law_kind(records.law),
        "comparison": tables.comparison(records),
        "calibration": metrics.get("calibration"),
        "forecast": tables.forecast_errors(records),
        "forecast_unit": (metrics.get("forecast") or {}).get("unit", ""),
        "edges": records.edges,
        "shown_edges": SHOWN_EDGES,
        "command": tables.command_line([str(word) for word in run.get("argv", [])]),
        "data_facts": tables.data_facts(run["data"]),
        "run_facts": tables.run_facts(run),
        "tried": tables.tried_settings(run),
        "setting_facts": tables.setting_facts(run.get("settings", {})),
        "history": bool(records.history and records.history.get("step")),
        "scripts": inline.scripts(inline.INFERENCE),
        "data": inline.data(_embedded(records) | {"rollout": rollout}),
        "rollout": rollout_section.context(rollout),
    }


def _embedded(records: Records) -> dict[str, Any]:
    """What the scripts draw. The tables are already HTML and are not embedded twice."""
    data = records.run["data"]
    return {
        "position_names": data.get("position") or [],
        "undirected": records.undirected,
        "preview": records.preview,
        "label_matching": records.metrics.get("label_matching"),
        "law": records.law,
        "calibration": records.metrics.get("calibration"),
        "forecast": records.metrics.get("forecast"),
        "history": records.history,
    }


def _law_kind(law: dict[str, Any] | None) -> str:
    """`curves` of force against distance, a `table` of effects, or `none`."""
    types = (law or {}).get("types") or []
    if any(item.get("distance") for item in types):
        return "curves"
    return "table" if any(item.get("table") for item in types) else "none"
