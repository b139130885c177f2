"""The posterior over graphs of a data set under a linear law, and the two numbers that it hangs on."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.inference.linear.choice import Candidates, all_others, choose
from edgewise.inference.linear.orders import acyclic_inclusion
from edgewise.inference.linear.rows import Regressions, Series, Terms, regressions
from edgewise.inference.linear.sets import inclusion, log_evidence, with_prior

SUMMED = 15
"""Senders up to which all are candidates."""
CHOSEN = 12
"""Candidates of each receiver where there are more senders."""
SCALES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Variances of a coefficient, in units of the noise's, that are compared."""
LOOKED_AT, STRONGEST = 4, 6
"""Recordings on which they are, and candidates of each receiver there."""
SHARES = (1e-3, 0.5)
"""Ends of the estimated share of pairs that act."""
STEPS = 30


@dataclass(frozen=True)
class Evidence:
    """What the data say about one graph, the prior left out.

    Attributes:
        log: [receiver, 2^m] log evidence of every set of candidates, up to a constant; candidates: who they are.
        heard: [receiver, sender] whether the sender was there to be heard, in any recording.
    """

    log: Tensor
    candidates: Candidates
    heard: Tensor


def evidence_of(data: Sequence[Series], terms: Terms, tau: Tensor) -> Evidence:
    """The evidence of recordings that have one graph; the coefficients are each recording's own.

    Args:
        tau: [2] variance of a coefficient, within a frame and later, in units of that of the noise.
    """
    n = data[0].n_entities
    found = (regressions(series, terms) for series in data)
    if n - 1 <= SUMMED:  # one recording after the other, so that many take no more memory than one
        return _added(found, all_others(n), terms, tau)
    every = list(found)
    variance = terms.variances(tau, every[0].gram.shape[2])
    return _added(every, choose(every, variance, CHOSEN), terms, tau)


def _added(found: Iterable[Regressions], candidates: Candidates, terms: Terms, tau: Tensor) -> Evidence:
    n = len(candidates.senders)
    heard, total = torch.zeros(n, n, dtype=torch.bool), torch.zeros((), dtype=torch.float64)
    for one in found:
        variance = terms.variances(tau, one.gram.shape[2])
        total = total + log_evidence(one, candidates.senders, variance)
        heard |= one.heard
    return Evidence(total, candidates, heard)


def posterior_of(evidence: Evidence, share: float, *, acyclic: bool, seed: int) -> Tensor:
    """Probability that each sender acts: [receiver, sender], 0 on the diagonal.

    A sender that is no candidate is weighed alone, all candidates acting; one that was never there keeps the prior.
    """
    weight, candidates = with_prior(evidence.log, share), evidence.candidates
    among = acyclic_inclusion(weight, candidates.senders, seed) if acyclic else inclusion(weight)
    alone = (candidates.gain + math.log(share) - math.log1p(-share)).sigmoid()
    dense = alone.scatter(1, candidates.senders, among)
    dense = torch.where(evidence.heard, dense, share)
    return dense.fill_diagonal_(0.0)


def estimated_share(found: Sequence[Evidence]) -> float:
    """The share of pairs that act: expectation-maximisation over all sets, cycles allowed."""
    share = 0.1
    for _ in range(STEPS):
        acting = sum(float(inclusion(with_prior(one.log, share)).sum()) for one in found)
        pairs = sum(one.log.shape[0] * (one.log.shape[0] - 1) for one in found)
        share = min(max(acting / pairs, SHARES[0]), SHARES[1])
    return share


def estimated_scales(data: Sequence[Series], terms: Terms, share: float) -> Tensor:
    """The variances of coefficients [2], within a frame and later, under which a few recordings are likeliest.

    Each of these has a graph of its own, of the strongest candidates; one variance after the other is chosen from
    `SCALES`, twice.
    """
    step = max(len(data) // LOOKED_AT, 1)
    some = [regressions(series, terms) for series in data[::step][:LOOKED_AT]]
    begin = torch.full((2,), 0.1, dtype=torch.float64)
    n, n_columns = len(some[0].square), some[0].gram.shape[2]
    few = [choose([one], terms.variances(begin, n_columns), min(STRONGEST, n - 1)).senders for one in some]

    def total(tau: tuple[float, float]) -> float:
        variance = terms.variances(torch.tensor(tau, dtype=torch.float64), n_columns)
        logs = (log_evidence(one, senders, variance) for one, senders in zip(some, few, strict=True))
        return sum(float(with_prior(log, share).logsumexp(1).sum()) for log in logs)

    within, later = 0.1, 0.1
    for _ in range(2 if terms.instantaneous else 1):
        if terms.instantaneous:
            within = max(SCALES, key=lambda one: total((one, later)))
        later = max(SCALES, key=lambda one: total((within, one)))
    return torch.tensor((within, later), dtype=torch.float64)
