"""Bridging short gaps in a series."""

import numpy as np


def fill_gaps(values: np.ndarray, longest: int) -> np.ndarray:
    """Linear interpolation across gaps of at most `longest` frames: [sequence, time, ...] -> the same.

    A gap at either end, or a longer one, stays NaN. Frames count alike: the bridge is short.
    """
    gap = ~np.isfinite(values)
    if longest == 0 or not gap.any():
        return values
    n_frames = values.shape[1]
    frame = np.arange(n_frames).reshape(1, -1, *([1] * (values.ndim - 2)))
    before = np.maximum.accumulate(np.where(gap, -1, frame), axis=1)
    after = np.minimum.accumulate(np.where(gap, n_frames, frame)[:, ::-1], axis=1)[:, ::-1]
    short = gap & (before >= 0) & (after < n_frames) & (after - before - 1 <= longest)
    left = np.take_along_axis(values, before.clip(0), axis=1)
    right = np.take_along_axis(values, after.clip(max=n_frames - 1), axis=1)
    share = (frame - before) / np.maximum(after - before, 1)
    return np.where(short, left + share * (right - left), values)
