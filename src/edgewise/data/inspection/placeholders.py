"""Does a number stand for a value that is missing?"""

from __future__ import annotations

import numpy as np
import xarray as xr

from edgewise.data.roles import features

PLACEHOLDERS = tuple(sign * size for size in (99.0, 999.0, 9999.0, 99999.0, 999999.0) for sign in (-1.0, 1.0))
"""Numbers that programs write where nothing was measured."""
APART = 3.0
"""How many times the range of all other values such a number must lie away from them."""


def placeholder_notes(ds: xr.Dataset) -> list[str]:
    """Features with a number such as -999, twice or more, far from all their other values."""
    notes = []
    for name in features(ds):
        values = ds[name].to_numpy()
        for mark in {float(np.nanmin(values)), float(np.nanmax(values))} & set(PLACEHOLDERS):
            marked = values == mark
            others = np.where(marked, np.nan, values)
            if marked.sum() < 2 or np.isnan(others).all():
                continue
            low, high = float(np.nanmin(others)), float(np.nanmax(others))
            if min(abs(mark - low), abs(mark - high)) > APART * (high - low):
                notes.append(
                    f"'{name}' is {mark:g} in {int(marked.sum()):,} places, and from {low:.4g} to {high:.4g} everywhere"
                    " else: it seems to stand for a value that is missing. Leave such cells empty, or set them to NaN."
                )
    return notes
