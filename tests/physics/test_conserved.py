"""Energy and momentum read off frames: what other formulas give, and where nothing is known."""

import numpy as np
import pytest

from edgewise.data import load, save
from edgewise.physics import SIMULATORS, simulate
from edgewise.physics.conserved import energy, kinetic_energy, momentum, potential_energy

SMALL = {"entities": 4, "sequences": 3, "steps": 5}


def places(ds):
    return np.stack([ds["x"].values, ds["y"].values], -1).astype(float)


def by_pairs(ds, potential):
    """The sum of potential(distance, i, j, sequence) over pairs, `[sequence, time]`, by loops."""
    x = places(ds)
    n = x.shape[2]
    total = np.zeros(x.shape[:2])
    for sequence in range(len(x)):
        for i in range(n):
            for j in range(i):
                distance = np.linalg.norm(x[sequence, :, i] - x[sequence, :, j], axis=-1)
                total[sequence] += potential(distance, i, j, sequence)
    return total


def test_springs_hold_half_their_constant_times_the_square():
    ds = simulate("springs", **SMALL, strength_spread=0.5)
    w = ds["strength"].values
    np.testing.assert_allclose(potential_energy(ds), by_pairs(ds, lambda d, i, j, s: 0.5 * w[s, i, j] * d**2))
    alike = simulate("springs", **SMALL)
    e = 0.1 * alike["edges"].values
    np.testing.assert_allclose(
        potential_energy(alike), by_pairs(alike, lambda d, i, j, s: 0.5 * e[s, i, j] * d**2)
    )


def test_charges_repel_where_they_are_alike():
    ds = simulate("charged", **SMALL)
    sign = np.where(ds["edges"].values == 1, 1.0, -1.0)
    np.testing.assert_allclose(potential_energy(ds), by_pairs(ds, lambda d, i, j, s: sign[s, i, j] / d))


@pytest.mark.parametrize("softening", [0.0, 5.0])
def test_gravitation_is_minus_the_product_of_masses_over_the_distance(softening):
    ds = simulate("nbody", **SMALL, softening=softening)
    m = ds["mass"].values[:, 0].astype(float)
    expected = by_pairs(ds, lambda d, i, j, s: -1e5 * m[s, i] * m[s, j] / np.hypot(d, softening))
    np.testing.assert_allclose(potential_energy(ds), expected)


def test_a_string_holds_its_stretch_and_its_height():
    ds = simulate("string", **SMALL, pinned=1)
    c, g = ds["spring_constant"].values, ds["ay"].values[:, 0, 2]
    stretched = by_pairs(ds, lambda d, i, j, s: 0.5 * c[s, i, j] * (d - 0.2) ** 2)
    height = -0.1 * g[:, None] * places(ds)[:, :, 1:4, 1].sum(-1)  # the pinned mass and the ball do not count
    np.testing.assert_allclose(potential_energy(ds), stretched + height, rtol=1e-6, atol=1e-9)


def test_balls_hold_their_height_where_there_is_gravity():
    assert not potential_energy(simulate("balls", **SMALL)).any()
    ds = simulate("balls", **SMALL, gravity=2.0, push_out=0.1)
    mass = ds["mass"].values[:, 0, :4].astype(float)
    expected = 2.0 * (mass[:, None] * places(ds)[:, :, :4, 1]).sum(-1)
    np.testing.assert_allclose(potential_energy(ds), expected, rtol=1e-6)


def test_what_is_fixed_has_neither_momentum_nor_kinetic_energy():
    ds = simulate("balls", **SMALL)
    moving = ds.isel(entity=slice(4))
    m = moving["mass"].values.astype(float)
    v = np.stack([moving["vx"].values, moving["vy"].values], -1).astype(float)
    pushed = ds.copy(deep=True)
    pushed["vx"][:, :, 4:] = 7.0
    for own in (ds, pushed):
        np.testing.assert_allclose(momentum(own), (m[..., None] * v).sum(2))
        np.testing.assert_allclose(kinetic_energy(own), 0.5 * (m * (v**2).sum(-1)).sum(-1))


@pytest.mark.parametrize("name", [name for name in SIMULATORS if name != "kuramoto"])
def test_frames_that_were_rolled_out_or_read_from_a_file_have_an_energy(name, tmp_path):
    ds = simulate(name, entities=3, sequences=20, steps=4)
    save(ds, tmp_path / "frames.nc")
    np.testing.assert_array_equal(energy(load(tmp_path / "frames.nc")), energy(ds))
    moved = ds.copy(deep=True)
    moved["vy"] = moved["vy"] * 2
    assert (energy(moved) > energy(ds))[:, 1:].all()  # a string begins at rest
    gaps = ds.copy(deep=True)
    gaps["x"][0, 2, 1] = np.nan
    assert np.isfinite(np.delete(energy(gaps).ravel(), 2)).all()


def test_where_nothing_is_known_there_is_none():
    assert energy(simulate("kuramoto", **SMALL)) is None
    assert momentum(simulate("kuramoto", **SMALL)) is None
    springs = simulate("springs", **SMALL)
    assert energy(springs.drop_vars("edges")) is None
    assert momentum(springs.drop_vars("edges")) is not None
    assert energy(springs.drop_attrs()) is None
    balls = simulate("balls", **SMALL)
    assert energy(balls.drop_vars("mass")) is None
    assert momentum(balls.drop_vars("mass")) is None
    assert energy(simulate("string", **SMALL).drop_vars("rest_length")) is None
