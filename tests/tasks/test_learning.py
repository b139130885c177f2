"""The training of one network: what is measured when, and which weights are tested."""

import signal

import pytest
import torch

from edgewise.tasks.learning import Learning
from edgewise.tasks.stopping import LowestError, Patience
from edgewise.training import Checkpoints, Deadline, fit

from .toys import Fit


class Script(Fit):
    """A validation that goes as it is told."""

    def __init__(self, errors):
        super().__init__(0)
        self.errors, self.seen, self.max_epochs = iter(errors), [], len(errors)

    def validate(self, module):
        assert not module.training
        self.seen.append(module[1].bias.item())
        error = next(self.errors)
        return error, error


def learning(objective, rule=None, seed=0):
    torch.manual_seed(seed)
    module = torch.nn.Sequential(torch.nn.Dropout(0.2), torch.nn.Linear(3, 1))
    return Learning("toy", module, objective, seed=seed, stopping=rule or LowestError(0))


def weights(task):
    return torch.cat([weight.detach().flatten() for weight in task.module.parameters()])


def test_it_validates_after_every_epoch_and_tests_the_best_weights():
    script = Script([3.0, 1.0, 2.0, 4.0])
    task = learning(script)
    fit(task, deadline=Deadline())
    assert task.course.validation_metric == [3.0, 1.0, 2.0, 4.0]
    assert len(task.course.train_loss) == 4
    assert task.finish() == 2
    assert task.module[1].bias.item() == script.seen[1] != script.seen[3]
    assert not task.module.training


def test_it_stops_when_the_rule_says_so():
    task = learning(Script([3.0, 1.0, 2.0, 4.0, 5.0, 0.1]), LowestError(2))
    seen = []
    fit(task, deadline=Deadline(), on_progress=seen.append)
    assert len(task.course) == 4
    assert [p.steps_left for p in seen[:3]] == [29, 28, 27]
    assert seen[-1].steps_left == 0
    assert task.finish() == 2


def test_a_rule_that_waits_leaves_the_end_open():
    seen = []
    fit(learning(Script([3.0, 4.0, 5.0]), Patience(2)), deadline=Deadline(), on_progress=seen.append)
    assert {p.steps_left for p in seen[:-1]} == {None}
    assert seen[-1].steps_left == 0


def test_figures_are_those_of_the_last_epoch():
    seen = []
    fit(learning(Script([3.0, 1.0])), deadline=Deadline(), on_progress=seen.append)
    assert set(seen[0].figures) == {"loss"}
    assert seen[4].figures == {"loss": pytest.approx(sum(p.loss for p in seen[:5]) / 5)} | {
        "validation loss": 3.0,
        "validation RMSE": 3.0,
    }
    assert seen[-1].figures["validation RMSE"] == 1.0


def test_it_can_be_wound_down():
    task = learning(Fit(0))
    task.wind_down(10, 5)
    assert task.steps_left(10) == 5


@pytest.mark.parametrize("at", [1, 5, 8, 29])
def test_it_resumes_to_the_same_bytes(tmp_path, at):
    def stop(progress):
        if progress.step == at:
            signal.raise_signal(signal.SIGINT)

    whole = learning(Fit(0))
    fit(whole, deadline=Deadline())
    with pytest.raises(KeyboardInterrupt):
        fit(learning(Fit(0)), deadline=Deadline(), checkpoints=Checkpoints(tmp_path), on_progress=stop)
    second = learning(Fit(0), seed=0)
    torch.nn.init.zeros_(second.module[1].weight)
    fit(second, deadline=Deadline(), resume=Checkpoints(tmp_path).load())
    assert second.course == whole.course
    assert second.finish() == whole.finish()
    assert torch.equal(weights(second), weights(whole))
