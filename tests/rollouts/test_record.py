"""The record that the page is made from, against figures worked out by hand."""

import json
from dataclasses import replace

import numpy as np
import pytest

from edgewise.data import load
from edgewise.errors import RunError
from edgewise.physics import simulate
from edgewise.rollouts import Divergence, Rollout
from edgewise.rollouts.record import FRAMES, error_of, record_of, write_rollout
from rollouts.courses import course, rollout, straight

ONES = np.ones((2, 2))


def test_errors_are_those_of_the_bend():
    error = error_of(rollout(), 0.5 * np.arange(5))
    assert error["time"].tolist() == [0.5, 1.0]
    # one coordinate of four is k^2 / 10 off
    assert error["rmse"] == pytest.approx([0.1 / 2, 0.4 / 2])


def test_constant_velocity_takes_the_velocities_at_the_start():
    error = error_of(replace(rollout(), velocity=np.zeros((2, 2, 2))), 0.5 * np.arange(5))
    ways = [np.hypot(0.1, 1.0), np.hypot(0.4, 2.0)]
    assert error["constant_velocity"] == pytest.approx([way / 2 for way in ways])
    error = error_of(rollout(), 0.5 * np.arange(5))  # of frame 0: the straight course itself
    assert error["constant_velocity"] == pytest.approx(error["rmse"])


def test_objects_that_are_held_fast_do_not_dilute_the_error():
    fixed = np.array([[1.0, 0.0], [1.0, 0.0]])
    made = rollout()
    made = replace(made, frames=course(straight(5), fixed=fixed))
    assert error_of(made, 0.5 * np.arange(5))["rmse"] == pytest.approx(np.array([0.1, 0.4]) / np.sqrt(2))


def test_nothing_recorded_after_the_start_is_no_error():
    record = record_of(Rollout(course(straight())))
    assert record["error"] is None
    assert record["systems"][0]["truth"] is None


def test_a_long_rollout_is_drawn_with_its_first_and_last_frame():
    record = record_of(Rollout(course(straight(1001))))
    assert record["steps"] == 1000
    assert len(record["time"]) == len(record["systems"][1]["x"]) == FRAMES
    assert record["frame"][[0, -1]].tolist() == [0, 1000]
    assert record["time"][-1] == 500.0
    assert record["systems"][1]["x"][-1, 1].tolist() == [1.0, 1000.0]
    assert record["dt"] == 0.5


def test_the_recording_stands_beside_the_frames_that_it_has():
    system = record_of(rollout())["systems"][0]
    assert np.isfinite(system["truth"]).all((1, 2)).tolist() == [True, True, True, False, False]
    assert system["truth"][2, 1].tolist() == [1.4, 2.0]


def test_shapes_of_objects_are_told():
    sides = {"half_width": ONES * [0.0, 2.0], "half_height": ONES * [0.0, 3.0]}
    frames = course(straight(), radius=ONES * [0.2, 0.0], fixed=ONES * [0.0, 1.0], **sides)
    system = record_of(Rollout(frames))["systems"][1]
    assert system["radius"].tolist() == [0.2, 0.0]
    assert system["fixed"].tolist() == [False, True]
    assert system["half_extent"].tolist() == [[0.0, 0.0], [2.0, 3.0]]
    plain = record_of(Rollout(course(straight())))["systems"][0]
    assert (plain["radius"], plain["fixed"], plain["half_extent"]) == (None, None, None)


def test_momentum_is_compared_with_the_sizes_at_the_start():
    places = straight(4)
    places[:, 2:, 1, 1] = [2.0, 4.0]  # 1, 1, then twice as fast; the last difference goes on
    record = record_of(Rollout(course(places, mass=ONES * [5.0, 2.0])))["momentum"]
    assert record["rolled"] == pytest.approx(np.array([[0.0, 0.0, 1.0, 1.0]] * 2))
    assert record["drift"] == pytest.approx([1.0, 1.0])


def test_momentum_is_left_out_where_something_is_held_fast():
    frames = course(straight(), mass=ONES, fixed=ONES * [1.0, 0.0])
    assert record_of(Rollout(frames))["momentum"] is None


def test_energy_is_that_of_the_simulator(monkeypatch):
    found = np.array([[2.0, 3.0, 1.0, 2.0, 2.0], [4.0, 4.0, 4.0, 4.0, 5.0]])
    monkeypatch.setattr("edgewise.physics.conserved.energy", lambda ds: found[:, : ds.sizes["time"]])
    record = record_of(rollout())["energy"]
    assert record["rolled"].tolist() == found.tolist()
    assert record["drift"] == pytest.approx([0.5, 0.25])
    assert record["truth"].tolist() == found[:, :3].tolist()
    assert record["drift_truth"] == pytest.approx([0.5, 0.0])


def test_without_a_known_simulator_there_is_no_energy():
    record = record_of(Rollout(course(straight())))
    assert (record["energy"], record["momentum"]) == (None, None)


def test_what_is_written_can_be_read(tmp_path):
    diverged = Divergence(5, "1", "moon", "is far")
    record = write_rollout(replace(rollout(), diverged=diverged, notes=["a note"]), tmp_path / "out")
    again = json.loads((tmp_path / "out" / "rollout.json").read_text("utf-8"))
    assert again.keys() == record.keys()
    assert again["diverged"] == {"step": 5, "sequence": "1", "entity": "moon", "reason": "is far"}
    assert again["notes"] == ["a note"]
    assert again["systems"][0]["truth"][-1] == [[None, None], [None, None]]
    frames = load(tmp_path / "out" / "rollout.nc")
    assert frames["y"].to_numpy()[0, :, 1].tolist() == [0, 1, 2, 3, 4]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="file"):
        write_rollout(rollout(), tmp_path / "file")


def test_bodies_of_springs_have_mass_one():
    ds = simulate("springs", entities=3, sequences=2, steps=5, seed=0)
    record = record_of(Rollout(ds))["momentum"]
    v = np.stack([ds["vx"].to_numpy(), ds["vy"].to_numpy()], -1)  # [sequence, time, entity, 2]
    sizes = np.linalg.norm(v[:, 0], axis=-1).sum(-1)
    moved = np.linalg.norm(v.sum(2) - v[:, :1].sum(2), axis=-1)
    assert record["rolled"] == pytest.approx(moved / sizes[:, None], abs=1e-6)  # stored in float32
