"""Multiplex graphs: several independent relations between the same entities, whose effects add up.

With layers of K_1, K_2, ... types, a pair has one type of each, and its joint type is one of K_1 K_2 ...; the laws are
tied (factorised NRI, Webb et al. 2019, section 3):

    f_(a, b, ...) = f_0 + g_a + h_b + ...,    g_0 = h_0 = ... = 0

so that 1 + sum (K_l - 1) laws are learnt. Joint types are numbered with the last layer fastest.
"""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

EXHAUSTIVE = 5040
"""Arrangements up to which all are tried; of more, the best of a search."""
RESTARTS = 20


def joint_types(layers: Sequence[int]) -> list[tuple[int, ...]]:
    """The type in each layer of every joint type."""
    return list(itertools.product(*(range(size) for size in layers)))


def combination(layers: Sequence[int]) -> Tensor:
    """Which laws make up each joint type: [joint type, 1 + sum (K_l - 1)] of zeros and ones, the first column f_0."""
    rows = []
    for types in joint_types(layers):
        row = [1.0]
        for kind, size in zip(types, layers, strict=True):
            row += [float(kind == k) for k in range(1, size)]
        rows.append(row)
    return torch.tensor(rows)


def misfit(rows: np.ndarray, combined: np.ndarray) -> float:
    """Squared distance of the laws of joint types (rows, in any coordinates) from any that are tied."""
    return float(((rows - combined @ (np.linalg.pinv(combined) @ rows)) ** 2).sum())


def arranged(rows: np.ndarray, layers: Sequence[int], seed: int = 0) -> np.ndarray:
    """An order of laws [joint type, coordinate] in which they are nearest to tied ones: [joint type] int64.

    All orders are tried up to seven joint types; beyond, exchanges of two from several starts, as long as they help.
    """
    combined, n = combination(layers).double().numpy(), math.prod(layers)
    if math.factorial(n) <= EXHAUSTIVE:
        orders = itertools.permutations(range(n))
        return np.array(min(orders, key=lambda order: misfit(rows[list(order)], combined)))
    rng = np.random.default_rng(seed)
    found = [_exchanged(rows, combined, rng.permutation(n)) for _ in range(RESTARTS)]
    return min(found, key=lambda order: misfit(rows[order], combined))


def _exchanged(rows: np.ndarray, combined: np.ndarray, order: np.ndarray) -> np.ndarray:
    best, better = misfit(rows[order], combined), True
    while better:
        better = False
        for a, b in itertools.combinations(range(len(order)), 2):
            tried = order.copy()
            tried[[a, b]] = order[[b, a]]
            value = misfit(rows[tried], combined)
            if value < best - 1e-12:
                best, order, better = value, tried, True
    return order


def from_origin(weakest: int, layers: Sequence[int]) -> list[int]:
    """A renaming of the types within each layer that makes the joint type `weakest` the first one: [joint type]."""
    types = joint_types(layers)
    swapped = [
        tuple(
            w if kind == 0 else 0 if kind == w else kind for kind, w in zip(each, types[weakest], strict=True)
        )
        for each in types
    ]
    return [types.index(each) for each in swapped]
