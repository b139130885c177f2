"""The known law as a decoder: only the graph is sought (the rows "NRI (sim.)" of Kipf et al. 2018, table 1)."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.inference.nri.decoder import MarkovDecoder
from edgewise.physics.box import LARGEST_FORCE, Bodies
from edgewise.physics.charged import DEFAULTS as CHARGES
from edgewise.physics.springs import DEFAULTS as SPRINGS
from edgewise.relation import Complete

Pull = Callable[[Tensor], Tensor]
"""The force on a receiver that a sender at the offset x_i - x_j has by a coupling of 1: [..., 2] -> [..., 2]."""


def spring_pull(offsets: Tensor) -> Tensor:
    """-(x_i - x_j)"""
    return -offsets


def coulomb_pull(offsets: Tensor) -> Tensor:
    """(x_i - x_j) / |x_i - x_j|^3"""
    return offsets / offsets.square().sum(-1, keepdim=True).pow(1.5)


@dataclass(frozen=True)
class KnownLaw:
    """A law of the authors' simulators.

    Attributes:
        pull: the force at unit coupling; couplings: that of each type; bodies: walls and time step.
    """

    pull: Pull
    couplings: tuple[float, ...]
    bodies: Bodies


KNOWN_LAWS = {
    "springs": KnownLaw(spring_pull, (0.0, SPRINGS.strength), SPRINGS),
    "charged": KnownLaw(coulomb_pull, (-CHARGES.strength, CHARGES.strength), CHARGES),
}
"""Type 0 are two bodies that no spring joins, or opposite charges; type 1 a spring, or like charges."""


def frame_bodies(bodies: Bodies, step: float) -> Bodies:
    """The same bodies, with as many integration steps a frame as a time between frames needs.

    Raises:
        ConfigError: for a time that is no multiple of the integration step.
    """
    count = round(step / bodies.dt)
    if count < 1 or abs(count * bodies.dt / step - 1) > 1e-3:
        raise ConfigError(
            f"frames {step:g} apart for a law that is integrated in steps of {bodies.dt:g}",
            expected="a multiple of that step",
            fix="give the time of the frames in units of the simulation, or use the decoder mlp",
        )
    return replace(bodies, sample_every=count)


class SimulatorDecoder(MarkovDecoder):
    """Bodies in a box under a known law, differentiable in the weights of the edges (section 3.3 and 5.1):

        F_i = sum_j sum_k z_ijk c_k pull(x_i - x_j)
        v_i <- v_i + dt clip(F_i, -100, 100);    x_i <- x_i + dt v_i;    reflect at the walls

    `sample_every` times a frame, as in `edgewise.physics.box`. It has no weights.

    Args:
        law: the couplings c_k and the pull; bodies: walls, time step, steps a frame.
        center, scale: [4] of the features x, y, vx, vy, so that feature = (data - center) / scale.

    Shapes: nodes [..., n, 4], weights [..., n, n - 1, type], see `Decoder`.
    """

    def __init__(self, law: KnownLaw, bodies: Bodies, *, center: Tensor, scale: Tensor) -> None:
        super().__init__(silent=False)
        self.law, self.bodies = law, bodies
        self.couplings: Tensor
        self.center: Tensor
        self.scale: Tensor
        self.register_buffer("couplings", torch.tensor(law.couplings))
        self.register_buffer("center", center)
        self.register_buffer("scale", scale)

    def step(
        self, relation: Complete, nodes: Tensor, state: Tensor, weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        position, velocity = (nodes * self.scale + self.center).split(2, -1)
        coupling = (weights * self.couplings).sum(-1, keepdim=True)
        bodies = self.bodies
        for _ in range(bodies.sample_every):
            offsets = relation.from_receivers(position) - relation.from_senders(position)
            force = relation.sum(coupling * self.law.pull(offsets))
            velocity = velocity + bodies.dt * force.clamp(-LARGEST_FORCE, LARGEST_FORCE)
            position = position + bodies.dt * velocity
            position, velocity = reflected(position, velocity, bodies.half_width)
        return (torch.cat([position, velocity], -1) - self.center) / self.scale, state


def reflected(position: Tensor, velocity: Tensor, half_width: float) -> tuple[Tensor, Tensor]:
    """Mirror what is beyond a wall, and turn its velocity inwards."""
    beyond = position.abs() > half_width
    mirrored = 2 * half_width * position.sign() - position
    inwards = -position.sign() * velocity.abs()
    return torch.where(beyond, mirrored, position), torch.where(beyond, inwards, velocity)
