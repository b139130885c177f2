"""Learning curves for TensorBoard."""

import sys

import pytest

from edgewise.errors import ConfigError
from edgewise.training import Deadline, TensorBoard, fit

from .tasks import Line


def test_the_curves_are_those_of_the_training(tmp_path):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    task = Line(steps=5)
    with TensorBoard(tmp_path / "board") as board:
        fit(task, deadline=Deadline(), on_progress=board)
    found = accumulator.EventAccumulator(str(tmp_path / "board")).Reload()
    assert set(found.Tags()["scalars"]) == {"loss/line", "steps/line"}
    losses = found.Scalars("loss/line")
    assert [event.step for event in losses] == [1, 2, 3, 4, 5]
    assert [event.value for event in losses] == pytest.approx(task.losses)


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError) as error:
        TensorBoard(tmp_path)
    assert "the package tensorboard is not installed" in str(error.value)
    assert "pip install 'edgewise[tracking]'" in str(error.value)
