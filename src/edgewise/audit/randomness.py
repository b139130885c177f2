"""Whether a module answers the same to the same, and each sample for itself."""

from dataclasses import dataclass
from typing import Any

import torch

from edgewise.audit.estimate import relative_error, variation, word
from edgewise.audit.subject import Given, Subject


@dataclass(frozen=True)
class Randomness:
    """What two passes on the same inputs, and a pass on half of them, show.

    Attributes:
        random: whether two passes in evaluation mode differ by more than rounding.
        spread: the relative difference of two passes.
        mixes_batch: whether an answer depends on the other samples of its batch (normalisation by batches, say).
    """

    random: bool
    spread: float
    mixes_batch: bool

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {"random": self.random, "spread": self.spread, "mixes_batch": self.mixes_batch}


@torch.no_grad()
def randomness(subject: Subject, given: Given) -> Randomness:
    """Two passes with different states of torch's generator; then the first half of the batch alone."""
    first = subject.answer(given, seed=subject.seed).double()
    second = subject.answer(given, seed=subject.seed + 1).double()
    varied = variation(first).flatten(1).sum(1)
    found = relative_error(
        (first - second).square().flatten(1).sum(1), varied, subject.precision, subject.seed
    )
    random = word(found.error, subject.precision) != "exact"
    half = len(given.x) // 2
    alone = subject(given[0:half]) - first[:half]
    apart = relative_error(alone.square().flatten(1).sum(1), varied[:half], subject.precision, subject.seed)
    return Randomness(random, found.error, not random and word(apart.error, subject.precision) != "exact")
