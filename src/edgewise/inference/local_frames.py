"""Every entity seen from itself: local frames that turn with the way it goes.

In the plane an entity's frame has its first axis along its mean velocity over the present and the lags, the second to
the left of it, and its origin at the entity (Kofinas, Nagaraja & Gavves 2021, "Roto-translated local coordinate frames
for interacting dynamical systems", section 3; theirs follow the present velocity). What is read and foretold in these
frames is the same wherever the entities are and whichever way they go, earlier frames included.

    R_i = [ u_i ; u_i turned left ],   u_i = m_i / max(|m_i|, e),   m_i = mean of v_i over the frames of the state

The axes shrink with the speed of one who hardly moves, below e: who stands has no heading, and the frame stays
continuous there.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.inference.candidates import CandidateRelation
from edgewise.inference.encoding import Encoding
from edgewise.inference.observations import Observations

SLOW = 0.05
"""Speed, in units of the data's spread of velocities, below which a heading fades."""
TURNED = ("displacement", "direction", "relative_velocity")
"""What of a pair is a vector (`edgewise.inference.law.geometry`)."""


@dataclass(frozen=True)
class VectorColumns:
    """Where the vectors of a context are.

    Attributes:
        first: columns at which a vector begins; velocities: those of them that are earlier velocities.
    """

    first: tuple[int, ...]
    velocities: tuple[int, ...]

    @classmethod
    def of(cls, encoding: Encoding) -> Self:
        """Those of an encoding: a displacement and a velocity for every lag (`encoding.node_context`).

        Raises:
            ConfigError: for data without positions in the plane.
        """
        d, n = encoding.space_dim, len(encoding.states)
        if d != 2:
            raise ConfigError(
                f"local_frames for data with {d} position columns",
                expected="positions in the plane",
                fix="name two position columns, or drop local_frames",
            )
        starts = [n + lag * (n + 2 * d) for lag in range(encoding.lags)]
        return cls(
            tuple(start + offset for start in starts for offset in (0, d)),
            tuple(start + d for start in starts),
        )


@dataclass(frozen=True)
class LocalFrames:
    """The axes of every entity at every moment: [stretch, time, entity, axis, 2]."""

    axes: Tensor

    @classmethod
    def of(cls, batch: Observations, columns: VectorColumns) -> Self:
        earlier = [batch.context[..., start : start + 2] for start in columns.velocities]
        mean = torch.stack([batch.velocity, *earlier]).mean(0)
        ahead = mean / mean.norm(dim=-1, keepdim=True).clamp_min(SLOW)
        left = torch.stack([-ahead[..., 1], ahead[..., 0]], -1)
        return cls(torch.stack([ahead, left], -2))

    def seen(self, vectors: Tensor) -> Tensor:
        """Vectors [stretch, time, entity, 2] as their entity sees them: ahead, and to the left."""
        return torch.einsum("...ij,...j->...i", self.axes, vectors)

    def in_space(self, values: Tensor) -> Tensor:
        """The reverse, of what begins with a vector [stretch, time, entity, ..., target]; the rest stays."""
        shape = self.axes.shape[:3] + (1,) * (values.dim() - 4) + (2, 2)
        turned = torch.einsum("...ij,...i->...j", self.axes.reshape(shape), values[..., :2])
        return torch.cat([turned, values[..., 2:]], -1)

    def context(self, context: Tensor, columns: VectorColumns) -> Tensor:
        """A context whose vectors are as their entity sees them."""
        seen = context.clone()
        for start in columns.first:
            seen[..., start : start + 2] = self.seen(context[..., start : start + 2])
        return seen

    def pair(self, pair: dict[str, Tensor], pairs: CandidateRelation) -> dict[str, Tensor]:
        """A pair as its receiver sees it."""
        axes = pairs.receivers(self.axes.flatten(-2)).unflatten(-1, (2, 2))
        return pair | {name: torch.einsum("...ij,...j->...i", axes, pair[name]) for name in TURNED}


def alike_in_space(log_sigma: Tensor) -> Tensor:
    """One noise for both components of a vector, their mean: it may not depend on how the axes lie."""
    both = log_sigma[..., :2].mean(-1, keepdim=True).expand(*log_sigma.shape[:-1], 2)
    return torch.cat([both, log_sigma[..., 2:]], -1)
