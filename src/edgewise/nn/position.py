"""Where a position stands in its sequence, as a vector."""

import torch
from torch import Tensor, nn

from edgewise.errors import ConfigError


def sinusoids(n: int, dim: int, first: int = 0) -> Tensor:
    """The positions first to first + n - 1 as waves: [n, dim] float32.

        p_t[2 i] = sin(t / 10000^(2 i / dim)),   p_t[2 i + 1] = cos(t / 10000^(2 i / dim))

    Vaswani et al. (2017), section 3.5.

    Raises:
        ConfigError: for an odd dim.
    """
    if dim % 2:
        raise ConfigError(
            f"sinusoids of {dim} features", expected="an even number: each wave is a sine and a cosine"
        )
    places = torch.arange(first, first + n, dtype=torch.float64)[:, None]
    angles = places * 10000.0 ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(-2).float()


class SinusoidalPositions(nn.Module):
    """Adds `sinusoids` to nodes [..., n, dim]; any length, also beyond those of the training.

    Args:
        dim: width of the nodes, even.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("waves", sinusoids(512, dim), persistent=False)

    def forward(self, nodes: Tensor, *, first: int = 0) -> Tensor:
        """`first` is the position of the first node."""
        last = first + nodes.shape[-2]
        waves: Tensor = self.waves  # pyright: ignore[reportAssignmentType]
        if last <= len(waves):
            return nodes + waves[first:last].to(nodes.dtype)
        return nodes + sinusoids(nodes.shape[-2], self.dim, first).to(nodes)


class LearntPositions(nn.Module):
    """Adds a learnt vector a position to nodes [..., n, dim].

    Args:
        most: number of positions; dim: width of the nodes.

    Raises:
        ConfigError: for a position beyond the last one.
    """

    def __init__(self, most: int, dim: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.empty(most, dim))
        nn.init.normal_(self.table, std=dim**-0.5)

    def forward(self, nodes: Tensor, *, first: int = 0) -> Tensor:
        """`first` is the position of the first node."""
        last = first + nodes.shape[-2]
        if last > len(self.table):
            raise ConfigError(f"position {last}", expected=f"at most {len(self.table)}, as it was made for")
        return nodes + self.table[first:last]
