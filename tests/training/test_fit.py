"""The loop: it ends when the task does, hurries before a deadline, and survives Ctrl-C."""

import signal
import sys
import threading
import time

import pytest
import torch

from edgewise.training import Checkpoints, Deadline, batch_indices, fit, step_seed

from .tasks import Line


def weights(task):
    return torch.cat([parameter.detach().flatten() for parameter in task.module.parameters()])


def interrupting(at, seen=None):
    """An `on_progress` that presses Ctrl-C after a step."""

    def told(progress):
        if seen is not None:
            seen.append(progress)
        if progress.step == at:
            signal.raise_signal(signal.SIGINT)

    return told


def test_it_stops_when_no_step_is_left():
    task, seen = Line(steps=12), []
    fit(task, deadline=Deadline(), on_progress=seen.append)
    assert len(task.losses) == 12
    assert [p.step for p in seen] == list(range(1, 13))
    assert [p.loss for p in seen] == task.losses
    assert [p.steps_left for p in seen] == list(range(11, -1, -1))
    assert [p.figures for p in seen] == [{"steps": float(step)} for step in range(1, 13)]
    assert {p.phase for p in seen} == {"line"}
    assert seen[-1].seconds_left == 0
    assert not task.asked_to_wind_down


def test_a_task_that_is_done_is_left_alone():
    task = Line(steps=0)
    before = weights(task).clone()
    fit(task, deadline=Deadline())
    assert torch.equal(weights(task), before)


def test_its_steps_are_those_of_adam_on_clipped_gradients():
    task, other = Line(steps=5), Line(steps=5)
    fit(task, deadline=Deadline())
    optimizer = torch.optim.Adam(other.module.parameters(), lr=1.0, betas=(0.9, 0.99))
    for step in range(5):
        optimizer.param_groups[0]["lr"] = other.learning_rate(step)
        optimizer.zero_grad()
        other.loss(other.module, step).backward()
        torch.nn.utils.clip_grad_norm_(other.module.parameters(), 1.0)
        optimizer.step()
    assert torch.equal(weights(task), weights(other))


def test_an_open_ended_task_says_so_and_is_wound_down_before_the_deadline():
    class Slow(Line):
        def loss(self, module, step):
            threading.Event().wait(0.01)
            return super().loss(module, step)

    task, seen = Slow(steps=None), []
    fit(task, deadline=Deadline(0.4), share=0.5, on_progress=seen.append)
    step, steps = task.asked_to_wind_down[-1]
    assert len(task.losses) == step + steps
    assert 0 < len(task.losses) <= 20  # half of 0.4 s at 10 ms a step
    assert len(Line(steps=None).asked_to_wind_down) == 0


def test_without_a_limit_nothing_is_wound_down():
    task = Line(steps=3)
    fit(task, deadline=Deadline(0.0))
    assert not task.asked_to_wind_down
    assert Deadline().left() == float("inf")


def test_a_deadline_counts_what_was_spent_before_and_a_share_of_its_limit():
    deadline = Deadline(100.0, spent=30.0)
    assert deadline.spent == pytest.approx(30.0, abs=1.0)
    assert deadline.left() == pytest.approx(70.0, abs=1.0)
    assert deadline.left(0.3) == pytest.approx(0.0, abs=1.0)


@pytest.mark.parametrize("at", [1, 7, 29])
def test_a_run_interrupted_and_resumed_is_bit_identical_to_one_that_was_not(tmp_path, at):
    whole = Line()
    fit(whole, deadline=Deadline())

    kept, first = Checkpoints(tmp_path), Line()
    with pytest.raises(KeyboardInterrupt):
        fit(first, deadline=Deadline(), checkpoints=kept, on_progress=interrupting(at))
    found = kept.load()
    assert found is not None
    assert (found.phase, found.step) == ("line", at)

    second, seen = Line(seed=0), []
    torch.nn.init.zeros_(second.module.weight)  # everything comes from the checkpoint
    fit(second, deadline=Deadline(), resume=found, on_progress=seen.append)
    assert [p.step for p in seen] == list(range(at + 1, 31))
    assert torch.equal(weights(second), weights(whole))
    assert second.losses == whole.losses


def test_ctrl_c_without_checkpoints_still_stops_after_the_step(tmp_path):
    task = Line()
    with pytest.raises(KeyboardInterrupt):
        fit(task, deadline=Deadline(), on_progress=interrupting(3))
    assert len(task.losses) == 3


def test_the_callers_handler_of_ctrl_c_is_put_back():
    before = signal.getsignal(signal.SIGINT)
    fit(Line(steps=2), deadline=Deadline())
    assert signal.getsignal(signal.SIGINT) is before
    with pytest.raises(KeyboardInterrupt):
        fit(Line(), deadline=Deadline(), on_progress=interrupting(1))
    assert signal.getsignal(signal.SIGINT) is before


def test_a_long_run_keeps_checkpoints_on_its_way(tmp_path, monkeypatch):
    # edgewise.training.fit is the function; the module of that name stands behind it
    monkeypatch.setattr(sys.modules["edgewise.training.fit"], "CHECKPOINT_SECONDS", -1.0)
    kept, steps = Checkpoints(tmp_path), []

    def look(progress):
        found = kept.load()
        steps.append(found.step if found else 0)

    fit(Line(steps=4), deadline=Deadline(), checkpoints=kept, on_progress=look)
    assert steps == [0, 1, 2, 3]
    found = kept.load()
    assert found is not None
    assert found.step == 4


def test_it_runs_beside_the_main_thread():
    task = Line(steps=3)
    thread = threading.Thread(target=fit, args=(task,), kwargs={"deadline": Deadline()})
    thread.start()
    thread.join()
    assert len(task.losses) == 3


class Dropping(Line):
    """Loses inputs at random, has two groups of weights, and keeps the weights of its lowest loss."""

    clip = None
    seed: int | None = 3

    def __init__(self, steps: int | None = 30, seed: int = 0) -> None:
        super().__init__(steps, seed)
        self.best: dict[str, torch.Tensor] = {}

    def optimizer(self):
        weight, bias = self.module.weight, self.module.bias
        groups = [{"params": [weight], "weight_decay": 0.1}, {"params": [bias], "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=1.0)

    def loss(self, module, step):
        picked = batch_indices(self.order, step, len(self.x), 4)
        dropped = torch.nn.functional.dropout(self.x[picked], 0.5)
        return (module(dropped)[:, 0] - self.y[picked]).square().mean()

    def after(self, step, loss):
        super().after(step, loss)
        if loss == min(self.losses):
            self.best = {name: tensor.clone() for name, tensor in self.module.state_dict().items()}

    def state(self):
        return super().state() | {"best": self.best}

    def restore(self, state):
        super().restore(state)
        self.best = state["best"]


@pytest.mark.parametrize("at", [1, 7, 29])
def test_dropout_groups_and_kept_weights_resume_to_the_same_bytes(tmp_path, at):
    whole = Dropping()
    fit(whole, deadline=Deadline())

    kept = Checkpoints(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        fit(Dropping(), deadline=Deadline(), checkpoints=kept, on_progress=interrupting(at))
    torch.rand(at)  # something else draws in between
    second = Dropping()
    torch.nn.init.zeros_(second.module.weight)  # everything comes from the checkpoint
    fit(second, deadline=Deadline(), resume=kept.load())
    assert torch.equal(weights(second), weights(whole))
    assert second.losses == whole.losses
    assert second.best.keys() == whole.best.keys() == {"weight", "bias"}
    assert all(torch.equal(second.best[name], whole.best[name]) for name in whole.best)


def test_dropout_is_a_function_of_the_seed_and_the_step():
    losses = []
    for seed in (3, 3, 4):
        task = Dropping(steps=5)
        task.seed = seed
        torch.manual_seed(len(losses))
        fit(task, deadline=Deadline())
        losses.append(task.losses)
    assert losses[0] == losses[1] != losses[2]


def test_the_seed_of_a_step_is_32_bits_that_depend_on_both_numbers():
    found = {step_seed(seed, step) for seed in range(20) for step in range(200)}
    assert len(found) == 4000
    assert all(0 <= value < 2**32 for value in found)


def test_the_callers_generator_is_left_as_it_was():
    task = Dropping(steps=3)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    fit(task, deadline=Deadline())
    assert torch.equal(torch.get_rng_state(), before)


def test_without_clipping_the_gradient_is_taken_as_it_is():
    class Steep(Line):
        clip = None

        def optimizer(self):
            return torch.optim.SGD(self.module.parameters(), lr=1.0)

        def loss(self, module, step):
            return 1000.0 * module.bias.sum()

    task = Steep(steps=1)
    before = task.module.bias.item()
    fit(task, deadline=Deadline())
    assert task.module.bias.item() == pytest.approx(before - 0.05 * 1000.0)


def test_a_slow_first_step_does_not_end_a_task_early():
    class Prepares(Line):
        def loss(self, module, step):
            if step == 0:
                time.sleep(0.3)
            return super().loss(module, step)

    task = Prepares(steps=40)
    fit(task, deadline=Deadline(4.0))  # at the pace of the first step, a dozen steps
    assert len(task.losses) == 40
    assert not task.asked_to_wind_down
