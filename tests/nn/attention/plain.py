"""Relations between targets and sources, and attention one number after the other."""

import torch

from edgewise.relation import Band, Complete, Sparse

RECEIVERS, SENDERS = 4, 5
EDGES = torch.tensor(
    [[0, 4, 2, 2, 1, 1, 3], [1, 0, 1, 0, 3, 3, 3]]
)  # sender, receiver: 2 hears nobody, 1 twice
SOME = torch.tensor([[1, 0, 1, 1, 0], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [0, 1, 0, 0, 0]], dtype=torch.bool)
RELATIONS = {
    "complete": Complete(RECEIVERS, SENDERS),
    "causal": Complete(RECEIVERS, SENDERS, causal=True),
    "complete, a row without edges": Complete(RECEIVERS, SENDERS).masked(edges=SOME),
    "causal and masked": Complete(RECEIVERS, SENDERS, causal=True).masked(edges=SOME),
    "band": Band(RECEIVERS, 1, 2, SENDERS),
    "band, a row without edges": Band(RECEIVERS, 2, 2, SENDERS).masked(edges=SOME),
    "sparse": Sparse(*EDGES, RECEIVERS, SENDERS),
}


def random(*size, seed=0):
    return torch.randn(*size, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def made(make, *arguments, **options):
    """A module in float64, its parameters far from where they begin."""
    torch.manual_seed(0)
    module = make(*arguments, **options).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return module


def in_edges(relation):
    """(receiver, [(place in the list of edges, sender), ...]) of every receiver."""
    edges = relation.to_sparse()
    pairs = list(zip(edges.receivers.tolist(), edges.senders.tolist(), strict=True))
    return [
        (receiver, [(at, sender) for at, (r, sender) in enumerate(pairs) if r == receiver])
        for receiver in range(relation.n_receivers)
    ]


def edge_by_edge(relation, function):
    """function(receiver, sender) -> a number, of every edge: [n_edges, 1] in the order of `to_sparse`."""
    edges = relation.to_sparse()
    pairs = zip(edges.receivers.tolist(), edges.senders.tolist(), strict=True)
    return torch.stack([function(r, s).reshape(1) for r, s in pairs])


def assert_same(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)
