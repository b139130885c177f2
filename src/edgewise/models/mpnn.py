"""The message passing neural network of Gilmer et al. (2017)."""

from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.graph import Graph
from edgewise.nn.graph.mpnn import EdgeNetwork, MessagePassing, check_edges
from edgewise.nn.readout import Set2Set


class MPNN(nn.Module):
    """Edge network messages, a tied GRU, set2set, and a two-layer head (Gilmer et al. 2017, section 5):

        h^0 = ReLU(W x),   h^T = MessagePassing(h^0, e),   y = W_2 ReLU(W_1 set2set(h^T))

    Args:
        node_dim, edge_dim: features of a node and of an edge.
        dim: features of a node's state; out_dim: numbers a graph.
        steps: of message passing (the paper: 3 to 8); readout_steps: of set2set.
        edge_hidden: units of the edge network's hidden layer.
        dropout: on the graph's vector before each layer of the head (the paper has none).

    Shapes: a graph or a disjoint union of graphs -> [n_graphs, out_dim].
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
        super().__init__()
        self.edge_dim = edge_dim
        self.embed = nn.Sequential(nn.Linear(node_dim, dim), nn.ReLU())
        self.passing = MessagePassing(EdgeNetwork(edge_dim, dim, dim, edge_hidden), dim, steps)
        self.readout = Set2Set(dim, readout_steps)
        self.head = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(2 * dim, dim),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(dim, out_dim),
        )

    def forward(self, graph: Graph) -> Tensor:
        if graph.nodes is None:
            raise ConfigError("MPNN was given nodes without attributes", expected="nodes [n_nodes, node_dim]")
        edges = check_edges("MPNN", graph.edges, self.edge_dim)
        nodes = self.passing(graph.relation, self.embed(graph.nodes), edges)
        return self.head(self.readout(graph.relation.graphs, nodes))
