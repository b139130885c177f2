"""What is said of the real data: all of it true, and nothing of those that are in order."""

import numpy as np
import pandas as pd
import pytest

from edgewise.data import from_arrays, inspect, load

pytestmark = pytest.mark.shared


def test_brains_walkers_and_traffic_are_in_order(shared):
    from scipy.io import loadmat

    brains = loadmat(shared / "data" / "netsim" / "sim3.mat")["ts"].reshape(50, 200, 15)
    assert inspect(from_arrays({"bold": brains})) == []
    assert inspect(load(shared / "data" / "cmu_mocap35" / "cmu35_walk_joints_120hz.npz")) == []
    speeds = pd.read_csv(shared / "data" / "traffic_los" / "los_speed.csv.gz").to_numpy(float)
    assert inspect(from_arrays({"speed": speeds[None]})) == []


def test_the_sun_and_its_planets_are_in_one_unit(shared):
    path = shared / "data" / "solar_system" / "de421_solar_system.npz"
    for rate in ("10day", "daily"):
        names = {"position": [f"pos_{rate}_km"], "velocity": [f"vel_{rate}_km_per_day"], "time": f"jd_{rate}"}
        assert inspect(load(path, **names, features=[])) == []


def test_particles_with_steady_velocities_are_named(shared):
    feats = np.load(shared / "data" / "dnri_synth" / "dnri_synth.npz")["val_feats"]
    ds = from_arrays(
        dict(zip(["x", "y", "vx", "vy"], np.moveaxis(feats, -1, 0), strict=True)), position="x,y"
    )
    (note,) = inspect(ds)
    assert note.startswith("Series that never change: 'vx', 'vy' of '0', '1'.")


def test_pedestrians_have_gaps_and_people_who_stand(shared):
    def scene(name: str) -> list[str]:
        path = shared / "data" / "eth_ucy" / f"{name}.txt.gz"
        return inspect(load(pd.read_csv(path, sep="\t", names=["frame", "id", "x", "y"])))

    assert scene("students003") == []
    gaps, still, brief = scene("biwi_hotel")
    assert "steps from 10 to 1110, median 10; the largest gap follows frame 515 (t = 8150)" in gaps
    assert "'x', 'y' of '30', '34'" in still
    assert brief.startswith("11 of 389 entities are seen too briefly")
