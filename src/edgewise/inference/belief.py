"""What is believed about a graph: candidates and the weight of each type, or one graph drawn from them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class GraphBelief:
    """Who may act on whom, and how surely.

    slots: [sequence, entity, candidate] int64; weight: [sequence, entity, candidate, type].
    """

    slots: Tensor
    weight: Tensor

    def part(self, index: slice) -> "GraphBelief":
        return GraphBelief(self.slots[index], self.weight[index])


def belief_of(probability: np.ndarray) -> GraphBelief:
    """Every other entity as a candidate: [sequence, receiver, sender, type] -> `GraphBelief`."""
    n = probability.shape[1]
    slots = torch.tensor([[j for j in range(n) if j != i] for i in range(n)])
    slots = slots.expand(len(probability), n, n - 1)
    dense = torch.tensor(np.asarray(probability), dtype=torch.float32)
    return GraphBelief(slots, dense.gather(2, slots[..., None].expand(*slots.shape, dense.shape[-1])))


def sampled_graph(belief: GraphBelief, generator: torch.Generator) -> GraphBelief:
    """One graph drawn from the marginal posterior of each pair, as one-hot weights."""
    flat = belief.weight.flatten(0, -2).clamp_min(0)
    some = flat.sum(-1, keepdim=True) > 0  # a pair that has none of the types keeps none
    types = torch.multinomial(torch.where(some, flat, 1.0), 1, generator=generator)[:, 0]
    one_hot = torch.nn.functional.one_hot(types, flat.shape[-1]).to(flat) * some
    chosen = one_hot.reshape(belief.weight.shape)
    return GraphBelief(belief.slots, chosen)
