"""The records of a run folder: which files, which version, and what to say when one is missing."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgewise.errors import RunError
from edgewise.report.edges import EdgeSummary, read_edges

FORMAT = 1
"""The version of the records that this package writes and reads."""

REQUIRED_KEYS = {
    "run.json": ("format", "data", "method"),
    "metrics.json": (),
    "preview.json": ("entities", "types", "sequences"),
}
RERUN = "run `edgewise infer` again into a new folder, or pass the folder that holds run.json"

Json = dict[str, Any]


@dataclass(frozen=True)
class Records:
    """What a run left behind. `law` and `history` are None where the method has none."""

    folder: Path
    run: Json
    metrics: Json
    preview: Json
    edges: EdgeSummary
    law: Json | None
    history: Json | None

    @property
    def has_truth(self) -> bool:
        return self.metrics.get("edge_accuracy") is not None

    @property
    def undirected(self) -> bool:
        return bool(self.run.get("settings", {}).get("undirected", False))


def read_records(folder: Path) -> Records:
    """Read a run folder.

    Raises:
        RunError: the folder or a record is missing, damaged, or of another version.
    """
    if not folder.is_dir():
        raise RunError(
            f"there is no run folder {str(folder)!r}", expected="a folder with run.json in it", fix=RERUN
        )
    run = _required(folder, "run.json")
    _check_format(folder, run)
    metrics = _required(folder, "metrics.json")
    preview = _required(folder, "preview.json")
    undirected = bool(run.get("settings", {}).get("undirected", False))
    return Records(
        folder=folder,
        run=run,
        metrics=metrics,
        preview=preview,
        edges=read_edges(_path(folder, "edges.csv"), type_names=preview["types"], undirected=undirected),
        law=_optional(folder, "law.json"),
        history=_optional(folder, "history.json"),
    )


def _check_format(folder: Path, run: Json) -> None:
    if run["format"] == FORMAT:
        return
    writer = run.get("edgewise", "an unknown version")
    raise RunError(
        f"{folder / 'run.json'} has format {run['format']!r} (written by edgewise {writer})",
        expected=f"format {FORMAT}",
        fix="make the report with the edgewise that wrote the run, or run `edgewise infer` again",
    )


def _path(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise RunError(f"{path} is missing", expected=f"{name} in the run folder", fix=RERUN)
    return path


def _required(folder: Path, name: str) -> Json:
    record = _load(_path(folder, name))
    if not isinstance(record, dict):
        raise RunError(
            f"{folder / name} holds {_kind(record)}", expected="a JSON object with named values", fix=RERUN
        )
    missing = [key for key in REQUIRED_KEYS[name] if key not in record]
    if missing:
        raise RunError(
            f"{folder / name} has no {missing[0]!r}", expected=f"the key {missing[0]!r}", fix=RERUN
        )
    return record


def _optional(folder: Path, name: str) -> Json | None:
    path = folder / name
    record = _load(path) if path.is_file() else None
    return record if isinstance(record, dict) else None


def _load(path: Path) -> Any:
    """JSON with NaN and infinities read as null: a browser's JSON has neither."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _: None)
    except ValueError as error:
        raise RunError(f"{path} cannot be read: {error}", expected="a JSON file", fix=RERUN) from error


def _kind(value: object) -> str:
    return {list: "a list", str: "a text", type(None): "null"}.get(type(value), "a number")
