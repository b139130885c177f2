"""Relations from what one has: who is near whom, or a table of candidates."""

import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.relation.sparse import Sparse


def nearest(distances: Tensor, neighbours: int) -> Tensor:
    """The senders nearest to each receiver: [..., n, n] distances -> [..., n, neighbours] int64, in node order.

    A node is never its own neighbour. A distance that is not a number counts as infinitely far.

    Raises:
        ConfigError: if there are fewer than `neighbours` other nodes, or `neighbours` < 1.
    """
    n = distances.shape[-1]
    if not 1 <= neighbours <= n - 1:
        raise ConfigError(
            f"{neighbours} nearest neighbours asked among {n} entities",
            expected=f"a number from 1 to {n - 1}",
        )
    order = distances.nan_to_num(nan=torch.inf).argsort(dim=-1, stable=True)
    me = torch.arange(n)[:, None]
    others = order[order != me].reshape(*order.shape[:-1], n - 1)
    return others[..., :neighbours].sort(-1).values


def from_slots(slots: Tensor) -> Sparse:
    """A relation from a table of senders: [*batch, n, k] int64 -> `Sparse`.

    Leading dimensions are a batch of graphs; they become one disjoint union over batch * n nodes, whose edges lie
    in the order [*batch, receiver, slot].
    """
    n, k = slots.shape[-2:]
    graphs = slots.reshape(-1, n, k)
    offset = torch.arange(len(graphs))[:, None, None] * n
    receivers = torch.arange(n)[:, None] + offset.expand(-1, n, k)
    return Sparse((graphs + offset).flatten(), receivers.flatten(), n_receivers=len(graphs) * n)
