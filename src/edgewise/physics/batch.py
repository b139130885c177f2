"""Simulating many systems at once: every array operation runs over a block of systems that fits the cache.

Inside a block the systems stand last, `[..., system]`, so that each operation is one long vector loop
whatever the number of entities. Blocks are padded to whole vector lanes and run in threads (NumPy
releases the interpreter lock inside its loops). No operation mixes systems, hence a system's trajectory
depends neither on how many others were asked for nor on the number of threads.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LANES = 8  # float64 values in the widest vector register: a narrower block could take another code path
WIDEST_BLOCK = 512
CACHE_BYTES = 2**18  # for one array [receiver, sender, system]; two or three of them share the cache
NARROW_BLOCK = 128  # below this the calls cost more than a spilt cache does,
MEMORY_BYTES = 2**24  # unless the array would grow beyond this


def simulate_blocks(
    simulate: Callable[..., tuple[Floats, ...]], *arrays: NDArray, pairs: int | None = None
) -> tuple[Floats, ...]:
    """Apply `simulate` to blocks of systems and put the results together again.

    Args:
        simulate: takes an array `[entity, ..., system]` for each of `arrays`, returns arrays `[..., system]`.
        arrays: `[system, entity, ...]`.
        pairs: of entities that `simulate` visits in each system; all of them if not given.

    Returns:
        What `simulate` returns, as `[system, ...]`.
    """
    n_systems, n_entities = arrays[0].shape[:2]
    width = block_width(n_entities**2 if pairs is None else pairs)
    starts = range(0, n_systems, width)

    results: list[Floats] = []
    first = Lock()

    def run(start: int) -> None:
        block = slice(start, min(start + width, n_systems))
        found = simulate(*(_systems_last(array[block]) for array in arrays))
        with first:
            if not results:
                results.extend(np.empty((n_systems, *array.shape[:-1])) for array in found)
        for array, result in zip(found, results, strict=True):
            _put_systems_first(array, result[block])

    with ThreadPoolExecutor(min(os.cpu_count() or 1, len(starts))) as threads:
        list(threads.map(run, starts))
    return tuple(results)


def block_width(pairs: int) -> int:
    """Systems in a block, in whole lanes: as many as the cache holds pairs of, within reason."""
    pairs_bytes = 8 * pairs
    fits = max(CACHE_BYTES // pairs_bytes, min(NARROW_BLOCK, MEMORY_BYTES // pairs_bytes))
    return max(LANES, min(WIDEST_BLOCK, fits) // LANES * LANES)


def _put_systems_first(array: Floats, result: Floats) -> None:
    """`[..., system]` -> `[system, ...]`, without the padding, in pieces that fit the cache."""
    rows = array.reshape(-1, array.shape[-1])
    out = result.reshape(len(result), -1)
    piece = max(1, CACHE_BYTES // (8 * rows.shape[-1]))
    for start in range(0, len(rows), piece):
        out[:, start : start + piece] = rows[start : start + piece, : len(result)].T


def _systems_last(array: NDArray) -> NDArray:
    """`[system, ...]` -> `[..., system]`, the last system repeated up to whole lanes."""
    padding = -len(array) % LANES
    padded = np.concatenate([array, np.repeat(array[-1:], padding, axis=0)])
    return np.ascontiguousarray(np.moveaxis(padded, 0, -1))
