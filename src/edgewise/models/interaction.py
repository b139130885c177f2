"""Interaction networks as dynamics: from objects and relations to what a step changes of the velocities."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edgewise.graph import Graph
from edgewise.models.objects import SHAPE, ObjectDims, Objects, pair_dim, seen, side_by_side
from edgewise.nn.geometry import COVARIANT
from edgewise.nn.graph.interaction import (
    ABSTRACTION_HIDDEN,
    EFFECT_DIM,
    OBJECT_HIDDEN,
    RELATION_HIDDEN,
    AbstractionModel,
    InteractionNetwork,
)
from edgewise.nn.linear import hidden_layers


def described(objects: Objects, *, absolute: bool) -> Tensor:
    """The objects as nodes: attributes and velocity, and the position if it is to be known: [B, n, features]."""
    known = [objects.attributes, objects.velocity]
    return torch.cat([*known, objects.position] if absolute else known, -1)


def described_dim(dims: ObjectDims, *, absolute: bool) -> int:
    """Features of `described`."""
    return dims.attributes + dims.space * (2 if absolute else 1)


class InteractionDynamics(nn.Module):
    """The interaction network of Battaglia et al. (2016) on objects in motion: the change of velocity in a step.

    An object is its attributes and its velocity; a relation has the geometry of its pair and its attributes. Without
    `translation` an object is its position too, as in the paper, and a relation has nothing but its attributes.

    Args:
        dims: what objects and relations are described by; step: the distance that speed 1 makes in a step.
        translation: whether only relative positions are read.
        effect_dim, relation_hidden, object_hidden: see `InteractionNetwork`.

    Shapes: `Objects` of B systems of n objects -> [B, n, d].
    """

    def __init__(
        self,
        dims: ObjectDims,
        step: float,
        *,
        translation: bool = True,
        effect_dim: int = EFFECT_DIM,
        relation_hidden: Sequence[int] = RELATION_HIDDEN,
        object_hidden: Sequence[int] = OBJECT_HIDDEN,
    ) -> None:
        super().__init__()
        self.translation, self.step = translation, step
        shape = SHAPE if dims.shaped else ()
        self.read = (*COVARIANT, *shape) if translation else ()
        self.network = InteractionNetwork(
            described_dim(dims, absolute=not translation),
            pair_dim(self.read, dims),
            external_dim=dims.space if dims.external else 0,
            out_dim=dims.space,
            effect_dim=effect_dim,
            relation_hidden=relation_hidden,
            object_hidden=object_hidden,
        )

    def forward(self, objects: Objects) -> Tensor:
        edges = objects.relation_attributes
        if self.read:
            edges = side_by_side(seen(objects, self.step), self.read, objects)
        elif edges is not None:
            edges = edges.expand(len(objects.position), *edges.shape[1:])
        nodes = described(objects, absolute=not self.translation)
        return self.network(Graph(objects.relation, nodes, edges), objects.external)


APART = ("distance", "log_distance", "closeness")
"""How far a pair is apart, told in three ways: all that a potential between two objects can depend on."""


class InteractionEnergy(nn.Module):
    """The potential energy of a system (Battaglia et al. 2016, section 2, equation 6):

        q = f_A(sum over j of p_j),     p_j = f_O(o_j, x_j, sum of e_k into j)

    A potential energy is one of places: velocities are not read, which the paper's objects have. Relations have
    distances and attributes. With `translation` nothing else is known of places, and q stays the same when the system
    is moved, or, unless something acts from outside, turned; without it an object is its position too, which the
    potential of an outer field depends on.

    Args:
        dims: what objects and relations are described by.
        translation: whether only relative positions are read.
        features: of p; hidden: widths of the hidden layers of f_A.
        effect_dim, relation_hidden, object_hidden: see `InteractionNetwork`.

    Shapes: `Objects` of B systems, any number of objects -> [B].
    """

    def __init__(
        self,
        dims: ObjectDims,
        *,
        translation: bool = True,
        features: int = 10,
        hidden: Sequence[int] = ABSTRACTION_HIDDEN,
        effect_dim: int = EFFECT_DIM,
        relation_hidden: Sequence[int] = RELATION_HIDDEN,
        object_hidden: Sequence[int] = OBJECT_HIDDEN,
    ) -> None:
        super().__init__()
        self.translation = translation
        self.read = (*APART, "gap") if dims.shaped else APART
        network = InteractionNetwork(
            dims.attributes + (0 if translation else dims.space),
            pair_dim(self.read, dims),
            external_dim=dims.space if dims.external else 0,
            out_dim=features,
            effect_dim=effect_dim,
            relation_hidden=relation_hidden,
            object_hidden=object_hidden,
        )
        self.abstraction = AbstractionModel(network, features, hidden=hidden)

    def graph(self, objects: Objects) -> Graph:
        """What the network is told: objects as nodes, distances and attributes of relations as edges."""
        edges = side_by_side(
            seen(objects, step=1.0), self.read, objects
        )  # nothing that depends on a step is read
        known = objects.attributes
        nodes = known if self.translation else torch.cat([known, objects.position], -1)
        return Graph(objects.relation, nodes, edges)

    def parts(self, objects: Objects) -> Tensor:
        """p of each object: [B, n, features]."""
        return self.abstraction.network(self.graph(objects), objects.external)

    def forward(self, objects: Objects) -> Tensor:
        return self.abstraction(self.graph(objects), objects.external)[..., 0, 0]


class DynamicsOnly(nn.Module):
    """Each object for itself, p_j = f_O(o_j, x_j): an interaction network without its relations (the control).

    Args:
        dims: what objects are described by; hidden: widths of the hidden layers.
    """

    def __init__(self, dims: ObjectDims, hidden: Sequence[int] = OBJECT_HIDDEN) -> None:
        super().__init__()
        width = described_dim(dims, absolute=True) + (dims.space if dims.external else 0)
        self.layers = perceptron((width, *hidden, dims.space))

    def forward(self, objects: Objects) -> Tensor:
        nodes = described(objects, absolute=True)
        return self.layers(nodes if objects.external is None else torch.cat([nodes, objects.external], -1))


class FlatMLP(nn.Module):
    """An MLP on the states of all objects in a row: no object and no relation is known (the control of the paper).

    Args:
        dims: what objects are described by; n_objects: how many; hidden: widths of the hidden layers.
    """

    def __init__(self, dims: ObjectDims, n_objects: int, hidden: Sequence[int]) -> None:
        super().__init__()
        width = described_dim(dims, absolute=True) + (dims.space if dims.external else 0)
        self.n_objects = n_objects
        self.layers = perceptron((n_objects * width, *hidden, n_objects * dims.space))

    def forward(self, objects: Objects) -> Tensor:
        nodes = described(objects, absolute=True)
        if objects.external is not None:
            nodes = torch.cat([nodes, objects.external], -1)
        return self.layers(nodes.flatten(-2)).unflatten(-1, (self.n_objects, -1))


def perceptron(widths: Sequence[int], activation: type[nn.Module] = nn.ReLU) -> nn.Sequential:
    """Linear layers of these widths, the activation between them."""
    return nn.Sequential(nn.Linear(widths[0], widths[1]), *hidden_layers(widths[1:], activation()))
