"""Which type of one fit is which type of another: types have no names, only laws."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from edgewise.inference.layers import joint_types


def aligned_types(
    reference: np.ndarray, other: np.ndarray, *, idle: bool, layers: Sequence[int] = ()
) -> tuple[int, ...]:
    """The type of `other` that goes with each type of `reference`, by the best one-to-one assignment.

    The assignment maximises the expected number of pairs on which the two agree,

        sum over pairs of sum_k reference(k) other(order_k)

    Args:
        reference, other: probabilities of the same pairs, [..., type].
        idle: whether type 0 means "no interaction" in both, so that it stays.
        layers: sizes of the layers whose joint types these are; then only types of a layer, and layers of one size, may
            change places.
    """
    n_types = reference.shape[-1]
    votes = reference.reshape(-1, n_types).T @ other.reshape(-1, n_types)
    if layers:
        rows = np.arange(n_types)
        return max(layered_orders(layers, idle=idle), key=lambda order: votes[rows, list(order)].sum())
    first = int(idle)
    _, columns = linear_sum_assignment(votes[first:, first:], maximize=True)
    return tuple(range(first)) + tuple(int(column) + first for column in columns)


def layered_orders(layers: Sequence[int], *, idle: bool) -> Iterator[tuple[int, ...]]:
    """All orders of joint types that rename types within layers and exchange layers of one size.

    Args:
        idle: whether the first type of every layer stays the first.
    """
    types = joint_types(layers)
    number = {kinds: k for k, kinds in enumerate(types)}
    for places in itertools.permutations(range(len(layers))):
        if any(layers[place] != size for place, size in zip(places, layers, strict=True)):
            continue
        renamings = itertools.product(*(itertools.permutations(range(size)) for size in layers))
        for renaming in renamings:
            if idle and any(names[0] != 0 for names in renaming):
                continue
            yield tuple(
                number[tuple(names[kinds[place]] for names, place in zip(renaming, places, strict=True))]
                for kinds in types
            )
