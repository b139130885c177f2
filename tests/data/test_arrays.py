"""`.npz` files of ours and of others."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgewise.data import clock, features, from_arrays, load, read_npz, write_npz
from edgewise.errors import DataError

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="the shared data sets are not beside the project"
)

POSITION = np.arange(2 * 4 * 3 * 2.0).reshape(2, 4, 3, 2)  # [sequence, time, entity, axis]


def saved(path: Path, **arrays: object) -> Path:
    np.savez(path, **arrays)
    return path


def found(path: Path, **kwargs: object) -> str:
    with pytest.raises(DataError) as caught:
        read_npz(path, **kwargs)
    return caught.value.found


def test_our_own_file_is_plain_arrays(tmp_path):
    ds = from_arrays({"file": POSITION[..., 0], "allow_pickle": POSITION[..., 1]}, time=[0, 1, 2, 4])
    write_npz(ds, tmp_path / "t.npz")
    with np.load(tmp_path / "t.npz", allow_pickle=False) as archive:
        assert set(archive.files) == {"file", "allow_pickle", "time", "entity", "sequence", "roles"}
        np.testing.assert_array_equal(archive["file"], POSITION[..., 0])
    assert features(read_npz(tmp_path / "t.npz", features="file")) == ["file"]
    assert "no feature 'files'" in found(tmp_path / "t.npz", features="files")


def test_a_file_of_ours_with_an_array_taken_out_is_refused(tmp_path):
    write_npz(from_arrays({"x": POSITION[..., 0]}), tmp_path / "t.npz")
    with zipfile.ZipFile(tmp_path / "t.npz") as old, zipfile.ZipFile(tmp_path / "u.npz", "w") as new:
        for name in old.namelist():
            if name != "entity.npy":
                new.writestr(name, old.read(name))
    assert "the entry 'roles' does not fit the arrays (KeyError('entity'))" in found(tmp_path / "u.npz")


@pytest.mark.parametrize("name", ["positions", "position", "pos", "loc", "x", "coords"])
def test_positions_and_velocities_are_recognised(tmp_path, name):
    ds = read_npz(saved(tmp_path / "t.npz", **{name: POSITION, "vel": -POSITION, "angle": POSITION[..., 0]}))
    assert features(ds) == ["x", "y", "vx", "vy", "angle"]
    assert (ds.attrs["position"], ds.attrs["velocity"]) == (["x", "y"], ["vx", "vy"])
    np.testing.assert_array_equal(ds["vy"], -POSITION[..., 1])


def test_names_stamps_and_truth_come_along(tmp_path):
    ds = read_npz(
        saved(
            tmp_path / "t.npz",
            pos=POSITION,
            names=np.array(["a", "b", "c"]),
            t=np.array([0, 1, 2, 5]),
            edges=np.eye(3, k=1),
        )
    )
    assert ds["entity"].to_numpy().tolist() == ["a", "b", "c"]
    assert ds["time"].to_numpy().tolist() == [0, 1, 2, 5]
    assert ds["edges"].sizes["sequence"] == 2


def test_a_rate_of_frames_is_a_clock(tmp_path):
    ds = read_npz(saved(tmp_path / "t.npz", pos=POSITION, fps=50))
    np.testing.assert_allclose(clock(ds)[1], [0, 0.02, 0.04, 0.06], rtol=1e-15)
    assert ds["time"].attrs["units"] == "s"
    assert clock(read_npz(saved(tmp_path / "u.npz", pos=POSITION, dt=0.5)))[0].tolist() == [0, 0.5, 1, 1.5]


def test_one_recording_is_read_when_it_is_asked_for_by_name(tmp_path):
    path = saved(tmp_path / "t.npz", positions=POSITION[0], mass=np.ones((4, 3)), clock_s=np.arange(4.0) * 2)
    assert "not clear which arrays are the position; there are positions (4, 3, 2), mass (4, 3)" in found(
        path
    )
    ds = read_npz(path, position=["positions"], features="mass", time="clock_s")
    assert dict(ds.sizes) == {"sequence": 1, "time": 4, "entity": 3}
    assert features(ds) == ["x", "y", "mass"]
    np.testing.assert_array_equal(ds["y"][0], POSITION[0, :, :, 1])
    assert clock(ds)[0].tolist() == [0, 2, 4, 6]


def test_plain_features_of_one_shape_need_no_names(tmp_path):
    ds = read_npz(saved(tmp_path / "t.npz", x=POSITION[..., 0], y=POSITION[..., 1], h=POSITION[..., 0]))
    assert features(ds) == ["x", "y", "h"]
    assert ds.attrs["position"] == ["x", "y"]
    assert read_npz(tmp_path / "t.npz", position=["h", "x"]).attrs["position"] == ["h", "x"]
    line = saved(tmp_path / "line.npz", h=np.zeros((2, 3, 4)))
    assert read_npz(line, position=["h"]).attrs["position"] == ["h"]


def test_what_is_not_clear_is_asked(tmp_path):
    path = saved(tmp_path / "t.npz", a=np.zeros((2, 3, 4)), b=np.zeros((2, 3, 5)))
    assert "not clear which arrays are the features; there are a (2, 3, 4), b (2, 3, 5)" in found(path)
    path = saved(tmp_path / "u.npz", pos=POSITION, loc=POSITION)
    assert "which arrays are the position" in found(path)
    path = saved(tmp_path / "v.npz", n=np.arange(3))
    assert "which arrays are the features; there are n (3,)" in found(path)


def test_arrays_that_cannot_be_what_they_are_asked_to_be(tmp_path):
    path = saved(tmp_path / "t.npz", feats=np.zeros((2, 3, 4, 4)), pos=POSITION, who=np.arange(2))
    assert "'feats' (2, 3, 4, 4) of type float64 cannot be the position" in found(path, position=["feats"])
    assert "no array 'posit'; there are feats (2, 3, 4, 4), pos (2, 4, 3, 2)" in found(
        path, position=["posit"]
    )
    assert "'who' (2,) cannot hold the names" in found(path, entity="who")
    assert "'who' (2,) of type int64 cannot be a feature" in found(path, features=["who"])


def test_a_single_array_is_not_an_archive(tmp_path):
    np.save(tmp_path / "t.npy", POSITION)
    (tmp_path / "t.npy").rename(tmp_path / "t.npz")
    assert "not an archive of named arrays" in found(tmp_path / "t.npz")


@pytest.mark.shared
@needs_shared
def test_the_walking_recordings_load_without_any_flag():
    ds = load(SHARED / "cmu_mocap35" / "cmu35_walk_joints_120hz.npz")
    assert dict(ds.sizes) == {"sequence": 23, "time": 300, "entity": 31}
    assert ds["entity"].to_numpy()[:2].tolist() == ["root", "lhipjoint"]
    assert ds.attrs["position"] == features(ds) == ["x", "y", "z"]
    np.testing.assert_allclose(np.diff(clock(ds)), 1 / 120, rtol=1e-12)


@pytest.mark.shared
@needs_shared
def test_the_solar_system_loads_by_the_names_of_its_arrays():
    ds = load(
        SHARED / "solar_system" / "de421_solar_system.npz",
        position=["pos_10day_km"],
        velocity=["vel_10day_km_per_day"],
        features=(),
        time="jd_10day",
    )
    assert ds["entity"].to_numpy()[0] == "Sun"
    assert ds.attrs["velocity"] == ["vx", "vy", "vz"]
    assert clock(ds)[0, :2].tolist() == [2415020.5, 2415030.5]
