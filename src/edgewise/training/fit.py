"""The training loop of the project, on Hugging Face Accelerate."""

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from edgewise.training.checkpoint import Checkpoint, Checkpoints, optimizer_tensors

CHECKPOINT_SECONDS = 20.0
CLIP = 1.0


@dataclass(frozen=True)
class Progress:
    """What a run says of itself after a step. `steps_left` is None while it is not known yet."""

    phase: str
    step: int
    loss: float
    temperature: float
    seconds: float
    steps_left: int | None
    seconds_left: float | None


class Task(Protocol):
    """One phase of a training: what `fit` needs of it."""

    name: str
    module: nn.Module

    def loss(self, module: nn.Module, step: int) -> Tensor:
        """The loss of a step; its batch is a function of the seed and the step alone."""
        ...

    def learning_rate(self, step: int) -> float: ...

    def temperature(self, step: int) -> float: ...

    def after(self, step: int, loss: float) -> None:
        """Bookkeeping after the optimiser's step."""
        ...

    def steps_left(self, step: int) -> int | None:
        """0 when done, None while the end is open."""
        ...

    def wind_down(self, step: int, steps: int) -> None:
        """Come to the end within so many steps: time is running out."""
        ...

    def state(self) -> dict[str, Any]:
        """Plain values that, with the module, bring the task back."""
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


@lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, size: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(size)


def batch_indices(seed: int, step: int, size: int, batch_size: int) -> Tensor:
    """The batch of a step: [batch_size] int64, a pure function of its arguments.

    Every epoch is a permutation of all items; batches run on over its end.
    """
    batch_size = min(batch_size, size)
    places = np.arange(step * batch_size, (step + 1) * batch_size)
    picked = [_permutation(seed, int(place // size), size)[place % size] for place in places]
    return torch.from_numpy(np.asarray(picked, dtype=np.int64))


def settled(values: Sequence[float], window: int, tolerance: float) -> bool:
    """Whether a rising curve has come to rest: the medians of its last two windows differ by less than `tolerance`."""
    if len(values) < 2 * window:
        return False
    before, last = np.median(values[-2 * window : -window]), np.median(values[-window:])
    return bool(last - before < tolerance)


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


def fit(
    task: Task,
    *,
    deadline: Deadline,
    share: float = 1.0,
    checkpoints: Checkpoints | None = None,
    resume: Checkpoint | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> None:
    """Run a task to its end with Adam, leaving the result in its module.

    Args:
        task: what is trained.
        deadline: the clock of the whole run; `share`: the part of its limit that may be spent when this task ends.
        checkpoints: where to keep the latest state, every few seconds and when interrupted.
        resume: a checkpoint of this task to go on from.
        on_progress: told after every step.

    Raises:
        KeyboardInterrupt: after Ctrl-C, once the checkpoint is written.
    """
    from accelerate import Accelerator

    accelerator = Accelerator()
    optimizer = torch.optim.Adam(task.module.parameters(), lr=1.0, betas=(0.9, 0.99))
    step = 0
    if resume is not None:
        resume.restore(task.module, optimizer)
        task.restore(resume.state)
        step = resume.step
    module, prepared = accelerator.prepare(task.module, optimizer)
    saved, began, first = time.monotonic(), time.monotonic(), step

    def keep() -> None:
        if checkpoints is not None and accelerator.is_main_process:
            bare = accelerator.unwrap_model(module)
            checkpoints.save(
                Checkpoint(
                    task.name,
                    step,
                    bare.state_dict(),
                    optimizer_tensors(optimizer),
                    task.state(),
                    deadline.spent,
                )
            )

    with _interrupt_flag() as interrupted:
        while task.steps_left(step) != 0:
            for group in prepared.param_groups:
                group["lr"] = task.learning_rate(step)
            loss = task.loss(module, step)
            prepared.zero_grad()
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(module.parameters(), CLIP)
            prepared.step()
            value = float(loss.detach())
            task.after(step, value)
            step += 1
            pace = (time.monotonic() - began) / (step - first)
            _hurry(task, step, deadline.left(share), pace)
            if on_progress is not None:
                left = task.steps_left(step)
                seconds_left = None if left is None else left * pace
                temperature = task.temperature(step - 1)
                on_progress(Progress(task.name, step, value, temperature, deadline.spent, left, seconds_left))
            if interrupted.is_set():
                keep()
                raise KeyboardInterrupt
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                keep()
                saved = time.monotonic()


def _hurry(task: Task, step: int, seconds: float, pace: float) -> None:
    """Tell a task to come to its end when its remaining steps no longer fit into the time."""
    if seconds == float("inf"):
        return
    possible = max(int(seconds / pace), 0)
    left = task.steps_left(step)
    if left is None or left > possible:
        task.wind_down(step, possible)
