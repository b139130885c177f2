"""Were the entities seen often enough?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from edgewise.data.inspection.places import seen
from edgewise.data.roles import clock
from edgewise.data.wording import listing


def presence_notes(ds: xr.Dataset, needed: int, *, shared: bool) -> list[str]:
    """The entities of which a graph has one change of motion to explain, or none.

    Args:
        needed: frames in a row that one change takes.
        shared: whether one graph is sought for all sequences; otherwise the sequence with the most changes counts.
    """
    changes, runs = changes_seen(seen(ds), needed)
    counts = changes.sum(axis=0) if shared else changes.max(axis=0)
    brief = np.flatnonzero(counts <= 1)
    if not brief.size:
        return []
    names = ds["entity"].to_numpy()
    said = listing((f"'{names[k]}' ({runs[k]})" for k in brief), 5)
    return [
        f"{len(brief):,} of {len(counts):,} entities are seen too briefly; the most frames in a row: {said}. One change"
        f" of motion takes {needed}. With one change, what is said of them rests on that alone; with none, their"
        " probabilities are the prior's. Leave them out, or fill in what was lost between their frames"
        " (edgewise.data.resample)."
    ]


def changes_seen(known: np.ndarray, needed: int) -> tuple[np.ndarray, np.ndarray]:
    """How often each entity was seen in `needed` frames in a row, and in how many frames in a row at most.

    Args:
        known: bool [sequence, time, entity].

    Returns:
        int [sequence, entity], int [entity].
    """
    changes = np.zeros((known.shape[0], known.shape[2]), dtype=np.int64)
    run, longest = np.zeros_like(changes), np.zeros_like(changes)
    for frame in range(known.shape[1]):
        run = (run + 1) * known[:, frame]
        changes += run >= needed
        np.maximum(longest, run, out=longest)
    return changes, longest.max(axis=0)


def size_notes(ds: xr.Dataset, candidates: int) -> list[str]:
    """That there are more entities than frames, where all of them may act on each."""
    n_entities = ds.sizes["entity"]
    n_frames = int(np.isfinite(clock(ds)).sum())
    n_candidates = min(candidates or n_entities - 1, n_entities - 1)
    if n_entities <= n_frames or n_candidates < n_frames // 2:
        return []
    return [
        f"There are more entities than frames: {n_entities:,} and {n_frames:,}. So few frames cannot tell"
        f" {n_candidates:,} possible senders of a receiver apart. Name fewer candidates (--neighbours), group the"
        " entities, record longer, or ask for edges that stand out from chance only (--fdr 0.1)."
    ]
