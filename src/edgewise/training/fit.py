"""The training loop of the project, on Hugging Face Accelerate."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from edgewise.training.checkpoint import Checkpoint, Checkpoints, optimizer_tensors

CHECKPOINT_SECONDS = 20.0


@dataclass(frozen=True)
class Progress:
    """What a run says of itself after a step.

    Attributes:
        phase: which part of the training; step: steps done in it; loss: that of the last one.
        seconds: spent so far, also before an interruption.
        steps_left: 0 when the phase is done, None while its end is open; seconds_left: at the pace so far.
        figures: what else the task says, by name.
    """

    phase: str
    step: int
    loss: float
    seconds: float
    steps_left: int | None
    seconds_left: float | None
    figures: Mapping[str, float] = field(default_factory=dict)


class Task(Protocol):
    """One phase of a training: what `fit` needs of it.

    A task says its own protocol; early stopping and the keeping of weights are its business too (`edgewise.tasks`).

    Attributes:
        name: of the phase, for checkpoints and progress.
        module: what is trained, on the device where the task's data are.
        clip: the largest norm of the gradient, or None to leave gradients alone.
        seed: torch's generator is seeded by (seed, step) before each step, so that dropout is a function of the two; or
            None for a task that draws nothing from it.
        precision: "no", or "bf16" for products in bfloat16 (Accelerate's mixed precision); weights stay as they are.
    """

    name: str
    module: nn.Module
    clip: float | None
    seed: int | None
    precision: str

    def optimizer(self) -> torch.optim.Optimizer:
        """A fresh optimiser of the module, with its groups; its learning rate is set before each step."""
        ...

    def loss(self, module: nn.Module, step: int) -> Tensor:
        """The loss of a step; its batch is a function of the seed and the step alone."""
        ...

    def learning_rate(self, step: int) -> float: ...

    def after(self, step: int, loss: float) -> None:
        """Bookkeeping after the optimiser's step: records, evaluation every so many steps, early stopping."""
        ...

    def figures(self) -> Mapping[str, float]:
        """What is worth showing after a step, beside the loss."""
        ...

    def steps_left(self, step: int) -> int | None:
        """0 when done, None while the end is open."""
        ...

    def wind_down(self, step: int, steps: int) -> None:
        """Come to the end within so many steps: time is running out."""
        ...

    def state(self) -> dict[str, Any]:
        """What, with the module, brings the task back: plain values, and tensors by name (`Checkpoint.state`)."""
        ...

    def restore(self, state: dict[str, Any]) -> None: ...


class Deadline:
    """Seconds spent and left; `spent` carries over from an interrupted run."""

    def __init__(self, limit: float = 0.0, spent: float = 0.0) -> None:
        self.limit = limit
        self._start = time.monotonic() - spent

    @property
    def spent(self) -> float:
        return time.monotonic() - self._start

    def left(self, share: float = 1.0) -> float:
        """Seconds until a share of the limit is spent; infinite without a limit."""
        return self.limit * share - self.spent if self.limit else float("inf")


def step_seed(seed: int, step: int) -> int:
    """The 32 bits that seed torch's generator before a step: a hash of both numbers.

    (Of the number that a CPU generator is seeded with, only the lowest 32 bits count.)
    """
    return int(np.random.SeedSequence([seed, step]).generate_state(1)[0])


def _seed_generators(seed: int) -> None:
    """`torch.manual_seed`, which takes ten times as long: where no GPU is in use it notes the call stack for later."""
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)


@contextmanager
def _interrupt_flag() -> Iterator[threading.Event]:
    """Turn Ctrl-C into a flag that is looked at between steps, so that a checkpoint is whole."""
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    before = signal.signal(signal.SIGINT, lambda *_: flag.set())
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _generator_put_back() -> Iterator[None]:
    """Leave torch's generator to the caller as it was."""
    state = torch.get_rng_state()
    try:
        yield
    finally:
        torch.set_rng_state(state)


class _Steps:
    """The steps of one call of `fit`: the module and the optimiser as Accelerate has them, and how far they are."""

    def __init__(self, task: Task, resume: Checkpoint | None) -> None:
        from accelerate import Accelerator

        # Where the module lives is the task's choice: its data have to be there too.
        self.accelerator = Accelerator(device_placement=False, mixed_precision=task.precision)
        self.task, self.step = task, 0
        self.bare = task.optimizer()
        if resume is not None:
            resume.restore(task.module, self.bare)
            task.restore(resume.state)
            self.step = resume.step
        self.module, self.optimizer = self.accelerator.prepare(task.module, self.bare)
        self.first, self.began = self.step, time.monotonic()
        self.settled: float | None = None

    def __call__(self) -> float:
        """Take one step; its loss."""
        task = self.task
        for group in self.optimizer.param_groups:
            group["lr"] = task.learning_rate(self.step)
        if task.seed is not None:
            _seed_generators(step_seed(task.seed, self.step))
        loss = task.loss(self.module, self.step)
        self.optimizer.zero_grad()
        self.accelerator.backward(loss)
        if task.clip is not None:
            self.accelerator.clip_grad_norm_(self.module.parameters(), task.clip)
        self.optimizer.step()
        value = float(loss.detach())
        task.after(self.step, value)
        self.step += 1
        if self.settled is None:
            self.settled = time.monotonic()
        return value

    @property
    def taken(self) -> int:
        """Steps in this call."""
        return self.step - self.first

    @property
    def pace(self) -> float:
        """Seconds a step, so far; once there are others, without the first one, which prepares what all of them use."""
        if self.settled is None or self.taken < 2:
            return (time.monotonic() - self.began) / self.taken
        return (time.monotonic() - self.settled) / (self.taken - 1)

    def progress(self, loss: float, spent: float) -> Progress:
        left = self.task.steps_left(self.step)
        seconds_left = None if left is None else left * self.pace
        return Progress(self.task.name, self.step, loss, spent, left, seconds_left, self.task.figures())

    def keep(self, checkpoints: Checkpoints, spent: float) -> None:
        """Write a checkpoint of where they are."""
        if self.accelerator.is_main_process:
            weights = self.accelerator.unwrap_model(self.module).state_dict()
            tensors = optimizer_tensors(self.bare)
            checkpoints.save(
                Checkpoint(self.task.name, self.step, weights, tensors, self.task.state(), spent)
            )


def fit(
    task: Task,
    *,
    deadline: Deadline,
    share: float = 1.0,
    checkpoints: Checkpoints | None = None,
    resume: Checkpoint | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> None:
    """Run a task to its end, leaving the result in its module.

    Args:
        task: what is trained, and how.
        deadline: the clock of the whole run; `share`: the part of its limit that may be spent when this task ends.
        checkpoints: where to keep the latest state, every few seconds and when interrupted.
        resume: a checkpoint of this task to go on from, to the same bytes as if it had never stopped.
        on_progress: told after every step.

    Raises:
        KeyboardInterrupt: after Ctrl-C, once the checkpoint is written.
    """
    steps = _Steps(task, resume)
    saved = time.monotonic()
    with _interrupt_flag() as interrupted, _generator_put_back():
        while task.steps_left(steps.step) != 0:
            loss = steps()
            if steps.taken > 1 or deadline.left(share) <= 0:
                _hurry(task, steps.step, deadline.left(share), steps.pace)
            if on_progress is not None:
                on_progress(steps.progress(loss, deadline.spent))
            due = interrupted.is_set() or time.monotonic() - saved > CHECKPOINT_SECONDS
            if due and checkpoints is not None:
                steps.keep(checkpoints, deadline.spent)
                saved = time.monotonic()
            if interrupted.is_set():
                raise KeyboardInterrupt


def _hurry(task: Task, step: int, seconds: float, pace: float) -> None:
    """Tell a task to come to its end when its remaining steps no longer fit into the time."""
    if seconds == float("inf"):
        return
    possible = max(int(seconds / pace), 0)
    left = task.steps_left(step)
    if left is None or left > possible:
        task.wind_down(step, possible)
