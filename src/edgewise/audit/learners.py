"""Networks of one size that assume less or more of the same motion, from none of its symmetries to all of them."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgewise.audit.audit import audit
from edgewise.audit.axes import Axes
from edgewise.audit.runs import Dynamics
from edgewise.audit.sharing import n_parameters
from edgewise.models.interaction import FlatMLP, InteractionDynamics, described, described_dim, perceptron
from edgewise.models.objects import ObjectDims, Objects
from edgewise.models.pair_forces import PairForces
from edgewise.relation import Complete

PARAMETERS = 6000
"""Parameters of every network, as nearly as its width allows."""
WIDEST = 256
KEPT = ("permutation", "translation", "rotation", "reflection")
"""Symmetries that a network is asked about, in the order in which the networks gain them."""


class SetDynamics(nn.Module):
    """A deep set as dynamics: each object from itself and the mean of what all are told as (Zaheer et al. 2017).

        dv_i = f([o_i; mean over j of g(o_j)])

    No pair is looked at; positions are absolute.

    Args:
        dims: what objects are described by; hidden: width of the hidden layers, two of g and one of f.

    Shapes: `Objects` of B systems of n objects -> [B, n, d].
    """

    def __init__(self, dims: ObjectDims, hidden: int) -> None:
        super().__init__()
        width = described_dim(dims, absolute=True)
        self.element = perceptron((width, hidden, hidden))
        self.object = perceptron((width + hidden, hidden, dims.space))

    def forward(self, objects: Objects) -> Tensor:
        nodes = described(objects, absolute=True)
        together = self.element(nodes).mean(-2, keepdim=True)
        return self.object(torch.cat([nodes, together.expand(*nodes.shape[:-1], -1)], -1))


Build = Callable[[ObjectDims, float, int, int], nn.Module]
"""From the dims of the objects, the distance that speed 1 makes in a step, the number of objects and a width."""


def _interactions(*, translation: bool) -> Build:
    def build(dims: ObjectDims, step: float, n_objects: int, width: int) -> nn.Module:
        return InteractionDynamics(
            dims,
            step,
            translation=translation,
            effect_dim=width,
            relation_hidden=(width, width),
            object_hidden=(width,),
        )

    return build


def _forces(*, symmetric: bool = False, central: bool = False) -> Build:
    def build(dims: ObjectDims, step: float, n_objects: int, width: int) -> nn.Module:
        return PairForces(dims, step, hidden=width, symmetric=symmetric, central=central)

    return build


@dataclass(frozen=True, eq=False)
class Learner:
    """A network that is trained on growing data.

    Attributes:
        name: shown; assumes: what it takes for granted beyond the one before, in words.
        build: a network of a width.
    """

    name: str
    assumes: str
    build: Build

    def matched(
        self, dims: ObjectDims, step: float, n_objects: int, parameters: int = PARAMETERS
    ) -> nn.Module:
        """The network whose number of parameters is nearest to the one wanted."""

        def apart(width: int) -> int:
            with torch.device("meta"):
                return abs(n_parameters(self.build(dims, step, n_objects, width)) - parameters)

        low, high = 1, WIDEST
        while high - low > 1:  # parameters grow with the width
            middle = (low + high) // 2
            with torch.device("meta"):
                fits = n_parameters(self.build(dims, step, n_objects, middle)) <= parameters
            low, high = (middle, high) if fits else (low, middle)
        return self.build(dims, step, n_objects, min(low, high, key=apart))


LEARNERS: tuple[Learner, ...] = (
    Learner(
        "MLP on the row",
        "nothing: all bodies in a row",
        lambda dims, _, n_objects, width: FlatMLP(dims, n_objects, (width, width)),
    ),
    Learner(
        "deep set",
        "one rule for every body; the others as a mean",
        lambda dims, _, __, width: SetDynamics(dims, width),
    ),
    Learner("interaction network", "one rule for every pair", _interactions(translation=False)),
    Learner("interaction network, relative", "the same everywhere", _interactions(translation=True)),
    Learner("pair forces", "the same however turned; forces add up", _forces()),
    Learner("pair forces, symmetric", "action equals reaction", _forces(symmetric=True)),
    Learner(
        "pair forces, central",
        "along the line between the two, by their distance alone",
        _forces(symmetric=True, central=True),
    ),
)
"""From the weakest bias to the strongest; each assumes what those before it do, and more. All of it is true of the law.
The last is not quite true of what is foretold: bodies move on within a frame, so that their velocities matter."""


def symmetries_kept(
    dynamics: nn.Module, dims: ObjectDims, n_objects: int, *, seed: int = 0
) -> dict[str, float]:
    """The errors of the symmetries `KEPT`, as an audit measures them on the untrained network (0: kept)."""
    d = dims.space
    module = Dynamics(dynamics, dims)
    axes = Axes(
        entities=n_objects,
        features=sum(module.widths),
        spatial=tuple(range(d)),
        vectors=tuple(range(d, 2 * d)),
    )
    found = audit(module, axes, samples=32, seed=seed, relation=Complete(n_objects, loops=False))
    errors = {name: found.symmetries[name].overall for name in KEPT}
    return {name: float("nan") if each is None else each.error for name, each in errors.items()}
