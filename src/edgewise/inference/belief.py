"""What is believed about a graph: candidates and the weight of each type, or one graph drawn from them."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class GraphBelief:
    """Who may act on whom, and how surely.

    slots: [sequence, entity, candidate] int64; weight: [sequence, entity, candidate, type] that a message counts.
    strength: of continuous strengths what `strength_belief` gives, [sequence, entity, candidate, 3].
    """

    slots: Tensor
    weight: Tensor
    strength: Tensor | None = None

    def part(self, index: slice) -> "GraphBelief":
        strength = None if self.strength is None else self.strength[index]
        return GraphBelief(self.slots[index], self.weight[index], strength)

    def for_each(self, n_sequences: int) -> "GraphBelief":
        """One graph for all recordings as that of each of them; graphs of their own stay."""
        if len(self.slots) == n_sequences:
            return self
        parts = (self.slots, self.weight, self.strength)
        return GraphBelief(
            *(None if part is None else part.expand(n_sequences, -1, -1, *part.shape[3:]) for part in parts)  # pyright: ignore[reportArgumentType]
        )

    def of_candidates(self) -> "GraphBelief":
        """Without the slots of those who surely do not act, so that messages cost as many as there are candidates.

        Each entity keeps as many slots as the one with most possible senders of all.
        """
        acts = (self.weight.sum(-1) if self.strength is None else self.strength[..., 0]) > 0
        most = max(int(acts.sum(-1).max()), 1)
        if most == self.slots.shape[-1]:
            return self
        kept = (~acts).byte().argsort(dim=-1, stable=True)[..., :most].sort(-1).values

        def at(values: Tensor) -> Tensor:
            return values.gather(2, kept[..., None].expand(*kept.shape, values.shape[-1]))

        strength = None if self.strength is None else at(self.strength)
        return GraphBelief(self.slots.gather(2, kept), at(self.weight), strength)


def belief_of(probability: np.ndarray, *, strengths: bool = False) -> GraphBelief:
    """Every other entity as a candidate: [sequence, receiver, sender, type] -> `GraphBelief`.

    With `strengths` it is [sequence, receiver, sender, 3], as `strength_belief` gives it.
    """
    n = probability.shape[1]
    slots = torch.tensor([[j for j in range(n) if j != i] for i in range(n)])
    slots = slots.expand(len(probability), n, n - 1)
    dense = torch.tensor(np.asarray(probability), dtype=torch.float32)
    chosen = dense.gather(2, slots[..., None].expand(*slots.shape, dense.shape[-1]))
    if not strengths:
        return GraphBelief(slots, chosen)
    acts, mean = chosen[..., 0], chosen[..., 1]
    return GraphBelief(slots, torch.stack([1 - acts, acts * mean], -1), chosen)


def strength_belief(probability: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Continuous strengths as a forecast needs them: whether a sender acts, and how strongly if it does.

    Args:
        probability: [...] that it acts; mean, deviation: [...] of its strength, 0 where it does not.

    Returns: [..., 3] the probability; mean and standard deviation of the strength, given that it acts.
    """
    acts = np.maximum(probability, 1e-12)
    if_it_does = mean / acts
    variance = np.maximum((deviation**2 + mean**2) / acts - if_it_does**2, 0.0)
    return np.stack([probability, if_it_does, np.sqrt(variance)], -1)


def sampled_graph(belief: GraphBelief, generator: torch.Generator) -> GraphBelief:
    """One graph drawn from the marginal posterior of each pair, as one-hot weights (or strengths)."""
    if belief.strength is not None:
        acts, mean, deviation = belief.strength.unbind(-1)
        some = torch.rand(acts.shape, generator=generator) < acts
        drawn = some * (mean + deviation * torch.randn(acts.shape, generator=generator))
        return GraphBelief(belief.slots, torch.stack([(~some).to(drawn), drawn], -1), belief.strength)
    flat = belief.weight.flatten(0, -2).clamp_min(0)
    some = flat.sum(-1, keepdim=True) > 0  # a pair that has none of the types keeps none
    types = torch.multinomial(torch.where(some, flat, 1.0), 1, generator=generator)[:, 0]
    one_hot = torch.nn.functional.one_hot(types, flat.shape[-1]).to(flat) * some
    chosen = one_hot.reshape(belief.weight.shape)
    return GraphBelief(belief.slots, chosen)
