"""Measuring a result: against the truth where there is one, beside simple answers, and by forecasting."""

from typing import Any

import numpy as np
import xarray as xr

from edgewise.data.windows import select_frames
from edgewise.inference.baselines import BASELINES, score_to_probability
from edgewise.inference.encoding import Encoding, Tracks, read_tracks
from edgewise.inference.metrics import edge_metrics, forecast_errors, reliability, truth_in_windows

FORECAST_STEPS = (1, 2, 5, 10, 20)
LEAST_FRAMES = 8
"""Frames that must remain before the held-out ones for a forecast to be measured."""
MEASURED_SEQUENCES = 500


def truth_of(ds: xr.Dataset, probability: xr.DataArray) -> np.ndarray | None:
    """The truth in the layout of a posterior: [sequence, (window,) receiver, sender], or None if there is none."""
    if "edges" not in ds:
        return None
    truth = ds["edges"].to_numpy()
    n_frames = ds.sizes["time"]
    if "window" in probability.dims:
        return truth_in_windows(truth, probability["start"].to_numpy(), probability["stop"].to_numpy())
    if truth.ndim == 4:  # a graph that changes, against one for all time: the label that holds longest
        return truth_in_windows(truth, [0], [n_frames])[:, 0]
    return truth


def graph_metrics(probability: xr.DataArray, ds: xr.Dataset, *, scope: str) -> dict[str, Any]:
    """Accuracy, AUROC, AUPRC, F1, ECE, Brier under the best label matching, calibration, and the same of the baselines.

    Without truth every figure is None.
    """
    truth = truth_of(ds, probability)
    if truth is None:
        names = ("edge_accuracy", "auroc", "auprc", "f1", "ece", "brier")
        return dict.fromkeys(names) | {"label_matching": None, "calibration": None, "baselines": {}}
    p = probability.to_numpy()
    p = np.where(p.sum(-1, keepdims=True) > 0, p, np.nan)  # a pair that was no candidate is not measured
    measured = edge_metrics(p, truth)
    plot = reliability(p, truth, measured.label_matching)
    static = (
        truth if "window" not in probability.dims else truth_in_windows(truth, [0], [truth.shape[1]])[:, 0]
    )
    baseline_scope = "shared" if scope == "shared" else "per-sequence"
    baselines = {
        name: edge_metrics(score_to_probability(score(ds, baseline_scope)), static).to_dict()
        for name, score in BASELINES.items()
    }
    return measured.to_dict() | {"calibration": plot, "baselines": baselines}


def held_out_frames(n_frames: int, first_frame: int) -> int:
    """How many last frames a forecast is measured on: up to 20, or 0 where too few would remain."""
    return max(min(max(FORECAST_STEPS), n_frames - first_frame - LEAST_FRAMES), 0)


def before_the_end(ds: xr.Dataset, frames: int) -> xr.Dataset:
    """The recordings without their last frames (and at most `MEASURED_SEQUENCES` of them)."""
    some = ds.isel(sequence=slice(0, MEASURED_SEQUENCES))
    return select_frames(some, 0, ds.sizes["time"] - frames)


def _where(tracks: Tracks, encoding: Encoding) -> np.ndarray:
    """What a forecast is measured on: positions, else features: [sequence, time, entity, feature]."""
    if encoding.position:
        return tracks.position
    return np.concatenate([tracks.rates, tracks.others[..., : len(encoding.others)]], axis=-1)


def _moves(values: np.ndarray) -> np.ndarray:
    """Which features of [sequence, time, entity, feature] ever change."""
    return np.logical_or.reduce(np.nan_to_num(np.diff(values, axis=1)) != 0, axis=(0, 1, 2))


def forecast_metrics(forecast: xr.Dataset, ds: xr.Dataset, encoding: Encoding, frames: int) -> dict[str, Any]:
    """Errors of a forecast of the last `frames` frames, beside "nothing moves" and "constant velocity".

    `forecast` starts after the frames of `before_the_end(ds, frames)`.
    """
    whole = read_tracks(ds.isel(sequence=slice(0, MEASURED_SEQUENCES)), encoding)
    values = _where(whole, encoding)
    names = encoding.position or encoding.rates + encoding.others
    guess = np.stack([forecast[name].to_numpy() for name in names], -1)
    origin = values.shape[1] - frames - 1
    last = np.where(np.isfinite(guess[:, 0]), values[:, origin], np.nan)  # who had left has no forecast
    if encoding.position:
        velocity = whole.velocity[:, origin] * (encoding.kinematic or 1.0)
        scale: np.ndarray | float = encoding.length
    else:
        velocity = (values[:, origin] - values[:, origin - 1]) / whole.dt[:, origin - 1, None, None]
        spreads = (
            np.nanstd(whole.rates, axis=(0, 1, 2)),
            np.asarray(encoding.other_scale)[: len(encoding.others)],
        )
        scale = np.concatenate(spreads) * _moves(values)
    return forecast_errors(
        guess, values[:, origin + 1 :], last, velocity, FORECAST_STEPS, scale, dt=encoding.step
    )
