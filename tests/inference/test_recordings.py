"""Real recordings, cut small: they run, beyond enumeration and without positions. Measured in full by benchmarks/."""

import numpy as np
import pytest

from edgewise.data import from_arrays, load, scenes, thin
from edgewise.inference import infer

SMALL = {"graph": "shared", "hidden": 8, "max_steps": 12, "batch_size": 4}


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_thirty_one_joints_share_one_graph(shared):
    trials = thin(load(shared / "data" / "cmu_mocap35" / "cmu35_walk_joints_120hz.npz"), 4)
    few = trials.isel(sequence=slice(0, 4), time=slice(0, 30))
    result = infer(few, **SMALL, identity=2, lags=1)
    assert result.probability.shape == (1, 31, 31, 2)
    assert not result.about["exact_posterior"]
    assert any("parallel-tempering" in note for note in result.about["notes"])
    assert "lfemur" in result.entities
    ahead = result.forecast(3, data=trials.isel(sequence=slice(20, 22), time=slice(0, 20)))
    assert np.isfinite(ahead["x"].to_numpy()).all()


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore:Number of distinct clusters")
def test_brain_regions_have_effects_instead_of_forces(shared):
    from scipy.io import loadmat

    raw = loadmat(shared / "data" / "netsim" / "sim3.mat")
    truth = (raw["net"].transpose(0, 2, 1) != 0) & ~np.eye(15, dtype=bool)
    ds = from_arrays({"bold": raw["ts"].reshape(50, 200, 15)}, edges=truth.astype(int))
    result = infer(ds.isel(sequence=slice(0, 6), time=slice(0, 60)), **SMALL, neighbours=0)
    assert result.law(1).shape == (1, 1)
    assert 0 <= result.metrics["auroc"] <= 1
    assert result.metrics["baselines"]["correlation"]["auroc"] > 0.8


@pytest.mark.shared
def test_pedestrians_of_a_street_walk_on(shared):
    rows = np.loadtxt(shared / "data" / "eth_ucy" / "biwi_eth.txt.gz")
    rows = rows[rows[:, 0] < rows[0, 0] + 1500]
    frame = ((rows[:, 0] - rows[0, 0]) / 10).astype(int)
    people = np.unique(rows[:, 1])
    paths = np.full((2, 1, frame.max() + 1, len(people)), np.nan)
    paths[:, 0, frame, np.searchsorted(people, rows[:, 1])] = rows[:, 2:].T
    street = from_arrays({"x": paths[0], "y": paths[1]}, position=["x", "y"], sequence=["eth"])
    windows = scenes(street, 14, 6, known=8)
    law = {"local_frames": True, "lags": 5, "neighbours": 2, "no_interaction": "yes", "calibrate": False}
    refit = {"refit_steps": 5, "refit_horizon": 5, "refit_error": "distance"}
    result = infer(windows, **(SMALL | law | refit | {"graph": "per-sequence"}))
    seen = windows.isel(time=slice(0, 8))
    ahead = result.apply(seen).forecast(4)
    known = np.isfinite(seen["x"].to_numpy()).all(1)
    assert np.isfinite(ahead["x"].to_numpy()).all(1)[known].all()


@pytest.mark.shared
def test_detectors_are_foretold_from_those_that_go_together(shared):
    speeds = np.loadtxt(
        shared / "data" / "traffic_los" / "los_speed.csv.gz", delimiter=",", skiprows=1, max_rows=120
    )[:, :20]
    ds = from_arrays({"speed": speeds[None]})
    candidates = {
        "strengths": "continuous",
        "neighbours": 4,
        "nearest": "correlation",
        "no_interaction": "yes",
    }
    refit = {"refit_steps": 5, "refit_horizon": 3, "calibrate": False}
    result = infer(ds, **(SMALL | candidates | refit), additive=True, lags=2, identity=2)
    assert ((result.influence[0].to_numpy() > 0).sum(1) <= 4).all()
    ahead = result.forecast(3, data=ds.isel(time=slice(60, 72)))
    assert np.isfinite(ahead["speed"].to_numpy()).all()
