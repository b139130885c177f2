"""A string that falls onto a ball: exact motions, conservation, the plain loop, what is refused."""

from dataclasses import replace

import by_hand
import numpy as np
import pytest

from edgewise.data.roles import pairs
from edgewise.errors import ConfigError, DataError
from edgewise.physics import simulate
from edgewise.physics.conserved import energy, momentum
from edgewise.physics.string import DEFAULTS, FallingString, Strings, simulate_string

FAR = [0.0, -50.0]
"""Where a ball is out of the way."""


def alone(places, *, options, constant=100.0, gravity=0.0, steps=200):
    """One string without a ball in its way."""
    x = np.array([[*places, FAR]])
    return simulate_string(
        Strings(np.array([constant]), np.array([gravity])), x, np.zeros_like(x), steps, options
    )


@pytest.mark.parametrize(("masses", "pinned"), [(2, 0), (15, 1), (6, 2)])
def test_strings_equal_the_plain_loop(masses, pinned):
    options = replace(DEFAULTS, pinned=pinned)
    ds = simulate("string", entities=masses, sequences=3, steps=2, pinned=pinned)
    x = np.stack([ds[name].isel(time=0).values.astype(float) for name in "xy"], -1)
    constant, gravity = ds["spring_constant"].values[:, 0, 1], np.array([9.0, 15.0, 30.0])
    places, speeds = simulate_string(Strings(constant, gravity), x, np.zeros_like(x), 400, options)
    touched = np.linalg.norm(places[:, :, :-1] - places[:, :, -1:], axis=-1) < 0.55
    assert touched.any()
    for system in range(3):
        own = constant[system], gravity[system], x[system], np.zeros_like(x[system])
        expected_x, expected_v = by_hand.string(*own, 400, pinned=pinned)
        np.testing.assert_allclose(places[system], expected_x, rtol=0, atol=1e-9)
        np.testing.assert_allclose(speeds[system], expected_v, rtol=0, atol=1e-7)


def test_two_masses_swing_about_the_rest_length():
    """The stretch of a free spring between masses m is a cosine of omega^2 = 2 C_s / m."""
    options = replace(DEFAULTS, pinned=0, dt=1e-4, steps_per_frame=10)
    x, _ = alone([[0.0, 0.0], [0.25, 0.0]], options=options)
    t = 0.001 * np.arange(200)
    expected = 0.2 + 0.05 * np.cos(np.sqrt(2 * 100 / 0.1) * t)
    np.testing.assert_allclose(x[0, :, 1, 0] - x[0, :, 0, 0], expected, atol=0.05 * 0.01)


def test_a_string_in_free_fall_keeps_its_shape_and_its_energy():
    options = replace(DEFAULTS, pinned=0)
    places = np.stack([0.2 * np.arange(5), np.zeros(5)], -1)
    x, v = alone(places, options=options, gravity=10.0, steps=101)
    fallen = 0.5 * 10 * 0.1 * (0.1 + 0.001)  # semi-implicit: 1 + 2 + ... + n steps
    np.testing.assert_allclose(x[0, -1, :5], places - [0, fallen], atol=1e-12)
    np.testing.assert_allclose(v[0, -1, :5, 1], -1.0)


def test_the_error_of_the_energy_halves_with_the_step_until_something_collides():
    coarse, fine = (
        simulate("string", entities=6, sequences=20, steps=60, dt=dt, steps_per_frame=every, slope=0.0)
        for dt, every in ((0.001, 1), (0.0005, 2))
    )
    errors = [np.abs(energy(ds) - energy(ds)[:, :1]) for ds in (coarse, fine)]
    apart = np.hypot(coarse["x"] - coarse["x"][..., -1:].values, coarse["y"] - coarse["y"][..., -1:].values)
    before = (apart[..., :-1] > 0.57).all(axis=(1, 2))  # systems whose string has not come near the ball
    assert before.sum() >= 5
    # the first order of the scheme: what remains of the ratio is of the second order, and float32
    ratio = errors[1][before].max(axis=1) / errors[0][before].max(axis=1)
    np.testing.assert_allclose(ratio, 0.5, atol=0.02)


def test_collisions_take_energy_and_do_not_add_any():
    found = energy(simulate("string", entities=10, sequences=20, steps=900, seed=1))
    lost = found[:, 0] - found[:, -1]
    assert (lost > 0).all()
    assert ((found.max(axis=1) - found[:, 0]) < 0.02 * lost).all()


def test_springs_conserve_momentum_to_rounding():
    rng = np.random.default_rng(0)
    places = np.stack([0.2 * np.arange(8), np.zeros(8)], -1) + 0.05 * rng.standard_normal((8, 2))
    _, v = alone(places, options=replace(DEFAULTS, pinned=0))
    assert np.abs(v[0]).max() > 0.1
    np.testing.assert_allclose(v[0].sum(axis=1), 0, atol=1e-13)


def test_a_mass_bounces_off_the_ball_with_the_restitution():
    options = FallingString(pinned=0, push_out=0.0)
    x = np.array([[[0.0, 0.6], [0.0, 0.8], [0.0, 0.0]]])
    v = np.array([[[0.0, -3.0], [0.0, -3.0], [0.0, 0.0]]])
    _, moved = simulate_string(Strings(np.array([1e-9]), np.array([0.0])), x, v, 40, options)
    np.testing.assert_allclose(moved[0, -1, :, 1], [1.5, -3.0, 0.0], atol=1e-6)


def test_a_mass_that_is_pressed_on_does_not_sink():
    options = FallingString(pinned=0)
    x = np.array([[[0.0, 0.56], [0.0, 0.76], [0.0, 0.0]]])
    pressed, _ = simulate_string(
        Strings(np.array([100.0]), np.array([30.0])), x, np.zeros_like(x), 2500, options
    )
    assert pressed[0, :, 0, 1].min() > 0.54
    sunk, _ = simulate_string(
        Strings(np.array([100.0]), np.array([30.0])),
        x,
        np.zeros_like(x),
        2500,
        replace(options, push_out=0.0),
    )
    assert sunk[0, :, 0, 1].min() < 0.5


@pytest.mark.parametrize("pinned", [0, 1, 2])
def test_what_a_recording_says_of_objects_and_relations(pinned):
    ds = simulate("string", entities=5, sequences=4, steps=50, pinned=pinned)
    assert list(ds["entity"].values) == ["mass 0", "mass 1", "mass 2", "mass 3", "mass 4", "ball"]
    fixed = np.zeros(6, dtype=bool)
    fixed[[5, *[0, 4][:pinned]]] = True
    for sequence in ds["fixed"].isel(time=0).values:
        np.testing.assert_array_equal(sequence, fixed)
    held = ds.isel(entity=fixed)
    for name in ("vx", "vy", "ax", "ay"):
        assert not held[name].any()
    gravity = ds["ay"].isel(time=0).values[:, ~fixed]
    assert gravity.min() >= -30
    assert gravity.max() <= -5
    np.testing.assert_array_equal(gravity, gravity[:, :1] * np.ones_like(gravity))
    assert pairs(ds) == ["spring_constant", "rest_length"]
    constant, length = ds["spring_constant"].values, ds["rest_length"].values
    assert np.unique(constant[constant > 0]).size == 4
    np.testing.assert_array_equal(length > 0, constant > 0)
    np.testing.assert_array_equal(constant, constant.swapaxes(1, 2))
    np.testing.assert_array_equal((ds["edges"].values == 1)[:, ~fixed], (constant > 0)[:, ~fixed])
    assert (ds["edges"].values[:, ~fixed, -1] == 2).all()
    assert not ds["edges"].values[:, fixed].any()
    assert momentum(ds).shape == (4, 50, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"constant": 0.0}, "the spring constant of system 0 is 0"),
        ({"first": [0.2, 0.0]}, "'mass 0' and 'mass 1' of system 0 are 0 apart"),
        ({"ball": [0.0, -0.5]}, "'mass 0' and 'ball' of system 0 are 0.5 apart"),
    ],
)
def test_starts_that_cannot_be_are_refused(change, message):
    first, ball = change.get("first", [0.0, 0.0]), change.get("ball", FAR)
    x = np.array([[first, [0.2, 0.0], ball]])
    strings = Strings(np.array([change.get("constant", 100.0)]), np.array([10.0]))
    with pytest.raises(DataError) as caught:
        simulate_string(strings, x, np.zeros_like(x), 2)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pinned": 3}, r"pinned = 3\n  expected: 0, 1 or 2"),
        ({"pinned": 0.5}, r"pinned = 0\.5\n  expected: a whole number from 0 on"),
        ({"dt": 0.05}, r"make C_s dt\^2 / m = 5: the integrator is unstable"),
        ({"restitution": 2.0}, r"restitution = 2\.0"),
        ({"weakest_gravity": 40.0}, r"weakest_gravity = 40\.0 is above strongest_gravity = 30\.0"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        simulate("string", **options)
