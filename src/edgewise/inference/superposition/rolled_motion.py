"""The mean motion over several steps, each from the state that the step before foretold.

A law that is as good as can be for one step need not be so for ten: what a close encounter leaves behind counts more
than its peak. With a horizon H the copy for forecasts is refitted as NRI's decoder is (Kipf et al. 2018, section 3.4,
"avoiding degenerate decoders"), by

    1/H sum_{k=1..H} E_k / S_k,      E_k = E |x_hat(t+k) - x(t+k)|^2 / a_x^2 + |v_hat(t+k) - v(t+k)|^2 / a_v^2

with x_hat(t) = x(t), in units in which positions and velocities lie between -1 and 1 (a: half of their range). S_k is
E_k of the guess that nothing moves, so that the first step counts as much as the last. While it is fitted, a state that
leaves the range of the data by more than a tenth is held there: no true state is out there, and one motion that
diverges would outweigh all others.
"""

from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.inference.encoding import Encoding
from edgewise.inference.superposition.mean_motion import GivenGraphs, at_frames, expected_increment
from edgewise.inference.superposition.model import SuperpositionModel

ONE_STEP = 0.4
"""Share of the steps that are fitted one step ahead, before the motion is rolled."""
REACH = 1.2
"""Halves of the range, from its middle, within which a rolled state is held."""


@dataclass(frozen=True)
class Kinematics:
    """How a foretold increment moves a body, in the dimensionless units of `Observations`.

    Attributes:
        kick: [d] change of the velocity an increment of 1; drift: change of the position a unit of velocity.
        midway: whether a position moves by the mean of two velocities, or by the later one (`Encoding`).
    """

    kick: Tensor
    drift: float
    midway: bool

    @classmethod
    def of(cls, encoding: Encoding) -> Self:
        """That of a data set of positions and velocities.

        Raises:
            ConfigError: for other data, whose state is more than positions and velocities.
        """
        more = [name for name, moves in zip(encoding.others, encoding.moving, strict=True) if moves]
        if not encoding.position or more or encoding.lags or encoding.irregular or encoding.rates:
            raise ConfigError(
                "refit_horizon beyond 1 for data whose state is more than positions and velocities at one frame",
                expected="positions, perhaps velocities, features that never change, equal time steps, no lags",
                fix="drop refit_horizon: the refit is then of one step",
            )
        scale = torch.tensor(encoding.target_scale[: encoding.space_dim], dtype=torch.float32)
        drift = encoding.step * (encoding.kinematic or 1.0) * encoding.speed / encoding.length
        return cls(scale / encoding.speed, drift, bool(encoding.kinematic))

    def moved(self, position: Tensor, velocity: Tensor, increment: Tensor) -> tuple[Tensor, Tensor]:
        """Position and velocity a step later."""
        after = velocity + increment * self.kick
        return position + self.drift * ((velocity + after) / 2 if self.midway else after), after


@dataclass(frozen=True)
class RolledGraphs(GivenGraphs):
    """Given graphs under which motion is rolled on from every frame.

    Attributes:
        kinematics: of the data; horizon: steps.
        middle, units: middle and half of the range of positions and of velocities.
        still: S_k of each step.
    """

    kinematics: Kinematics
    horizon: int
    middle: tuple[float, float]
    units: tuple[float, float]
    still: tuple[float, ...] = ()

    @classmethod
    def over(cls, given: GivenGraphs, kinematics: Kinematics, horizon: int) -> Self:
        """Some given graphs, over several steps; the units are those of the data."""
        data, there = given.data, given.data.present > 0
        ends = [
            (float(part[there].min()), float(part[there].max())) for part in (data.position, data.velocity)
        ]
        middle = tuple((low + high) / 2 for low, high in ends)
        units = tuple((high - low) / 2 or 1.0 for low, high in ends)
        bare = cls(data, given.weight, kinematics, horizon, middle, units)  # pyright: ignore[reportArgumentType]
        return replace(bare, still=bare._still())

    @torch.no_grad()
    def _still(self) -> tuple[float, ...]:
        stretch, frame = self.moments()
        now = self.data.position[stretch, frame], self.data.velocity[stretch, frame]
        errors = (self._missed(*now, stretch, frame + k) for k in range(1, self.horizon + 1))
        return tuple(float(error.double().mean()) or 1.0 for error in errors)

    def stages(self, steps: int) -> list[tuple[GivenGraphs, int, float]]:
        """One step ahead first: far from the goal, a motion of many steps says little of what to change."""
        first = int(steps * ONE_STEP)
        return [(GivenGraphs(self.data, self.weight), first, 0.6), (self, steps - first, 1.0)]

    @property
    def pairs(self) -> int:
        return super().pairs * self.horizon

    def moments(self) -> tuple[Tensor, Tensor]:
        """Frames from which so many can be looked ahead, all entities that are there being observed all the while."""
        data, steps = self.data, self.horizon
        usable = ((data.weight.amin(-1) > 0) | (data.present == 0)).all(-1) & (data.present > 0).any(-1)
        if usable.shape[1] <= steps:
            raise ConfigError(
                f"refit_horizon={steps} for recordings (or stretches of one) of {usable.shape[1]} increments",
                expected=f"at most {usable.shape[1] - 1}",
                fix="look less far ahead",
            )
        whole = usable.unfold(1, steps + 1, 1).all(-1)
        if not bool(whole.any()):
            raise ConfigError(
                f"refit_horizon={steps}, and nowhere so many frames in a row are complete",
                expected="frames at which all entities are observed",
                fix="look less far ahead, or drop refit_horizon",
            )
        stretch, frame = whole.nonzero().unbind(1)
        return stretch, frame

    def size(self, stretch: Tensor, frame: Tensor) -> Tensor:
        """The largest increment on the way."""
        sizes = self.data.target.flatten(2).double().norm(dim=2)
        return sizes.unfold(1, self.horizon, 1).amax(-1)[stretch, frame]

    def squared_errors(self, model: SuperpositionModel, stretch: Tensor, frame: Tensor) -> Tensor:
        """Mean over entities and components, and over steps as shares of `still`: [k]."""
        batch, weight = at_frames(self.data, stretch, frame), self.weight[stretch]
        position, velocity = batch.position, batch.velocity
        total = torch.zeros(len(stretch))
        for k in range(1, self.horizon + 1):
            state = replace(batch, position=position, velocity=velocity)
            increment = expected_increment(model, state, weight)
            moved = self.kinematics.moved(position, velocity, increment[:, None])
            position, velocity = (
                part.clamp(middle - REACH * unit, middle + REACH * unit)
                for part, middle, unit in zip(moved, self.middle, self.units, strict=True)
            )
            missed = self._missed(position[:, 0], velocity[:, 0], stretch, frame + k)
            total = total + missed / self.still[k - 1]
        return total / self.horizon

    def power(self, stretch: Tensor, frame: Tensor) -> float:
        """Of the guess that nothing moves: 1, being what errors are shares of."""
        return 1.0

    def _missed(self, position: Tensor, velocity: Tensor, stretch: Tensor, frame: Tensor) -> Tensor:
        """How far from the truth at a frame: [k, entity, d] each -> [k]."""
        there = self.data.present[stretch, frame][..., None]
        pairs = ((position, self.data.position), (velocity, self.data.velocity))
        errors = [
            (found - true[stretch, frame]).square() / unit**2
            for (found, true), unit in zip(pairs, self.units, strict=True)
        ]
        count = (there.sum((1, 2)) * 2 * position.shape[-1]).clamp_min(1)
        return ((errors[0] + errors[1]) * there).sum((1, 2)) / count
