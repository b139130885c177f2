"""Are all entities sampled at one rate?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from edgewise.data.inspection.places import names_of, seen
from edgewise.data.roles import clock

REGULAR = 0.9
"""Share of the distances between an entity's frames that are one number, if it has a slower rate and lost nothing."""


def rate_notes(ds: xr.Dataset) -> list[str]:
    """Entities that are seen in every second frame, every third, ...: they have a slower clock than the others."""
    known = seen(ds)
    every = np.array([_frames_apart(known[..., entity]) for entity in range(known.shape[-1])])
    slow = np.flatnonzero(every > 1)
    if not slow.size:
        return []
    steps = np.diff(clock(ds), axis=1)
    longest = int(every[slow].max())
    step = longest * float(np.median(steps[np.isfinite(steps)]))
    first = int(slow[0])
    return [
        f"Entities are sampled at different rates: {names_of(ds, 'entity', slow)} (the first: seen in one of"
        f" {every[first]} frames). A change of motion takes frames in a row, so none of theirs is explained, and"
        " those of others only where all are seen. Put them on the slowest clock: `edgewise convert --resample"
        f" {step:.4g}` (edgewise.data.resample)."
    ]


def _frames_apart(known: np.ndarray) -> int:
    """How many frames apart an entity is seen, if that is always the same: bool [sequence, time]; else 0."""
    distances = np.concatenate([np.diff(np.flatnonzero(own)) for own in known])
    if len(distances) < 2:
        return 0
    usual = int(np.median(distances))
    return usual if (distances == usual).mean() >= REGULAR else 0
