"""Batches as a function of the seed and the step."""

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor


@lru_cache(maxsize=4)
def _permutation(seed: int, epoch: int, size: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch]).permutation(size)


def batch_indices(seed: int, step: int, size: int, batch_size: int) -> Tensor:
    """The batch of a step: [batch_size] int64, a pure function of its arguments.

    Every epoch is a permutation of all items; batches run on over its end.
    """
    batch_size = min(batch_size, size)
    places = np.arange(step * batch_size, (step + 1) * batch_size)
    picked = [_permutation(seed, int(place // size), size)[place % size] for place in places]
    return torch.from_numpy(np.asarray(picked, dtype=np.int64))
