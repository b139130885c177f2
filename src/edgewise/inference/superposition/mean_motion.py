"""The mean motion by least squares: a copy of a fitted law, for forecasts.

A likelihood weighs every increment by its own precision. A law that is exact nearly everywhere may be far off where the
noise is large, as where two bodies meet closely, and a mean squared error is made up of just these moments. With the
graphs that were inferred, the copy minimises

    E |y_i - f_own(s_i) - sum_j sum_k p(z_ij = k) f_k(s_j, s_i)|^2

whose minimum is the expected increment. Graphs are still read by the law itself. Over several steps, each from the
copy's own state, see `edgewise.inference.superposition.rolled_motion`.
"""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor, nn

from edgewise.inference.config import TrainingConfig
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.model import SuperpositionModel
from edgewise.training import Deadline, Progress, cosine, fit

PAIRS = 8_000
"""Messages that a step computes."""
EVENLY = 0.3
"""Share of the moments that are drawn evenly; the others are by the size of their motion."""
WARM_UP = 100
UNTIMED = ("slots", "sequence", "start")
EVALUATED = 100_000
"""Messages of one pass where an error is measured."""


def at_frames(data: Observations, stretch: Tensor, frame: Tensor) -> Observations:
    """Single frames as stretches of their own: [k] int64 each -> k stretches of one frame."""
    parts = {f.name: getattr(data, f.name) for f in fields(Observations)}
    taken = {
        name: part[stretch] if name in UNTIMED else part[stretch, frame][:, None]
        for name, part in parts.items()
    }
    return Observations(**taken)


def expected_increment(model: SuperpositionModel, batch: Observations, weight: Tensor) -> Tensor:
    """f_own + sum_j sum_k w_jk f_k of one-frame stretches: weight [b, receiver, slot, type] -> [b, entity, target]."""
    own, messages, _ = model.terms(batch)
    if bool(model.null):
        messages, weight = messages[..., 1:, :], weight[..., 1:]
    return own[:, 0] + torch.einsum("brsk,brskd->brd", weight, messages[:, 0])


@dataclass(frozen=True)
class GivenGraphs:
    """Observations with what each message is expected to count: weight [stretch, receiver, slot, type]."""

    data: Observations
    weight: Tensor

    @classmethod
    def of(cls, data: Observations, belief: Tensor) -> "GivenGraphs":
        """The belief [graph, receiver, sender, type] at the candidates; one graph for all, or one a recording."""
        graph = data.sequence if len(belief) > 1 else torch.zeros_like(data.sequence)
        slots = data.slots[..., None].expand(*data.slots.shape, belief.shape[-1])
        return cls(data, belief[graph].gather(2, slots).float())

    def squared_errors(self, model: SuperpositionModel, stretch: Tensor, frame: Tensor) -> Tensor:
        """Mean over the observed numbers of each frame, in units of the targets' scales: [k]."""
        batch = at_frames(self.data, stretch, frame)
        expected = expected_increment(model, batch, self.weight[stretch])
        known = batch.weight[:, 0]
        error = (batch.target[:, 0] - expected).square() * known
        return error.sum((1, 2)) / known.sum((1, 2)).clamp_min(1)

    def stages(self, steps: int) -> list[tuple["GivenGraphs", int, float]]:
        """What is fitted one after the other: to what, in how many steps, until which share of the time is spent."""
        return [(self, steps, 1.0)]

    @property
    def pairs(self) -> int:
        """Messages that are computed for a moment."""
        return max(self.data.slots[0].numel(), 1)

    def size(self, stretch: Tensor, frame: Tensor) -> Tensor:
        """How large the motion is: [k] float64, zero for none."""
        return self.data.target[stretch, frame].flatten(1).double().norm(dim=1)

    @torch.no_grad()
    def power(self, stretch: Tensor, frame: Tensor) -> float:
        """The mean squared error of the guess that nothing changes."""
        return float(self.data.target[stretch, frame].double().square().mean())

    @torch.no_grad()
    def error(self, model: SuperpositionModel) -> float:
        """The mean squared error of all moments."""
        stretch, frame = self.moments()
        at_once = max(EVALUATED // self.pairs, 1)
        parts = zip(stretch.split(at_once), frame.split(at_once), strict=True)
        errors = [self.squared_errors(model, *part).double() for part in parts]
        return float(torch.cat(errors).mean())

    def moments(self) -> tuple[Tensor, Tensor]:
        """Stretch and frame of all moments at which something was observed: [F] int64 each."""
        stretch, frame = self.data.weight.amax((2, 3)).nonzero().unbind(1)
        return stretch, frame


class MeanMotion:
    """Minimise the squared error over moments that are drawn the likelier, the larger their motion is.

        q = a / F + (1 - a) |y| / sum |y|,   loss = E_q[ |y - E y|^2 / (F q) ] / E |y|^2

    which is the mean over all F moments whatever a is (importance sampling): large increments are where errors are. A
    task for `edgewise.training.fit`.

    Args:
        model: the copy that is trained; its noise stays as it is. given: the data and their graphs.
        steps: of the training; settings: seed and learning rate.
    """

    name = "mean motion"
    clip: float | None = 1.0
    precision = "no"

    def __init__(
        self, model: SuperpositionModel, given: GivenGraphs, steps: int, settings: TrainingConfig
    ) -> None:
        self.module: nn.Module = model
        self.model, self.given, self.most = model, given, steps
        self.seed: int | None = settings.seed
        self.rate = settings.learning_rate
        self.stretch, self.frame = given.moments()
        size = given.size(self.stretch, self.frame)
        count = len(size)
        even = torch.full_like(size, 1 / count)
        chance = EVENLY * even + (1 - EVENLY) * size / size.sum() if float(size.sum()) > 0 else even
        self.bounds = chance.cumsum(0)
        self.importance = (even / chance).float()
        self.power = max(given.power(self.stretch, self.frame), 1e-30)
        self.batch_size = min(max(PAIRS // given.pairs, 16), count)
        self.losses: list[float] = []

    def optimizer(self) -> torch.optim.Optimizer:
        moving = [*self.model.own.parameters(), *self.model.law.parameters()]
        if self.model.identity is not None:
            moving += list(self.model.identity.parameters())
        return torch.optim.Adam(moving, lr=1.0, betas=(0.9, 0.99))

    def learning_rate(self, step: int) -> float:
        return cosine(self.rate, self.most)(step) * min(1.0, (step + 1) / WARM_UP)

    def loss(self, module: nn.Module, step: int) -> Tensor:
        drawn = torch.rand(self.batch_size, dtype=torch.float64) * self.bounds[-1]
        picked = torch.searchsorted(self.bounds, drawn).clamp_max(len(self.bounds) - 1)
        errors = self.given.squared_errors(self.model, self.stretch[picked], self.frame[picked])
        return (errors * self.importance[picked]).mean() / self.power

    def after(self, step: int, loss: float) -> None:
        self.losses.append(loss)

    def figures(self) -> Mapping[str, float]:
        return {}

    def steps_left(self, step: int) -> int | None:
        return max(self.most - step, 0)

    def wind_down(self, step: int, steps: int) -> None:
        self.most = min(self.most, step + steps)

    def state(self) -> dict[str, Any]:
        return {"losses": self.losses, "most": self.most}

    def restore(self, state: dict[str, Any]) -> None:
        self.losses, self.most = list(state["losses"]), state["most"]


@dataclass(frozen=True)
class Refit:
    """A law's copy for forecasts, and what it is worth.

    Attributes:
        model: the copy; error_before, error_after: mean squared error under the law and the copy, on held-out
            recordings where there are enough: of an increment in units of the targets' scales, or over several steps
            as `RolledGraphs` has it.
    """

    model: SuperpositionModel
    error_before: float
    error_after: float

    def to_dict(self) -> dict[str, float]:
        return {"error_before": self.error_before, "error_after": self.error_after}

    @classmethod
    def restored(
        cls, plain: dict[str, float], weights: dict[str, Tensor], made: Callable[[], SuperpositionModel]
    ) -> "Refit":
        """The reverse of `to_dict`, with the weights whose names begin with `REFIT`; `made` gives a model to fill."""
        model = made()
        model.load_state_dict({n.removeprefix(REFIT): t for n, t in weights.items() if n.startswith(REFIT)})
        return cls(model, plain["error_before"], plain["error_after"])


REFIT = "refit."
"""What the names of the copy's weights begin with."""


def refit_mean(
    model: SuperpositionModel,
    seen: GivenGraphs,
    held_out: GivenGraphs | None,
    settings: TrainingConfig,
    *,
    deadline: Deadline,
    on_progress: Callable[[Progress], None] | None = None,
) -> Refit | None:
    """Fit a copy of a law to the mean motion; None where it foretells no better than the law.

    Args:
        seen: what is fitted to; held_out: what the two are compared on, None: on what was fitted to.
    """
    moved = copy.deepcopy(model)
    for stage, steps, share in seen.stages(settings.refit_steps):
        task = MeanMotion(moved, stage, steps, settings)
        fit(task, deadline=deadline, share=share, on_progress=on_progress)
    judge = seen if held_out is None else held_out
    before, after = judge.error(model), judge.error(moved)
    better = math.isfinite(after) and not after >= before
    return Refit(moved.requires_grad_(False), before, after) if better else None
