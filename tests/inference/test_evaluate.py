"""Measuring a result: the truth in the posterior's layout, and forecasts beside simple ones."""

import numpy as np
import pytest
import xarray as xr

from edgewise.inference import infer
from edgewise.inference.encoding import fit_encoding
from edgewise.inference.evaluate import (
    FORECAST_STEPS,
    before_the_end,
    forecast_metrics,
    graph_metrics,
    held_out_frames,
    truth_of,
)

from .worlds import QUICK, springs


@pytest.mark.parametrize(
    ("frames", "first", "expected"), [(60, 0, 20), (29, 1, 20), (28, 1, 19), (10, 0, 2), (8, 0, 0), (5, 2, 0)]
)
def test_a_forecast_is_measured_on_the_last_frames_if_enough_remain(frames, first, expected):
    assert held_out_frames(frames, first) == expected


def test_held_out_frames_are_the_last_ones():
    ds = springs(steps=20)
    earlier = before_the_end(ds, 6)
    assert earlier.sizes["time"] == 14
    np.testing.assert_array_equal(earlier["x"], ds["x"][:, :14])


def test_too_short_recordings_have_no_measured_forecast():
    assert infer(springs(steps=8), **QUICK).metrics["forecast"] is None
    measured = infer(springs(steps=10), **QUICK).metrics["forecast"]
    assert measured["steps"] == [1, 2]


def answer(ds, dims=("sequence", "receiver", "sender", "type"), **coords):
    """A posterior that is the truth of the data set, for sure."""
    truth = ds["edges"].to_numpy()
    return xr.DataArray(np.eye(2)[truth], dims=dims, coords=coords)


def test_the_right_answer_measures_perfectly():
    ds = springs()
    metrics = graph_metrics(answer(ds), ds, scope="per-sequence")
    assert metrics["edge_accuracy"] == metrics["auroc"] == metrics["f1"] == 1
    assert metrics["brier"] == 0
    assert set(metrics["baselines"]) == {"correlation", "partial-correlation", "lag-regression"}
    swapped = answer(ds).isel(type=[1, 0])
    assert graph_metrics(swapped, ds, scope="per-sequence")["edge_accuracy"] == 1


def test_a_truth_that_changes_is_read_by_window_or_as_what_holds_longest():
    ds = springs(steps=12)
    still = ds["edges"].to_numpy()
    changing = np.repeat(still[:, None], 12, axis=1)
    changing[:, :5] = 1 - changing[:, :5]
    moved = ds.assign(edges=(("sequence", "time", "receiver", "sender"), changing))
    np.testing.assert_array_equal(truth_of(moved, answer(ds)), still)
    windows = np.stack([np.eye(2)[1 - still], np.eye(2)[still]], axis=1)
    by_window = xr.DataArray(
        windows,
        dims=("sequence", "window", "receiver", "sender", "type"),
        coords={"start": ("window", [0, 5]), "stop": ("window", [5, 12])},
    )
    np.testing.assert_array_equal(truth_of(moved, by_window)[:, 1], still)
    assert graph_metrics(by_window, moved, scope="per-window")["edge_accuracy"] == 1
    assert truth_of(ds.drop_vars("edges"), answer(ds)) is None


def test_a_forecast_is_measured_beside_standing_still_and_going_straight_on():
    ds = springs(steps=30)
    encoding = fit_encoding(ds, lags=0, bridge=3)
    frames = 20
    future = ds.isel(time=slice(10, 30))
    perfect = forecast_metrics(future, ds, encoding, frames)
    assert perfect["steps"] == list(FORECAST_STEPS)
    assert max(perfect["ours"]) < 1e-12
    start = {name: ds[name].to_numpy()[:, 9:10] for name in ("x", "y", "vx", "vy")}
    still = future.assign({n: (future[n].dims, np.repeat(start[n], 20, 1)) for n in ("x", "y")})
    measured = forecast_metrics(still, ds, encoding, frames)
    assert measured["ours"] == pytest.approx(measured["nothing moves"], rel=1e-6)
    ahead = 0.1 * np.arange(1, 21)[None, :, None]
    straight = future.assign({n: (future[n].dims, start[n] + start[f"v{n}"] * ahead) for n in ("x", "y")})
    measured = forecast_metrics(straight, ds, encoding, frames)
    assert measured["ours"] == pytest.approx(measured["constant velocity"], rel=1e-4)
    assert measured["constant velocity"][0] < measured["nothing moves"][0]
