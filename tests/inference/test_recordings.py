"""Real recordings, cut small: they run, beyond enumeration and without positions. Measured in full by benchmarks/."""

import numpy as np
import pytest

from edgewise.data import from_arrays, load, thin
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
