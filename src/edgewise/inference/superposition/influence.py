"""How much each sender moves each receiver: the size of an effect, beside its probability."""

import torch
from torch import Tensor

from edgewise.inference.observations import Observations
from edgewise.inference.superposition.model import SuperpositionModel

STRETCHES = 64
LEAST_MOTION = 0.01


@torch.no_grad()
def influence(model: SuperpositionModel, data: Observations, probability: Tensor) -> Tensor:
    """The share of a receiver's motion that a sender's effect makes up.

        influence_ij = rms_t( sum_k p_ij(k) f_k(s_j, s_i) ) / rms_t( y_i )

    over the frames that were observed, in the targets' scales: 0 for no effect, near 1 where the sender alone makes
    the receiver move; effects that cancel each other may exceed 1. A receiver that hardly moves counts as moving by a
    hundredth of a typical increment. Where the gain is profiled, y_i is what the law predicts in its own units, noise
    included, and it and the effects are taken about their means over time (the offset).

    Args:
        probability: [graph, receiver, sender, type], one graph for all stretches or one a sequence.

    Returns: [graph, receiver, sender] float64.
    """
    n_graphs, n = probability.shape[:2]
    effect = torch.zeros(n_graphs, n, n, dtype=torch.float64)
    motion, count = torch.zeros(2, n_graphs, n, dtype=torch.float64)
    for at in range(0, len(data), STRETCHES):
        batch = data[torch.arange(at, min(at + STRETCHES, len(data)))]
        graph = batch.sequence if n_graphs > 1 else torch.zeros_like(batch.sequence)
        weight = probability[graph].gather(
            2, batch.slots[..., None].expand(-1, -1, -1, probability.shape[-1])
        )
        if bool(model.null):
            weight[..., 0] = 0.0
        own, messages, log_sigma = model.terms(batch)
        expected = torch.einsum("srmk,strmkd->strmd", weight.float(), messages)
        moved = batch.target.square()
        if model.gain:
            expected = _about_mean(expected, batch.weight[:, :, :, None])
            total = _about_mean(own, batch.weight) + expected.sum(3)
            moved = total.square() + model.level * (2 * log_sigma).exp()
        power = (
            (expected.square() * batch.weight[:, :, :, None]).sum((1, -1)).double()
        )  # [stretch, receiver, slot]
        dense = torch.zeros(len(batch), n, n, dtype=torch.float64).scatter(2, batch.slots, power)
        effect.index_add_(0, graph, dense)
        motion.index_add_(0, graph, (moved * batch.weight).sum((1, -1)).double())
        count.index_add_(0, graph, batch.weight.sum((1, -1)).double())
    least = 0.0 if model.gain else LEAST_MOTION**2
    return (effect / torch.maximum(motion, least * count.clamp_min(1)).clamp_min(1e-30)[..., None]).sqrt()


def _about_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Without the mean over time (axis 1) of what was observed."""
    return values - (values * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp_min(1)
