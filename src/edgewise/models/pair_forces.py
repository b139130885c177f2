"""Forces between pairs of objects, with the inductive biases of mechanics."""

import torch
from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.models.interaction import perceptron
from edgewise.models.objects import SHAPE, ObjectDims, Objects, pair_dim, seen, side_by_side, total
from edgewise.nn.geometry import INVARIANT, tangent, transverse_velocity
from edgewise.nn.linear import PairMLP

CENTRAL = ("log_distance",)
LARGEST_LOG = 12.0
"""Magnitudes are at most e to this, in units of the typical change of momentum in a step."""


class PairForces(nn.Module):
    """What a step changes of the velocities when objects act on each other in pairs and their actions add up:

        m_i dv_i = sum over j of f(j, i)  +  m_i (g x_i + k v_i)
        f = a u + b t,   (a, b) = c exp(l),   c and l: an MLP of |r|, w . u, w . t, both ends, the relation

    u points from the receiver to the sender, t across it; r, w are the relative position and velocity, x_i an external
    acceleration, and its gain g and the drag k (0 unless asked for) depend on the object's attributes. A magnitude is a
    number times a power of e, so that a law which is a power of distances and masses is linear in what is learnt.

    So far the law is the same after a translation and a rotation (a reflection too, with `central`). Beyond that,

        symmetric   the ends enter by sums alone: f(i, j) = -f(j, i), and momentum is conserved (to rounding) where
                    nothing acts from outside and there is no drag
        central     b = 0, and a depends on |r| and the ends alone: with `symmetric`, the forces have a potential

    Where masses are unknown, m = 1.

    Args:
        dims: what objects and relations are described by, in two or three dimensions.
        step: the distance that speed 1 makes in a step.
        hidden: width of the hidden layers; layers: how many.
        drag: whether an object may slow down, or speed up, by itself.

    Raises:
        ConfigError: for one dimension of space.
    """

    def __init__(
        self,
        dims: ObjectDims,
        step: float,
        *,
        hidden: int = 64,
        layers: int = 2,
        symmetric: bool = True,
        central: bool = False,
        drag: bool = False,
    ) -> None:
        super().__init__()
        if dims.space < 2:
            raise ConfigError(
                f"pair forces in {dims.space} dimension of space", expected="positions in 2 or 3 dimensions"
            )
        self.step, self.symmetric, self.central = step, symmetric, central
        self.read = (CENTRAL if central else INVARIANT) + (SHAPE if dims.shaped else ())
        self.ends = perceptron((dims.attributes, hidden, hidden), nn.SiLU) if dims.attributes else None
        end = hidden if dims.attributes else 0
        widths = (*[hidden] * layers, 2 if central else 4)
        edge = pair_dim(self.read, dims)
        if symmetric:
            self.law = PairMLP(widths, edge_dim=edge + end, activation=nn.SiLU())
        else:
            self.law = PairMLP(widths, receiver_dim=end, sender_dim=end, edge_dim=edge, activation=nn.SiLU())
        self.drag, own = drag, int(dims.external) + int(drag)
        self.own = perceptron((dims.attributes, hidden, own), nn.SiLU) if dims.attributes and own else None
        self.own_bias = nn.Parameter(torch.zeros(own))

    def forces(self, objects: Objects) -> Tensor:
        """f of every relation: [B, *layout, d], in units of the typical change of momentum in a step."""
        pair = seen(objects, self.step)
        if not self.central:
            pair["transverse_velocity"] = transverse_velocity(pair)
        edges = side_by_side(pair, self.read, objects)
        ends = None if self.ends is None else self.ends(objects.attributes)
        if self.symmetric:
            known = edges if ends is None else torch.cat([edges, total(objects.relation, ends)], -1)
            out = self.law(objects.relation, edges=known)
        else:
            out = self.law(objects.relation, ends, ends, edges)
        number, log = out.chunk(2, -1)
        magnitude = number * log.clamp_max(LARGEST_LOG).exp()
        along = magnitude[..., :1] * pair["direction"]
        return along if self.central else along + magnitude[..., 1:] * tangent(pair)

    def forward(self, objects: Objects) -> Tensor:
        """-> [B, n, d], in units of the typical change of velocity in a step."""
        changed = objects.relation.sum(self.forces(objects))
        if objects.mass is not None:
            changed = changed / objects.mass
        own = self.own_bias if self.own is None else self.own_bias + self.own(objects.attributes)
        if self.drag:
            changed = changed + own[..., -1:] * objects.velocity
        return changed if objects.external is None else changed + own[..., :1] * objects.external
