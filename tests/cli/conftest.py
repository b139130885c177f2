"""Commands called within the test process, and one small run that many tests look at."""

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from edgewise.cli.app import main

QUICK = ("--max-steps", "40")


@dataclass(frozen=True)
class Answer:
    """What a command left: its exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def record(self) -> dict[str, Any]:
        """The one JSON object on stdout."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


def call(*words: object) -> Answer:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        pytest.raises(SystemExit) as left,
    ):
        main([str(word) for word in words])
    code = left.value.code
    assert isinstance(code, int)
    return Answer(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def edgewise() -> Callable[..., Answer]:
    return call


@pytest.fixture(scope="session")
def springs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight systems of three bodies, 14 frames, with their truth."""
    path = tmp_path_factory.mktemp("data") / "springs.nc"
    answer = call("simulate", "springs", "--entities", 3, "--sequences", 8, "--steps", 14, "--out", path)
    assert answer == Answer(0, "", f"springs: 8 systems of 3, 14 frames each -> {path}\n")
    return path


@pytest.fixture(scope="session")
def run(springs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder of `infer`; tests do not write into it."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    answer = call("infer", springs, *QUICK, "--out", folder)
    assert answer.code == 0, answer.err
    return folder
