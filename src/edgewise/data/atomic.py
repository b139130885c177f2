"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgewise.errors import DataError


@contextmanager
def replacing(path: Path, *, overwrite: bool) -> Iterator[Path]:
    """A temporary sibling to write to; on success it becomes `path`, on failure it vanishes.

    Args:
        path: the file or folder to write. Its parent folder is made if it is not there.
        overwrite: whether a `path` that exists is replaced.

    Raises:
        DataError: `path` exists and `overwrite` is False, or it cannot be written.
    """
    refuse_to_overwrite(path, overwrite=overwrite)
    token = uuid.uuid4().hex[:8]
    draft = path.with_name(f".{token}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        _move(draft, path, path.with_name(f".{token}.old.{path.name}"))
    except OSError as error:
        raise DataError(
            f"{path} cannot be written: {error}", fix="check the folder, its rights and the disk"
        ) from error
    finally:
        _remove(draft)


def refuse_to_overwrite(path: Path, *, overwrite: bool) -> None:
    """Raise a DataError if `path` exists, unless `overwrite` is set."""
    if path.exists() and not overwrite:
        raise DataError(
            f"{path} exists already",
            expected="a name that is free",
            fix="choose another name, or pass --overwrite (overwrite=True in Python)",
        )


def _move(draft: Path, path: Path, old: Path) -> None:
    if not path.is_dir():
        draft.replace(path)
        return
    if not draft.is_dir():
        raise DataError(f"{path} is a folder", fix="choose another name for the file")
    path.rename(old)  # a folder cannot be replaced in one step
    try:
        draft.rename(path)
    except OSError:
        old.rename(path)
        raise
    _remove(old)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():  # never below a file, where unlink would raise
        path.unlink()
