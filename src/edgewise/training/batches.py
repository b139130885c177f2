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


class TokenBatches:
    """Batches of sequences of about the same length, each with at most so many tokens, padding included.

    Every epoch the sequences are shuffled and then sorted by length, so batches hold other neighbours each time, and
    come in another order. How many there are depends on the lengths alone. A batch is a function of the seed and the
    step; a sequence that alone has more tokens is a batch of its own.

    Args:
        lengths: [n] of the sequences (of a pair: the longer one); tokens: most a batch; seed: decides the shuffling.
    """

    def __init__(self, lengths: np.ndarray, tokens: int, seed: int) -> None:
        self.lengths, self.seed = np.asarray(lengths), seed
        cuts, first = [0], 0
        for place, length in enumerate(np.sort(self.lengths)):  # the longest of a batch is its last one
            if place > first and length * (place + 1 - first) > tokens:
                cuts.append(place)
                first = place
        self.cuts = [*cuts, len(self.lengths)]

    def __len__(self) -> int:
        """Batches an epoch."""
        return len(self.cuts) - 1

    def __call__(self, step: int) -> np.ndarray:
        """The sequences of a step: indices."""
        epoch, place = divmod(step, len(self))
        sorted_, order = self._epoch(epoch)
        batch = order[place]
        return sorted_[self.cuts[batch] : self.cuts[batch + 1]]

    @lru_cache(maxsize=2)  # noqa: B019  one epoch is asked for many times, then never again
    def _epoch(self, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        """All sequences sorted, and the order of the batches."""
        rng = np.random.default_rng([self.seed, epoch])
        shuffled = rng.permutation(len(self.lengths))
        return shuffled[np.argsort(self.lengths[shuffled], kind="stable")], rng.permutation(len(self))
