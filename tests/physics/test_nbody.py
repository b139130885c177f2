"""Bodies that attract each other: exact orbits, conservation, the plain loop, what is refused."""

from dataclasses import replace

import by_hand
import numpy as np
import pytest

from edgewise.errors import ConfigError, DataError
from edgewise.physics import simulate
from edgewise.physics.conserved import energy, momentum
from edgewise.physics.nbody import DEFAULTS, draw_distances, draw_orbits, simulate_nbody


def drawn(seed, systems, entities, orbits=DEFAULTS):
    starts = [draw_orbits(rng, entities, orbits) for rng in np.random.default_rng(seed).spawn(systems)]
    return tuple(np.stack(arrays) for arrays in zip(*starts, strict=True))


@pytest.mark.parametrize("entities", [2, 6])
@pytest.mark.parametrize("fixed", [True, False])
def test_orbits_equal_the_plain_loop(entities, fixed):
    orbits = replace(DEFAULTS, fixed=fixed)
    masses, x, v = drawn(entities, 3, entities, orbits)
    moved_x, moved_v = simulate_nbody(masses, x, v, 200, orbits)
    for system in range(3):
        expected_x, expected_v = by_hand.nbody(masses[system], x[system], v[system], 200, fixed=fixed)
        # places up to 100 and speeds up to 1000, each of 200 steps rounded
        np.testing.assert_allclose(moved_x[system], expected_x, rtol=0, atol=1e-9)
        np.testing.assert_allclose(moved_v[system], expected_v, rtol=0, atol=1e-7)


def test_two_bodies_move_on_keplers_ellipse():
    """Semi-major axis a, eccentricity e: the period is 2 pi sqrt(a^3 / (G M)), the energy -G m M / (2 a)."""
    a, e, m = 30.0, 0.4, np.array([[100.0, 3.0]])
    mu = DEFAULTS.gravitation * m.sum()
    periapsis, speed = a * (1 - e), np.sqrt(mu * (1 + e) / (a * (1 - e)))
    x = np.array([[[0.0, 0.0], [periapsis, 0.0]]])
    v = np.array([[[0.0, 0.0], [0.0, speed]]])
    centre_x, centre_v = ((m[..., None] * own).sum(axis=1) / m.sum() for own in (x, v))
    period = 2 * np.pi * np.sqrt(a**3 / mu)
    frames = 64
    orbits = replace(DEFAULTS, fixed=False, dt=period / (frames * 400), steps_per_frame=400)
    moved, moved_v = simulate_nbody(m, x - centre_x, v - centre_v, frames + 1, orbits)
    apart = moved[0, :, 1] - moved[0, :, 0]
    radius = np.linalg.norm(apart, axis=-1)
    # an Euler scheme of 25600 steps a turn: errors of the order 2 pi / 25600 of the orbit's size
    np.testing.assert_allclose(apart[-1], apart[0], atol=2e-3 * a)
    assert radius[frames // 2] == pytest.approx(a * (1 + e), rel=1e-3)
    kinetic = 0.5 * (m[:, None] * (moved_v**2).sum(-1)).sum(-1)
    total = kinetic - DEFAULTS.gravitation * 300 / radius
    np.testing.assert_allclose(total, -DEFAULTS.gravitation * 300 / (2 * a), rtol=1e-3)


def test_the_force_attracts():
    x = np.array([[[0.0, 0.0], [50.0, 0.0]]])
    _, v = simulate_nbody(np.array([[100.0, 1.0]]), x, np.zeros((1, 2, 2)), 2)
    np.testing.assert_allclose(v[0, 1], [[0, 0], [-1e5 * 100 / 50**2 * 0.001, 0]])


def test_a_softening_weakens_the_force_at_short_range():
    x = np.array([[[0.0, 0.0], [3.0, 0.0]]])
    _, v = simulate_nbody(
        np.array([[100.0, 1.0]]), x, np.zeros((1, 2, 2)), 2, replace(DEFAULTS, softening=4.0)
    )
    np.testing.assert_allclose(v[0, 1, 1], [-1e5 * 100 * 3 / 5**3 * 0.001, 0])


def test_free_bodies_keep_a_momentum_of_zero_and_a_fixed_one_its_place():
    free = simulate("nbody", entities=6, sequences=5, steps=300, fixed=False)
    masses, x, v = drawn(0, 5, 6, replace(DEFAULTS, fixed=False))
    _, moved = simulate_nbody(masses, x, v, 300, replace(DEFAULTS, fixed=False))
    size = (masses[:, None] * np.linalg.norm(moved, axis=-1)).sum(-1).max()
    assert np.abs((masses[:, None, :, None] * moved).sum(2)).max() < 1e-12 * size
    assert (free["x"].sel(entity="star").std("time") > 0).all()
    assert not free["fixed"].any()
    held = simulate("nbody", entities=6, sequences=5, steps=300)
    for name in ("x", "y", "vx", "vy"):
        assert not held[name].sel(entity="star").any()
    assert (held["fixed"].isel(time=0).values == [1, 0, 0, 0, 0, 0]).all()
    assert not held["edges"].sel(receiver="star").any()
    assert momentum(free).shape == (5, 300, 2)


@pytest.mark.parametrize(("entities", "sequences"), [(3, 80), (6, 80), (12, 25)])
def test_energy_drifts_by_less_than_a_hundredth_in_a_thousand_steps(entities, sequences):
    found = energy(simulate("nbody", entities=entities, sequences=sequences, steps=1000))
    drift = np.abs(found / found[:, :1] - 1).max(axis=1)
    assert (drift < 0.01).mean() >= 0.95


def test_two_free_bodies_are_drawn_on_a_circle():
    ds = simulate(
        "nbody", entities=2, sequences=5, steps=300, fixed=False, lightest=50.0, heaviest=80.0, nearest=50.0
    )
    apart = np.hypot(ds["x"].diff("entity"), ds["y"].diff("entity")).values
    assert np.ptp(apart / apart[:, :1]) < 0.02  # the scheme's own ellipse: dt times the angular velocity
    assert (ds["x"].max("time") - ds["x"].min("time") > 20).all()


def test_distances_keep_the_range_and_the_spacing():
    for planets in (1, 5, 11):
        found = np.stack(
            [draw_distances(rng, planets, DEFAULTS) for rng in np.random.default_rng(0).spawn(50)]
        )
        assert found.min() >= 10
        assert planets == 11 or found.max() <= 100
        assert planets == 1 or (found[:, 1:] / found[:, :-1]).min() >= 1.4 * (1 - 1e-12)


def test_random_directions_differ_from_circles():
    circles, others = (simulate("nbody", entities=3, steps=2, circular=own) for own in (True, False))
    np.testing.assert_array_equal(circles["x"][:, 0], others["x"][:, 0])
    for ds, expected in ((circles, True), (others, False)):
        radial = (ds["x"] * ds["vx"] + ds["y"] * ds["vy"])[0, 0].values
        assert (np.abs(radial) < 1e-2).all() == expected  # float32 of 100 times 1000


@pytest.mark.parametrize(
    ("masses", "second", "message"),
    [
        (
            [100.0, 0.0],
            [1.0, 0.0],
            "the mass of 'planet 1' in system 1 is 0\n  expected: a finite mass above 0",
        ),
        ([-1.0, 1.0], [1.0, 0.0], "the mass of 'star' in system 1 is -1"),
        ([100.0, 1.0], [0.0, 0.0], "'star' and 'planet 1' of system 1 are 0 apart at the start"),
    ],
)
def test_bodies_that_cannot_be_are_refused(masses, second, message):
    good = np.array([[0.0, 0.0], [1.0, 0.0]])
    with pytest.raises(DataError) as caught:
        simulate_nbody(
            np.array([[100.0, 1.0], masses]), np.stack([good, [[0.0, 0.0], second]]), np.zeros((2, 2, 2)), 2
        )
    assert message in str(caught.value)


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match=r"lightest = 0\.5 is above heaviest = 0\.2"):
        simulate("nbody", lightest=0.5)
    with pytest.raises(ConfigError, match=r"spacing = 0\.5"):
        simulate("nbody", spacing=0.5)
    with pytest.raises(ConfigError, match=r"fixed = 1\n  expected: True or False"):
        simulate("nbody", fixed=1)
