"""What is measured on the test systems of a trial: their edges (table 1) and their future (table 2)."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from edgewise.data.windows import select_frames
from edgewise.errors import ConfigError
from edgewise.inference.reproduce.cells import STEPS
from edgewise.inference.reproduce.trial import (
    FRAMES,
    Fit,
    Listener,
    Trial,
    draw_systems,
    fit_trial,
    read_graphs,
    without_truth,
)
from edgewise.inference.result import Inference

TEST_FRAMES = 99
"""Frames of a test recording of table 2 (Kipf et al. 2018, section 5.1)."""
FIGURES = ("edge_accuracy", "auroc", "auprc", "f1", "ece", "brier")
Floats = np.ndarray[Any, np.dtype[np.float64]]


def measure_graphs(trial: Trial, on_progress: Listener | None = None) -> dict[str, Any]:
    """A row of table 1: fit on the training systems, then read the graphs of fresh ones.

    The labels of the types are matched to the truth by the best one-to-one assignment, once over all test systems.

    Returns:
        The trial's key, what the law was given, "directed" and (where both ends of a pair have one label)
        "undirected" figures, those of the baselines, and the seconds of the fit and of reading.
    """
    train, test = draw_systems(trial)
    fit = fit_trial(trial, train, on_progress)
    start = time.perf_counter()
    found = read_graphs(trial, fit, test, undirected=False)
    seconds = time.perf_counter() - start
    both = read_graphs(trial, fit, test, undirected=True) if trial.cell.mutual else None
    baselines = {name: row["edge_accuracy"] for name, row in found.metrics["baselines"].items()}
    return _about(trial, fit, found) | {
        "directed": _figures(found),
        "undirected": None if both is None else _figures(both),
        "baselines": baselines,
        "apply_seconds": seconds,
    }


def measure_forecasts(trial: Trial, on_progress: Listener | None = None) -> dict[str, Any]:
    """A row of table 2: forecast fresh systems with graphs inferred from an earlier part of the same recordings.

    As in the authors' code: of 99 frames, counted from 0, the graph is inferred from 0 to 48. The forecast is given
    frame 49 and rolls 20 steps, so that step k is compared with frame 49 + k. (A law that needs the past at frame 49,
    such as the line of a profiled gain, finds it in frames 0 to 49.) "static" repeats frame 49.

        MSE(k) = mean over systems, entities and features of (2 (forecast(k) - actual(k)) / (max - min))^2

    with the extremes of the training systems: over both coordinates together for positions, and for velocities;
    feature by feature for oscillators. Extremes grow with the number of systems, so that the same error counts for more
    here than in units of the authors' 50,000.

    Returns:
        The trial's key, what the law was given, the errors at `STEPS` of "directed" and "undirected" posterior graphs
        and of "static", the accuracy of the graphs, and the seconds of the fit.

    Raises:
        ConfigError: for a method that learns no law.
    """
    train, test = draw_systems(trial, TEST_FRAMES)
    if train is None:
        raise no_law(trial.method)
    fit = fit_trial(trial, train, on_progress)
    scale = half_ranges(train)
    features = list(trial.cell.features)
    actual = _stacked(test, features)[:, FRAMES + 1 : FRAMES + 1 + max(STEPS)]
    given = select_frames(without_truth(test), 0, FRAMES + 1)
    earlier = select_frames(test, 0, FRAMES)
    ways = ("directed", "undirected") if trial.cell.mutual else ("directed",)
    found = {way: read_graphs(trial, fit, earlier, undirected=way == "undirected") for way in ways}
    row: dict[str, Any] = {"undirected": None}
    for way, graphs in found.items():
        ahead = replace(graphs, tail=given).forecast(steps=max(STEPS))
        errors = squared_errors(_stacked(ahead, features), actual, scale)
        row[way] = {"mse": errors, "edge_accuracy": graphs.metrics["edge_accuracy"]}
    still = np.broadcast_to(_stacked(given, features)[:, -1:], actual.shape)
    about = _about(trial, fit, found["directed"])
    return about | row | {"steps_ahead": list(STEPS), "static": squared_errors(still, actual, scale)}


MEASURES: dict[str, Callable[[Trial, Listener | None], dict[str, Any]]] = {
    "nri-table1": measure_graphs,
    "nri-table2": measure_forecasts,
}
"""What makes a row of each table."""


def no_law(method: str) -> ConfigError:
    """What is said where a method is asked for a forecast that it cannot give."""
    return ConfigError(
        f"{method} learns no law to forecast with", expected="a method that does, such as superposition"
    )


def half_ranges(train: xr.Dataset) -> Floats:
    """Half the range of every feature in the training systems, the unit in which data lie in [-1, 1]: [feature].

    Columns of the position share one range, and so do those of the velocity.
    """
    features = [str(name) for name in train.data_vars if name != "edges"]
    groups = [list(train.attrs.get(role, [])) for role in ("position", "velocity")]
    scales = []
    for name in features:
        together = next((group for group in groups if name in group), [name])
        values = _stacked(train, together)
        scales.append(float(np.nanmax(values) - np.nanmin(values)) / 2)
    return np.array(scales)


def squared_errors(forecast: Floats, actual: Floats, scale: Floats) -> list[float | None]:
    """The mean squared error at each of `STEPS`: [sequence, time, entity, feature], frame k - 1 being step k.

    Values that were not observed do not count; where a forecast of one that was is not finite, the error is None.
    """
    at = np.asarray(STEPS) - 1
    error = ((forecast[:, at] - actual[:, at]) / scale) ** 2
    known = np.isfinite(actual[:, at])
    means = np.where(known, error, 0.0).sum((0, 2, 3)) / known.sum((0, 2, 3))
    return [float(mean) if np.isfinite(mean) else None for mean in means]


def _stacked(ds: xr.Dataset, features: list[str]) -> Floats:
    return np.stack([ds[name].to_numpy().astype(np.float64) for name in features], axis=-1)


def _figures(found: Inference) -> dict[str, float | None]:
    return {name: found.metrics[name] for name in FIGURES}


def _about(trial: Trial, fit: Fit, found: Inference) -> dict[str, Any]:
    """What every row says: the trial, what the law was given, and how long the fit took."""
    return trial.key() | {
        "features": list(trial.cell.features),
        "settings": trial.law(),
        "law": found.about["law"],
        "types": list(found.types),
        "exact_posterior": found.about.get("exact_posterior"),
        "fit_steps": None if fit.result is None else (fit.result.history or {}).get("steps"),
        "seconds": fit.seconds,
    }
