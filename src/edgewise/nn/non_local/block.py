"""The non-local block: attention among all positions of a grid, as a residual."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, max_pool1d, max_pool2d, max_pool3d

from edgewise.errors import ConfigError
from edgewise.nn.attention.score import EmbeddedGaussianScore
from edgewise.nn.non_local.forms import summed
from edgewise.nn.non_local.pairwise import (
    Normalisation,
    Pairwise,
    RectifiedConcatScore,
    attention,
    checked,
)
from edgewise.relation import Complete

MAX_POOL = {1: max_pool1d, 2: max_pool2d, 3: max_pool3d}
AXES = {1: "time", 2: "height, width", 3: "time, height, width"}


@dataclass(frozen=True)
class Strongest:
    """To which positions one position attends most, strongest first.

    Args:
        positions: [batch, count, dims] int64, places on the grid; with pooling the first place of each window.
        weights: [batch, count]; with a mean they may be below 0, and the order is that of their size.
    """

    positions: Tensor
    weights: Tensor


class NonLocalBlock(nn.Module):
    """A non-local block (Wang et al. 2018, section 3.3, eq. 6) on a grid of 1 to 3 dimensions.

        z_i = W_z y_i + x_i,   y_i = sum over j of w_ij g(x_j),   w_ij = f(x_i, x_j) over its sum, or over N

    It is `Attention` on `Complete` over the positions; theta, phi, g and W_z, in the paper 1 x 1 convolutions, are
    linear maps of a position. Batch normalisation follows W_z; its weight starts at 0, so that the block starts as the
    identity and can be put into a trained network. Unlike in the authors' code, the other maps start as torch's linear
    layers do.

    Cost, for N positions of which N' are left after pooling:

        dot, mean                W_z (g phi^T / N') theta: time and memory linear in N
        concatenation, mean      a sort and prefix sums: O(N log N') time, linear memory
        softmax of products      N N' products, a block of rows at a time: linear memory
        softmax, concatenation   N N' weights

    Args:
        channels: C.
        dims: of the grid: 1 (sequences), 2 (images) or 3 (videos).
        pairwise: f, see `edgewise.nn.non_local.pairwise`.
        inner: channels of theta, phi and g; half of C, and at least 1, if None.
        pool: window of a max-pool of phi and g, one number or one an axis, e.g. (1, 2, 2) for a video.
        normalisation: the paper's for f if None; see `edgewise.nn.non_local.pairwise`.
        batch_norm: behind W_z. Without it W_z has a bias, and both start at 0.

    Shapes: x [batch, C, *grid] -> the same.

    Raises:
        ConfigError: for sizes or names that do not exist or do not go together, and for an input of another shape.
    """

    def __init__(
        self,
        channels: int,
        dims: int = 2,
        *,
        pairwise: Pairwise = "embedded_gaussian",
        inner: int | None = None,
        pool: int | Sequence[int] | None = None,
        normalisation: Normalisation | None = None,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        inner = max(channels // 2, 1) if inner is None else inner
        _check_sizes(channels, dims, inner)
        self.channels, self.dims, self.window = channels, dims, _window(pool, dims)
        self.attend = attention(pairwise, checked(pairwise, normalisation), channels, inner)
        self.value = nn.Linear(channels, inner)
        self.out = nn.Linear(inner, channels, bias=not batch_norm)
        self.norm = nn.BatchNorm1d(channels) if batch_norm else nn.Identity()
        for start in (self.norm if batch_norm else self.out).parameters():
            nn.init.zeros_(start)

    def forward(self, x: Tensor) -> Tensor:
        self._check(x)
        total = summed(self.attend, self.out, *self._projected(x))
        return x + self.norm(total).reshape(x.shape)

    def weights(self, x: Tensor) -> Tensor:
        """Who attends to whom: [batch, N, N'], receivers first, positions in row-major order."""
        nodes, keys = self._nodes_and_keys(x)
        return self.attend.attention(Complete(nodes.shape[-2], keys.shape[-2]), nodes, keys)[..., 0]

    def strongest(self, x: Tensor, position: Sequence[int], count: int = 10) -> Strongest:
        """The positions that one position attends to most, in each sample (the arrows of the paper's figures 1 and 3).

        Args:
            x: [batch, C, *grid]; position: its place on the grid, one number an axis; count: how many, at most.

        Raises:
            ConfigError: for a position that is not on the grid.
        """
        nodes, keys = self._nodes_and_keys(x)
        receiver, n_senders = _number(position, x.shape[2:]), keys.shape[-2]
        own = nodes[:, receiver : receiver + 1]
        weights = self.attend.attention(Complete(1, n_senders), own, keys)[:, 0, :, 0]
        found = weights.abs().topk(min(count, n_senders)).indices
        places = torch.stack(torch.unravel_index(found, self._sender_grid(x)), -1)
        return Strongest(places * places.new_tensor(self.window), weights.gather(-1, found))

    def extra_repr(self) -> str:
        return f"channels={self.channels}, dims={self.dims}, window={self.window}"

    def _embeddings(self) -> list[nn.Linear]:
        """theta and phi; none for a Gaussian of the inputs themselves."""
        score = self.attend.score
        embedded = isinstance(score, EmbeddedGaussianScore | RectifiedConcatScore)
        return [score.theta, score.phi] if embedded else []

    def _projected(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """theta(x), phi(x) and g(x), the latter two pooled: [batch, inner, N or N'], by one convolution."""
        flat, maps = x.flatten(2), [*self._embeddings(), self.value]
        weight, bias = torch.cat([m.weight for m in maps]), torch.cat([m.bias for m in maps])
        parts = conv1d(flat, weight[..., None], bias).chunk(len(maps), 1)
        query, key = parts[:2] if len(maps) > 1 else (flat, flat)
        return query, self._pooled(key, x), self._pooled(parts[-1], x)

    def _nodes_and_keys(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and keys as the score takes them: [batch, N, C], [batch, N', d]."""
        self._check(x)
        nodes = x.flatten(2).mT
        return nodes, self._pooled(self.attend.keys(nodes).mT, x).mT

    def _sender_grid(self, x: Tensor) -> tuple[int, ...]:
        return tuple(size // window for size, window in zip(x.shape[2:], self.window, strict=True))

    def _pooled(self, part: Tensor, x: Tensor) -> Tensor:
        """[batch, d, N] -> [batch, d, N'], the maximum of each window of x's grid."""
        if set(self.window) == {1}:
            return part
        return MAX_POOL[self.dims](part.unflatten(-1, x.shape[2:]), self.window).flatten(2)

    def _check(self, x: Tensor) -> None:
        expected = f"[batch, {self.channels}, {AXES[self.dims]}]"
        if x.dim() != self.dims + 2 or x.shape[1] != self.channels:
            raise ConfigError(f"NonLocalBlock was given an input of shape {list(x.shape)}", expected=expected)
        if min(self._sender_grid(x)) < 1:
            raise ConfigError(
                f"NonLocalBlock with the pool {self.window} was given a grid of {list(x.shape[2:])}",
                expected="a grid that is not smaller than the pool's window",
            )


def _check_sizes(channels: int, dims: int, inner: int) -> None:
    if dims not in MAX_POOL or channels < 1 or inner < 1:
        raise ConfigError(
            f"NonLocalBlock of {channels} channels, {inner} inner ones, on a grid of {dims} dimensions",
            expected="at least one channel, and 1 to 3 dimensions",
        )


def _window(pool: int | Sequence[int] | None, dims: int) -> tuple[int, ...]:
    size = 1 if pool is None else pool
    window = (size,) * dims if isinstance(size, int) else tuple(size)
    if len(window) != dims or min(window) < 1:
        raise ConfigError(
            f"the pool {pool} on a grid of {dims} dimensions", expected="a size, or one an axis"
        )
    return window


def _number(position: Sequence[int], grid: Sequence[int]) -> int:
    """The row-major number of a position."""
    inside = all(0 <= place < size for place, size in zip(position, grid, strict=False))
    if len(position) != len(grid) or not inside:
        raise ConfigError(
            f"the position {list(position)} on a grid of {list(grid)}",
            expected="a place on the grid, from 0, one number an axis",
        )
    number = 0
    for place, size in zip(position, grid, strict=True):
        number = number * size + place
    return number
