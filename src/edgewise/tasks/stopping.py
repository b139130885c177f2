"""When a training stops, and which weights are tested: the rules of the papers."""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import torch
from torch import Tensor, nn


class Stopping(Protocol):
    """A rule that is shown the validation of every epoch.

    Attributes:
        done: whether to stop.
        open_ended: whether the rule is what ends the training, so that nobody knows when.
    """

    done: bool
    open_ended: bool

    def observe(self, loss: float, metric: float) -> bool:
        """Look at the validation after an epoch; whether its weights are to be kept."""
        ...

    def state(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


class RisingLoss:
    """Stop when the validation loss is above the mean of those before it; the last weights are tested.

        stop after epoch t (from 0) if t > window and loss_t > mean(loss_{t - window}, ..., loss_{t - 1})

    Kipf & Welling (2017), section 5.2 and their released code, train.py, `early_stopping`.
    """

    open_ended = False

    def __init__(self, window: int) -> None:
        self.window, self.done = window, False
        self.epoch, self.losses = -1, list[float]()

    def observe(self, loss: float, metric: float) -> bool:
        self.epoch += 1
        before = self.losses[-self.window :]
        self.done = self.epoch > self.window and loss > sum(before) / len(before)
        self.losses = [*before, loss]
        return False

    def state(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "losses": self.losses, "done": self.done}

    def restore(self, state: dict[str, Any]) -> None:
        self.epoch, self.losses, self.done = state["epoch"], list(state["losses"]), state["done"]


class Patience:
    """Stop when neither the accuracy nor the loss has been as good as the best for `patience` epochs.

    The count starts anew when the validation accuracy is at least the best or the validation loss at most the lowest so
    far (Velickovic et al. 2018, section 3.3). The paper does not say which weights are tested:

        "both"   those of the last epoch with both, as in the authors' code (execute_cora.py);
        "loss"   those of the lowest validation loss. An early epoch with a lucky accuracy is not kept.

    Args:
        patience: epochs to wait; keep: whose weights are tested.
    """

    open_ended = True

    def __init__(self, patience: int, keep: Literal["both", "loss"] = "both") -> None:
        self.patience, self.keep, self.done = patience, keep, False
        self.best, self.lowest, self.waited = 0.0, float("inf"), 0

    def observe(self, loss: float, metric: float) -> bool:
        accurate, low = metric >= self.best, loss <= self.lowest
        self.waited = 0 if accurate or low else self.waited + 1
        self.best, self.lowest = max(self.best, metric), min(self.lowest, loss)
        self.done = self.waited == self.patience
        return low and (accurate or self.keep == "loss")

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "lowest": self.lowest, "waited": self.waited, "done": self.done}

    def restore(self, state: dict[str, Any]) -> None:
        self.best, self.lowest = state["best"], state["lowest"]
        self.waited, self.done = state["waited"], state["done"]


class FixedEpochs:
    """No rule: all epochs are trained, and the last weights are tested."""

    done, open_ended = False, False

    def observe(self, loss: float, metric: float) -> bool:
        return False

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        pass


class LowestError:
    """Keep the weights of the lowest validation error; stop after `patience` epochs without a lower one (0: never)."""

    def __init__(self, patience: int) -> None:
        self.patience, self.done, self.open_ended = patience, False, False
        self.lowest, self.waited = float("inf"), 0

    def observe(self, loss: float, metric: float) -> bool:
        better = metric < self.lowest
        self.lowest, self.waited = (metric, 0) if better else (self.lowest, self.waited + 1)
        self.done = self.patience > 0 and self.waited >= self.patience
        return better

    def state(self) -> dict[str, Any]:
        return {"lowest": self.lowest, "waited": self.waited, "done": self.done}

    def restore(self, state: dict[str, Any]) -> None:
        self.lowest, self.waited, self.done = state["lowest"], state["waited"], state["done"]


class LowestLoss(LowestError):
    """The same for the validation loss."""

    def observe(self, loss: float, metric: float) -> bool:
        return super().observe(loss, loss)


class BestWeights:
    """A copy of a module's weights as they were after an epoch (from 0); none at the start."""

    def __init__(self) -> None:
        self.epoch: int | None = None
        self.weights: dict[str, Tensor] = {}

    @torch.no_grad()
    def keep(self, module: nn.Module, epoch: int) -> None:
        """Copy the weights."""
        self.epoch = epoch
        for name, tensor in module.state_dict().items():
            if name in self.weights:
                self.weights[name].copy_(tensor)
            else:
                self.weights[name] = tensor.clone()

    def put_back(self, module: nn.Module) -> None:
        """Give the module the kept weights, if there are any."""
        if self.epoch is not None:
            module.load_state_dict(self.weights)


@dataclass
class Course:
    """The record of a training, one entry an epoch (from 0); no metric where the figure is not measured by epochs."""

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_metric: list[float] = field(default_factory=list)

    def add(self, train_loss: float, validation_loss: float, validation_metric: float) -> None:
        self.train_loss.append(train_loss)
        self.validation_loss.append(validation_loss)
        self.validation_metric.append(validation_metric)

    def __len__(self) -> int:
        return len(self.train_loss)

    def thinned(self, most: int) -> dict[str, list[Any]]:
        """At most so many epochs (counted from 1), evenly spaced, the first and the last among them."""
        count = len(self)
        apart = (count - 1) / (most - 1)
        picked = [round(k * apart) for k in range(most)] if count > most else list(range(count))
        names = ("train_loss", "validation_loss", "validation_metric")
        course = {
            name: [series[k] for k in picked] if (series := getattr(self, name)) else [] for name in names
        }
        return {"epoch": [k + 1 for k in picked], **course}
