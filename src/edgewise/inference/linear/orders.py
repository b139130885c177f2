"""Graphs without cycles: the posterior over in-edges, summed over orders of the entities.

Where senders act within a frame, the conditional densities of all receivers make up a likelihood of the frame only if
no chain of such effects leads back to where it began: the determinant of the change of variables is then 1. A graph
without cycles has an order of the entities in which everyone's senders come before it. With w_i(S) the weight of the
set S of senders of i and a_i(P) its sum over all subsets of P, the sum over orders and graphs is

    sum over orders of  prod_i a_i( predecessors of i )

- Up to `EXACTLY` entities all orders are summed, by dynamic programming over sets of predecessors (Koivisto & Sood
  2004): f(P + i) += f(P) a_i(P), the same from behind, and the probability of a set of senders is w_i(S) times the sum
  over all P that hold S of f(P) b(P + i).
- Beyond, orders are drawn by Metropolis-Hastings (Friedman & Koller 2003).

Graphs that are consistent with many orders count as often: the prior is uniform over orders, not over graphs.
"""

import math

import numpy as np
import torch
from torch import Tensor

from edgewise.inference.linear.sets import inclusion, over_subsets, over_supersets

EXACTLY = 16
"""Entities up to which all orders are summed."""
CHAINS, SWEEPS, BURN_IN, EVERY = 4, 400, 100, 4
"""Markov chains over orders; moves of each entity, those that are thrown away, and how many lie between two draws."""


def acyclic_inclusion(weight: Tensor, candidates: Tensor, seed: int) -> Tensor:
    """Probability that each candidate acts, over graphs without cycles.

    Args:
        weight: [entity, 2^m] log weight of each set of candidates; candidates: [entity, m] int64.

    Returns: [entity, m].
    """
    if len(weight) <= EXACTLY:
        return inclusion(weight + order_factor(weight, candidates))
    return _sampled(weight, candidates, seed)


def order_factor(weight: Tensor, candidates: Tensor) -> Tensor:
    """log of what the other entities' orders leave to each set of senders of each entity: [entity, 2^m].

    Added to the log weights it gives the posterior over sets under graphs without cycles (up to a constant).
    """
    n = len(weight)
    everyone = (1 << n) - 1
    places = _as_sets_of_entities(candidates)  # [entity, 2^m]
    whole = torch.full((n, 1 << n), -math.inf, dtype=weight.dtype)
    peak = weight.amax(1, keepdim=True)
    whole = over_subsets(whole.scatter(1, places, weight - peak))
    before, behind = _forward(whole), _backward(whole)
    bits = 1 << torch.arange(n)
    sets = torch.arange(1 << n)
    rest = behind[(sets | bits[:, None]) & everyone]  # [entity, set]
    through = torch.where((sets & bits[:, None]) == 0, before + rest, -math.inf)
    return over_supersets(through).gather(1, places) - before[everyone]


def _as_sets_of_entities(candidates: Tensor) -> Tensor:
    """The sets of candidates as sets of entities: [entity, m] -> [entity, 2^m]."""
    places = torch.zeros(len(candidates), 1, dtype=torch.int64)
    for bit in (1 << candidates).unbind(1):
        places = torch.cat([places, places | bit[:, None]], 1)
    return places


def _layers(n: int) -> list[Tensor]:
    """The sets of n entities by their size."""
    size = torch.zeros(1, dtype=torch.int64)
    for _ in range(n):
        size = torch.cat([size, size + 1])
    return [(size == k).nonzero()[:, 0] for k in range(n + 1)]


def _forward(whole: Tensor) -> Tensor:
    """f of every set of predecessors: [2^n]; f(nobody) = 0 in logarithms."""
    n = len(whole)
    total = torch.full((1 << n,), -math.inf, dtype=whole.dtype)
    total[0] = 0.0
    for sets in _layers(n)[1:]:
        last = torch.full((n, len(sets)), -math.inf, dtype=whole.dtype)
        for i in range(n):
            held = (sets >> i) & 1 == 1
            earlier = sets[held] ^ (1 << i)
            last[i, held] = total[earlier] + whole[i, earlier]
        total[sets] = last.logsumexp(0)
    return total


def _backward(whole: Tensor) -> Tensor:
    """b of every set of predecessors, what is still to come: [2^n]; b(everyone) = 0."""
    n = len(whole)
    total = torch.full((1 << n,), -math.inf, dtype=whole.dtype)
    total[-1] = 0.0
    for sets in reversed(_layers(n)[:-1]):
        following = torch.full((n, len(sets)), -math.inf, dtype=whole.dtype)
        for i in range(n):
            open_ = (sets >> i) & 1 == 0
            following[i, open_] = whole[i, sets[open_]] + total[sets[open_] | (1 << i)]
        total[sets] = following.logsumexp(0)
    return total


def _sampled(weight: Tensor, candidates: Tensor, seed: int) -> Tensor:
    """The same by drawing orders: the mean over draws of the exact probabilities given an order."""
    allowed = over_subsets(weight).numpy()
    given = _inclusion_given_allowed(weight, allowed)
    members = candidates.numpy()
    rngs = np.random.default_rng(seed).spawn(CHAINS)
    parts = [_chain(allowed, given, members, rng) for rng in rngs]
    return torch.from_numpy(np.mean(parts, axis=0))


def _inclusion_given_allowed(weight: Tensor, allowed: np.ndarray) -> np.ndarray:
    """Probability that each candidate acts, if only those of a set may: [entity, 2^m, m]."""
    total, parts = torch.from_numpy(allowed), []
    number = torch.arange(weight.shape[1])
    for bit in range(weight.shape[1].bit_length() - 1):
        held = (number >> bit) & 1 == 1
        some = over_subsets(torch.where(held, weight, -math.inf))
        parts.append((some - total).exp())
    return torch.stack(parts, -1).numpy()


def _chain(
    allowed: np.ndarray, given: np.ndarray, members: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """One chain: an entity is moved to another place, or swapped with the next one; the mean of its draws [n, m]."""
    n, m = members.shape
    bits = 1 << np.arange(m)
    everyone = np.arange(n)

    def masks(place: np.ndarray, some: np.ndarray) -> np.ndarray:
        return ((place[members[some]] < place[some][:, None]) * bits).sum(1)

    order = rng.permutation(n)
    place = np.argsort(order)
    mask = masks(place, everyone)
    score = allowed[everyone, mask]
    mean, count = np.zeros((n, m)), 0
    for sweep in range(SWEEPS):
        for _ in range(n):
            at = int(rng.integers(n))
            to = int(rng.integers(n)) if rng.random() < 0.5 else min(at + 1, n - 1)
            moved = np.insert(np.delete(order, at), to, order[at])
            low, high = min(at, to), max(at, to)
            some, new_place = moved[low : high + 1], place.copy()
            new_place[some] = np.arange(low, high + 1)
            new_mask = masks(new_place, some)
            gain = allowed[some, new_mask].sum() - score[some].sum()
            if np.log(rng.random()) < gain:
                order, place = moved, new_place
                mask[some], score[some] = new_mask, allowed[some, new_mask]
        if sweep >= BURN_IN and sweep % EVERY == 0:
            mean += given[everyone, mask]
            count += 1
    return mean / count
