"""The evidence of every set of senders, coefficients and noise integrated out.

For a receiver with own terms projected out, senders' columns A, targets y and a set S of senders that act,

    y | S ~ N(A_S w, sigma^2),    w ~ N(0, sigma^2 T),    p(sigma^2) ~ 1 / sigma^2
    log p(y | S) = -1/2 log|I + T_S G_SS| - D/2 log( |y|^2 - b_S^T (T_S^-1 + G_SS)^-1 b_S ) + const

with G = A^T A, b = A^T y and T diagonal (Bayesian linear regression with the conjugate prior; O'Hagan & Forster 2004,
chapter 11; spike and slab: George & McCulloch 1993). Gaussian elimination, one sender after the other, goes through all
sets: what
is left to eliminate shrinks as the number of sets doubles.

A set is a number: bit c is set where candidate c acts. Sums over subsets and supersets are the zeta transforms of that
lattice (Yates 1937), in logarithms.
"""

import math
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from edgewise.inference.linear.rows import Regressions

LEAST_NOISE = 1e-9
"""Share of a receiver's motion that is noise at least: a perfect fit is not infinitely likely."""


def log_evidence(found: Regressions, candidates: Tensor, variance: Tensor) -> Tensor:
    """log p(y | S) of every set of candidates, less what is the same for all: [receiver, 2^candidates].

    Args:
        found: the regressions of a recording; candidates: [receiver, m] int64 senders.
        variance: [column] of a coefficient in units of that of the noise.
    """
    found = found.scaled(variance.sqrt())
    n, m = candidates.shape
    rows = torch.arange(n)[:, None]
    gram = found.gram[rows, candidates]  # [receiver, m, column, sender, column]
    index = candidates[:, None, None, :, None].expand(*gram.shape[:3], m, gram.shape[-1])
    gram = gram.gather(3, index)
    q = gram.shape[2]
    precision = gram.reshape(n, 1, m * q, m * q) + torch.eye(m * q, dtype=gram.dtype)
    linear = found.cross[rows, candidates].reshape(n, 1, m * q, -1)
    state = _State(precision, linear, gram.new_zeros(n, 1), found.square[:, None])
    for _ in range(m):
        state = state.without(q).joined(state.eliminated(q))
    floor = LEAST_NOISE * found.square[:, None] + 1e-300
    residual = torch.maximum(state.square, floor).log() * found.count[:, None]
    explained = (found.count > 0).sum(1, keepdim=True)  # each feature has coefficients of its own
    return -0.5 * (state.log_det * explained + residual.sum(-1))


@dataclass(frozen=True)
class _State:
    """What is left to eliminate, for each set of the candidates so far.

    precision: [receiver, set, left, left]; linear: [receiver, set, left, feature]; log_det: [receiver, set]; square:
        [receiver, set, feature] what is not explained.
    """

    precision: Tensor
    linear: Tensor
    log_det: Tensor
    square: Tensor

    def without(self, q: int) -> "_State":
        """The first q columns left out."""
        return replace(self, precision=self.precision[..., q:, q:], linear=self.linear[..., q:, :])

    def eliminated(self, q: int) -> "_State":
        """The first q columns let in, one after the other (Gaussian elimination)."""
        state = self
        for _ in range(q):
            pivot, row = state.precision[..., 0, 0], state.precision[..., 0, 1:]
            first, share = state.linear[..., 0, :], row / pivot[..., None]
            state = _State(
                state.precision[..., 1:, 1:] - share[..., :, None] * row[..., None, :],
                state.linear[..., 1:, :] - share[..., :, None] * first[..., None, :],
                state.log_det + pivot.log(),
                state.square - first.square() / pivot[..., None],
            )
        return state

    def joined(self, other: "_State") -> "_State":
        """The sets of both."""
        return _State(*(torch.cat([getattr(self, f.name), getattr(other, f.name)], 1) for f in fields(self)))


def sizes(m: int) -> Tensor:
    """How many candidates each set of m holds: [2^m] float64."""
    size = torch.zeros(1, dtype=torch.float64)
    for _ in range(m):
        size = torch.cat([size, size + 1])
    return size


def with_prior(evidence: Tensor, share: float) -> Tensor:
    """log p(y | S) + log prior of S, every candidate acting with probability `share`: [..., 2^m]."""
    size, m = sizes(evidence.shape[-1].bit_length() - 1), evidence.shape[-1].bit_length() - 1
    return evidence + size * math.log(share) + (m - size) * math.log1p(-share)


def _by_bit(values: Tensor, bit: int) -> tuple[Tensor, Tensor]:
    """The values of sets without and with a candidate: [..., 2^m] -> views [..., 2^(m - bit - 1), 2^bit] each."""
    pairs = values.unflatten(-1, (-1, 2, 1 << bit))
    return pairs[..., 0, :], pairs[..., 1, :]


def over_subsets(values: Tensor) -> Tensor:
    """log of the sum over all subsets of each set: [..., 2^m] -> the same."""
    for bit in range(values.shape[-1].bit_length() - 1):
        without, with_it = _by_bit(values, bit)
        values = torch.stack([without, torch.logaddexp(without, with_it)], -2).flatten(-3)
    return values


def over_supersets(values: Tensor) -> Tensor:
    """log of the sum over all sets that hold each set: [..., 2^m] -> the same."""
    for bit in range(values.shape[-1].bit_length() - 1):
        without, with_it = _by_bit(values, bit)
        values = torch.stack([torch.logaddexp(without, with_it), with_it], -2).flatten(-3)
    return values


def inclusion(weight: Tensor) -> Tensor:
    """Probability that each candidate acts, of log weights of the sets: [..., 2^m] -> [..., m]."""
    log_odds = []
    for bit in range(weight.shape[-1].bit_length() - 1):
        without, with_it = _by_bit(weight, bit)
        log_odds.append(with_it.flatten(-2).logsumexp(-1) - without.flatten(-2).logsumexp(-1))
    return torch.stack(log_odds, -1).sigmoid()
