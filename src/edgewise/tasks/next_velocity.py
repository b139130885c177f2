"""Training a simulator to foretell the velocities of the next frame."""

import torch
from torch import Tensor, nn

from edgewise.models.learned_simulator import LearnedSimulator
from edgewise.models.objects import Objects
from edgewise.tasks.frame_batches import FrameBatches
from edgewise.tasks.motions import Motions

AT_ONCE = 512
"""Frames that are evaluated together."""
VALIDATED = 2000
"""Frames of a validation, at most."""


class NextVelocity(FrameBatches):
    """Mean squared error of the next velocities, in units of the typical change (Battaglia et al. 2016, section 4).

    The velocity that is to be foretold is the true one, also where what is read has noise.
    """

    metric = "error / constant velocity"

    def loss(self, module: nn.Module, step: int) -> Tensor:
        objects, system, frame = self.batch(step)
        return squared_error(module, objects, self.train.velocity[system, frame + 1])

    def validate(self, module: nn.Module) -> tuple[float, float]:
        error, constant = errors(module, self.validation, VALIDATED)
        return error, error / constant


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
