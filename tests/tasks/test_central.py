"""The task "central-forces": masses and the law are recovered from motion alone, and what a run leaves behind."""

import json

import numpy as np
import pytest
import torch

from edgewise.errors import ConfigError, DataError
from edgewise.models.central_force import CentralForce, RadialLaw
from edgewise.rollouts import places, reach
from edgewise.tasks import TrainingRun, experiment_of, read_recipe, read_trained
from edgewise.tasks.central_fit import Accelerations, refine, standard_errors, weights_of
from edgewise.tasks.central_forecast import distance
from edgewise.tasks.central_rollout import rolled_central
from edgewise.tasks.rollout import rolled

from .planets import MASSES, NAMES, STEP, dataset, moved, pulls, write_planets


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("planets")


@pytest.fixture(scope="module")
def recipe(folder):
    return read_recipe(write_planets(folder))


@pytest.fixture(scope="module")
def experiment(recipe):
    return experiment_of(recipe)


@pytest.fixture(scope="module")
def run(folder, experiment):
    TrainingRun(experiment, folder / "run")(["train"])
    return folder / "run"


def record(run, name):
    return json.loads((run / f"{name}.json").read_text("utf-8"))


def test_the_law_and_the_masses_are_recovered(run):
    found = record(run, "metrics")["runs"][0]
    assert found["exponent"] == pytest.approx(-2, abs=1e-5)
    assert found["log_mass_correlation"] > 0.99999
    assert [row["entity"] for row in found["masses"]] == list(NAMES)
    assert max(abs(row["relative_error"]) for row in found["masses"]) < 1e-3
    slopes = np.array(found["free_law"]["slope"])
    assert np.abs(slopes + 2).max() < 0.05


def test_the_forecast_is_far_better_than_the_simple_answers(run):
    metrics = record(run, "metrics")
    assert metrics["mean"] < 1e-4
    values = {row["name"]: row["value"] for row in metrics["baselines"]}
    assert list(values) == ["constant velocity", "an ellipse each around star", "one strength for all bodies"]
    assert all(value is None or value > 100 * metrics["mean"] for value in values.values())


def test_forecasts_are_measured_as_far_as_the_data_go(run, experiment):
    ahead = record(run, "metrics")["runs"][0]["long_forecast"]
    assert ahead["time"][-1] == pytest.approx(STEP * 239, abs=1e-3)
    assert min(ahead["time"]) > experiment.motions.bounds[1] - STEP
    assert all(len(errors) == len(ahead["time"]) for errors in ahead["errors"].values())


def test_windows_lie_in_one_part(experiment):
    forecasts = experiment.forecasts
    first, middle, last = experiment.motions.bounds
    ends = {"train": (first, middle), "validation": (middle, last), "test": (last, np.inf)}
    for part, (start, stop) in ends.items():
        times = forecasts.far.time[forecasts.starts[part][:, 1:] + np.arange(forecasts.frames + 1)]
        assert (times >= start).all(), part
        assert (times < stop).all(), part


def test_the_fit_never_sees_what_follows_the_training_part(experiment):
    frames = (experiment.motions.fit.time < experiment.motions.bounds[1]).sum()
    position, _ = moved(240)
    assert frames == 120
    np.testing.assert_array_equal(experiment.train.position.numpy(), position[4 : frames - 4])


def test_accelerations_are_differences_of_velocities(experiment):
    expected = np.stack([pulls(place) for place in experiment.train.position.numpy()])
    np.testing.assert_allclose(experiment.train.acceleration.numpy(), expected, atol=3e-8)


def test_masses_are_no_input(folder, recipe, experiment):
    from edgewise.data import save

    other = dataset(*moved(240))
    other["mass"] = other["mass"] * 0 + 5.0
    save(other, folder / "other.nc")
    alike = experiment_of(recipe.with_data(folder / "other.nc"))
    np.testing.assert_array_equal(alike.train.position, experiment.train.position)
    assert alike.shape() == experiment.shape()
    assert alike.fingerprint == experiment.fingerprint


@pytest.mark.parametrize("exponent", [-2.5, -1.0, 1.0])
def test_other_exponents_are_found_by_least_squares(exponent):
    position, _ = moved(60)
    acceleration = np.stack([pulls(place, exponent) for place in position])
    weight = torch.from_numpy(weights_of(acceleration, np.zeros(4, bool)))
    data = Accelerations(torch.from_numpy(position), torch.from_numpy(acceleration), weight)
    force = CentralForce(4, RadialLaw())
    force.start(data.position, data.acceleration)
    refine(force, data, 100)
    assert float(force.law.exponent.detach()) == pytest.approx(exponent, abs=1e-9)
    np.testing.assert_allclose(force.strength.detach(), MASSES, rtol=1e-7)


def test_standard_errors_are_those_of_a_line_where_frames_are_independent():
    rng = np.random.default_rng(0)
    x, n_trials = rng.standard_normal((400, 2)), 300
    noise = 0.3 * rng.standard_normal((n_trials, 400))
    slopes = np.array([np.linalg.lstsq(x, one, rcond=None)[0] for one in noise])
    told = np.array([standard_errors(one - x @ b, x, 400) for one, b in zip(noise, slopes, strict=True)])
    np.testing.assert_allclose(told.mean(0), slopes.std(0), rtol=0.15)


def test_errors_that_last_make_standard_errors_larger():
    x, lasting = np.ones((400, 1)), np.repeat(np.random.default_rng(1).standard_normal(20), 20)
    residual = lasting - lasting.mean()
    independent = residual.std() / np.sqrt(400)
    assert standard_errors(residual, x, 400)[0] > 3 * independent


def test_fixed_bodies_do_not_count():
    acceleration = np.array([[[3.0, 4.0], [0.0, 0.0], [0.0, 0.0]]])
    weights = weights_of(acceleration, np.array([False, True, False]))
    np.testing.assert_allclose(weights, [0.2, 0.0, 1 / (1e-6 * 5)])


def test_a_forecast_that_ends_nowhere_is_infinitely_far():
    assert distance(np.array([[np.nan, 1.0]]), np.zeros((1, 2))).tolist() == [np.inf]


def test_the_run_folder_rebuilds_the_law(run):
    trained = read_trained(run)
    assert trained.shape["entities"] == list(NAMES)
    names = [line.split(",")[1] for line in (run / "predictions.csv").read_text("utf-8").splitlines()[1:]]
    assert names == list(NAMES)
    assert record(run, "preview")["kind"] == "central-forces"
    assert record(run, "history")["runs"][0]["validation_metric"] == []


def test_a_rollout_goes_on_from_the_end_of_the_training_part(run):
    found = rolled(run, steps=30, start="last")
    assert found.steps == 30
    assert found.diverged is None
    assert found.truth is not None
    assert float(found.frames["time"][0]) == pytest.approx(STEP * 119)
    for name in ("x", "y", "vx", "vy"):
        np.testing.assert_allclose(found.frames[name], found.truth[name], atol=1e-4)


def test_bodies_in_another_order_move_alike(run):
    data = dataset(*moved(30))
    turned = data.isel(entity=[3, 1, 0, 2])
    found = [rolled_central(run, steps=5, data=one).frames for one in (data, turned)]
    np.testing.assert_array_equal(found[0]["x"], found[1]["x"])
    assert found[0]["entity"].to_numpy().tolist() == list(NAMES)
    assert rolled_central(run, steps=5, data=data).truth is None


def test_without_the_recording_it_starts_where_the_run_says(run, tmp_path):
    import shutil

    shutil.copytree(run, tmp_path / "run")
    text = (tmp_path / "run" / "recipe.toml").read_text("utf-8").replace("planets.nc", "gone.nc")
    (tmp_path / "run" / "recipe.toml").write_text(text, "utf-8")
    there, gone = (rolled_central(folder, steps=3) for folder in (run, tmp_path / "run"))
    np.testing.assert_array_equal(there.frames["x"], gone.frames["x"])
    assert gone.truth is None
    assert gone.notes == [
        "The recording of the run is not there any more: nothing is shown beside the rollout."
    ]
    with pytest.raises(DataError, match=r"gone\.nc"):
        rolled_central(tmp_path / "run", steps=3, start=0)


def test_a_rollout_that_leaves_the_limit_is_stopped(run):
    centre, _ = reach(dataset(*moved(240)))
    frames = rolled_central(run, steps=200, start=120).frames
    far = np.linalg.norm(places(frames)[0] - centre, axis=-1)
    limit = 1.01 * far[:20].max()
    frame, body = np.argwhere(far > limit)[0]
    found = rolled_central(run, steps=200, start=120, limit=limit)
    assert found.diverged is not None
    assert (found.diverged.step, found.diverged.entity) == (frame, NAMES[body])
    assert found.steps == frame - 1


def test_other_bodies_are_refused(run):
    data = dataset(*moved(30), entity=("star", "near", "middle", "comet"))
    with pytest.raises(DataError) as caught:
        rolled_central(run, steps=3, data=data)
    assert caught.value.found == "the data have the bodies star, near, middle, comet"
    assert "see to comet, far" in str(caught.value)


@pytest.mark.parametrize("asked", [{"steps": 0}, {"steps": 1, "systems": 0}])
def test_no_steps_or_systems_are_refused(run, asked):
    with pytest.raises(ConfigError, match="1 or more"):
        rolled_central(run, **asked)


def test_a_frame_that_is_not_there_is_refused(run):
    with pytest.raises(DataError, match="start=240: there is no such frame"):
        rolled_central(run, steps=1, start=240)


def test_bodies_at_one_place_are_refused_before_anything_is_written(folder, recipe):
    from edgewise.data import save

    position, velocity = moved(240)
    position = position.copy()
    position[7, 2] = position[7, 1]
    save(dataset(position, velocity), folder / "met.nc")
    with pytest.raises(DataError, match="near and middle are at one place in frame 7"):
        experiment_of(recipe.with_data(folder / "met.nc"))
