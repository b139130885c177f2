"""Where in a data set something is, in words."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr

from edgewise.data.roles import clock, features
from edgewise.data.wording import quoted


def names_of(ds: xr.Dataset, dim: str, which: Iterable[int], limit: int = 5) -> str:
    """The names of some entities or sequences: "'a', 'b', ... (3 more)"."""
    names = ds[dim].to_numpy()
    return quoted((names[k] for k in which), limit)


def in_sequence(ds: xr.Dataset, sequence: int) -> str:
    """ " of sequence 's'", or nothing where there is only one."""
    return "" if ds.sizes["sequence"] == 1 else f" of sequence '{ds['sequence'].to_numpy()[sequence]}'"


def at_frame(ds: xr.Dataset, sequence: int, frame: int) -> str:
    """ "frame 12 (t = 1.2)", the frames of a sequence counted from 0."""
    return f"frame {frame} (t = {clock(ds)[sequence, frame]:.10g})"


def seen(ds: xr.Dataset) -> np.ndarray:
    """Whether anything of an entity was observed: bool [sequence, time, entity]."""
    return np.logical_or.reduce([~np.isnan(ds[name].to_numpy()) for name in features(ds)])
