"""What is measured: units and frames of table 2 against plain arithmetic, readings of table 1 against the metrics."""

import numpy as np
import pytest

from edgewise.data import from_arrays
from edgewise.errors import ConfigError
from edgewise.inference.metrics import edge_metrics
from edgewise.inference.reproduce import CELLS, Trial, measures
from edgewise.inference.reproduce.measures import (
    half_ranges,
    measure_forecasts,
    measure_graphs,
    squared_errors,
)
from edgewise.inference.reproduce.trial import draw_systems
from edgewise.inference.result import Inference


@pytest.fixture(autouse=True)
def short_fits(monkeypatch):
    """A fit of a few steps: what is tested does not depend on how good it is."""
    quick = {"hidden": 8, "max_steps": 24}
    law = Trial.law
    monkeypatch.setattr(Trial, "law", lambda self: law(self) | quick if self.train_systems else {})


def small(name: str, **amounts) -> Trial:
    return Trial(CELLS[name], **({"train_systems": 4, "test_systems": 3} | amounts))


def test_units_are_shared_by_the_columns_of_a_role():
    t = np.linspace(0, 1, 5)[None, :, None] * np.ones((1, 5, 2))
    arrays = {"x": 4 * t, "y": -2 * t, "vx": t, "vy": 7 * t, "mass": 3 + t}
    ds = from_arrays(arrays, position=["x", "y"], velocity=["vx", "vy"])
    # positions from -2 to 4, velocities from 0 to 7, masses from 3 to 4
    np.testing.assert_allclose(half_ranges(ds), [3, 3, 3.5, 3.5, 0.5])


def test_errors_are_means_over_systems_entities_and_features():
    rng = np.random.default_rng(0)
    forecast, actual = rng.normal(size=(2, 3, 20, 4, 2))
    actual[0, 9, 1, 0] = np.nan
    scale = np.array([2.0, 0.5])
    wanted = []
    for step in (1, 10, 20):
        total, count = 0.0, 0
        for s in range(3):
            for i in range(4):
                for k in range(2):
                    value = actual[s, step - 1, i, k]
                    if value == value:
                        total += ((forecast[s, step - 1, i, k] - value) / scale[k]) ** 2
                        count += 1
        wanted.append(total / count)
    np.testing.assert_allclose(squared_errors(forecast, actual, scale), wanted, rtol=1e-12)


def test_a_forecast_that_diverged_has_no_error():
    forecast, actual = np.zeros((1, 20, 2, 1)), np.ones((1, 20, 2, 1))
    forecast[0, 9, 1] = np.nan
    forecast[0, 19, 0] = np.inf
    assert squared_errors(forecast, actual, np.ones(1)) == [1.0, None, None]


def test_graphs_come_from_frames_0_to_48_and_forecasts_start_at_frame_49(monkeypatch):
    seen, started = [], []
    apply, forecast = Inference.apply, Inference.forecast
    monkeypatch.setattr(Inference, "apply", lambda self, ds: seen.append(ds) or apply(self, ds))

    def repeat(self: Inference, steps: int):
        """A forecast that knows the answer, frames 50 to 69 of the test recording (but not for the page's preview)."""
        if self.tail.sizes["time"] < 10:
            return forecast(self, steps)
        started.append(self.tail)
        return truth.isel(time=slice(50, 50 + steps))

    monkeypatch.setattr(Inference, "forecast", repeat)
    trial = small("springs-5")
    _, truth = draw_systems(trial, 99)
    row = measure_forecasts(trial)
    assert row["directed"]["mse"] == [0.0, 0.0, 0.0]
    assert row["undirected"]["mse"] == [0.0, 0.0, 0.0]
    assert len(seen) == len(started) == 2
    for ds in seen:
        np.testing.assert_array_equal(ds["x"], truth["x"][:, :49])
    for ds in started:
        np.testing.assert_array_equal(ds["x"], truth["x"][:, :50])
        assert "edges" not in ds
    train, _ = draw_systems(trial)
    still = []
    for k in (1, 10, 20):
        errors = []
        for pair in (("x", "y"), ("vx", "vy")):
            values = np.stack([train[name] for name in pair]).astype(float)
            unit = (values.max() - values.min()) / 2
            errors += [((truth[n][:, 49 + k] - truth[n][:, 49]).astype(float) / unit) ** 2 for n in pair]
        still.append(float(np.mean(errors)))
    np.testing.assert_allclose(row["static"], still, rtol=1e-5)


@pytest.mark.parametrize("name", ["springs-5", "kuramoto-5"])
def test_a_row_of_table_2_is_complete(name):
    row = measure_forecasts(small(name))
    for way in ("directed", "undirected") if CELLS[name].mutual else ("directed",):
        assert all(error > 0 for error in row[way]["mse"])
        assert 0 <= row[way]["edge_accuracy"] <= 1
    assert (row["undirected"] is None) == (name == "kuramoto-5")
    assert row["settings"] == Trial.law(small(name))
    assert row["seconds"] > 0


def test_a_row_of_table_1_has_both_readings(monkeypatch):
    found = []
    apply = Inference.apply
    monkeypatch.setattr(Inference, "apply", lambda self, ds: found.append(apply(self, ds)) or found[-1])
    trial = small("springs-5", seed=2)
    row = measure_graphs(trial)
    truth = draw_systems(trial)[1]["edges"].to_numpy()
    for result, way in zip(found, ("directed", "undirected"), strict=True):
        assert result.config.graph.undirected is (way == "undirected")
        assert row[way]["edge_accuracy"] == edge_metrics(result.probability, truth).edge_accuracy
    assert set(row["baselines"]) == {"correlation", "partial-correlation", "lag-regression"}
    assert row["law"] == found[0].about["law"]
    assert (row["cell"], row["seed"], row["train_systems"], row["test_systems"]) == ("springs-5", 2, 4, 3)


def test_oscillators_have_no_undirected_reading():
    assert measure_graphs(small("kuramoto-5"))["undirected"] is None


def test_a_method_without_a_law_is_read_but_forecasts_nothing():
    trial = small("springs-5", method="correlation")
    row = measure_graphs(trial)
    assert row["directed"]["edge_accuracy"] == row["baselines"]["correlation"]
    assert (row["seconds"], row["fit_steps"], row["law"]) == (0.0, None, [])
    with pytest.raises(ConfigError, match="correlation learns no law to forecast with"):
        measures.measure_forecasts(trial)
