"""Ctrl-C leaves a run that `--resume` finishes with the bytes of a run that was never stopped."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from edgewise.cli.progress import ProgressLine
from edgewise.training import Progress

WORDS = ("--max-steps", "150", "--seed", "1")
SAME = ("posterior.nc", "model.safetensors", "edges.csv", "config.json", "config.toml")


@pytest.fixture(scope="module")
def whole(edgewise, springs, tmp_path_factory):
    """A run that was never stopped."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    assert edgewise("infer", springs, *WORDS, "--out", folder).code == 0
    return folder


def assert_same(folder: Path, whole: Path) -> None:
    for name in SAME:
        assert (folder / name).read_bytes() == (whole / name).read_bytes(), name
    assert {path.name for path in folder.iterdir()} == {path.name for path in whole.iterdir()}


def interrupt_at(monkeypatch: pytest.MonkeyPatch, *places: tuple[str, int]) -> list[tuple[str, int]]:
    """Ctrl-C while these steps (phase, number) are shown; gives the places that were reached."""
    reached = []

    def shown(self: ProgressLine, progress: Progress) -> None:
        place = (progress.phase, progress.step)
        if place in places and place not in reached:
            reached.append(place)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(ProgressLine, "__call__", shown)
    return reached


@pytest.mark.parametrize(
    "places",
    [
        [("strengths", 1)],
        [("strengths", 30)],
        [("types", 1)],
        [("strengths", 20), ("types", 5), ("types", 60)],
    ],
    ids=str,
)
def test_an_interrupted_run_goes_on_to_the_same_bytes(
    places, edgewise, springs, whole, tmp_path, monkeypatch
):
    out = tmp_path / "run"
    reached = interrupt_at(monkeypatch, *places)
    command = ("infer", springs, *WORDS, "--out", out)
    for k in range(len(places)):
        answer = edgewise(*command, *(["--resume"] if k else []))
        assert (answer.code, answer.out) == (130, "")
        shown = " ".join(map(str, command))
        assert answer.err == f"interrupted: go on with\n  edgewise {shown} --resume\n"
        assert {path.name for path in out.iterdir()} == {"checkpoints", "config.toml", "started.json"}
    assert reached == places
    answer = edgewise("infer", springs, "--out", out, "--resume")  # its settings are known
    assert answer.code == 0, answer.err
    assert_same(out, whole)


def test_an_interruption_before_the_fit_leaves_nothing(edgewise, springs, tmp_path, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules["edgewise.inference.infer"].LEARNERS, "superposition", interrupted)
    out = tmp_path / "run"
    answer = edgewise("infer", springs, "--out", out)
    assert (answer.code, answer.err) == (130, "interrupted: nothing was written\n")
    assert not out.exists()


def test_a_process_that_gets_ctrl_c(edgewise, springs, whole, tmp_path):
    out = tmp_path / "run"
    threads = {"OMP_NUM_THREADS": str(torch.get_num_threads())}  # the bytes depend on their number
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "edgewise", "infer", str(springs), *WORDS, "--out", str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | threads,
    ) as command:
        assert command.stdout is not None
        assert command.stderr is not None
        for line in command.stderr:
            if line.startswith("types"):
                command.send_signal(signal.SIGINT)
                break
        rest = command.stderr.read()
        assert command.stdout.read() == ""
    assert command.returncode == 130
    assert rest.endswith(
        f"interrupted: go on with\n  edgewise infer {springs} {' '.join(WORDS)} --out {out} --resume\n"
    )
    assert "Traceback" not in rest
    answer = edgewise("infer", springs, *WORDS, "--out", out, "--resume")
    assert answer.code == 0
    assert answer.err.startswith("types ")
    assert_same(out, whole)


def test_a_run_whose_settings_were_chosen_resumes_with_them(edgewise, springs, tmp_path, monkeypatch):
    from edgewise.inference.auto import choose

    monkeypatch.setattr(choose, "STEPS", 12)  # so that step 20 is one of the fit that follows
    words = ("--auto", "--graph", "per-sequence", "--edge-types", 2, "--lags", 0, "--no-rotation")
    words = (*words, "--max-steps", 40)
    never = tmp_path / "whole"
    assert edgewise("infer", springs, *words, "--out", never).code == 0
    out = tmp_path / "run"
    assert interrupt_at(monkeypatch, ("types", 20)) == []
    assert edgewise("infer", springs, *words, "--out", out).code == 130
    monkeypatch.undo()
    wrong = edgewise("infer", springs, "--lags", 1, "--out", out, "--resume")
    assert wrong.code == 1
    assert "--resume with lags = 1" in wrong.err
    assert edgewise("infer", springs, "--auto", "--out", out, "--resume").code == 0
    assert_same(out, never)
    one, other = (json.loads((folder / "run.json").read_text("utf-8"))["auto"] for folder in (out, never))
    assert one["chosen"] == other["chosen"]
    assert [each["nats"] for each in one["tried"]] == [each["nats"] for each in other["tried"]]


def test_settings_that_were_not_chosen_cannot_be_resumed_as_chosen(edgewise, springs, tmp_path, monkeypatch):
    out = tmp_path / "run"
    interrupt_at(monkeypatch, ("strengths", 2))
    assert edgewise("infer", springs, *WORDS, "--out", out).code == 130
    monkeypatch.undo()
    answer = edgewise("infer", springs, "--auto", "--out", out, "--resume")
    assert answer.code == 1
    assert "the settings of this run were not chosen" in answer.err
