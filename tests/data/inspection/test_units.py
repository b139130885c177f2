"""Metres beside millimetres, and what only looks like it."""

import numpy as np
import pytest

from edgewise.data import from_arrays
from edgewise.data.inspection.units import unit_notes
from edgewise.physics import simulate


@pytest.fixture
def charged():
    """Particles with heavy-tailed speeds: close encounters throw them about."""
    return simulate("charged", entities=5, sequences=20, steps=49, seed=0).copy(deep=True)


def test_an_entity_in_millimetres_is_named(charged):
    for name in ("x", "y", "vx", "vy"):
        charged[name][:, :, 2] *= 1000
    (note,) = unit_notes(charged)
    assert note.startswith("Units of 'x', 'y' seem mixed: typical values of entity '2' are about 9")
    assert note.endswith("Convert the column to one unit.")


def test_a_velocity_alone_is_compared_with_its_displacement(charged):
    for name in ("vx", "vy"):
        charged[name][:, :, 2] *= 1000
    (note,) = unit_notes(charged)
    assert "Units of 'vx', 'vy' seem mixed: typical values of entity '2'" in note


def test_a_recording_in_millimetres_is_named(charged):
    for name in ("x", "y", "vx", "vy"):
        charged[name][3:5] *= 1000
    assert any("typical values of sequence '3', '4' are about" in note for note in unit_notes(charged))


@pytest.mark.parametrize(
    ("rows", "gain", "parts"),
    [
        (
            slice(7, 8),
            1000,
            ("at frame 6 (t = 0.7) to -", "at frame 7 (t = 0.8) of sequence '3'; 1 more jump of"),
        ),
        (slice(20, None), 1e-3, ("at frame 19 (t = 2) to -0.000", "of sequence '3'. Convert")),
        (slice(0, 1), 1000, ("at frame 0 (t = 0.1) to -", "of sequence '3'. Convert")),
    ],
    ids=["one row", "the rest", "the first row"],
)
def test_a_jump_within_a_series_is_named(charged, rows, gain, parts):
    charged["x"][3, rows, 2] *= gain
    (note,) = unit_notes(charged)
    assert note.startswith("Units of 'x' seem mixed: entity '2' goes from -")
    for part in parts:
        assert part in note


@pytest.mark.parametrize("name", ["springs", "charged", "kuramoto"])
def test_simulators_raise_no_alarm(name):
    for entities in (3, 10):
        assert unit_notes(simulate(name, entities=entities, sequences=100, steps=49, seed=entities)) == []


HEAVY = {
    "Cauchy": lambda rng, shape: rng.standard_cauchy(shape),
    "Pareto": lambda rng, shape: rng.pareto(0.7, shape),
    "lognormal": lambda rng, shape: np.exp(2 * rng.standard_normal(shape)),
    "spikes": lambda rng, shape: np.where(rng.random(shape) < 0.01, 50.0, 0.0) + 0.1 * rng.normal(size=shape),
    "random walk": lambda rng, shape: rng.normal(size=shape).cumsum(axis=1),
    "gains": lambda rng, shape: rng.normal(size=shape) * np.exp(rng.normal(size=shape[2])),
}


@pytest.mark.parametrize("kind", HEAVY)
def test_heavy_tails_raise_no_alarm(kind):
    rng = np.random.default_rng(0)
    for _ in range(5):
        assert unit_notes(from_arrays({"u": HEAVY[kind](rng, (4, 500, 8))})) == []


def test_a_heavy_centre_that_moves_little_is_no_unit():
    """The sun: its position is no thousandth of the planets', its speed is, since it is as much heavier."""
    t = np.arange(400) * 0.05
    angle = t[:, None] / np.array([1.0, 2.0, 3.0])
    x = np.concatenate(
        [-2e-3 * np.cos(angle[:, :1]) + 0.05, np.cos(angle) * np.array([1.0, 1.6, 2.1])], axis=1
    )
    v = np.gradient(x, t, axis=0)
    ds = from_arrays({"x": x[None], "vx": v[None]}, position="x", velocity="vx", time=t)
    assert unit_notes(ds) == []
