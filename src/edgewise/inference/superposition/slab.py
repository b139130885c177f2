"""Continuous strengths: whether each sender acts on a receiver, and how strongly.

In place of a few types, one law f and a strength of each pair's own:

    y_i = f_own(s_i) + sum_j s_ij w_ij f(s_j, s_i) + noise,    s_ij ~ Bernoulli(pi),    w_ij ~ N(0, 1)

the spike-and-slab prior (George & McCulloch 1993). The scale of f is fixed by that of w. For a set S of acting senders
the strengths are those of a Bayesian linear regression (Bishop 2006, section 3.5). With P = I + gram / level and
b = cross / level,

    log p(y | S) = -1/2 log|P_SS| + 1/2 b_S^T P_SS^-1 b_S - 1/2 square / level + const
    w_S | y, S ~ N(P_SS^-1 b_S, P_SS^-1)

Gaussian elimination goes through the senders one by one: a sender that acts is eliminated, with pivot p and right-hand
side h, and multiplies the evidence by p^-1/2 exp(h^2 / 2p); one that does not is left out. What is still to be
eliminated shrinks as the number of sets doubles, so that all 2^n sets together cost a few numbers each.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from edgewise.inference.superposition.model import QuadraticForm

SUBSETS = 1 << 12
"""Sets of acting senders a receiver up to which all are summed."""
CHUNK = 1 << 17
"""Sets looked at at once: bounds memory."""
LEVEL = 0.95
"""Posterior probability of an interval."""
BISECTIONS = 40
NEGLIGIBLE = 1e-7
"""Probability that quantiles may leave out, in components that hardly count."""


@dataclass(frozen=True)
class SlabMoments:
    """What is known of the strengths z = s w of receivers; leading dimension [receiver].

    Attributes:
        log_evidence: [receiver] log p(y), sets and strengths integrated out; carries the gradient.
        probability: [receiver, slot] that the sender acts; mean: E z; power: E z^2.
        square: [receiver] expected squared whitened residual.
    """

    log_evidence: Tensor
    probability: Tensor
    mean: Tensor
    power: Tensor
    square: Tensor


@dataclass(frozen=True)
class Mixture:
    """The marginal posterior of z = s w of a slot: a point mass at 0, and Gaussians where the sender acts.

    Attributes, all [..., component]:
        weight: probability of the component (the point mass has the rest); mean, variance: of w in it.
    """

    weight: Tensor
    mean: Tensor
    variance: Tensor

    @property
    def probability(self) -> Tensor:
        """[...] that the sender acts."""
        return self.weight.sum(-1).clamp(0, 1)

    def moments(self) -> tuple[Tensor, Tensor]:
        """E z and E z^2: [...] each."""
        power = self.variance + self.mean**2
        return (self.weight * self.mean).sum(-1), (self.weight * power).sum(-1)

    def below(self, x: Tensor) -> Tensor:
        """Probability that w is below x and the sender acts: [...]."""
        return (self.weight * torch.special.ndtr((x[..., None] - self.mean) / self.variance.sqrt())).sum(-1)

    def concentrated(self) -> "Mixture":
        """The likeliest components alone: all but a negligible part of the probability."""
        weight, order = self.weight.sort(dim=-1, descending=True)
        left = self.probability[..., None] - weight.cumsum(-1)
        count = int((left > NEGLIGIBLE).sum(-1).max()) + 1
        order = order[..., :count]
        return Mixture(weight[..., :count], self.mean.gather(-1, order), self.variance.gather(-1, order))

    def quantile(self, share: float) -> Tensor:
        """The smallest x with P(z <= x) >= share, by bisection; exactly 0 where the point mass is there: [...]."""
        none = 1 - self.probability
        reach = 9 * self.variance.sqrt()
        low = (self.mean - reach).amin(-1).clamp_max(0)
        high = (self.mean + reach).amax(-1).clamp_min(0)
        at_zero = self.below(torch.zeros_like(low))
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            less = self.below(middle) + none * (middle >= 0) < share
            low, high = torch.where(less, middle, low), torch.where(less, high, middle)
        return torch.where((at_zero < share) & (share <= at_zero + none), 0.0, high)


@dataclass(frozen=True)
class StrengthPosterior:
    """What is reported of every strength, all [..., receiver, slot] (or sender).

    Attributes:
        probability: that the sender acts; mean, deviation: of z = s w, the strength or 0 where nothing acts.
        low, high: ends of its central 95 % interval, which holds 0 unless the data say that the sender acts.
    """

    probability: Tensor
    mean: Tensor
    deviation: Tensor
    low: Tensor
    high: Tensor

    def map(self, function) -> "StrengthPosterior":
        """Apply a function to every part."""
        return StrengthPosterior(**{name: function(getattr(self, name)) for name in self.__annotations__})


def reported(mixture: Mixture) -> StrengthPosterior:
    """Moments and the central interval of a mixture."""
    mean, power = mixture.moments()
    likely, tail = mixture.concentrated(), (1 - LEVEL) / 2
    return StrengthPosterior(
        probability=mixture.probability,
        mean=mean,
        deviation=(power - mean**2).clamp_min(0).sqrt(),
        low=likely.quantile(tail),
        high=likely.quantile(1 - tail),
    )


def scaled(form: QuadraticForm, variance: Tensor) -> QuadraticForm:
    """The form of a law sqrt(variance) f: a slab of this variance under the law f."""
    return replace(form, gram=form.gram * variance, cross=form.cross * variance.sqrt())


def precision_and_linear(form: QuadraticForm, level: Tensor) -> tuple[Tensor, Tensor]:
    """P = I + gram / level and b = cross / level."""
    identity = torch.eye(form.gram.shape[-1], dtype=form.gram.dtype)
    return identity + form.gram / level, form.cross / level


def _with_and_without(
    precision: Tensor, linear: Tensor, log_weight: Tensor, log_odds: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Decide the first slot that is left: every set without it, then every set with it.

    Shapes: [receiver, set, left, left], [receiver, set, left], [receiver, set]; log_odds [receiver, 1]
    -> the same with one slot fewer and twice the sets.
    """
    pivot, first, row = precision[..., 0, 0], linear[..., 0], precision[..., 0, 1:]
    rest, rest_linear = precision[..., 1:, 1:], linear[..., 1:]
    scaled_row = row / pivot[..., None]
    with_it = rest - scaled_row[..., :, None] * row[..., None, :]
    gain = log_odds + 0.5 * (first**2 / pivot - pivot.log())
    return (
        torch.cat([rest, with_it], 1),
        torch.cat([rest_linear, rest_linear - scaled_row * first[..., None]], 1),
        torch.cat([log_weight, log_weight + gain], 1),
    )


def _decided(
    precision: Tensor, linear: Tensor, log_odds: Tensor, count: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Decide the first `count` slots: [receiver, n, n], [receiver, n] twice -> what is left, of 2^count sets."""
    state = precision[:, None], linear[:, None], torch.zeros_like(linear[:, :1])
    for slot in range(count):
        state = _with_and_without(*state, log_odds[:, slot : slot + 1])
    return state


def _log_sum(gram: Tensor, cross: Tensor, log_odds: Tensor, level: Tensor) -> Tensor:
    """log sum over sets S of exp(log odds of S + log p(y | S)), less what is the same for all sets: [receiver]."""
    identity = torch.eye(gram.shape[-1], dtype=gram.dtype)
    _, _, weight = _decided(identity + gram / level, cross / level, log_odds, gram.shape[-1])
    return weight.logsumexp(1)


def _derivatives(form: QuadraticForm, level: Tensor, odds: Tensor) -> tuple[Tensor, ...]:
    """The log sum, and the moments that its derivatives are:

    d / d log odds_j = P(s_j = 1),    d / d cross = E z / level,    d / d gram = -E z z^T / (2 level)
    """
    parts = []
    rows = max(1, CHUNK >> form.cross.shape[-1])
    for at in range(0, len(form.cross), rows):
        gram, cross = (x[at : at + rows].detach().clone().requires_grad_() for x in (form.gram, form.cross))
        log_odds = odds.expand_as(cross).clone().requires_grad_()
        with torch.enable_grad():
            total = _log_sum(gram, cross, log_odds, level)
            d_gram, d_cross, d_odds = torch.autograd.grad(total.sum(), (gram, cross, log_odds))
        second = -level * (d_gram + d_gram.transpose(-1, -2))  # whichever triangle was read
        parts.append((total.detach(), d_odds, level * d_cross, second))
    return tuple(torch.cat(part) for part in zip(*parts, strict=True))


def slab_moments(form: QuadraticForm, level: Tensor, log_prior: Tensor) -> SlabMoments:
    """Evidence and moments of the strengths, summed over all sets of acting senders.

    The gradient of the evidence is that of the expected log likelihood under the posterior (Fisher's identity), so
    nothing of the size of the table is kept for it.

    Args:
        form: leading dimension [receiver], one column a slot.
        level: noise variance, []; log_prior: [2] log probabilities of not acting and of acting.
    """
    n_slots = form.cross.shape[-1]
    total, probability, mean, second = _derivatives(form, level, log_prior[1] - log_prior[0])
    noise = 0.5 * form.count * torch.log(2 * math.pi * level) + form.log_scale
    square = form.square - 2 * (form.cross * mean).sum(-1) + (form.gram * second).sum((-1, -2))
    expected = -0.5 * square / level
    value = total + n_slots * log_prior[0] - 0.5 * form.square / level
    return SlabMoments(
        log_evidence=expected + (value - expected).detach() - noise,
        probability=probability.clamp(0, 1),
        mean=mean,
        power=second.diagonal(dim1=-1, dim2=-2).clamp_min(0),
        square=square.detach().clamp_min(0),
    )


@torch.no_grad()
def enumerated_mixture(form: QuadraticForm, level: Tensor, log_prior: Tensor, slot: int) -> Mixture:
    """The exact posterior of one slot: a component for every set of the others, [receiver, 2^(n - 1)].

    With the slot eliminated last, its pivot and right-hand side are those of its strength given the others' set.
    """
    precision, linear = precision_and_linear(form, level)
    n_slots = linear.shape[-1]
    order = torch.tensor([*(other for other in range(n_slots) if other != slot), slot])
    odds = log_prior[1] - log_prior[0]
    last, right, without = _decided(
        precision[:, order][:, :, order], linear[:, order], odds.expand_as(linear), n_slots - 1
    )
    pivot, first = last[..., 0, 0], right[..., 0]
    acting = without + odds + 0.5 * (first**2 / pivot - pivot.log())
    total = torch.cat([without, acting], 1).logsumexp(1, keepdim=True)
    return Mixture((acting - total).exp(), first / pivot, 1 / pivot)


@torch.no_grad()
def enumerated_strengths(form: QuadraticForm, level: Tensor, log_prior: Tensor) -> StrengthPosterior:
    """Moments and intervals of every strength, exactly: [receiver, slot] each."""
    n_slots = form.cross.shape[-1]
    rows = max(1, CHUNK >> n_slots)
    parts = []
    for at in range(0, len(form.cross), rows):
        some = form.map(lambda part, at=at: part[at : at + rows])
        slots = [reported(enumerated_mixture(some, level, log_prior, slot)) for slot in range(n_slots)]
        parts.append(joined(slots, dim=1, stack=True))
    return joined(parts)


def joined(parts: list[StrengthPosterior], dim: int = 0, *, stack: bool = False) -> StrengthPosterior:
    """Posteriors after each other along a dimension (a new one with `stack`)."""
    put = torch.stack if stack else torch.cat
    return StrengthPosterior(
        **{
            name: put([getattr(part, name) for part in parts], dim)
            for name in StrengthPosterior.__annotations__
        }
    )
