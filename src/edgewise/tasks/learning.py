"""The training of one network by epochs: a task for `edgewise.training.fit`."""

from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from edgewise.tasks.stopping import BestWeights, Course, Stopping


class Objective(Protocol):
    """What a network is trained for, and by which protocol.

    Attributes:
        steps_an_epoch, max_epochs: how long.
        clip: the largest norm of the gradient, or None.
        metric: what the validation measures beside the loss, e.g. "accuracy".
        precision: of products; see `edgewise.training.Task`.
    """

    steps_an_epoch: int
    max_epochs: int
    clip: float | None
    metric: str
    precision: str

    def optimizer(self, module: nn.Module) -> torch.optim.Optimizer: ...

    def learning_rate(self, step: int) -> float: ...

    def loss(self, module: nn.Module, step: int) -> Tensor:
        """The loss of a step, in training mode."""
        ...

    def validate(self, module: nn.Module) -> tuple[float, float]:
        """Loss and metric on the validation part, in evaluation mode."""
        ...


def adamw(module: nn.Module, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW (Loshchilov & Hutter 2019) that decays matrices, and not vectors such as biases; its rate is set later."""
    matrices = [weight for weight in module.parameters() if weight.dim() > 1]
    vectors = [weight for weight in module.parameters() if weight.dim() <= 1]
    groups = [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=1.0, fused=True)


class Learning:
    """Train a module on an objective: validate after every epoch, stop by a rule, keep what the rule says.

    Args:
        name: shown, and the phase of checkpoints.
        module: the network; objective: what it is trained for.
        seed: of dropout, with the step.
        stopping: the rule.
    """

    def __init__(
        self, name: str, module: nn.Module, objective: Objective, *, seed: int, stopping: Stopping
    ) -> None:
        self.name, self.module, self.objective = name, module, objective
        self.clip: float | None = objective.clip
        self.seed: int | None = seed
        self.precision = objective.precision
        self.stopping, self.best, self.course = stopping, BestWeights(), Course()
        self.most = objective.max_epochs * objective.steps_an_epoch
        self.losses: list[float] = []

    def optimizer(self) -> torch.optim.Optimizer:
        return self.objective.optimizer(self.module)

    def learning_rate(self, step: int) -> float:
        return self.objective.learning_rate(step)

    def loss(self, module: nn.Module, step: int) -> Tensor:
        module.train()
        return self.objective.loss(module, step)

    def after(self, step: int, loss: float) -> None:
        self.losses.append(loss)
        if (step + 1) % self.objective.steps_an_epoch:
            return
        self.module.eval()
        with torch.no_grad():
            validation = self.objective.validate(self.module)
        if self.stopping.observe(*validation):
            self.best.keep(self.module, len(self.course))
        self.course.add(sum(self.losses) / len(self.losses), *validation)
        self.losses = []

    def figures(self) -> Mapping[str, float]:
        if not len(self.course):
            return {"loss": self.losses[-1]}
        course = self.course
        return {
            "loss": course.train_loss[-1],
            "validation loss": course.validation_loss[-1],
            f"validation {self.objective.metric}": course.validation_metric[-1],
        }

    def steps_left(self, step: int) -> int | None:
        if self.stopping.done or step >= self.most:
            return 0
        return None if self.stopping.open_ended else self.most - step

    def wind_down(self, step: int, steps: int) -> None:
        self.most = step + steps

    def state(self) -> dict[str, Any]:
        course = {"train_loss": self.course.train_loss, "validation_loss": self.course.validation_loss}
        return {
            "course": course | {"validation_metric": self.course.validation_metric},
            "losses": self.losses,
            "stopping": self.stopping.state(),
            "best_epoch": self.best.epoch,
            "best": self.best.weights,
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.course, self.losses = Course(**state["course"]), list(state["losses"])
        self.stopping.restore(state["stopping"])
        self.best.epoch, self.best.weights = state["best_epoch"], dict(state["best"])

    def finish(self) -> int:
        """Give the module the weights that are tested, in evaluation mode; the epoch (from 1) that they are of."""
        self.best.put_back(self.module)
        self.module.eval()
        return len(self.course) if self.best.epoch is None else self.best.epoch + 1
