"""Run folders: where one may be written, that it appears whole, and how its records are read."""

import json
import math
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgewise.errors import RunError

FORMAT = 1
"""The version of the records that this package writes and reads."""
STARTED = "started.json"
"""The note that a run was begun; it goes when the run is complete."""
INFERENCE_FILES = frozenset(
    {
        "run.json", "config.toml", "config.json", "model.safetensors", "posterior.nc", "edges.csv", "graph.graphml",
        "metrics.json", "law.json", "history.json", "preview.json", "tail.nc", "forecast.nc", "report.html",
        "rollout.nc", "rollout.json", "checkpoints", STARTED,
    }
)  # fmt: skip
TRAINING_FILES = frozenset(
    {
        "run.json", "recipe.toml", "config.json", "models", "metrics.json", "history.json", "preview.json",
        "predictions.csv", "report.html", "checkpoints", "tokenizers", "rollout.nc", "rollout.json", STARTED,
    }
)  # fmt: skip


def check_folder(folder: Path, *, overwrite: bool = False, resume: bool = False) -> None:
    """Refuse a folder that a run may not be written to. Nothing is made, changed or removed.

    Raises:
        RunError: if the folder holds something (unless it is a run and `overwrite`, or one that was begun and
            `resume`), or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(
            f"{folder} is a file", expected="a folder, or a name that is free", fix="choose another --out"
        )
    if resume:
        check_begun(folder)
    held = sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []
    replaceable = is_run(folder)
    if held and not resume and not (overwrite and replaceable):
        fix = (
            "pass --overwrite to replace the run"
            if replaceable
            else "choose another --out: this is not a run folder, so --overwrite does not clear it"
        )
        raise RunError(
            f"{folder} is not empty: it holds {', '.join(held[:5])}{', ...' if len(held) > 5 else ''}",
            expected="an empty folder, or a name that is free",
            fix=fix,
        )
    standing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=standing):
            pass
    except OSError as error:
        raise unwritable(folder, error) from error


def prepare_folder(folder: Path, *, overwrite: bool = False, resume: bool = False) -> None:
    """Make the folder of a run, and clear it of the run that it replaces.

    Raises:
        RunError: see `check_folder`.
    """
    check_folder(folder, overwrite=overwrite, resume=resume)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not resume:
            clear_run(folder)
    except OSError as error:
        raise unwritable(folder, error) from error


def is_run(folder: Path) -> bool:
    """Whether the folder holds a run, complete or begun (a `run.json` of another program is none)."""
    for name, key in (("run.json", "edgewise"), (STARTED, "fingerprint")):
        try:
            record = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(record, dict) and {"format", key} <= record.keys():
            return True
    return False


def unwritable(folder: Path, error: OSError) -> RunError:
    """What is said of a folder that the system does not let us write to."""
    return RunError(
        f"{folder} cannot be written: {error.strerror or error}",
        expected="a folder that can be made and written, with room on the disk",
        fix="choose another --out, or change its rights",
    )


def clear_run(folder: Path) -> None:
    """Remove the files of a run of any kind; anything else in the folder stays."""
    for name in INFERENCE_FILES | TRAINING_FILES:
        _remove(folder / name)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def check_begun(folder: Path) -> None:
    """Refuse to resume where no run was begun, or where it is complete.

    Raises:
        RunError: saying which.
    """
    if (folder / STARTED).is_file():
        return
    done = is_run(folder)
    raise RunError(
        f"{folder} is complete: there is nothing to resume" if done else f"no run was begun in {folder}",
        expected="the folder of an interrupted run",
        fix="start anew with --overwrite" if done else "start anew without --resume",
    )


def note_start(folder: Path, kind: str, fingerprint: str, **more: Any) -> None:
    """Note which kind of run was begun on which data, so that it can be resumed; `more`: what else it must know."""
    write_json(folder / STARTED, {"format": FORMAT, "kind": kind, "fingerprint": fingerprint} | more)


def check_same_start(folder: Path, kind: str, fingerprint: str) -> None:
    """Refuse to resume a run of another kind, version, or on other data.

    Raises:
        RunError: saying what differs.
    """
    check_begun(folder)
    about = read_json(folder / STARTED)
    check_format(folder / STARTED, about)
    if (begun := about.get("kind", "inference")) != kind:
        raise RunError(
            f"{folder} holds a run of another kind ({begun}), which was begun and not finished",
            expected=f"the folder of an interrupted run ({kind})",
            fix="resume it with the command that began it, or start anew with --overwrite",
        )
    found = str(about.get("fingerprint"))
    if found != fingerprint:
        raise RunError(
            f"{folder} was begun with other data (fingerprint {found[:12]}, these have {fingerprint[:12]})",
            expected="the same data, read in the same way, as before",
            fix="resume with that data set, or start anew with --overwrite",
        )


def complete_folder(folder: Path, write: Callable[[Path], None]) -> None:
    """Write all records beside the folder's, then move them in, `run.json` last: a folder that has it is complete.

    Args:
        folder: a prepared folder, whose checkpoints stay until they are removed.
        write: writes the records into the folder that it is given.

    Raises:
        RunError: if the folder cannot be written.
    """
    draft = folder / ".draft"
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir()
        write(draft)
        for path in sorted(draft.iterdir(), key=lambda p: p.name == "run.json"):
            if path.is_dir():
                _remove(
                    folder / path.name
                )  # left by a run that stopped here; a folder is not replaced in one step
            path.replace(folder / path.name)
    except OSError as error:
        raise unwritable(folder, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    (folder / STARTED).unlink(missing_ok=True)


def check_format(path: Path, about: Any, again: str = "edgewise infer") -> None:
    """Refuse a record that another version wrote.

    Raises:
        RunError: with both versions.
    """
    if not isinstance(about, dict):
        raise RunError(f"{path} is not a record of a run", expected="a JSON object", fix="check the path")
    if about.get("format") != FORMAT:
        raise RunError(
            f"{path} has format {about.get('format')!r} (written by edgewise {about.get('edgewise', 'unknown')})",
            expected=f"format {FORMAT}, which this version reads and writes",
            fix=f"use the version that wrote the run, or run `{again}` again",
        )


def read_json(path: Path, again: str = "edgewise infer") -> Any:
    """The value of a JSON record.

    Raises:
        RunError: if it cannot be read, naming the command to run again.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            f"{path} cannot be read: {error}", expected="a JSON record of a run", fix=f"run `{again}` again"
        ) from error


def _finite(value: Any) -> Any:
    """What JSON has no word for (NaN, infinities) becomes null; arrays and numbers of NumPy become plain."""
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if hasattr(value, "tolist"):  # of NumPy
        return _finite(value.tolist())
    return value


def to_json(value: Any, *, indent: int | None = None) -> str:
    """JSON text without NaN."""
    return json.dumps(_finite(value), indent=indent, ensure_ascii=False, allow_nan=False)


def write_json(path: Path, value: Any) -> None:
    """Write a record; those that only the page reads without indents."""
    text = to_json(value, indent=None if path.name in ("preview.json", "rollout.json") else 1)
    path.write_text(text + "\n", encoding="utf-8")
