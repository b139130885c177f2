"""The message passing neural network of Gilmer et al. (2017), and the form that others of its family share."""

from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.graph import Graph
from edgewise.nn.graph.mpnn import EdgeNetwork, MessagePassing
from edgewise.nn.readout import Set2Set
from edgewise.nn.widths import NodeLinear


class GraphRegressor(nn.Module):
    """Numbers for a whole graph from its nodes and edges (Gilmer et al. 2017, section 2):

        h^0 = embed(x),   h^T = passing(relation, h^0, e),   y = head(readout(graphs, h^T))

    Args:
        embed: a node's features -> its state.
        passing: (relation, nodes, edges) -> nodes, such as a `MessagePassing` of any message.
        readout: (relation node -> graph, nodes) -> a vector a graph, such as `Set2Set` or `AttentionReadout`.
        head: a graph's vector -> the result.

    Shapes: a graph or a disjoint union of graphs -> [..., n_graphs, out_dim].

    Raises:
        ConfigError: for nodes without attributes, or attributes of another width than the parts were made for.
    """

    def __init__(self, embed: nn.Module, passing: nn.Module, readout: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.embed, self.passing, self.readout, self.head = embed, passing, readout, head

    def forward(self, graph: Graph) -> Tensor:
        if graph.nodes is None:
            raise ConfigError(
                f"{type(self).__name__} was given nodes without attributes",
                expected="nodes [n_nodes, node_dim]",
            )
        nodes = self.passing(graph.relation, self.embed(graph.nodes), graph.edges)
        return self.head(self.readout(graph.relation.graphs, nodes))


def two_layers(in_dim: int, hidden: int, out_dim: int, dropout: float = 0.0) -> nn.Sequential:
    """W_2 ReLU(W_1 x), with dropout before each layer."""
    return nn.Sequential(
        nn.Dropout(dropout),
        nn.Linear(in_dim, hidden),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(hidden, out_dim),
    )


class MPNN(GraphRegressor):
    """Edge network messages, a tied GRU, set2set, and a two-layer head (Gilmer et al. 2017, section 5):

        h^0 = ReLU(W x),   h^T = MessagePassing(h^0, e),   y = W_2 ReLU(W_1 set2set(h^T))

    Departures: the paper pads x with zeros to the width of h and gives set2set a projection of [h^T; x]; here x is
    projected at the start, and set2set reads h^T.

    Args:
        node_dim, edge_dim: features of a node and of an edge.
        dim: features of a node's state; out_dim: numbers a graph.
        steps: of message passing (the paper: 3 to 8); readout_steps: of set2set.
        edge_hidden: units of the edge network's hidden layer.
        dropout: on the graph's vector before each layer of the head (the paper has none).

    Shapes and errors: see `GraphRegressor`.
    """

    def __init__(
        self,
        node_dim: int,
        edge_dim: int,
        *,
        dim: int = 64,
        out_dim: int = 1,
        steps: int = 3,
        readout_steps: int = 3,
        edge_hidden: int = 64,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(
            embed=nn.Sequential(NodeLinear(node_dim, dim), nn.ReLU()),
            passing=MessagePassing(EdgeNetwork(edge_dim, dim, dim, edge_hidden), dim, steps),
            readout=Set2Set(dim, readout_steps),
            head=two_layers(2 * dim, dim, out_dim, dropout),
        )
