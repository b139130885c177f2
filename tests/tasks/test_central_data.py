"""Reading recorded motion: the ephemeris of the solar system, files of trajectories, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from edgewise.data import save
from edgewise.errors import ConfigError, DataError
from edgewise.tasks.central_data import AU, J2000, JULIAN_YEAR, read_force_data
from edgewise.tasks.central_fit import Accelerations, ForceFits, ForceLearning, ForceObjective
from edgewise.tasks.central_forecast import Forecasts
from edgewise.tasks.central_measure import exponents, masses
from edgewise.tasks.central_recording import recording
from edgewise.tasks.central_tables import (
    CentralForceModel,
    CentralForceTraining,
    EphemerisData,
    TrajectoryFileData,
)
from edgewise.training import Deadline, fit

from .planets import STEP, dataset, moved, write_ephemeris

GAP = np.ones((30, 2, 3))
GAP[4, 0, 0] = np.nan


def test_an_ephemeris_is_read_in_astronomical_units(tmp_path):
    path = write_ephemeris(tmp_path / "e.npz")
    found = read_force_data(EphemerisData(str(path)))
    with np.load(path) as file:
        np.testing.assert_allclose(found.fit.position[0] * AU, file["pos_daily_km"], rtol=1e-15)
        np.testing.assert_allclose(found.far.velocity[0] * AU, file["vel_10day_km_per_day"], rtol=1e-15)
    assert (found.fit.step, found.far.step) == (1.0, 10.0)
    assert found.bounds == tuple(J2000 + JULIAN_YEAR * years for years in (0, 5, 7))
    assert found.calendar(np.array([2451545.0 + 365.25])).tolist() == [2001.0]
    assert found.true_mass.tolist() == [1.0, 2.0]


def test_masses_of_an_ephemeris_may_be_unknown(tmp_path):
    path = write_ephemeris(tmp_path / "e.npz", gm_km3_s2=None)
    assert np.isnan(read_force_data(EphemerisData(str(path))).true_mass).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"jd_daily": None}, "has no array 'jd_daily'"),
        ({"pos_10day_km": np.zeros((30, 2, 2))}, "pos_10day_km has the shape (30, 2, 2)"),
        (
            {"jd_daily": 2451545.0 + np.delete(np.arange(31.0), 12)},
            "frames 11 and 12 are 2 apart, most are 1",
        ),
        ({"vel_daily_km_per_day": GAP}, "vx of Sun is missing in frame 4"),
    ],
)
def test_a_wrong_ephemeris_is_refused(tmp_path, changed, message):
    path = write_ephemeris(tmp_path / "e.npz", **changed)
    with pytest.raises(DataError) as caught:
        read_force_data(EphemerisData(str(path)))
    assert message in caught.value.found
    assert "e.npz" in caught.value.found


def test_an_ephemeris_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"none\.npz cannot be read"):
        read_force_data(EphemerisData(str(tmp_path / "none.npz")))


def test_a_body_that_is_not_there_is_refused(tmp_path):
    path = write_ephemeris(tmp_path / "e.npz")
    with pytest.raises(DataError) as caught:
        read_force_data(EphemerisData(str(path), forecast=("Vulcan",)))
    assert "no body 'Vulcan'" in caught.value.found
    assert caught.value.expected == "one of Sun, Mars"


def test_few_frames_are_refused():
    found = recording(dataset(*moved(19)), "planets")
    with pytest.raises(DataError, match="the training part has 19 frames"):
        found.accelerations("training", 100)


def test_a_part_shorter_than_a_forecast_is_refused(tmp_path):
    save(dataset(*moved(100)), tmp_path / "p.nc")
    motions = read_force_data(TrajectoryFileData(str(tmp_path / "p.nc"), horizon=20))
    with pytest.raises(DataError, match=r"the validation part is shorter than a forecast of 1\.6"):
        Forecasts(motions, 1)


def test_velocities_are_asked_for():
    bare = dataset(*moved(30)).assign_attrs(velocity=[])
    with pytest.raises(DataError, match="planets has 2 positions and 0 velocities"):
        recording(bare, "planets")


def test_irregular_frames_are_refused():
    times = STEP * np.delete(np.arange(31), 20)
    with pytest.raises(DataError, match=r"frames 19 and 20 are 0\.16 apart, most are 0\.08"):
        recording(dataset(*moved(30), time=times), "planets")


def test_fixed_bodies_are_those_with_the_feature():
    ds = dataset(*moved(30))
    flags = np.broadcast_to([1.0, 0.0, 0.0, 0.0], (1, 30, 4))
    ds["fixed"] = (("sequence", "time", "entity"), flags)
    assert recording(ds, "planets").fixed.tolist() == [True, False, False, False]


def test_most_frames_are_spread_evenly():
    found = recording(dataset(*moved(58)), "planets")
    position, acceleration = found.accelerations("training", 20)
    np.testing.assert_array_equal(position, found.position[0, 4:54:3])
    assert acceleration.shape == position.shape


@pytest.mark.parametrize(
    ("record", "changed", "name"),
    [
        (EphemerisData, {"train_to": 1999.0}, "train_to"),
        (EphemerisData, {"validation_to": 2004.0}, "validation_to"),
        (EphemerisData, {"horizon": 0.0}, "horizon"),
        (TrajectoryFileData, {"train": 1.0}, "train"),
        (TrajectoryFileData, {"validation": 0.5}, "validation"),
        (TrajectoryFileData, {"horizon": 0}, "horizon"),
    ],
)
def test_parts_out_of_range_are_refused(record, changed, name):
    with pytest.raises(ConfigError, match=f"^{name} is"):
        record("file", **changed)


@pytest.mark.parametrize(
    ("record", "changed"),
    [
        (CentralForceModel, {"hidden": -1}),
        (CentralForceModel, {"substeps": 0}),
        (CentralForceTraining, {"seeds": 0}),
        (CentralForceTraining, {"learning_rate": 0.0}),
        (CentralForceTraining, {"epochs": 0}),
        (CentralForceTraining, {"frames": 19}),
        (CentralForceTraining, {"iterations": 0}),
    ],
)
def test_settings_out_of_range_are_refused(record, changed):
    with pytest.raises(ConfigError, match=next(iter(changed))):
        record(**changed)


@pytest.mark.shared
def test_the_solar_system_gives_away_its_masses_and_the_inverse_square(shared):
    path = shared / "data" / "solar_system" / "de421_solar_system.npz"
    if not path.is_file():
        pytest.skip("no ephemeris in `shared`")
    bodies = ("Sun", "Mercury", "Venus", "Earth", "Moon", "Mars", "Jupiter", "Saturn")
    motions = read_force_data(EphemerisData(str(path), masses=bodies))
    parts = []
    for part, found in (("training", motions.train), ("validation", motions.validation)):
        position, acceleration = found.accelerations(part, 150)
        weight = 1 / np.sqrt((acceleration**2).sum(-1).mean(0))
        parts.append(Accelerations(*map(_tensor, (position, acceleration, weight))))
    settings = CentralForceModel(hidden=0)
    fits = ForceFits(11, settings, unit=1.0, spread=1.0)
    fits.power.start(parts[0].position, parts[0].acceleration)
    training = CentralForceTraining(epochs=20)
    learning = ForceLearning("fit", fits, ForceObjective(*parts, training), seed=0, iterations=100)
    fit(learning, deadline=Deadline())
    learning.finish()
    fits.requires_grad_(False)
    assert exponents(fits, np.ones(2))["exponent"] == pytest.approx(-2, abs=1e-6)
    told = masses(fits, motions, bodies)
    assert told["log_mass_correlation"] > 1 - 1e-9
    assert all(abs(row["relative_error"]) < 1e-3 for row in told["masses"][:8])
    near = Forecasts(replace(motions, bounds=(*motions.bounds[:2], motions.bounds[1] + 400)), 4)
    near.starts = {part: starts[:2] for part, starts in near.starts.items()}
    errors = near.errors(fits.power)["test"]
    assert errors[..., [1, 2, 3, 5]].max() < 1e-4


def _tensor(values):
    import torch

    return torch.from_numpy(values)
