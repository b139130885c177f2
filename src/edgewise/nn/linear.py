"""Linear maps and MLPs on pairs of nodes that never build the concatenation of the two."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.relation import Relation


class PairLinear(nn.Module):
    """A linear map of [receiver; sender; edge], computed before anything is sent:

        W [h_r; h_s; e] + b = W_r h_r + W_s h_s + W_e e + b

    The nodes are projected first, so the product has n rows and not n_edges (and W_s h_s is shared by all the
    receivers of a sender). A part whose dimension is 0 is not read at all.

    Args:
        out_dim: features of the result.
        receiver_dim: features of a receiving node.
        sender_dim: features of a sending node.
        edge_dim: features of an edge.

    Shapes: nodes [..., n, node_dim], edges [..., *layout, edge_dim] -> [..., *layout, out_dim].
    """

    def __init__(
        self, out_dim: int, *, receiver_dim: int = 0, sender_dim: int = 0, edge_dim: int = 0
    ) -> None:
        super().__init__()
        fan_in = receiver_dim + sender_dim + edge_dim
        if fan_in == 0:
            raise ConfigError(
                "PairLinear reads nothing", expected="a receiver_dim, sender_dim or edge_dim above 0"
            )
        # Built as one layer and then split, so that the initial weights are those of the concatenation.
        whole = nn.Linear(fan_in, out_dim)
        self.bias = nn.Parameter(whole.bias.detach().clone())
        parts = whole.weight.detach().split([receiver_dim, sender_dim, edge_dim], dim=1)
        self.receiver, self.sender, self.edge = (
            nn.Parameter(part.clone()) if part.shape[1] else None for part in parts
        )

    def forward(
        self,
        relation: Relation,
        receivers: Tensor | None = None,
        senders: Tensor | None = None,
        edges: Tensor | None = None,
    ) -> Tensor:
        total = None
        if self.edge is not None and edges is not None:
            total = nn.functional.linear(edges, self.edge, self.bias)
        if self.receiver is not None and receivers is not None:
            bias = self.bias if total is None else None
            sent = relation.from_receivers(nn.functional.linear(receivers, self.receiver, bias))
            total = sent if total is None else total + sent
        if self.sender is not None and senders is not None:
            bias = self.bias if total is None else None
            sent = relation.from_senders(nn.functional.linear(senders, self.sender, bias))
            total = sent if total is None else total + sent
        if total is None:
            raise ConfigError("PairLinear was given none of the inputs that it has weights for")
        return total


class PairMLP(nn.Module):
    """An MLP on [receiver; sender; edge] whose first layer is a `PairLinear`.

    Args:
        dims: features after each layer, the result's last; all but the last are followed by the activation.
        receiver_dim, sender_dim, edge_dim: features of what is read, 0 for what is not.

    The activation is hardswish: smooth where it matters and five times cheaper on a CPU than GELU.
    """

    def __init__(
        self, dims: Sequence[int], *, receiver_dim: int = 0, sender_dim: int = 0, edge_dim: int = 0
    ) -> None:
        super().__init__()
        self.pair = PairLinear(dims[0], receiver_dim=receiver_dim, sender_dim=sender_dim, edge_dim=edge_dim)
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(dims):
            layers += [nn.Hardswish(), nn.Linear(fan_in, fan_out)]
        self.layers = nn.Sequential(*layers)

    def forward(
        self,
        relation: Relation,
        receivers: Tensor | None = None,
        senders: Tensor | None = None,
        edges: Tensor | None = None,
    ) -> Tensor:
        return self.layers(self.pair(relation, receivers, senders, edges))
