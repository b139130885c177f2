"""Hidden common drivers: motion that two entities share and no candidate explains.

A law explains a receiver by the candidates that were recorded. What is left over of two receivers, whitened,

    e_i(t) = ( y_i(t) - f_own - sum_j sum_k p_ij(k) f_k(s_j, s_i) ) / sigma_i(t),

is independent if the model holds; where a cause outside the data moves both, it is correlated, and an edge between the
two may be the shadow of that cause (Reichenbach's principle; Spirtes, Glymour & Scheines 2000, chapter 6).
"""

from dataclasses import dataclass

import torch
from scipy.stats import false_discovery_control, norm
from torch import Tensor

from edgewise.inference.observations import Observations
from edgewise.inference.superposition.model import SuperpositionModel

STRETCHES = 64
LAGS = 5
"""Lags whose autocorrelation widens the spread of a correlation (Bartlett 1946)."""
CLEAR, RATE = 0.3, 0.01
"""A pair is flagged from this absolute correlation on, at this rate of false discoveries among all pairs,"""
UNEXPLAINED = 0.05
"""and if at least this share of both motions is left over: what remains of a law that is exact is its own error."""


@dataclass(frozen=True)
class SharedResiduals:
    """Residual correlation of every pair.

    Attributes:
        correlation: [graph, entity, entity], symmetric; 0 where fewer than eight numbers were observed of both.
        flagged: [graph, entity, entity] bool, True for both orders of a pair.
    """

    correlation: Tensor
    flagged: Tensor


@torch.no_grad()
def shared_residuals(model: SuperpositionModel, data: Observations, probability: Tensor) -> SharedResiduals:
    """Correlate what is left over of every two entities, and flag the pairs that share more than chance allows.

    Args:
        probability: [graph, receiver, sender, type], one graph for all stretches or one a sequence.
    """
    n_graphs, n = probability.shape[:2]
    products, counts = torch.zeros(2, n_graphs, n, n, dtype=torch.float64)
    lagged = torch.zeros(LAGS + 1, dtype=torch.float64)
    motion = torch.zeros(n_graphs, n, dtype=torch.float64)
    for at in range(0, len(data), STRETCHES):
        batch = data[torch.arange(at, min(at + STRETCHES, len(data)))]
        graph = batch.sequence if n_graphs > 1 else torch.zeros_like(batch.sequence)
        residual, moved = _residuals(model, batch, probability[graph])
        seen = batch.weight.double()
        pair = "stid,stjd->sij"
        products.index_add_(0, graph, torch.einsum(pair, residual, residual))
        counts.index_add_(0, graph, torch.einsum(pair, seen, seen))
        motion.index_add_(0, graph, moved)
        for lag in range(LAGS + 1):
            ahead = residual[:, lag:]
            lagged[lag] += (residual[:, : ahead.shape[1]] * ahead).sum()
    size = products.diagonal(dim1=1, dim2=2)
    norms = (size[:, :, None] * size[:, None, :]).sqrt()
    off = ~torch.eye(n, dtype=torch.bool)
    usable = (counts >= 8) & (norms > 0) & off
    correlation = torch.where(usable, products / norms.clamp_min(1e-300), 0.0).clamp(-1, 1)
    inflation = 1 + 2 * (lagged[1:] / lagged[0].clamp_min(1e-300)).square().sum()
    left_over = size >= UNEXPLAINED * motion
    both = usable & left_over[:, :, None] & left_over[:, None, :]
    return SharedResiduals(correlation, _flagged(correlation, counts / inflation, both))


def _residuals(model: SuperpositionModel, batch: Observations, probability: Tensor) -> tuple[Tensor, Tensor]:
    """Whitened residuals about their mean [stretch, time, entity, target]; the motion's square [.., entity]."""
    own, messages, log_sigma = model.terms(batch)
    index = batch.slots[..., None].expand(*batch.slots.shape, probability.shape[-1])
    weight = probability.gather(2, index)
    if bool(model.null):
        weight[..., 0] = 0.0
    law = own.double() + torch.einsum("srmk,strmkd->strd", weight, messages.double())
    precision = batch.weight.double() * (-log_sigma.double()).exp()
    target = _centred(batch.target.double() * precision, batch.weight)
    explained = _centred(law * precision, batch.weight)
    if model.gain:  # the line through the law: offsets and gains of the series
        slope = (target * explained).sum(1, keepdim=True) / explained.square().sum(1, keepdim=True).clamp_min(
            1e-300
        )
        explained = slope.clamp_min(0) * explained
    return _centred(target - explained, batch.weight), target.square().sum((1, 3))


def _centred(values: Tensor, weight: Tensor) -> Tensor:
    mean = values.sum(1, keepdim=True) / weight.sum(1, keepdim=True).clamp_min(1)
    return (values - mean) * weight


def _flagged(correlation: Tensor, counts: Tensor, usable: Tensor) -> Tensor:
    """Pairs beyond `CLEAR` at a rate `RATE` of false discoveries (Benjamini & Yekutieli 2001, for dependent tests)."""
    flagged = torch.zeros_like(usable)
    upper = usable & torch.ones_like(usable[0]).triu(1)
    if not bool(upper.any()):
        return flagged
    size = correlation[upper].abs()
    chance = 2 * norm.sf((size * counts[upper].sqrt()).numpy())
    rate = torch.from_numpy(false_discovery_control(chance, method="by"))
    flagged[upper] = (rate <= RATE) & (size >= CLEAR)
    return flagged | flagged.transpose(1, 2)
