"""Two folds: each half of the data is judged by a law that was fitted on the other half.

A law that has seen a pair explains some of its noise by the sender that was there, the more so the fewer data there
are. No decoy was there, so for a law that was fitted on the same frames every sender looks better than its decoys,
acting or not. Cross-fitting takes that advantage away (Chernozhukov et al. 2018).
"""

from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from edgewise.errors import DataError
from edgewise.inference.observations import Observations, renumbered

LEAST_FRAMES = 4
"""Transitions that each half of a single recording must have."""
APART = 2
"""Transitions between the halves of a single recording that belong to none, beside those that lags reach over."""

ENOUGH = 20
"""Recordings from which on some are held out."""
SHARE, MOST_HELD_OUT = 10, 100
"""One recording in so many is held out; at most so many are."""


@dataclass(frozen=True)
class FoldedObservations(Observations):
    """Observations and the fold of each frame: fold [stretch, time] int64, 0 or 1, or -1 for neither."""

    fold: Tensor


def two_folds(data: Observations, *, lags: int = 0, seed: int = 0) -> FoldedObservations:
    """Halve a data set: recordings at random, or one recording in the middle of its observed time.

    Args:
        data: as `observe` gives them: all stretches of a recording after each other.
        lags: earlier frames that a state holds; so many more transitions belong to neither half.

    Raises:
        DataError: for one recording that is too short to be halved.
    """
    n_recordings, length = int(data.sequence.max()) + 1, data.target.shape[1]
    if n_recordings > 1:
        order = torch.from_numpy(np.random.default_rng(seed).permutation(n_recordings))
        fold = (order % 2)[data.sequence][:, None].expand(-1, length).clone()
    else:
        used = data.weight.amax((2, 3)).flatten().nonzero()[:, 0]
        first, last = (int(used[0]), int(used[-1])) if len(used) else (0, 0)
        apart = APART + lags
        middle = (first + last + 1) // 2
        if min(middle - first, last + 1 - middle - apart) < LEAST_FRAMES:
            raise DataError(
                f"one recording of {last + 1 - first} transitions, which cannot be halved",
                expected=f"at least {2 * LEAST_FRAMES + apart} transitions, or several recordings",
                fix="use longer recordings, or switch fdr off",
            )
        frame = torch.arange(len(data) * length)
        fold = torch.where(frame < middle, 0, torch.where(frame < middle + apart, -1, 1)).reshape(-1, length)
    return FoldedObservations(**{f.name: getattr(data, f.name) for f in fields(data)}, fold=fold)


def only_fold(data: FoldedObservations, fold: int) -> Observations:
    """The stretches that have frames of a fold, all other frames with weight 0."""
    inside = data.fold == fold
    masked = replace(data, weight=data.weight * inside[:, :, None, None])
    part = masked[inside.any(1).nonzero()[:, 0]]
    return Observations(**{f.name: getattr(part, f.name) for f in fields(Observations)})


def hold_out(data: Observations, seed: int) -> tuple[Observations, Observations | None]:
    """Recordings to fit on, and a tenth (at most 100) to measure on; the latter None where there are fewer than 20.

    Both are numbered from 0 on.
    """
    n_recordings = int(data.sequence.max()) + 1
    if n_recordings < ENOUGH:
        return data, None
    count = min(n_recordings // SHARE, MOST_HELD_OUT)
    chosen = torch.from_numpy(np.random.default_rng(seed).permutation(n_recordings)[:count])
    out = torch.isin(data.sequence, chosen)
    return renumbered(data[(~out).nonzero()[:, 0]]), renumbered(data[out.nonzero()[:, 0]])
