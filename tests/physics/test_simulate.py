"""What holds for every simulator: schema, determinism, noise, gaps, truth, refusals."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import xarray as xr

from edgewise.data import features, validate
from edgewise.data.roles import pairs
from edgewise.errors import ConfigError
from edgewise.physics import SIMULATORS, batch, observe, simulate

every_simulator = pytest.mark.parametrize("name", sorted(SIMULATORS))
of_kipf = pytest.mark.parametrize("name", ["springs", "charged", "kuramoto"])
MORE = {"balls": 4, "string": 1}
"""Objects beside those that are asked for: walls, the ball that a string falls onto."""


def moving(data: xr.Dataset) -> np.ndarray:
    """Which objects are not fixed, bool [sequence, entity]."""
    if "fixed" in data:
        return data["fixed"].values[:, 0] == 0
    return np.ones((data.sizes["sequence"], data.sizes["entity"]), dtype=bool)


def observed(data: xr.Dataset, name: str) -> list[str]:
    """What gaps fall on: all features but attributes."""
    attributes = {"mass", "radius", "restitution", "half_width", "half_height", "fixed", "ax", "ay"}
    return [feature for feature in features(data) if feature not in attributes]


@every_simulator
def test_dataset_follows_the_schema(name):
    data = simulate(name, entities=4, sequences=3, steps=5, seed=7)
    for feature, values in data.data_vars.items():
        assert values.attrs["units"] == "1" if feature != "edges" else values.dtype == np.int64
    recorded = data.drop_vars(["edges", *pairs(data)])
    assert {values.dims for values in recorded.data_vars.values()} == {("sequence", "time", "entity")}
    assert {values.dtype for values in recorded.data_vars.values()} == {np.dtype("float32")}
    assert {data[own].dims for own in ["edges", *pairs(data)]} == {("sequence", "receiver", "sender")}
    entities = 4 + MORE.get(name, 0)
    assert dict(data.sizes) == {
        **{"sequence": 3, "time": 5},
        **dict.fromkeys(("entity", "receiver", "sender"), entities),
    }
    assert (data.attrs["simulator"], data.attrs["seed"]) == (name, 7)
    assert json.loads(data.attrs["simulator_options"]) == asdict(SIMULATORS[name].defaults)
    roles = [feature for role in ("position", "velocity", "rate") for feature in data.attrs.get(role, [])]
    assert roles
    assert set(roles) <= set(recorded.data_vars)
    validate(data)


@of_kipf
def test_frames_of_kipf_are_a_tenth_apart(name):
    np.testing.assert_allclose(np.diff(simulate(name, steps=5).time), 0.1)


@pytest.mark.parametrize("name", ["springs", "charged"])
def test_bodies_have_the_roles_and_times_of_the_paper(name):
    data = simulate(name, steps=4)
    assert data.attrs["position"] == ["x", "y"]
    assert data.attrs["velocity"] == ["vx", "vy"]
    np.testing.assert_allclose(data.time, [0.1, 0.2, 0.3, 0.4])


@every_simulator
def test_a_dataset_survives_netcdf(name, tmp_path):
    data = simulate(name, sequences=2, steps=3, missing=0.2)
    data.to_netcdf(tmp_path / "data.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "data.nc", engine="h5netcdf") as read:
        xr.testing.assert_equal(read, data)


@every_simulator
def test_same_seed_same_data(name):
    xr.testing.assert_identical(simulate(name, steps=3, seed=5), simulate(name, steps=3, seed=5))
    other = simulate(name, steps=3, seed=6)
    feature = SIMULATORS[name].measured[0]
    assert (simulate(name, steps=3, seed=5)[feature].values != other[feature].values).any()


@every_simulator
@pytest.mark.parametrize("entities", [3, 10])
def test_a_system_does_not_depend_on_how_many_are_asked_for(name, entities):
    many = simulate(name, entities=entities, sequences=11, steps=6, noise=0.1, missing=0.2)
    for count in (1, 2, 9):
        few = simulate(name, entities=entities, sequences=count, steps=6, noise=0.1, missing=0.2)
        np.testing.assert_array_equal(few.to_array(), many.isel(sequence=slice(count)).to_array())


@every_simulator
def test_a_system_alone_equals_itself_in_a_block_to_the_last_bit(name):
    simulator = SIMULATORS[name]
    alone, among = (
        simulator.record(np.random.default_rng(4).spawn(count), 20, 3, 0.5, simulator.defaults)
        for count in (1, 13)
    )
    for feature, values in alone.features.items():
        np.testing.assert_array_equal(values[0], among.features[feature][0])


def test_each_system_and_purpose_has_a_stream_of_its_own():
    streams = [observe._generators(0, 4, purpose) for purpose in range(3)]
    first = {rng.random() for stream in streams for rng in stream}
    assert len(first) == 12


@every_simulator
def test_a_system_does_not_depend_on_how_many_frames_are_asked_for(name):
    long = simulate(name, sequences=2, steps=6, noise=0.1, missing=0.2)
    short = simulate(name, sequences=2, steps=3, noise=0.1, missing=0.2)
    xr.testing.assert_equal(short, long.isel(time=slice(3)))


@every_simulator
def test_neither_threads_nor_blocks_change_the_numbers(name, monkeypatch):
    settings = {"sequences": 20, "steps": 3}
    threaded = simulate(name, **settings)
    monkeypatch.setattr(batch, "WIDEST_BLOCK", 8)
    monkeypatch.setattr(batch, "CACHE_BYTES", 2**8)  # pieces of a few rows
    blocks = simulate(name, **settings)
    monkeypatch.setattr(batch.os, "cpu_count", lambda: 1)
    xr.testing.assert_identical(blocks, threaded)
    xr.testing.assert_identical(simulate(name, **settings), threaded)


@every_simulator
def test_noise_falls_on_what_is_measured_and_on_nothing_else(name):
    settings = {"sequences": 40, "steps": 20, "seed": 2}
    clean, noisy = simulate(name, **settings), simulate(name, noise=0.3, **settings)
    measured, moves = SIMULATORS[name].measured, moving(clean)
    changes = [(noisy[feature] - clean[feature]).values.swapaxes(1, 2) for feature in measured]
    errors = [change[moves].ravel() for change in changes]
    count = errors[0].size
    assert count >= 3000
    for error in errors:  # five standard errors
        assert error.std() == pytest.approx(0.3, abs=5 * 0.3 / np.sqrt(2 * count))
        assert error.mean() == pytest.approx(0.0, abs=5 * 0.3 / np.sqrt(count))
    assert abs(np.corrcoef(errors)[0, 1]) < 5 / np.sqrt(count)
    assert not any(change[~moves].any() for change in changes)
    rest = [feature for feature in clean.data_vars if feature not in measured]
    xr.testing.assert_equal(noisy[rest], clean[rest])
    assert "edges" in rest


@every_simulator
def test_missing_values_are_lost_one_by_one_and_the_rest_stays(name):
    settings = {"sequences": 40, "steps": 20, "seed": 3}
    clean, gaps = simulate(name, **settings), simulate(name, missing=0.25, **settings)
    xr.testing.assert_equal(gaps.edges, clean.edges)
    lost = gaps[observed(gaps, name)].isnull().to_array().values.swapaxes(2, 3)
    of_moving, of_fixed = lost[:, moving(clean)], lost[:, ~moving(clean)]
    for feature in of_moving:
        assert feature.mean() == pytest.approx(0.25, abs=5 * np.sqrt(0.25 * 0.75 / feature.size))
    assert (lost[0] != lost[1]).any()
    assert not of_fixed.any()
    xr.testing.assert_equal(gaps, clean.where(~gaps.isnull()))
    assert not clean.drop_vars(observed(gaps, name)).isnull().to_array().any()
    assert not clean.isnull().to_array().any()


@every_simulator
def test_everything_may_be_missing(name):
    data = simulate(name, steps=2, missing=1.0)
    gone = data[observed(data, name)].isnull().to_array().values.swapaxes(2, 3)
    np.testing.assert_array_equal(gone, np.broadcast_to(moving(data)[..., None], gone.shape))


@of_kipf
def test_truth_has_no_loops_and_the_probability_asked_for(name):
    for probability in (0.0, 0.2, 0.5, 1.0):
        edges = simulate(
            name, sequences=300, steps=2, edge_probability=probability, sample_every=1
        ).edges.values
        assert not edges.diagonal(axis1=1, axis2=2).any()
        expected = probability**2 + (1 - probability) ** 2 if name == "charged" else probability
        # at least 5 independent draws a system decide its edges
        assert edges.sum() / (300 * 20) == pytest.approx(expected, abs=5 * 0.5 / np.sqrt(300 * 5))


@pytest.mark.parametrize("name", ["balls", "nbody", "string"])
def test_an_edge_probability_of_a_graph_that_is_not_drawn_is_refused(name):
    with pytest.raises(
        ConfigError, match=rf"edge_probability = 0\.3 of {name}, .*\n.*springs, charged, kuramoto\n"
    ):
        simulate(name, edge_probability=0.3)


@pytest.mark.parametrize("name", ["springs", "charged"])
def test_truth_of_bodies_is_symmetric(name):
    edges = simulate(name, sequences=50, steps=2).edges.values
    np.testing.assert_array_equal(edges, edges.swapaxes(1, 2))


def test_label_1_of_charges_means_repulsion():
    data = simulate("charged", entities=2, sequences=60, steps=2, speed=0.0, sample_every=10)
    gap = np.hypot(data.x.diff("entity"), data.y.diff("entity")).squeeze("entity")
    grows = (gap[:, 1] > gap[:, 0]).values
    alike = data.edges.values[:, 0, 1] == 1
    assert alike.any()
    assert not alike.all()
    np.testing.assert_array_equal(grows, alike)
    assert data.edges.attrs["flag_meanings"] == ["unlike charges", "like charges"]


def test_relabelling_entities_relabels_the_trajectories():
    from edgewise.physics.springs import simulate_springs

    rng = np.random.default_rng(0)
    edges = np.triu(rng.integers(0, 2, (3, 5, 5)), 1).astype(float)
    edges += edges.swapaxes(1, 2)
    start_x, start_v = rng.standard_normal((2, 3, 5, 2))
    order = rng.permutation(5)
    x, _ = simulate_springs(edges, start_x, start_v, 5)
    moved, _ = simulate_springs(edges[:, order][:, :, order], start_x[:, order], start_v[:, order], 5)
    np.testing.assert_allclose(moved, x[:, :, order], atol=1e-12)


def test_options_change_the_physics():
    still = simulate("springs", strength=0.0, speed=0.0, steps=5)
    np.testing.assert_array_equal(still.x, np.broadcast_to(still.x[:, :1], still.x.shape))
    assert simulate("springs", dt=0.002, steps=3).time.values == pytest.approx([0.2, 0.4, 0.6])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"name": "sprngs"},
            r"unknown simulator 'sprngs'\n.*springs, charged, .*, string\n.*did you mean 'springs'\?",
        ),
        (
            {"name": "weather"},
            r"unknown simulator 'weather'\n  expected: one of springs, charged, kuramoto, nbody, balls, string$",
        ),
        ({"entities": 1}, r"entities = 1\n  expected: a whole number from 2 on"),
        ({"entities": 2.5}, r"entities = 2\.5"),
        ({"sequences": 0}, r"sequences = 0\n  expected: a whole number from 1 on"),
        ({"steps": 1}, r"steps = 1\n  expected: a whole number from 2 on"),
        ({"steps": True}, r"steps = True"),
        ({"seed": -1}, r"seed = -1\n  expected: a whole number from 0 on"),
        ({"noise": -0.1}, r"noise = -0\.1\n  expected: a finite number, 0 or more"),
        ({"noise": float("nan")}, r"noise = nan"),
        ({"missing": 1.5}, r"missing = 1\.5\n  expected: a number between 0 and 1"),
        ({"edge_probability": -0.5}, r"edge_probability = -0\.5\n  expected: a number between 0 and 1"),
        ({"edge_probability": "half"}, r"edge_probability = 'half'"),
        (
            {"strenght": 1.0},
            r"unknown option of springs 'strenght'\n.*half_width.*\n.*did you mean 'strength'\?",
        ),
        ({"dt": 0.0}, r"dt = 0\.0\n  expected: a finite number above 0"),
        ({"sample_every": 0}, r"sample_every = 0\n  expected: a whole number from 1 on"),
        ({"half_width": "wide"}, r"half_width = 'wide'"),
        ({"name": "kuramoto", "scaled": 1}, r"scaled = 1\n  expected: True or False"),
    ],
)
def test_wrong_settings_are_refused_with_what_was_found_and_expected(settings, message):
    with pytest.raises(ConfigError, match=message):
        simulate(**{"name": "springs", **settings})
