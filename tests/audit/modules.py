"""Small modules whose biases are known."""

import torch
from torch import Tensor, nn

from edgewise.nn.position import SinusoidalPositions
from edgewise.nn.transformer import EncoderLayer, LayerDims
from edgewise.relation import Band, Complete, Relation


def seeded(make, *args, seed=0, **kwargs):
    """A module with the weights of a seed; torch's own generator is left as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return make(*args, **kwargs)


class Attention(nn.Module):
    """A layer of a Transformer on all steps or, with a `reach`, on those near: [batch, place, 8] -> the same."""

    def __init__(self, *, positions: bool = False, relative: int = 0, reach: int = 0) -> None:
        super().__init__()
        self.layer = EncoderLayer(LayerDims(dim=8, heads=2, feed_forward=16, relative=relative))
        self.positions = SinusoidalPositions(8) if positions else nn.Identity()
        self.reach = reach

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[-2]
        return self.layer(Band(n, self.reach, self.reach) if self.reach else Complete(n), self.positions(x))


class Row(nn.Module):
    """An MLP on all entities in a row: [batch, n, d] -> the same."""

    def __init__(self, n: int = 5, features: int = 4, hidden: int = 16) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(n * features, hidden), nn.Tanh(), nn.Linear(hidden, n * features)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).view_as(x)


class Recurrent(nn.Module):
    """A recurrence with, where asked for, what it may not see: the step `leak` ahead, with or without gradient."""

    def __init__(self, *, leak: int = 0, detached: bool = False) -> None:
        super().__init__()
        self.layer = nn.GRU(3, 4, batch_first=True)
        self.leak, self.detached = leak, detached

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.layer(x)
        if not self.leak:
            return out
        seen = x[:, self.leak :, :1]
        seen = seen.detach() if self.detached else seen
        first = out[:, : -self.leak, :1] + 1e-3 * seen
        return torch.cat([torch.cat([first, out[:, -self.leak :, :1]], 1), out[..., 1:]], -1)


class Pull(nn.Module):
    """Everybody is drawn to everybody else, the less the farther: a central force, [batch, n, 4] -> [batch, n, 2]."""

    def forward(self, x: Tensor) -> Tensor:
        apart = x[:, None, :, :2] - x[:, :, None, :2]
        return (apart * (-apart.square().sum(-1, keepdim=True)).exp()).sum(2)


class Dropped(nn.Module):
    """A linear map whose dropout stays on at evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.dropout(self.layer(x))


class Neighbours(nn.Module):
    """Two layers of sums over the senders, with tanh between them: (relation, [batch, n, 4]) -> [batch, n, 3]."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, relation: Relation, nodes: Tensor) -> Tensor:
        ones = torch.ones(*relation.layout, 1, dtype=nodes.dtype)
        matrix = relation.to_dense(ones)[..., 0]
        return self.second(matrix @ (matrix @ self.first(nodes)).tanh())
