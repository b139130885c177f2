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

from edgewise.inference.superposition.gain import inverse_gain
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
        inverse_gain: [receiver, window] expected h = 1 / gain where gains are profiled, else 1.
    """

    log_evidence: Tensor
    probability: Tensor
    square: Tensor
    inverse_gain: Tensor


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


def linear_and_quadratic(form: QuadraticForm, table: Tensor) -> tuple[Tensor, Tensor]:
    """cross . o and o^T gram o of every configuration of a table.

    Shapes: form [...]; table [n, columns], one for all, or [..., n, columns] -> [..., n] each.
    """
    linear = (table @ form.cross[..., None])[..., 0]
    if table.dim() == 2:
        pairs = (table[:, :, None] * table[:, None, :]).flatten(1)
        return linear, form.gram.flatten(-2) @ pairs.T
    return linear, ((table @ form.gram) * table).sum(-1)


def squared_cost(form: QuadraticForm, table: Tensor) -> Tensor:
    """|r - A^T o|^2 of every configuration of a table.

    Shapes: form [...]; table [n, columns], one for all, or [..., n, columns] -> [..., n].
    """
    linear, quadratic = linear_and_quadratic(form, table)
    return (form.square[..., None] - 2 * linear + quadratic).clamp_min(0.0)


@dataclass(frozen=True)
class Rules:
    """How configurations are weighed.

    Attributes:
        level: noise variance, [].
        prior: [n_types] prior probabilities.
        temperature: temperature * logsumexp(log p / temperature) in place of logsumexp(log p).
        stay: probability that an edge is not drawn anew from window to window.
        gain: whether the gain of every window is profiled, and the first column of the table always on.
        pooled: whether all windows have the same graph, so that their evidence is added up.
    """

    level: Tensor
    prior: Tensor
    temperature: float = 1.0
    stay: float = 0.5
    gain: bool = False
    pooled: bool = False


def _weighed(
    form: QuadraticForm, table: Tensor, field: Tensor, rules: Rules
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """log evidence [receiver]; weights, costs |h r - A^T o|^2 and h of every configuration, [receiver, window, n] each.

    Without profiled gains h is a single 1.
    """
    level = rules.level
    if rules.gain:
        linear, quadratic = linear_and_quadratic(form, table)
        h = inverse_gain(form, linear, level)
        cost = (h * (h * form.square[..., None] - 2 * linear) + quadratic).clamp_min(0.0)
        log_joint = form.count[..., None] * h.log() - 0.5 * cost / level
    else:
        h, cost = torch.ones((), dtype=form.square.dtype), squared_cost(form, table)
        log_joint = -0.5 * cost / level
    if rules.pooled:
        log_joint = log_joint.sum(1, keepdim=True)
    log_joint[:, 0] += field
    total, weights = forward_backward(log_joint / rules.temperature, rules.stay, rules.prior)
    return rules.temperature * total, weights.expand_as(cost), cost, h


class _LogEvidence(torch.autograd.Function):
    """log sum over configurations, with its gradient from posterior moments (h = 1 unless gains are profiled):

        d log p / d cross  =  E[h o] / level
        d log p / d gram   = -E[o o^T] / (2 level)
        d log p / d square = -E[h^2] / (2 level)

    so nothing of the size of the table outlives a chunk. (h maximises the likelihood, so that its own change counts for
    nothing.)
    """

    @staticmethod
    def forward(
        ctx: Any,
        gram: Tensor,
        cross: Tensor,
        square: Tensor,
        count: Tensor,
        table: Tensor,
        field: Tensor,
        rules: Rules,
    ) -> tuple[Tensor, ...]:
        shared = table.dim() == 2
        rows = max(1, CHUNK // (table.shape[-2] * cross.shape[1]))
        idle = 1 - table[..., int(rules.gain) :].unflatten(-1, (-1, len(rules.prior) - 1)).sum(-1)
        parts = []
        for at in range(0, len(cross), rows):
            part = slice(at, at + rows)
            own, unused, known = (x if shared else x[part] for x in (table, idle, field))
            form = QuadraticForm(gram[part], cross[part], square[part], square[part], count[part])
            total, weights, cost, h = _weighed(form, own, known, rules)
            mean = _expected(weights, own)
            scaled, gains = mean, (torch.ones_like(square[part]),) * 2
            if rules.gain:
                scaled = _expected(weights * h, own)
                gains = (weights * h).sum(-1), (weights * h**2).sum(-1)
            residual = (weights * cost).sum((-1, -2))
            parts.append(
                (total, mean, scaled, _second(weights, own), _expected(weights, unused), *gains, residual)
            )
        total, mean, scaled, second, rest, h, h_squared, cost = (
            torch.cat(p) for p in zip(*parts, strict=True)
        )
        ctx.save_for_backward(scaled, second, h_squared, rules.level)
        result = total, mean, rest, cost, h
        ctx.mark_non_differentiable(*result[1:])
        return result

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        scaled, second, h_squared, level = ctx.saved_tensors
        up = grads[0][:, None]
        d_gram = -0.5 / level * second * up[..., None, None]
        d_cross = scaled / level * up[..., None]
        d_square = -0.5 / level * h_squared * up
        return d_gram, d_cross, d_square, None, None, None, None


def _expected(weights: Tensor, values: Tensor) -> Tensor:
    """sum of weights * values over configurations: [..., n] and [n, c] or [..., n, c] -> [..., c]."""
    return weights @ values if values.dim() == 2 else (weights[..., None, :] @ values)[..., 0, :]


def _second(weights: Tensor, table: Tensor) -> Tensor:
    """E[o o^T]: [..., n] and [n, c] or [..., n, c] -> [..., c, c]."""
    if table.dim() == 2:
        pairs = (table[:, :, None] * table[:, None, :]).flatten(1)
        return (weights @ pairs).unflatten(-1, (table.shape[-1],) * 2)
    return (table * weights[..., None]).transpose(-1, -2) @ table


def posterior_over(
    form: QuadraticForm,
    table: Tensor,
    level: Tensor,
    log_prior: Tensor,
    *,
    temperature: float = 1.0,
    stay: float = 0.5,
    absent: Tensor | None = None,
    gain: bool = False,
    pooled: bool = False,
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
        gain: whether every window has a gain of its own; the form then has one column more, in front.
        pooled: whether all windows have one graph.
    """
    n_slots = table.shape[-1] // (len(log_prior) - 1)
    field = table @ prior_columns(log_prior, n_slots) + n_slots * log_prior[0]
    if absent is not None:
        field = field.masked_fill(absent[:, None], -math.inf)
    field = field if table.dim() == 2 else field[:, 0]
    if gain:
        table = torch.cat([torch.ones_like(table[..., :1]), table], -1)
    rules = Rules(level, log_prior.exp(), temperature, stay, gain, pooled)
    value, mean, rest, square, h = _LogEvidence.apply(
        form.gram, form.cross, form.square, form.count, table, field, rules
    )
    noise = 0.5 * form.count.sum(1) * torch.log(2 * math.pi * level) + form.log_scale.sum(1)
    # Type 0 is summed by itself: 1 - sum of the others would lose what is below 1e-16.
    probability = torch.cat([rest[..., None], mean[..., int(gain) :].unflatten(-1, (n_slots, -1))], -1)
    if pooled:
        probability = probability[:, :1]
    return Posterior(value - noise, probability, square, h)
