"""Relations of every form, and the plain list of their edges."""

import torch

from edgewise.relation import Band, Complete, Sparse, chain, grid


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def coin(*size, seed=0):
    return torch.rand(*size, generator=torch.Generator().manual_seed(seed)) < 0.6


SENDERS, RECEIVERS = (
    torch.tensor([2, 0, 1, 0, 0, 3]),
    torch.tensor([3, 1, 3, 3, 3, 3]),
)  # parallel edges, a loop
PLAIN = Sparse(SENDERS, RECEIVERS, 5)

FORMS = {
    "complete": Complete(4),
    "complete, no loops": Complete(4, loops=False),
    "complete, two sets": Complete(3, 5),
    "complete, causal": Complete(4, causal=True),
    "complete, decoding": Complete(2, 5, causal=True),
    "complete, masked": Complete(4, loops=False).masked(edges=coin(4, 3)),
    "complete, absent nodes": Complete(4).masked(nodes=torch.tensor([True, True, False, True])),
    "complete, causal and masked": Complete(4, causal=True).masked(edges=coin(4, 4)),
    "band": Band(5, 1, 2),
    "band, no loops": chain(4),
    "band, recurrence": chain(4, directed=True),
    "band, wider than the line": Band(3, 4, 4),
    "band, two sets": Band(4, 1, 1, 6),
    "band, fewer senders": Band(6, 1, 0, 3),
    "band, masked": Band(5, 1, 1).masked(edges=coin(5, 3)),
    "sparse": PLAIN,
    "sparse, masked": PLAIN.masked(edges=coin(6)),
    "sparse, absent nodes": PLAIN.masked(nodes=torch.tensor([False, True, True, True, True])),
    "sparse, loops": PLAIN.with_loops(),
    "grid": grid(2, 3)[0],
    "no edges": Sparse(torch.tensor([], dtype=torch.int64), torch.tensor([], dtype=torch.int64), 3),
}
MASKED_BATCH = {
    "complete, a mask each": Complete(4).masked(nodes=coin(2, 4)),
    "band, a mask each": Band(5, 1, 1).masked(edges=coin(2, 5, 3)),
    "sparse, a mask each": PLAIN.masked(edges=coin(2, 6)),
}


def edges_of(relation, graph=0):
    """The (receiver, sender, place in the flat layout) of every edge that exists, in one graph of a batch of masks."""
    if isinstance(relation, Sparse):
        pairs = zip(relation.receivers.tolist(), relation.senders.tolist(), strict=True)
    else:
        pairs = ((r, s) for r, senders in enumerate(relation.slots().tolist()) for s in senders)
    mask = relation.mask
    if mask is None:
        there = [True] * relation.n_edges
    else:
        there = mask.expand(*mask.shape[: mask.dim() - len(relation.layout)], *relation.layout)
        there = there.reshape(-1, relation.n_edges)
        there = there[graph if len(there) > 1 else 0].tolist()
    return [(r, s, k) for k, ((r, s), is_there) in enumerate(zip(pairs, there, strict=True)) if is_there]


def flat(relation, edges):
    """[..., *layout, d] -> [..., n_edges, d]."""
    return edges if isinstance(relation, Sparse) else edges.flatten(-3, -2)


def edge_features(relation, *lead, d=2, seed=0, absent=0.0):
    """Random numbers on edges, in the layout; `absent` where no edge is."""
    values = random(*lead, *relation.layout, d, seed=seed)
    if relation.mask is None:
        return values
    return values.masked_fill(~relation.mask[..., None], absent)
