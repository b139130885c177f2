"""The report: records in, one HTML file out."""

import os
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from edgewise.errors import RunError
from edgewise.report import formatting, inline, tables
from edgewise.report.headline import headline, tiles
from edgewise.report.records import Records, read_records

SHOWN_EDGES = 30


def write_report(run: Path, out: Path | None = None) -> Path:
    """Write the report of a run as one HTML file that needs no network.

    The file appears complete or not at all: it is written beside its place and then renamed.

    Args:
        run: a run folder with `run.json`, `metrics.json`, `preview.json` and `edges.csv`.
        out: where to write; `report.html` in the run folder by default.

    Returns:
        The path of the page.

    Raises:
        RunError: a record is missing or of another version, or the page cannot be written.
    """
    run = Path(run)
    target = run / "report.html" if out is None else Path(out)
    page = render(read_records(run))
    _write_atomically(target, page)
    return target


def render(records: Records) -> str:
    """The page as a text."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        score=formatting.score, count=formatting.count, moment=formatting.moment, plain=formatting.plain
    )
    return environment.get_template("template.html.j2").render(context(records))


def context(records: Records) -> dict[str, Any]:
    run, metrics = records.run, records.metrics
    scripts = [*inline.libraries(), inline.own_script()]
    return {
        "title": f"{Path(str(run['data'].get('path') or records.folder)).name} – edgewise report",
        "file_name": Path(str(run["data"].get("path") or "")).name,
        "run": run,
        "headline": headline(records),
        "tiles": tiles(records),
        "has_truth": records.has_truth,
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
        "setting_facts": tables.setting_facts(run.get("settings", {})),
        "history": bool(records.history and records.history.get("step")),
        "scripts": scripts,
        "script_sources": " ".join(script.source for script in scripts),
        "style": inline.style(),
        "data": inline.data(_embedded(records)),
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


def _write_atomically(target: Path, text: str) -> None:
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunError(
            f"{target} cannot be written: {error.strerror}",
            expected="a file in an existing folder with write permission and room on the disk",
            fix="create the folder or choose another place with --out",
        ) from error
