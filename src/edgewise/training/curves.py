"""What a learning curve says: that it has come to rest, or turned."""

from collections.abc import Sequence

import numpy as np


def settled(values: Sequence[float], window: int, tolerance: float) -> bool:
    """Whether a rising curve has come to rest: the medians of its last two windows differ by less than `tolerance`."""
    if len(values) < 2 * window:
        return False
    before, last = np.median(values[-2 * window : -window]), np.median(values[-window:])
    return bool(last - before < tolerance)
