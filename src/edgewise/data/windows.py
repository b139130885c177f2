"""Fewer frames, other sequences: thinning, cutting, windows and splits. None of them looks at the values."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import xarray as xr

from edgewise.data.gate import validate
from edgewise.data.roles import clock, features
from edgewise.errors import ConfigError


def thin(ds: xr.Dataset, every: int) -> xr.Dataset:
    """Keep every `every`-th frame, from the first one on.

    Raises:
        ConfigError: `every` is below 1, or fewer than two frames would be left.
    """
    if every < 1:
        raise ConfigError(f"every={every}", expected="1 or more")
    return _cut(ds, slice(None, None, every), f"every={every}")


def select_frames(ds: xr.Dataset, start: int | None = None, stop: int | None = None) -> xr.Dataset:
    """Keep the frames `start` to `stop - 1` of every sequence, counted from 0.

    Sequences that have no frame left are dropped.

    Raises:
        ConfigError: fewer than two frames would be left.
    """
    return _cut(ds, slice(start, stop), f"frames {start}:{stop}")


def window(ds: xr.Dataset, length: int, stride: int | None = None) -> xr.Dataset:
    """Cut the recordings into windows that become the sequences.

    Window k of the sequence "trial" covers its frames k * stride to k * stride + length - 1 and is called
    "trial/k". What is left over at the end of a sequence is dropped, and so are windows in which nothing was
    observed. Every window keeps its own stamps in `clock`, and its part of a truth that changes in time.

    Args:
        ds: a validated data set.
        length: frames a window.
        stride: frames from the start of one window to the next; default `length`: windows do not overlap.

    Raises:
        ConfigError: `length` is below 2 or longer than every sequence, or `stride` is below 1.
    """
    stride = length if stride is None else stride
    if length < 2 or stride < 1:
        raise ConfigError(
            f"length={length}, stride={stride}", expected="a length of 2 or more, a stride of 1 or more"
        )
    stamps = clock(ds)  # [sequence, time]
    n_frames = np.isfinite(stamps).sum(axis=1)
    starts = [(s, start) for s, n in enumerate(n_frames) for start in range(0, int(n) - length + 1, stride)]
    # [sequence, time]
    seen = np.any([np.isfinite(ds[name].to_numpy()).any(axis=-1) for name in features(ds)], axis=0)
    starts = [(s, start) for s, start in starts if seen[s, start : start + length].any()]
    if not starts:
        raise ConfigError(
            f"length={length}, but the longest sequence has {int(n_frames.max())} frames",
            expected="at least one window with an observation",
        )
    sequence = xr.DataArray([s for s, _ in starts], dims="sequence")
    frames = np.array([start for _, start in starts])[:, None] + np.arange(length)
    frame = xr.DataArray(frames, dims=("sequence", "time"))
    names = ds["sequence"].to_numpy()
    cut = ds.drop_vars(["clock", "time"], errors="ignore").isel(sequence=sequence, time=frame)
    units = ds["clock" if "clock" in ds.coords else "time"].attrs
    return validate(
        cut.assign_coords(
            sequence=[f"{names[s]}/{start // stride}" for s, start in starts],
            clock=(
                ("sequence", "time"),
                np.take_along_axis(stamps[sequence.to_numpy()], frames, axis=1),
                units,
            ),
        )
    )


def split_sequences(ds: xr.Dataset, parts: Sequence[float], seed: int) -> list[xr.Dataset]:
    """Deal the sequences out at random, without overlap.

    Args:
        ds: a validated data set.
        parts: counts (all whole numbers of type int) or fractions (floats that sum to at most 1), one a part.
        seed: the same seed gives the same split.

    Returns:
        One data set a part; within it the sequences keep their order.

    Raises:
        ConfigError: the parts are more than the sequences, or one part would get none.
    """
    n_sequences = ds.sizes["sequence"]
    counts = _counts(parts, n_sequences)
    if min(counts, default=0) < 1 or sum(counts) > n_sequences:
        raise ConfigError(
            f"parts {list(parts)} of {n_sequences} sequences are {counts}",
            expected=f"at least one sequence for each part and at most {n_sequences} in all",
            fix="ask for fewer or other parts, or cut long recordings with edgewise.data.window",
        )
    order = np.random.default_rng(seed).permutation(n_sequences)
    edges = np.concatenate(([0], np.cumsum(counts)))
    groups = [np.sort(order[a:b]) for a, b in pairwise(edges)]
    return [ds.isel(sequence=group) for group in groups]


def _cut(ds: xr.Dataset, frames: slice, asked: str) -> xr.Dataset:
    out = ds.isel(time=frames)
    if out.sizes["time"] < 2:
        raise ConfigError(
            f"{asked} leaves {out.sizes['time']} of {ds.sizes['time']} frames", expected="two or more"
        )
    if "clock" in out.coords:
        out = out.isel(sequence=np.isfinite(clock(out)).any(axis=1))
    return validate(out)


def _counts(parts: Sequence[float], n: int) -> list[int]:
    if all(isinstance(part, int | np.integer) for part in parts):
        return [int(part) for part in parts]
    shares = np.asarray(parts, dtype=np.float64)
    if not (shares > 0).all() or shares.sum() > 1 + 1e-9:
        raise ConfigError(
            f"parts {list(parts)}", expected="fractions above 0 that sum to at most 1, or whole numbers"
        )
    ends = np.rint(np.cumsum(shares) * n).astype(int)
    return [int(count) for count in np.diff(ends, prepend=0)]
