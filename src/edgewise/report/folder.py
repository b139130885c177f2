"""The files of a run folder: which kind of run it holds, and what to say when a file is missing or damaged."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgewise.errors import RunError
from edgewise.folders import FORMAT

COMMANDS = {"inference": "`edgewise infer`", "training": "`edgewise train`"}
"""The kinds of run, and which command makes each anew."""

Json = dict[str, Any]


@dataclass(frozen=True)
class RunFolder:
    """A run folder and what its `run.json` says.

    Args:
        path: the folder.
        kind: one of `COMMANDS`.
        run: the content of `run.json`.
    """

    path: Path
    kind: str
    run: Json

    def file(self, name: str) -> Path:
        """The path of a record that must exist."""
        return _existing(self.path, name, _rerun(COMMANDS[self.kind]))

    def required(self, name: str, *keys: str) -> Json:
        """A record that must exist and have these keys."""
        return read_record(self.path, name, keys, _rerun(COMMANDS[self.kind]))

    def optional(self, name: str) -> Json | None:
        """A record, or None where the run left none."""
        path = self.path / name
        record = _load(path, _rerun(COMMANDS[self.kind])) if path.is_file() else None
        return record if isinstance(record, dict) else None

    def damaged(self, name: str, found: str, expected: str) -> RunError:
        """The error for a record that does not hold what it should, to be raised by the caller."""
        return RunError(f"{self.path / name} {found}", expected=expected, fix=_rerun(COMMANDS[self.kind]))


def open_run(folder: Path) -> RunFolder:
    """Look into a run folder.

    Raises:
        RunError: the folder or its `run.json` is missing, damaged, of another version, or of an unknown kind.
    """
    either = _rerun(" or ".join(COMMANDS.values()))
    if not folder.is_dir():
        raise RunError(
            f"there is no run folder {str(folder)!r}", expected="a folder with run.json in it", fix=either
        )
    run = read_record(folder, "run.json", ("format",), either)
    kind = run.get("kind", "inference")
    command = COMMANDS.get(kind) if isinstance(kind, str) else None
    _check_format(folder, run, command or " or ".join(COMMANDS.values()))
    if command is None:
        raise RunError(
            f"{folder / 'run.json'} is of the kind {kind!r}",
            expected=" or ".join(repr(name) for name in COMMANDS),
            fix="make the report with the edgewise that wrote the run",
        )
    run = read_record(folder, "run.json", ("format", "data", "method"), _rerun(command))
    return RunFolder(folder, kind, run)


def kind_of(value: object) -> str:
    """What a value of a JSON file is, in words."""
    match value:
        case None:
            return "null"
        case bool():
            return "yes or no"
        case list():
            return "a list"
        case dict():
            return "named values"
        case str():
            return "a text"
        case _:
            return "a number"


def _rerun(command: str) -> str:
    return f"run {command} again into a new folder, or pass the folder that holds run.json"


def _check_format(folder: Path, run: Json, command: str) -> None:
    if run["format"] == FORMAT:
        return
    writer = run.get("edgewise", "an unknown version")
    raise RunError(
        f"{folder / 'run.json'} has format {run['format']!r} (written by edgewise {writer})",
        expected=f"format {FORMAT}",
        fix=f"make the report with the edgewise that wrote the run, or run {command} again",
    )


def _existing(folder: Path, name: str, fix: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise RunError(f"{path} is missing", expected=f"{name} in the run folder", fix=fix)
    return path


def read_record(folder: Path, name: str, keys: tuple[str, ...], fix: str) -> Json:
    """A record of named values, with these keys.

    Raises:
        RunError: it is missing, damaged or without a key; `fix` is what to do about it.
    """
    record = _load(_existing(folder, name, fix), fix)
    if not isinstance(record, dict):
        raise RunError(
            f"{folder / name} holds {kind_of(record)}", expected="a JSON object with named values", fix=fix
        )
    missing = [key for key in keys if key not in record]
    if missing:
        raise RunError(f"{folder / name} has no {missing[0]!r}", expected=f"the key {missing[0]!r}", fix=fix)
    return record


def _load(path: Path, fix: str) -> Any:
    """JSON with NaN and infinities read as null: a browser's JSON has neither."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=lambda _: None)
    except ValueError as error:
        raise RunError(f"{path} cannot be read: {error}", expected="a JSON file", fix=fix) from error
