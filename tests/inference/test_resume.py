"""Ctrl-C, and on from there: the same bytes as a fit that was never stopped."""

import signal

import pytest

from edgewise.errors import RunError
from edgewise.inference import infer
from edgewise.training import Checkpoints

from .worlds import springs

SETTINGS = {"hidden": 8, "max_steps": 48, "learning_rate": 1e-2, "batch_size": 2}
"""12 steps of strengths, 36 of types with a trial of the idle type among them."""


@pytest.fixture(scope="module")
def whole():
    """(data, result, progress) of a fit that was never stopped."""
    ds, seen = springs(), []
    return ds, infer(ds, **SETTINGS, on_progress=seen.append), seen


def stopping(phase, step):
    def told(progress):
        if (progress.phase, progress.step) == (phase, step):
            signal.raise_signal(signal.SIGINT)

    return told


def interrupted(ds, folder, phase, step, **choices):
    with pytest.raises(KeyboardInterrupt):
        infer(ds, **SETTINGS, checkpoints=Checkpoints(folder), on_progress=stopping(phase, step), **choices)


def places(seen):
    """Of every kind: the first and last step of each phase, and steps in between."""
    last = {phase: max(p.step for p in seen if p.phase == phase) for phase in ("strengths", "types")}
    return [(phase, step) for phase, n in last.items() for step in (1, n // 2, n)]


def test_an_interrupted_fit_goes_on_to_the_same_bytes_in_both_phases(whole, tmp_path):
    ds, result, seen = whole
    stops = places(seen)
    assert {phase for phase, _ in stops} == {"strengths", "types"}
    for number, (phase, step) in enumerate(stops):
        folder = tmp_path / str(number)
        interrupted(ds, folder, phase, step)
        found = Checkpoints(folder).load()
        assert (found.phase, found.step) == (phase, step)
        again = infer(ds, **SETTINGS, checkpoints=Checkpoints(folder), resume=True)
        assert again.probability.to_numpy().tobytes() == result.probability.to_numpy().tobytes()
        assert again.types == result.types
        assert again.law_record == result.law_record


def test_a_fit_may_be_interrupted_twice(whole, tmp_path):
    ds, result, _ = whole
    interrupted(ds, tmp_path, "strengths", 5)
    interrupted(ds, tmp_path, "types", 11, resume=True)
    again = infer(ds, **SETTINGS, checkpoints=Checkpoints(tmp_path), resume=True)
    assert again.probability.to_numpy().tobytes() == result.probability.to_numpy().tobytes()


def test_it_goes_on_where_it_was(whole, tmp_path):
    ds, _, seen = whole
    interrupted(ds, tmp_path, "types", 7)
    rest = []
    infer(ds, **SETTINGS, checkpoints=Checkpoints(tmp_path), resume=True, on_progress=rest.append)
    expected = [(p.phase, p.step, p.loss) for p in seen if p.phase == "types" and p.step > 7]
    assert [(p.phase, p.step, p.loss) for p in rest] == expected


def test_the_history_counts_the_steps_before_the_interruption(whole, tmp_path):
    ds, result, _ = whole
    interrupted(ds, tmp_path, "types", 7)
    again = infer(ds, **SETTINGS, checkpoints=Checkpoints(tmp_path), resume=True)
    assert again.history["steps"] == result.history["steps"]
    assert again.history["step"] == result.history["step"][-len(again.history["step"]) :]
    assert again.history["evidence"] == result.history["evidence"][-len(again.history["evidence"]) :]
    assert len(again.history["seconds"]) == len(again.history["step"])


def test_without_resume_a_checkpoint_is_not_looked_at(whole, tmp_path):
    ds, result, _ = whole
    interrupted(ds, tmp_path, "strengths", 3)
    seen = []
    again = infer(ds, **SETTINGS, checkpoints=Checkpoints(tmp_path), on_progress=seen.append)
    assert seen[0].step == 1
    assert again.probability.to_numpy().tobytes() == result.probability.to_numpy().tobytes()


def test_resuming_without_a_checkpoint_is_a_start(whole, tmp_path):
    ds, result, _ = whole
    again = infer(ds, **SETTINGS, checkpoints=Checkpoints(tmp_path), resume=True)
    assert again.probability.to_numpy().tobytes() == result.probability.to_numpy().tobytes()


def test_a_checkpoint_of_other_settings_is_refused(whole, tmp_path):
    ds, _, _ = whole
    interrupted(ds, tmp_path, "strengths", 3)
    with pytest.raises(RunError, match=r"the checkpoint \(phase strengths, step 3\) is of another model"):
        infer(ds, **(SETTINGS | {"hidden": 16}), checkpoints=Checkpoints(tmp_path), resume=True)
