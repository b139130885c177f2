"""Training on single frames of recordings: which of them make a batch, and which of their states are noisy."""

from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from edgewise.models.objects import Objects
from edgewise.tasks.motions import Motions
from edgewise.tasks.physics_tables import PhysicsTraining
from edgewise.training import cosine

STILL = 1e-4
"""A velocity has changed if it did by more than this share of the typical change."""
NOISE_FROM, NOISE_UNTIL = 0.025, 0.125
"""Shares of the steps between which the noise ends: epochs 50 and 250 of 2000 in the paper."""


def training_sentence(training: PhysicsTraining) -> str:
    """How it is trained, for a protocol."""
    steps = training.epochs * training.steps_an_epoch
    return (
        f"Adam, learning rate {training.learning_rate:g} falling to 0 along half a cosine over {steps} steps of"
        f" {training.batch_size} frames; normal noise of {training.noise:g} times their spread on"
        f" {100 * training.noisy:g} % of the states at first, none from an eighth of the steps on."
    )


class FrameBatches:
    """What objectives on single frames have in common: batches, noise on what is read, Adam and its rate.

    A share of the states that are read has normal noise, less and less of it. Where most frames see nothing but
    straight motion, a share of each batch is drawn from the others.

    Args:
        train, validation: recordings.
        training: the recipe's table; seed: of the batches and the noise.
    """

    precision = "no"

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

    def batch(self, step: int) -> tuple[Objects, Tensor, Tensor]:
        """The objects of a step, some of them noisy, and which frames [B] of which systems [B] they are."""
        rng = np.random.default_rng([self.seed, step])
        system, frame = self._drawn(rng)
        return self._disturbed(self.train.at(system, frame), step, rng), system, frame

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
