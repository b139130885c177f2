"""Interaction networks (Battaglia et al. 2016): relations have effects, effects move objects."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from edgewise.graph import Graph
from edgewise.nn.blocks import (
    Dims,
    EdgeBlock,
    GlobalBlock,
    NodeBlock,
    all_nodes,
    edges,
    incoming_edges,
    nodes,
    receiver_nodes,
    sender_nodes,
)

RELATION_HIDDEN, EFFECT_DIM, OBJECT_HIDDEN, ABSTRACTION_HIDDEN = (150, 150, 150, 150), 50, (100,), (25,)
"""The sizes of the paper (section 4, "Learning")."""


class InteractionNetwork(nn.Module):
    """Interaction network (Battaglia et al. 2016, section 2, equations 2 to 5):

        b_k = <o_i, o_j, r_k>                      m: each relation with the objects at both its ends
        e_k = f_R(b_k)                             its effect
        c_j = <o_j, x_j, sum of e_k into j>        a: the effects on an object, with what acts from outside
        p_j = f_O(c_j)                             what becomes of the object

    f_R is an `EdgeBlock` and f_O a `NodeBlock`: MLPs with ReLU whose first layers are split over their inputs, so that
    no b_k and no c_j is ever built.

    Args:
        object_dim: features of an object o; relation_dim: attributes of a relation r, 0 for none.
        external_dim: external effects x on an object, 0 for none; out_dim: features of p.
        effect_dim: features of an effect e.
        relation_hidden, object_hidden: widths of the hidden layers of f_R and f_O.

    Shapes: nodes [..., n, object_dim], edges [..., *layout, relation_dim], external [..., n, external_dim]
    -> [..., n, out_dim].
    """

    def __init__(
        self,
        object_dim: int,
        relation_dim: int = 0,
        *,
        external_dim: int = 0,
        out_dim: int = 2,
        effect_dim: int = EFFECT_DIM,
        relation_hidden: Sequence[int] = RELATION_HIDDEN,
        object_hidden: Sequence[int] = OBJECT_HIDDEN,
    ) -> None:
        super().__init__()
        read = (edges, receiver_nodes, sender_nodes) if relation_dim else (receiver_nodes, sender_nodes)
        self.relational = EdgeBlock(
            Dims(nodes=object_dim, edges=relation_dim), (*relation_hidden, effect_dim), read
        )
        self.object = NodeBlock(
            Dims(nodes=object_dim + external_dim, edges=effect_dim),
            (*object_hidden, out_dim),
            (incoming_edges, nodes),
        )

    def effects(self, graph: Graph) -> Tensor:
        """e: [..., *layout, effect_dim]."""
        found = self.relational(graph).edges
        assert found is not None  # for the type checker
        return found

    def forward(self, graph: Graph, external: Tensor | None = None) -> Tensor:
        objects = graph.nodes
        assert objects is not None  # for the type checker
        known = objects if external is None else torch.cat([objects, external], -1)
        moved = self.object(graph.replace(edges=self.effects(graph), nodes=known)).nodes
        assert moved is not None
        return moved


class AbstractionModel(nn.Module):
    """What a whole system is worth, e.g. its potential energy (Battaglia et al. 2016, section 2, equation 6):

        q = f_A(sum over j of p_j),   p = f_O(a(G, X, f_R(m(G))))

    Args:
        network: an interaction network whose p has `features` features.
        features: of p; out_dim: of q; hidden: widths of the hidden layers of f_A.

    Shapes: as `InteractionNetwork` -> [..., n_graphs, out_dim].
    """

    def __init__(
        self,
        network: InteractionNetwork,
        features: int,
        out_dim: int = 1,
        hidden: Sequence[int] = ABSTRACTION_HIDDEN,
    ) -> None:
        super().__init__()
        self.network = network
        self.abstraction = GlobalBlock(Dims(nodes=features), (*hidden, out_dim), (all_nodes,))

    def forward(self, graph: Graph, external: Tensor | None = None) -> Tensor:
        moved = self.network(graph, external)
        found = self.abstraction(graph.replace(nodes=moved)).globals_
        assert found is not None  # for the type checker
        return found
