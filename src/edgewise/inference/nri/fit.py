"""Training by the evidence lower bound, without labels."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from edgewise.inference.config import InferenceConfig
from edgewise.inference.nri.model import NRI
from edgewise.training import Checkpoints, Deadline, Progress, batch_indices, cosine, fit

CLIP = 5.0
"""Largest norm of the gradient of a step."""
BATCH = 64
"""Windows a step when the batch size is not given."""
VALIDATIONS = 50
"""Most evaluations of the validation part in a training."""
VALIDATED = 512
"""Most windows that an evaluation looks at."""


class Objective(Protocol):
    """What a network on windows is trained for."""

    def loss(self, module: nn.Module, index: Tensor) -> Tensor:
        """The loss of some windows, a mean over them; [k] int64 -> []."""
        ...


@dataclass(frozen=True)
class Split:
    """Which windows are trained on and which choose the weights: [k] int64 each."""

    train: Tensor
    validation: Tensor


def split_windows(n_sequences: int, n_windows: int, share: float, seed: int) -> Split:
    """Hold out a share of the sequences with all their windows, at least one; a single sequence serves for both."""
    order = torch.from_numpy(np.random.default_rng([seed, 1]).permutation(n_sequences))
    held = min(max(round(share * n_sequences), 1), n_sequences - 1)
    windows = torch.arange(n_sequences * n_windows).view(n_sequences, n_windows)
    validation = windows[order[:held]] if held else windows
    return Split(windows[order[held:]].flatten(), validation.flatten()[:VALIDATED])


class WindowsTask:
    """Train a module on windows: shuffled batches, Adam along half a cosine, the weights of the best validation kept.

    A task for `edgewise.training.fit`. The batch, dropout and sampled graphs of a step are functions of the seed and
    the step alone.

    Args:
        name: of the phase; module: what is trained; objective: what for; split: see `Split`.
        seed, steps, batch_size, learning_rate: of the training; `batch_size` 0 chooses.
    """

    clip: float | None = CLIP
    precision = "no"

    def __init__(
        self,
        name: str,
        module: nn.Module,
        objective: Objective,
        split: Split,
        *,
        seed: int,
        steps: int,
        batch_size: int,
        learning_rate: float,
    ) -> None:
        self.name, self.module, self.objective, self.split = name, module, objective, split
        self.seed: int | None = seed
        self._shuffle, self.rate = seed, learning_rate
        self.batch_size = max(min(batch_size or BATCH, len(split.train)), 1)
        self.most = steps
        self.every = max(math.ceil(steps / VALIDATIONS), math.ceil(len(split.train) / self.batch_size), 1)
        self.lowest = math.inf
        self.best: dict[str, Tensor] = {}
        self.losses: list[float] = []

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.module.parameters(), lr=self.rate)

    def learning_rate(self, step: int) -> float:
        return cosine(self.rate, self.most)(step)

    def loss(self, module: nn.Module, step: int) -> Tensor:
        module.train()
        batch = batch_indices(self._shuffle, step, len(self.split.train), self.batch_size)
        return self.objective.loss(module, self.split.train[batch])

    def after(self, step: int, loss: float) -> None:
        self.losses.append(loss)
        if (step + 1) % self.every == 0 or step + 1 >= self.most:
            self._validate()

    @torch.no_grad()
    def _validate(self) -> None:
        self.module.eval()
        parts = self.split.validation.split(max(self.batch_size, BATCH))
        found = sum(float(self.objective.loss(self.module, part)) * len(part) for part in parts)
        value = found / len(self.split.validation)
        if not self.best or value < self.lowest:
            self.lowest = value
            self.best = {name: tensor.clone() for name, tensor in self.module.state_dict().items()}

    def figures(self) -> Mapping[str, float]:
        return {"validation": self.lowest} if self.best else {}

    def steps_left(self, step: int) -> int | None:
        return max(self.most - step, 0)

    def wind_down(self, step: int, steps: int) -> None:
        """The cosine shrinks to the steps that the time allows.

        Not before half of them are done: what the first steps take, with everything that is loaded in them, says little
        of the pace. Where no step is left, what was never validated is now.
        """
        if steps > step:
            return
        self.most = step + steps
        if steps == 0:
            self._validate()

    def state(self) -> dict[str, Any]:
        return {
            "losses": self.losses,
            "lowest": self.lowest,
            "best": self.best,
            "most": self.most,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.losses, self.lowest = list(state["losses"]), state["lowest"]
        self.best, self.most = dict(state["best"]), state["most"]

    def finish(self) -> None:
        """Give the module the kept weights, in evaluation mode."""
        self.module.load_state_dict(self.best)
        self.module.eval()


class BoundObjective:
    """The negative evidence lower bound of windows [window, time, entity, feature].

    With `bfloat16` by products in that precision. (Accelerate's mixed precision is one for a whole process.)
    """

    def __init__(self, windows: Tensor, *, bfloat16: bool = False) -> None:
        self.windows, self.bfloat16 = windows, bfloat16

    def loss(self, module: nn.Module, index: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            return module(self.windows[index]).total


@dataclass(frozen=True)
class Course:
    """The course of a training, one entry a step: bound on the log-likelihood a number, temperature, seconds."""

    step: list[int]
    seconds: list[float]
    evidence: list[float]
    temperature: list[float]


@dataclass(frozen=True)
class Trained:
    """Of a training: `steps` in all, `course` of those of this process."""

    course: Course
    steps: int


def train_nri(
    model: NRI,
    windows: Tensor,
    config: InferenceConfig,
    *,
    deadline: Deadline,
    checkpoints: Checkpoints | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Trained:
    """Train a model in place on windows [sequence, window, time, entity, feature]; no truth is read.

    The same data, settings and number of threads give the same weights as long as no time limit cuts the training
    short, also after an interruption.
    """
    training = config.training
    split = split_windows(windows.shape[0], windows.shape[1], config.nri.validation, training.seed)
    task = WindowsTask(
        "nri",
        model,
        BoundObjective(windows.flatten(0, 1), bfloat16=config.nri.precision == "bfloat16"),
        split,
        seed=training.seed,
        steps=training.max_steps,
        batch_size=training.batch_size,
        learning_rate=training.learning_rate,
    )
    seconds: list[float] = []

    def record(progress: Progress) -> None:
        seconds.append(progress.seconds)
        if on_progress is not None:
            on_progress(progress)

    found = checkpoints.load() if checkpoints is not None and resume else None
    fit(task, deadline=deadline, share=0.9, checkpoints=checkpoints, resume=found, on_progress=record)
    task.finish()
    return Trained(_course(task.losses, seconds, windows, config), len(task.losses))


def _course(losses: list[float], seconds: list[float], windows: Tensor, config: InferenceConfig) -> Course:
    """Of the steps of this process; the loss a system and entity becomes log p a number that is predicted."""
    numbers = (windows.shape[2] - 1) * windows.shape[-1]
    constant = 0.5 * math.log(2 * math.pi * config.nri.variance)
    first = len(losses) - len(seconds)
    return Course(
        step=list(range(first, len(losses))),
        seconds=seconds,
        evidence=[-loss / numbers - constant for loss in losses[first:]],
        temperature=[config.nri.tau] * len(seconds),
    )
