"""Time stamps as numbers."""

from __future__ import annotations

import numpy as np


def as_numbers(stamps: np.ndarray) -> tuple[np.ndarray, str | None]:
    """Numbers for time stamps of any numeric, date or duration type.

    Args:
        stamps: numbers (kept as they are), datetime64 (seconds since the earliest) or timedelta64 (seconds).

    Returns:
        The numbers, in the shape of `stamps` (NaN for NaT), and the unit if it is now known.

    Raises:
        TypeError: the stamps are of another type.
    """
    if stamps.dtype.kind in "iuf":
        return stamps, None
    if stamps.dtype.kind == "M":
        known = stamps[~np.isnat(stamps)]
        origin = known.min() if known.size else np.datetime64(0, "s")
        # no other form than "seconds since" is understood by every reader of CF files
        text = np.datetime_as_string(origin.astype("datetime64[us]"))
        return _seconds(stamps - origin), f"seconds since {text.removesuffix('.000000')}"
    if stamps.dtype.kind == "m":
        return _seconds(stamps), "s"
    raise TypeError(f"time stamps of type {stamps.dtype}")


def _seconds(spans: np.ndarray) -> np.ndarray:
    return spans / np.timedelta64(1, "s")
