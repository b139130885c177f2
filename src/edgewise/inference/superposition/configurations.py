"""Exact posterior over the in-edges of a receiver: enumerate every configuration.

Given the law, a configuration o (one-hot, sender x type, type 0 left out) of one receiver has

    log p(y, o) = -1/2 (square - 2 cross . o + o^T gram o) / level + lambda . o + const

with lambda the prior log-odds of each type against type 0. Summing over o is the receiver's marginal likelihood; the
weights of the sum are the exact posterior. Where a graph changes from window to window, the sum runs over paths of
configurations, by the forward-backward pass.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edgewise.inference.superposition.model import QuadraticForm
from edgewise.inference.superposition.windows import forward_backward

CHUNK = 1 << 23
"""Configurations scored at once: bounds memory."""


@dataclass(frozen=True)
class Posterior:
    """What is known of the graph, given the law. Leading dimensions [receiver] and [window].

    Attributes:
        log_evidence: [receiver] log p(y), configurations (and windows) summed out; carries the gradient.
        probability: [receiver, window, slot, n_types] posterior probability of each type of each slot.
        square: [receiver] expected squared whitened residual, E |r - A^T o|^2: what profiles the noise level.
    """

    log_evidence: Tensor
    probability: Tensor
    square: Tensor


def enumerate_configurations(n_slots: int, n_types: int) -> Tensor:
    """Every configuration of `n_slots` senders: [n_types ** n_slots, n_slots * (n_types - 1)] float64, one-hot.

    Ordered as an odometer with the last slot fastest, so that a weight a configuration unflattens to
    [n_types] * n_slots (used by `forward_backward`).
    """
    types = torch.tensor(list(itertools.product(range(n_types), repeat=n_slots)), dtype=torch.int64)
    return one_hot(types.reshape(-1, n_slots), n_types)


def one_hot(types: Tensor, n_types: int) -> Tensor:
    """[..., n_slots] int64 -> [..., n_slots * (n_types - 1)] float64; type 0 is all zeros."""
    return torch.nn.functional.one_hot(types, n_types)[..., 1:].flatten(-2).double()


def prior_columns(log_prior: Tensor, n_slots: int) -> Tensor:
    """Log-odds of each type against type 0, a slot after the other: [n_types] -> [n_slots * (n_types - 1)]."""
    return (log_prior[1:] - log_prior[0]).repeat(n_slots)


def squared_cost(form: QuadraticForm, table: Tensor) -> Tensor:
    """|r - A^T o|^2 of every configuration of a table.

    Shapes: form [...]; table [n, columns], one for all, or [..., n, columns] -> [..., n].
    """
    linear = form.square[..., None] - 2 * (table @ form.cross[..., None])[..., 0]
    if table.dim() == 2:
        pairs = (table[:, :, None] * table[:, None, :]).flatten(1)
        quadratic = form.gram.flatten(-2) @ pairs.T
    else:
        quadratic = ((table @ form.gram) * table).sum(-1)
    return (linear + quadratic).clamp_min(0.0)


class _LogEvidence(torch.autograd.Function):
    """log sum over configurations, with its gradient from posterior moments.

    d log p / d cross = E[o] / level,  d log p / d gram = -E[o o^T] / (2 level),  d log p / d square = -1 / (2 level)

    so nothing of the size of the table outlives a chunk.
    """

    @staticmethod
    def forward(
        ctx: Any,
        gram: Tensor,
        cross: Tensor,
        square: Tensor,
        table: Tensor,
        field: Tensor,
        level: Tensor,
        prior: Tensor,
        temperature: float,
        stay: float,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        shared = table.dim() == 2
        n_windows, columns = cross.shape[1:]
        idle = 1 - table.unflatten(-1, (-1, len(prior) - 1)).sum(-1)
        rows = max(1, CHUNK // (table.shape[-2] * n_windows))
        evidence, means, rests, seconds, costs = [], [], [], [], []
        for at in range(0, len(cross), rows):
            part = slice(at, at + rows)
            own = table if shared else table[part]
            form = QuadraticForm(gram[part], cross[part], square[part], square[part], square[part])
            cost = squared_cost(form, own)
            log_joint = -0.5 * cost / level
            log_joint[:, 0] += field if shared else field[part]
            total, weights = forward_backward(log_joint / temperature, stay, prior)
            evidence.append(temperature * total)
            costs.append((weights * cost).sum((-1, -2)))
            if shared:
                means.append(weights @ own)
                rests.append(weights @ idle)
                pairs = (own[:, :, None] * own[:, None, :]).flatten(1)
                seconds.append((weights @ pairs).unflatten(-1, (columns, columns)))
            else:
                means.append((weights[..., None, :] @ own)[..., 0, :])
                rests.append((weights[..., None, :] @ idle[part])[..., 0, :])
                seconds.append((own * weights[..., None]).transpose(-1, -2) @ own)
        mean, second = torch.cat(means), torch.cat(seconds)
        ctx.save_for_backward(mean, second, level)
        result = torch.cat(evidence), mean, torch.cat(rests), torch.cat(costs)
        ctx.mark_non_differentiable(*result[1:])
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        mean, second, level = ctx.saved_tensors
        up = grads[0][:, None]
        d_gram = -0.5 / level * second * up[..., None, None]
        d_cross = mean / level * up[..., None]
        d_square = (-0.5 / level * up).expand(mean.shape[:2])
        return d_gram, d_cross, d_square, None, None, None, None, None, None


def posterior_over(
    form: QuadraticForm,
    table: Tensor,
    level: Tensor,
    log_prior: Tensor,
    *,
    temperature: float = 1.0,
    stay: float = 0.5,
    absent: Tensor | None = None,
) -> Posterior:
    """Evidence and posterior over a table of configurations.

    Over the full table (`enumerate_configurations`) both are exact; over fewer the evidence is a lower bound, and
    the posterior that of the graphs in the table.

    Args:
        form: leading dimensions [receiver, window].
        table: [n, columns] for every receiver, or [receiver, 1, n, columns] (one window).
        level: noise variance, [].
        log_prior: [n_types] log prior probabilities; their sum over the table is one for the full table.
        temperature: tempering: temperature * logsumexp(log p / temperature) in place of logsumexp(log p).
        stay: probability that an edge is not drawn anew from window to window.
        absent: [receiver, n] True for rows of a per-receiver table to leave out (duplicates).
    """
    n_slots = form.cross.shape[-1] // (len(log_prior) - 1)
    field = table @ prior_columns(log_prior, n_slots) + n_slots * log_prior[0]
    if absent is not None:
        field = field.masked_fill(absent[:, None], -math.inf)
    field = field if table.dim() == 2 else field[:, 0]
    value, mean, rest, square = _LogEvidence.apply(
        form.gram, form.cross, form.square, table, field, level, log_prior.exp(), temperature, stay
    )
    noise = 0.5 * form.count.sum(1) * torch.log(2 * math.pi * level) + form.log_scale.sum(1)
    # Type 0 is summed by itself: 1 - sum of the others would lose what is below 1e-16.
    probability = torch.cat([rest[..., None], mean.unflatten(-1, (n_slots, -1))], -1)
    return Posterior(value - noise, probability, square)
