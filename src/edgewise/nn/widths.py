"""What layers refuse: attributes that are not there, or of another width than they were made for."""

from torch import Tensor, nn

from edgewise.errors import ConfigError


def check_width(layer: str, nodes: Tensor, expected: int) -> None:
    """Refuse nodes of another width than a layer was made for.

    Raises:
        ConfigError: naming both widths.
    """
    if nodes.shape[-1] != expected:
        raise ConfigError(
            f"{layer} was given nodes with {nodes.shape[-1]} features",
            expected=f"{expected}, as it was made for",
        )


def check_edges(layer: str, edges: Tensor | None, expected: int) -> Tensor:
    """Refuse edges that are not there, or of another width than a layer was made for.

    Raises:
        ConfigError: naming both widths.
    """
    if edges is None or edges.shape[-1] != expected:
        found = "no edge attributes" if edges is None else f"edges with {edges.shape[-1]} features"
        raise ConfigError(f"{layer} was given {found}", expected=f"{expected} features an edge")
    return edges


class NodeLinear(nn.Linear):
    """A linear map of nodes that says so when their width is wrong: [..., n_nodes, in_dim] -> [..., n_nodes, out_dim].

    Raises:
        ConfigError: naming both widths.
    """

    def forward(self, input: Tensor) -> Tensor:
        check_width("the network", input, self.in_features)
        return super().forward(input)
