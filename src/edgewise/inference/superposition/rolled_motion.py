"""The mean motion over several steps, each from the state that the step before foretold.

A law that is as good as can be for one step need not be so for ten: what a close encounter leaves behind counts more
than its peak. With a horizon H the copy for forecasts is refitted as NRI's decoder is (Kipf et al. 2018, section 3.4,
"avoiding degenerate decoders"), by

    1/H sum_{k=1..H} E_k / S_k,      E_k = E sum over what moves of | s_hat(t+k) - s(t+k) |^2 / a^2

with s_hat(t) = s(t); s are positions, velocities and the other features that change, in units in which each lies
between -1 and 1 (a: half of its range). S_k is E_k of the guess that nothing moves, so that the first step counts as
much as the last. With the error "distance"

    E_k = E | x_hat(t+k) - x(t+k) |

over positions (other features where there are none), the mean displacement error of forecasts of paths: its minimum is
a median, which the few who turn off move less than a mean. An entity counts from a frame on where it is there and its
increments are observed all the while. A state at earlier frames (lags) moves on with the rolled one. While it is
fitted, a state that leaves the range of the data by more than a tenth is held there: no true state is out there, and
one motion that diverges would outweigh all others.
"""

from dataclasses import dataclass, replace
from typing import Literal, Self

import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.inference.encoding import Encoding
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.mean_motion import GivenGraphs, at_frames, expected_increment
from edgewise.inference.superposition.model import SuperpositionModel

ErrorKind = Literal["squared", "distance"]
ONE_STEP = 0.4
"""Share of the steps that are fitted one step ahead, before the motion is rolled."""
REACH = 1.2
"""Halves of the range, from its middle, within which a rolled state is held."""
NEAR = 1e-3
"""Distance, in the units of the data's scale, below which the distance error is smooth."""


@dataclass(frozen=True)
class Kinematics:
    """How a foretold increment moves an entity, in the dimensionless units of `Observations`.

    Attributes:
        kick: [d] change of the velocity an increment of 1; drift: change of the position a unit of velocity.
        midway: whether a position moves by the mean of two velocities, or by the later one (`Encoding`).
        change: [state] change of each other feature an increment of 1; moving: which of them have one, by number.
        lags: earlier frames in the state.
    """

    kick: Tensor
    drift: float
    midway: bool
    change: Tensor
    moving: tuple[int, ...] = ()
    lags: int = 0

    @classmethod
    def of(cls, encoding: Encoding) -> Self:
        """That of a data set whose state follows from increments alone.

        Raises:
            ConfigError: for unequal time steps, rates and angles.
        """
        refused = {
            "unequal time steps": encoding.irregular,
            "features that are rates": bool(encoding.rates),
            "angles": bool(encoding.angles),
        }
        for what, found in refused.items():
            if found:
                raise ConfigError(
                    f"a refit over several steps (refit_horizon, refit_error) of data with {what}",
                    expected="positions, velocities and other features at equal time steps",
                    fix="drop refit_horizon and refit_error: the refit is then of one step",
                )
        d = encoding.space_dim
        scale = torch.tensor(encoding.target_scale, dtype=torch.float32)
        drift = encoding.step * (encoding.kinematic or 1.0) * encoding.speed / encoding.length
        moving = tuple(k for k, moves in enumerate(encoding.moving) if moves)
        change = torch.zeros(len(encoding.others))
        change[list(moving)] = scale[d:] / torch.tensor(encoding.other_scale)[list(moving)]
        kick = scale[:d] / encoding.speed
        return cls(kick, drift, bool(encoding.kinematic), change, moving, encoding.lags)

    def moved(self, now: Observations, increment: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Position, velocity and other features a step later; increment [k, 1, entity, target]."""
        d = now.position.shape[-1]
        after = now.velocity + increment[..., :d] * self.kick
        position = now.position + self.drift * ((now.velocity + after) / 2 if self.midway else after)
        others = now.context[..., : len(self.change)]
        if self.moving:
            columns = list(self.moving)
            others = others.clone()
            others[..., columns] += increment[..., d:] * self.change[columns]
        return position, after, others

    def following(
        self, now: Observations, position: Tensor, velocity: Tensor, others: Tensor
    ) -> Observations:
        """The state one frame on: what was the present becomes the first lag (`edgewise.inference.encoding`)."""
        d, n = position.shape[-1], len(self.change)
        parts, moved = [others], now.position - position
        if self.lags:
            parts += [moved, now.velocity, now.context[..., :n]]
        for lag in range(self.lags - 1):
            block = now.context[..., n + lag * (n + 2 * d) : n + (lag + 1) * (n + 2 * d)]
            parts += [block[..., :d] + moved, block[..., d:]]
        return replace(now, position=position, velocity=velocity, context=torch.cat(parts, -1))


@dataclass(frozen=True)
class RolledGraphs(GivenGraphs):
    """Given graphs under which motion is rolled on from every frame.

    Attributes:
        kinematics: of the data; horizon: steps; kind: of error.
        middle, units: middle and half of the range of positions, of velocities, and of each other feature.
        still: S_k of each step.
    """

    kinematics: Kinematics
    horizon: int
    middle: tuple[Tensor, ...]
    units: tuple[Tensor, ...]
    kind: ErrorKind = "squared"
    still: tuple[float, ...] = ()

    @classmethod
    def over(
        cls, given: GivenGraphs, kinematics: Kinematics, horizon: int, kind: ErrorKind = "squared"
    ) -> Self:
        """Some given graphs, over several steps; the units are those of the data."""
        data, there = given.data, given.data.present > 0
        others = data.context[..., : len(kinematics.change)][there]
        ends = [torch.aminmax(part[there]) for part in (data.position, data.velocity) if part.shape[-1]]
        ends = [tuple(end) for end in ends] or [(torch.zeros(()), torch.zeros(()))] * 2
        ends.append((others.amin(0), others.amax(0)))
        middle = tuple((low + high) / 2 for low, high in ends)
        halves = ((high - low) / 2 for low, high in ends)
        units = tuple(torch.where(half > 0, half, 1.0) for half in halves)
        bare = cls(data, given.weight, kinematics, horizon, middle, units, kind)  # pyright: ignore[reportArgumentType]
        return replace(bare, still=bare._still())

    @torch.no_grad()
    def _still(self) -> tuple[float, ...]:
        stretch, frame = self.moments()
        now = at_frames(self.data, stretch, frame)
        known = self._known(stretch, frame)
        errors = (self._missed(now, stretch, frame + k, known[:, k - 1]) for k in range(1, self.horizon + 1))
        return tuple(float(error.double().mean()) or 1.0 for error in errors)

    def stages(self, steps: int) -> list[tuple[GivenGraphs, int, float]]:
        """One step ahead first: far from the goal, a motion of many steps says little of what to change.

        Not so for distances: the law is nearer to a median course than the mean of one step is.
        """
        if self.kind == "distance":
            return [(self, steps, 1.0)]
        first = int(steps * ONE_STEP)
        return [(GivenGraphs(self.data, self.weight), first, 0.6), (self, steps - first, 1.0)]

    @property
    def pairs(self) -> int:
        return super().pairs * self.horizon

    def _known(self, stretch: Tensor, frame: Tensor) -> Tensor:
        """Which entities are there and were observed up to each step: [k, step, entity], 0 or 1."""
        observed = (self.data.weight.amin(-1) > 0).float()
        ahead = frame[:, None] + torch.arange(self.horizon)
        rows = stretch[:, None]
        return observed[rows, ahead].cumprod(1) * self.data.present[rows, ahead + 1]

    def moments(self) -> tuple[Tensor, Tensor]:
        """Frames from which so many can be looked ahead, with an entity that is observed all the while."""
        data, steps = self.data, self.horizon
        usable = data.weight.amin(-1) > 0
        if usable.shape[1] <= steps:
            raise ConfigError(
                f"refit_horizon={steps} for recordings (or stretches of one) of {usable.shape[1]} increments",
                expected=f"at most {usable.shape[1] - 1}",
                fix="look less far ahead",
            )
        whole = usable[:, :-1].unfold(1, steps, 1).all(-1) & (data.present[:, steps:] > 0)
        if not bool(whole.any()):
            raise ConfigError(
                f"refit_horizon={steps}, and nobody is observed in so many frames in a row",
                expected="entities that are observed over longer times",
                fix="look less far ahead, or drop refit_horizon",
            )
        stretch, frame = whole.any(-1).nonzero().unbind(1)
        return stretch, frame

    def size(self, stretch: Tensor, frame: Tensor) -> Tensor:
        """The largest increment on the way."""
        sizes = self.data.target.flatten(2).double().norm(dim=2)
        return sizes.unfold(1, self.horizon, 1).amax(-1)[stretch, frame]

    def squared_errors(self, model: SuperpositionModel, stretch: Tensor, frame: Tensor) -> Tensor:
        """Mean over entities and components, and over steps as shares of `still`: [k]."""
        now, weight = at_frames(self.data, stretch, frame), self.weight[stretch]
        known = self._known(stretch, frame)
        total = torch.zeros(len(stretch))
        for k in range(1, self.horizon + 1):
            moved = self.kinematics.moved(now, expected_increment(model, now, weight)[:, None])
            held = (
                part.clamp(middle - REACH * unit, middle + REACH * unit)
                for part, middle, unit in zip(moved, self.middle, self.units, strict=True)
            )
            now = self.kinematics.following(now, *held)
            total = total + self._missed(now, stretch, frame + k, known[:, k - 1]) / self.still[k - 1]
        return total / self.horizon

    def power(self, stretch: Tensor, frame: Tensor) -> float:
        """Of the guess that nothing moves: 1, being what errors are shares of."""
        return 1.0

    def _missed(self, found: Observations, stretch: Tensor, frame: Tensor, known: Tensor) -> Tensor:
        """How far from the truth at a frame: a state of one frame, known [k, entity] -> [k]."""
        moving, data = list(self.kinematics.moving), self.data
        missed = [
            (found.position[:, 0] - data.position[stretch, frame], self.units[0]),
            (found.velocity[:, 0] - data.velocity[stretch, frame], self.units[1]),
            ((found.context[:, 0] - data.context[stretch, frame])[..., moving], self.units[2][moving]),
        ]
        if self.kind == "distance":
            way, unit = missed[0] if data.position.shape[-1] else missed[2]
            each = ((way / unit).square().sum(-1) + NEAR**2).sqrt()
            return (each * known).sum(1) / known.sum(1).clamp_min(1)
        parts = [(way / unit).square() for way, unit in missed]
        count = known.sum(1) * sum(part.shape[-1] for part in parts)
        return sum((part.sum(-1) * known).sum(1) for part in parts) / count.clamp_min(1)
