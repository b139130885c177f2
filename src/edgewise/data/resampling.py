"""Onto another clock: an even one, by interpolation, or a coarser one, by rounding."""

from __future__ import annotations

import numpy as np
import xarray as xr

from edgewise.data.gate import validate
from edgewise.data.roles import DIMS, clock, features
from edgewise.errors import ConfigError, DataError

_DIGITS = 9
"""Digits of a step that a computed stamp keeps, so that 3 * 0.1 is 0.3."""
ENOUGH = 3
"""Intervals from which a series has a usual step of its own; with fewer, that of all series of the sequence holds."""


def resample(ds: xr.Dataset, step: float, *, fill_gaps: int = 0) -> xr.Dataset:
    """Put every sequence on an even clock, from its first stamp to its last, by linear interpolation.

    Each series is interpolated between its own observations, so entities with clocks of their own come together. Where
    observations are missing in between, the stretch is filled if they are at most `fill_gaps` in a row, counted in the
    usual (median) step of the series, and is NaN if they are more. Nothing is made up before the first observation of a
    series or after its last.

    Where the new step is longer than the old one, faster motion is not averaged but sampled; an angle that wraps must
    be unwrapped first, or given by its sine and cosine. A truth that changes in time is that of the frame before.

    Args:
        ds: a validated data set.
        step: between frames, in the unit of the clock.
        fill_gaps: the most observations in a row that may be missing.

    Raises:
        ConfigError: the step is not positive, or longer than every sequence; `fill_gaps` is negative.
    """
    _check_step("step", step)
    if fill_gaps < 0:
        raise ConfigError(f"fill_gaps={fill_gaps}", expected="0 or a positive number of observations")
    old = clock(ds)  # [sequence, time]
    new = _even_clocks(old, step)
    arrays = {}
    for name in features(ds):
        values = ds[name].to_numpy()
        out = np.full((*new.shape, values.shape[-1]), np.nan, dtype=values.dtype)
        for sequence, stamps in enumerate(old):
            near = 1e-6 * step + 8 * float(np.spacing(np.nanmax(np.abs(stamps))))
            longest = (fill_gaps + 1.5) * _usual_steps(stamps, values[sequence])
            for entity in range(values.shape[-1]):
                series = values[sequence, :, entity]
                out[sequence, :, entity] = _interpolated(stamps, series, new[sequence], longest[entity], near)
        arrays[name] = out
    source = np.stack(
        [np.searchsorted(a[np.isfinite(a)], b, side="right") - 1 for a, b in zip(old, new, strict=True)]
    )
    return _on_clock(ds, arrays, new, np.where(np.isfinite(new), source, 0))


def round_time(ds: xr.Dataset, step: float) -> xr.Dataset:
    """Round the stamps of every sequence to whole steps from its first one, and join the frames that become one.

    For clocks that jitter or drift by less than half a step: entity a at 0, 0.1, 0.2 and entity b at 0.003, 0.104,
    0.206 come together at 0, 0.1, 0.2. No value is changed. A truth that changes in time is that of the earliest of the
    frames that become one.

    Args:
        ds: a validated data set.
        step: in the unit of the clock.

    Raises:
        ConfigError: the step is not positive, or only one frame would be left.
        DataError: one entity has values in two frames that become one: the step is too long.
    """
    _check_step("round_time", step)
    old = clock(ds)
    steps = np.rint((old - old[:, :1]) / step)  # [sequence, time], NaN as padding
    fresh = np.isfinite(steps)
    fresh[:, 1:] &= steps[:, 1:] != steps[:, :-1]
    frame = np.where(np.isfinite(steps), np.cumsum(fresh, axis=1) - 1, -1)
    n_frames = int(frame.max()) + 1
    if n_frames < 2:
        raise ConfigError(
            f"round_time={step:g} leaves one frame", expected="a step shorter than the recordings"
        )
    sequence, at = np.nonzero(frame >= 0)
    new = np.full((len(old), n_frames), np.nan)
    new[sequence, frame[sequence, at]] = _stamps(old[sequence, 0], steps[sequence, at], step)
    arrays = {name: _joined(ds, name, frame, n_frames, step) for name in features(ds)}
    source = np.zeros(new.shape, dtype=np.int64)
    first = np.nonzero(fresh)
    source[first[0], frame[first]] = first[1]
    return _on_clock(ds, arrays, new, source)


def _check_step(name: str, step: float) -> None:
    if not (np.isfinite(step) and step > 0):
        raise ConfigError(f"{name}={step:g}", expected="a positive number, in the unit of the clock")


def _stamps(start: np.ndarray, steps: np.ndarray, step: float) -> np.ndarray:
    """start + steps * step without the dust of floating point."""
    return np.round(start + steps * step, _DIGITS - int(np.floor(np.log10(step))))


def _even_clocks(old: np.ndarray, step: float) -> np.ndarray:
    """[sequence, time] stamps from the first to the last of each sequence, NaN as padding."""
    first, last = old[:, 0], np.fmax.reduce(old, axis=1)
    counts = np.floor((last - first) / step + 1e-6).astype(np.int64) + 1
    if counts.max() < 2:
        raise ConfigError(
            f"step={step:g}, but the longest sequence lasts {float((last - first).max()):g}",
            expected="a step that is shorter",
        )
    steps = np.arange(int(counts.max()), dtype=np.float64)[None]
    return np.where(steps < counts[:, None], _stamps(first[:, None], steps, step), np.nan)


def _usual_steps(stamps: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The median step between the observations of each series of a sequence: [time], [time, entity] -> [entity]."""
    steps = [np.diff(stamps[~np.isnan(series)]) for series in values.T]
    together = np.concatenate(steps)
    usual = float(np.median(together)) if together.size else np.inf
    return np.array([np.median(own) if len(own) >= ENOUGH else usual for own in steps])


def _interpolated(
    stamps: np.ndarray, values: np.ndarray, wanted: np.ndarray, longest: float, near: float
) -> np.ndarray:
    """One series at the wanted stamps: [time], [time] -> [wanted]; NaN between observations that are further apart."""
    known = ~np.isnan(values)
    own, seen = stamps[known], values[known]
    if not len(own):
        return np.full(len(wanted), np.nan)
    out = np.interp(wanted, own, seen)
    right = np.searchsorted(own, wanted - near)  # NaN goes last
    before, after = own[(right - 1).clip(0)], own[right.clip(max=len(own) - 1)]
    hit = np.abs(wanted - after) <= near
    between = (right > 0) & (right < len(own)) & (after - before < longest)
    return np.where(hit | between, out, np.nan)


def _joined(ds: xr.Dataset, name: str, frame: np.ndarray, n_frames: int, step: float) -> np.ndarray:
    values = ds[name].to_numpy()
    out = np.full((len(values), n_frames, values.shape[-1]), np.nan, dtype=values.dtype)
    sequence, at, entity = np.nonzero(~np.isnan(values))
    target = frame[sequence, at]
    cell = np.ravel_multi_index((sequence, target, entity), out.shape)
    order = np.argsort(cell, kind="stable")
    repeated = np.flatnonzero(np.diff(cell[order]) == 0)
    if repeated.size:
        one, two = order[repeated[0]], order[repeated[0] + 1]
        stamps = clock(ds)[sequence[one]]
        raise DataError(
            f"round_time={step:g} joins t = {stamps[at[one]]:.10g} and t = {stamps[at[two]]:.10g} of sequence"
            f" '{ds['sequence'].to_numpy()[sequence[one]]}', at both of which '{name}' of entity"
            f" '{ds['entity'].to_numpy()[entity[one]]}' was observed",
            expected="a step that is no longer than that of each entity",
            fix=f"name a shorter one, such as {(stamps[at[two]] - stamps[at[one]]):.4g}, or resample",
        )
    out[sequence, target, entity] = values[sequence, at, entity]
    return out


def _on_clock(
    ds: xr.Dataset, arrays: dict[str, np.ndarray], new: np.ndarray, source: np.ndarray
) -> xr.Dataset:
    """The data set with other values on another clock; `source` [sequence, time]: the old frame of each new one."""
    units = ds["clock" if "clock" in ds.coords else "time"].attrs
    out = ds.drop_vars([*arrays, "clock", "time"], errors="ignore")
    if "edges" in out and "time" in out["edges"].dims:
        rows = np.arange(len(source))[:, None]
        edges = ds["edges"]
        out = out.drop_vars("edges").assign(edges=(edges.dims, edges.to_numpy()[rows, source], edges.attrs))
    out = out.assign({name: (DIMS, values, ds[name].attrs) for name, values in arrays.items()})
    out = out[list(ds.data_vars)]
    if (new == new[:1]).all():  # NaN differs from itself, so padded clocks stay clocks
        return validate(out.assign_coords(time=("time", new[0], units)))
    return validate(out.assign_coords(clock=(("sequence", "time"), new, units)))
