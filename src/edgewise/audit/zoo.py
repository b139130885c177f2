"""Small instances of known architectures, each with the axes of its input: what the verdict table is measured on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from edgewise.audit.audit import SAMPLES, Audit, audit
from edgewise.audit.axes import Axes
from edgewise.graph import Graph
from edgewise.inference.nri.decoder import MLPDecoder
from edgewise.inference.nri.encoder import MLPEncoder
from edgewise.nn.graph import GraphAttention, GraphConvolution, InteractionNetwork
from edgewise.nn.non_local import NonLocalBlock
from edgewise.nn.position import SinusoidalPositions
from edgewise.nn.transformer import EncoderLayer, LayerDims
from edgewise.relation import Band, Complete, Relation
from edgewise.relation.complete import off_diagonal

WIDTH = 8
ENTITIES, STEPS, SIDE = 6, 24, 8
"""Sizes of the inputs: entities, steps in time, places along a side of a grid."""
REACH = 2
"""Distance from which on the relative positions of the zoo's instance of Shaw et al. are alike."""


class FlatRow(nn.Module):
    """A multilayer perceptron on the features of all entities in a row.

    Shapes: [batch, entity, feature] -> the same.
    """

    def __init__(self, entities: int = ENTITIES, features: int = 4) -> None:
        super().__init__()
        n = entities * features
        self.layers = nn.Sequential(nn.Linear(n, 4 * n), nn.Tanh(), nn.Linear(4 * n, n))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.flatten(1)).view_as(x)


class OnGraph(nn.Module):
    """Layers on one relation, with tanh between them.

    Shapes: x [batch, node, feature] -> [batch, node, feature of the last layer].
    """

    def __init__(self, *layers: GraphConvolution | GraphAttention) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor, relation: Relation) -> Tensor:
        for k, layer in enumerate(self.layers):
            x = layer(relation, x if k == 0 else x.tanh())
        return x


class TransformerEncoder(nn.Module):
    """A layer of a Transformer.

    Args:
        positions: whether sines are added to the input.
        relative: the distance from which on relative positions are alike, or 0 for none (Shaw et al. 2018).
        window: steps before and after its own that a step attends to, or 0 for all.

    Shapes: [batch, time, feature] -> the same.
    """

    def __init__(self, *, positions: bool = False, relative: int = 0, window: int = 0) -> None:
        super().__init__()
        dims = LayerDims(WIDTH, heads=2, feed_forward=2 * WIDTH, dropout=0.0, relative=relative)
        self.positions = SinusoidalPositions(WIDTH) if positions else nn.Identity()
        self.layer, self.window = EncoderLayer(dims), window

    def forward(self, x: Tensor) -> Tensor:
        n = x.shape[-2]
        relation = Band(n, self.window, self.window) if self.window else Complete(n)
        return self.layer(relation, self.positions(x))


class Interactions(nn.Module):
    """An interaction network on the relation that it is told, with attributes of its edges.

    Shapes: x [batch, entity, 4], edges [batch, n_edges, 2] -> [batch, entity, 2].
    """

    def __init__(self) -> None:
        super().__init__()
        self.network = InteractionNetwork(
            4, 2, effect_dim=WIDTH, relation_hidden=(2 * WIDTH,), object_hidden=(2 * WIDTH,)
        )

    def forward(self, x: Tensor, relation: Relation, edges: Tensor) -> Tensor:
        return self.network(Graph(relation, x, edges))


class EncodedPairs(nn.Module):
    """The encoder of neural relational inference: from trajectories to the logits of each pair's type.

    Shapes: [batch, entity, time, feature] -> [batch, receiver, sender, type].
    """

    def __init__(self, steps: int, features: int = 4) -> None:
        super().__init__()
        self.encoder = MLPEncoder(steps, features, 2, hidden=2 * WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        relation = Complete(x.shape[1], loops=False)
        return relation.to_dense(self.encoder(relation, x.transpose(1, 2)))


class DecodedStep(nn.Module):
    """A step of the decoder of neural relational inference: the edges of the relation are of the type that acts.

    Shapes: [batch, entity, feature] -> the same.
    """

    def __init__(self, features: int = 4) -> None:
        super().__init__()
        self.decoder = MLPDecoder(features, 2, hidden=2 * WIDTH, silent=True)

    def forward(self, x: Tensor, relation: Relation) -> Tensor:
        there = relation.to_dense(x.new_ones(*relation.layout, 1)).clamp(max=1.0)
        acting = off_diagonal(there)
        weights = torch.cat([1 - acting, acting], -1)
        everybody = Complete(x.shape[1], loops=False)
        return self.decoder.step(everybody, x, self.decoder.start(x), weights)[0]


@dataclass(frozen=True, eq=False)
class Architecture:
    """A member of the zoo.

    Attributes:
        name: as the table has it; build: an instance with weights of torch's generator; axes: of its input.
    """

    name: str
    build: Callable[[], nn.Module]
    axes: Axes

    def audited(self, *, samples: int = SAMPLES, seed: int = 0) -> Audit:
        """The audit of an instance with the weights of `redrawn`, the same for the same seed."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            module = redrawn(self.build(), torch.Generator().manual_seed(seed))
        factory = self.build if isinstance(self.build, type) else None
        return audit(module, self.axes, samples=samples, seed=seed, factory=factory)


@torch.no_grad()
def redrawn(module: nn.Module, generator: torch.Generator) -> nn.Module:
    """The module with every parameter drawn anew from normal numbers: matrices with variance 1 / fan-in, others with 1.

    Layers that start at 0 (biases, the norm behind a non-local block) would hide what an architecture can do: a block
    that is still the identity has every symmetry there is.
    """
    for parameter in module.parameters():
        fan_in = parameter[0].numel() if parameter.dim() > 1 else 1
        drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        parameter.copy_(drawn / fan_in**0.5)
    return module


def convolution(padding: Literal["zeros", "circular"]) -> nn.Module:
    """Two 3 x 3 convolutions with a nonlinearity between them; padding of the grid by zeros, or as a circle."""

    def layer(into: int, out: int) -> nn.Conv2d:
        return nn.Conv2d(into, out, 3, padding=1, padding_mode=padding)

    return nn.Sequential(layer(2, WIDTH), nn.Tanh(), layer(WIDTH, 2))


_ROW, _NODES = Axes(entities=ENTITIES, features=4), Axes(entities=2 * ENTITIES, features=4)
_GRID, _SEQUENCE = Axes(features=2, grid=(SIDE, SIDE)), Axes(features=WIDTH, steps=STEPS)

ZOO: tuple[Architecture, ...] = (
    Architecture("MLP", FlatRow, _ROW),
    Architecture("convolution, circular", lambda: convolution("circular"), _GRID),
    Architecture("convolution, zero-padded", lambda: convolution("zeros"), _GRID),
    Architecture("recurrence (GRU)", lambda: nn.GRU(WIDTH, WIDTH, batch_first=True), _SEQUENCE),
    Architecture("GCN", lambda: OnGraph(GraphConvolution(4, WIDTH), GraphConvolution(WIDTH, 2)), _NODES),
    Architecture(
        "GAT", lambda: OnGraph(GraphAttention(4, WIDTH, 2), GraphAttention(2 * WIDTH, 2, 1)), _NODES
    ),
    Architecture("Transformer without positions", TransformerEncoder, _SEQUENCE),
    Architecture("Transformer with positions", lambda: TransformerEncoder(positions=True), _SEQUENCE),
    Architecture("Shaw (relative positions)", lambda: TransformerEncoder(relative=REACH), _SEQUENCE),
    Architecture(
        "Shaw, in a window", lambda: TransformerEncoder(relative=REACH, window=2 * REACH), _SEQUENCE
    ),
    Architecture("non-local", lambda: NonLocalBlock(4), Axes(features=4, grid=(SIDE, SIDE))),
    Architecture(
        "Interaction Network", Interactions, Axes(entities=2 * ENTITIES, features=4, edge_features=2)
    ),
    Architecture(
        "NRI, encoder",
        lambda: EncodedPairs(STEPS // 3),
        Axes(entities=ENTITIES, features=4, steps=STEPS // 3),
    ),
    Architecture("NRI, decoder", DecodedStep, _NODES),
)
"""In the order of the table."""
