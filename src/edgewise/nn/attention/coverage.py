"""Attention that is spread over all senders."""

from torch import Tensor

from edgewise.relation import Relation


def coverage_penalty(relation: Relation, weights: Tensor) -> Tensor:
    """The doubly stochastic penalty: sum over senders s of (1 - sum over receivers r of w_rs)^2.

    Xu et al. (2015), section 4.2.1. Senders without an edge do not count.

    Shapes: weights [..., *layout, heads] -> [..., heads].
    """
    turned = relation.reverse()
    given = turned.sum(relation.reverse_edges(weights))
    there = (turned.in_degrees > 0)[..., None].to(weights)
    return ((1 - given).square() * there).sum(-2)
