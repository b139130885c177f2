"""Training a simulator to foretell the velocities of the next frame."""

from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from edgewise.models.learned_simulator import LearnedSimulator
from edgewise.models.objects import Objects
from edgewise.tasks.motions import Motions
from edgewise.tasks.physics_tables import PhysicsTraining
from edgewise.training import cosine

AT_ONCE = 512
"""Frames that are evaluated together."""
VALIDATED = 2000
"""Frames of a validation, at most."""
STILL = 1e-4
"""A velocity has changed if it did by more than this share of the typical change."""
NOISE_FROM, NOISE_UNTIL = 0.025, 0.125
"""Shares of the steps between which the noise ends: epochs 50 and 250 of 2000 in the paper."""


class NextVelocity:
    """Mean squared error of the next velocities, in units of the typical change (Battaglia et al. 2016, section 4).

    A share of the states that are read has normal noise, less and less of it; the velocity that is to be foretold stays
    the true one. Where most frames see nothing but straight motion, a share of each batch is drawn from the others.

    Args:
        train, validation: recordings.
        training: the recipe's table; seed: of the batches and the noise.
    """

    metric, precision = "error / constant velocity", "no"

    def __init__(self, train: Motions, validation: Motions, training: PhysicsTraining, seed: int) -> None:
        self.train, self.validation, self.training, self.seed = train, validation, training, seed
        self.clip = training.clip or None
        self.steps_an_epoch, self.max_epochs = training.steps_an_epoch, training.epochs
        self.n_steps = training.epochs * training.steps_an_epoch
        self.rate = cosine(training.learning_rate, self.n_steps)

    def optimizer(self, module: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(module.parameters(), lr=1.0, fused=True)

    def learning_rate(self, step: int) -> float:
        return self.rate(step)

    def loss(self, module: nn.Module, step: int) -> Tensor:
        rng = np.random.default_rng([self.seed, step])
        system, frame = self._drawn(rng)
        objects, following = self.train.at(system, frame), self.train.velocity[system, frame + 1]
        return squared_error(module, self._disturbed(objects, step, rng), following)

    def validate(self, module: nn.Module) -> tuple[float, float]:
        error, constant = errors(module, self.validation, VALIDATED)
        return error, error / constant

    def _drawn(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Which frame of which system, for a batch: [B], [B] int64."""
        n, frames = self.training.batch_size, self.train.n_frames - 1
        flat = rng.integers(self.train.n_systems * frames, size=n)
        events = self._events
        if 0 < len(events) < self.training.balance * self.train.n_systems * frames:
            chosen = int(self.training.balance * n)
            flat[:chosen] = rng.choice(events, chosen)
        return torch.from_numpy(flat // frames), torch.from_numpy(flat % frames)

    @cached_property
    def _events(self) -> np.ndarray:
        """The frames after which some velocity changes by more than what acts from outside."""
        motions = self.train
        change = motions.velocity[:, 1:] - motions.velocity[:, :-1]
        typical = change.square().mean().sqrt()
        if motions.external is not None:
            change = change - motions.time_step * motions.external[:, :-1]
        changed = (change.abs() > STILL * typical).any(-1) & ~motions.fixed[:, None, :, 0]
        return np.flatnonzero(changed.any(-1).numpy())

    def _disturbed(self, objects: Objects, step: int, rng: np.random.Generator) -> Objects:
        """The objects of a batch, some of whose states are noisy."""
        done = step / self.n_steps
        left = min(max((NOISE_UNTIL - done) / (NOISE_UNTIL - NOISE_FROM), 0.0), 1.0)
        share = self.training.noisy * left
        if share == 0 or self.training.noise == 0:
            return objects
        noisy = torch.from_numpy(rng.random(objects.fixed.shape) < share) & ~objects.fixed

        def disturbed(values: Tensor, scale: Tensor) -> Tensor:
            noise = torch.from_numpy(rng.standard_normal(values.shape)).to(values)
            return values + self.training.noise * scale * noise * noisy

        return objects.moved(
            disturbed(objects.position, self._spread[0]), disturbed(objects.velocity, self._spread[1])
        )

    @cached_property
    def _spread(self) -> tuple[Tensor, Tensor]:
        """Standard deviations of positions and velocities, an axis."""
        motions = self.train
        moving = ~motions.fixed[:, None, :, 0].expand(motions.position.shape[:-1])
        return motions.position[moving].std(0), motions.velocity[moving].std(0)


def squared_error(module: nn.Module, objects: Objects, following: Tensor) -> Tensor:
    """Mean over the objects that move of the squared error of their next velocity, in units of `scales.change`."""
    assert isinstance(module, LearnedSimulator)
    target = (following - objects.velocity) / module.scales.change
    error = (module(objects) - target).masked_fill(objects.fixed, 0.0)
    return error.square().sum() / ((~objects.fixed).sum() * error.shape[-1]).clamp_min(1)


def sampled_frames(motions: Motions, most: int) -> tuple[Tensor, Tensor]:
    """At most so many frames that have a next one, evenly spread over all systems: which system, which frame."""
    frames = motions.n_frames - 1
    whole = motions.n_systems * frames
    flat = torch.arange(whole) if whole <= most else torch.linspace(0, whole - 1, most).long()
    return flat // frames, flat % frames


@torch.no_grad()
def errors(module: nn.Module, motions: Motions, most: int) -> tuple[float, float]:
    """Mean squared error of the next velocities, and that of constant velocity, in units of `scales.change`."""
    system, frame = sampled_frames(motions, most)
    assert isinstance(module, LearnedSimulator)
    sums = torch.zeros(3, dtype=torch.float64)
    for at in range(0, len(system), AT_ONCE):
        picked = slice(at, at + AT_ONCE)
        objects = motions.at(system[picked], frame[picked])
        following = motions.velocity[system[picked], frame[picked] + 1]
        weight = float((~objects.fixed).sum())
        still = ((following - objects.velocity) / module.scales.change).masked_fill(objects.fixed, 0.0)
        sums += torch.tensor(
            [
                float(squared_error(module, objects, following)) * weight,
                float(still.double().square().sum()) / still.shape[-1],
                weight,
            ]
        )
    return float(sums[0] / sums[2]), float(sums[1] / sums[2])
