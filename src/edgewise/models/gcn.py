"""The graph convolutional network of Kipf & Welling (2017)."""

from torch import Tensor, nn

from edgewise.nn.bag import Bag, BagLinear
from edgewise.nn.graph.gcn import GraphConvolution, propagate
from edgewise.nn.widths import NodeLinear
from edgewise.relation import Relation


class GCN(nn.Module):
    """Two layers (eq. 9), softmax left to the loss:

        logits = A^ dropout(ReLU(A^ dropout(X) W_0)) W_1,    A^ = D^-1/2 (A + I) D^-1/2

    Dropout on the input of both layers, no biases, Glorot weights, as in the authors' code.

    Args:
        first: X W_0 with its dropout: `dense_input(...)` for a matrix of features, `BagLinear` for a `Bag`.
        hidden: features between the layers; n_classes: of the result.
        dropout: before the second layer.

    `relation` holds the self-loops of A + I (`Sparse.with_loops`).

    Shapes: features as `first` takes them -> [..., n_nodes, n_classes].
    """

    def __init__(self, first: nn.Module, hidden: int, n_classes: int, *, dropout: float = 0.5) -> None:
        super().__init__()
        self.first, self.dropout = first, nn.Dropout(dropout)
        self.second = GraphConvolution(hidden, n_classes)

    def forward(self, relation: Relation, features: Tensor | Bag) -> Tensor:
        hidden = propagate(relation, self.first(features)).relu()
        return self.second(relation, self.dropout(hidden))


def dense_input(in_dim: int, out_dim: int, *, heads: int = 1, dropout: float = 0.0) -> nn.Sequential:
    """X W of all heads with dropout on X, Glorot weights, no bias: [..., n, in_dim] -> [..., n, heads * out_dim].

    The heads share what is dropped; those of a `BagLinear` draw for themselves.

    Args:
        in_dim: features of a node; out_dim: features a head; heads: parts of the result, each with weights of its own.
        dropout: probability to drop a feature of a node.
    """
    linear = NodeLinear(in_dim, heads * out_dim, bias=False)
    for part in linear.weight.detach().split(out_dim):
        nn.init.xavier_uniform_(part)
    return nn.Sequential(nn.Dropout(dropout), linear)


def gcn_on_bags(n_words: int, n_classes: int, *, hidden: int = 16, dropout: float = 0.5) -> GCN:
    """The model of the citation graphs: bags of words, 16 hidden units."""
    return GCN(BagLinear(n_words, hidden, dropout=dropout), hidden, n_classes, dropout=dropout)
