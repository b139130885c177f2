"""Encoders: from trajectories to the logits of every pair's edge type (Kipf et al. 2018, section 3.1)."""

import torch
from torch import Tensor, nn

from edgewise.errors import DataError
from edgewise.inference.nri.layers import FIRST_BIAS, MLPBlock, normalised, start_xavier
from edgewise.nn.dropout import QuickDropout
from edgewise.nn.linear import PairLinear
from edgewise.relation import Complete

KERNEL, POOL = 5, 2
"""Frames of a convolution, and of the maximum between the two."""
FEWEST_FRAMES = POOL * KERNEL + KERNEL - 1
"""Fewest frames that leave the second convolution something to read."""


class MLPEncoder(nn.Module):
    """The fully connected encoder. With h the whole trajectory of an entity in one vector (equations 5 to 8):

        h_j  = f_emb(x_j)
        e_ij = f_e1([h_i; h_j])                           nodes to edges
        h'_j = f_v(sum_i e_ij / N)                        edges to nodes
        logits_ij = W f_e2([h'_i; h'_j; e_ij]) + b        nodes to edges, with a skip

    All f are an `MLPBlock`; on pairs their first map is a `PairLinear`. The sum is divided by the number of entities N,
    as in the authors' code; the paper has the bare sum. Without `factor_graph` an edge never hears of other edges: f_v
    acts on edges and [f_v(e_ij); e_ij] is what f_e2 reads.

    Args:
        n_frames, n_features: of the trajectories; n_types: of edges.
        hidden: width of every block; dropout: within them.
        factor_graph: whether the middle pass goes through the nodes.

    Shapes: trajectories [batch, time, entity, feature] -> logits [batch, receiver, n - 1, type].

    Raises:
        DataError: for trajectories of another length than the encoder was made for.
    """

    def __init__(
        self,
        n_frames: int,
        n_features: int,
        n_types: int,
        *,
        hidden: int,
        dropout: float = 0.0,
        factor_graph: bool = True,
    ) -> None:
        super().__init__()
        self.n_frames = n_frames
        self.embed = MLPBlock(nn.Linear(n_frames * n_features, hidden), hidden, dropout=dropout)
        pair = PairLinear(hidden, receiver_dim=hidden, sender_dim=hidden)
        self.to_edges = MLPBlock(pair, hidden, dropout=dropout)
        self.edges = EdgePass(n_types, hidden=hidden, dropout=dropout, factor_graph=factor_graph)

    def forward(self, relation: Complete, trajectories: Tensor) -> Tensor:
        if trajectories.shape[1] != self.n_frames:
            raise DataError(
                f"trajectories of {trajectories.shape[1]} frames",
                expected=f"{self.n_frames} frames, for which this encoder was made",
                fix="cut windows of that length, or use the convolutional encoder",
            )
        nodes = self.embed(trajectories.transpose(1, 2).flatten(2))
        return self.edges(relation, self.to_edges(relation, nodes, nodes))


class EdgePass(nn.Module):
    """The second half that both encoders share: edges to nodes and back, with a skip, then the logits.

    Shapes: edges [batch, receiver, n - 1, hidden] -> [batch, receiver, n - 1, type].
    """

    def __init__(self, n_types: int, *, hidden: int, dropout: float, factor_graph: bool) -> None:
        super().__init__()
        self.factor_graph = factor_graph
        self.middle = MLPBlock(nn.Linear(hidden, hidden), hidden, dropout=dropout)
        last = (
            PairLinear(hidden, receiver_dim=hidden, sender_dim=hidden, edge_dim=hidden)
            if factor_graph
            else PairLinear(hidden, edge_dim=2 * hidden)
        )
        self.last = MLPBlock(last, hidden, dropout=dropout)
        self.logits = nn.Linear(hidden, n_types)
        start_xavier(self.logits)

    def forward(self, relation: Complete, edges: Tensor) -> Tensor:
        if self.factor_graph:
            nodes = self.middle(relation.sum(edges) / relation.n_receivers)
            found = self.last(relation, nodes, nodes, edges)
        else:
            found = self.last(relation, None, None, torch.cat([self.middle(edges), edges], -1))
        return self.logits(found)


class CNNEncoder(nn.Module):
    """The encoder that reads pairs by convolutions over time, so that recordings may have any length.

    With [x_i; x_j](t) the features of both ends as channels (Kipf et al. 2018, section 3.1 and appendix B):

        c = BatchNorm(ReLU(conv_5(max-pool_2(BatchNorm(dropout(ReLU(conv_5([x_i; x_j]))))))))
        e_ij = f_e1(sum_t a(t) (W c(t) + b)),    a = softmax_t(v . c(t))

    and then as in `MLPEncoder`. The first convolution is a `PairLinear` of patches of five frames: it is computed an
    entity and only then sent. Departure from the authors' code: the attentive sum is not divided by the number of
    frames once more (the weights already sum to 1), so that its scale does not depend on the length.

    Args and shapes as `MLPEncoder`, without `n_frames`.

    Raises:
        DataError: for fewer frames than the convolutions need.
    """

    def __init__(
        self, n_features: int, n_types: int, *, hidden: int, dropout: float = 0.0, factor_graph: bool = True
    ) -> None:
        super().__init__()
        patch = KERNEL * n_features
        self.first = PairLinear(hidden, receiver_dim=patch, sender_dim=patch)
        self.dropout = QuickDropout(dropout)
        self.first_norm, self.second_norm = nn.BatchNorm1d(hidden), nn.BatchNorm1d(hidden)
        self.second = nn.Conv1d(hidden, hidden, KERNEL)
        self.value, self.attention = nn.Linear(hidden, hidden), nn.Linear(hidden, 1)
        self.to_edges = MLPBlock(nn.Linear(hidden, hidden), hidden, dropout=dropout)
        self.edges = EdgePass(n_types, hidden=hidden, dropout=dropout, factor_graph=factor_graph)
        self._start(hidden)

    @torch.no_grad()
    def _start(self, hidden: int) -> None:
        """Normal weights of variance 2 / (kernel outputs), as the authors' code starts its convolutions."""
        for layer in (self.first, self.second):
            for name, part in layer.named_parameters():
                if name == "bias":
                    part.fill_(FIRST_BIAS)
                else:
                    part.normal_(0.0, (2.0 / (KERNEL * hidden)) ** 0.5)
        start_xavier(self.value)
        start_xavier(self.attention)

    def forward(self, relation: Complete, trajectories: Tensor) -> Tensor:
        if trajectories.shape[1] < FEWEST_FRAMES:
            raise DataError(
                f"trajectories of {trajectories.shape[1]} frames",
                expected=f"at least {FEWEST_FRAMES} frames for two convolutions of {KERNEL}",
                fix="use longer recordings, or the fully connected encoder",
            )
        patches = trajectories.unfold(1, KERNEL, 1).flatten(3)  # [batch, time, entity, feature * kernel]
        pairs = self.dropout(self.first(relation, patches, patches).relu_())
        pairs = normalised(self.first_norm, pairs).movedim(1, -1)  # [batch, receiver, n - 1, hidden, time]
        pooled = nn.functional.max_pool1d(pairs.flatten(0, 2), POOL)
        read = self.second(pooled).relu_().transpose(1, 2)  # [batch * pairs, time, hidden]
        read = normalised(self.second_norm, read)
        weights = self.attention(read).softmax(1)
        edges = (weights * self.value(read)).sum(1).view(*pairs.shape[:3], -1)
        return self.edges(relation, self.to_edges(edges))


Encoder = MLPEncoder | CNNEncoder
