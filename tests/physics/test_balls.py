"""Balls in a box: single collisions, conservation, the plain loop, pymunk, walls."""

from dataclasses import replace

import by_hand
import numpy as np
import pytest

from edgewise.errors import ConfigError, DataError
from edgewise.physics import simulate
from edgewise.physics.balls import DEFAULTS, Balls, draw_places, simulate_balls


def pair(speeds, *, mass=(1.0, 1.0), restitution=(1.0, 1.0), offset=0.0, radius=0.2, steps=60):
    """Two balls that fly at each other along x; their final velocities."""
    x = np.array([[[-0.5, 0.0], [0.5, offset]]])
    v = np.array([[[speeds[0], 0.0], [speeds[1], 0.0]]])
    balls = Balls(np.array([mass]), np.full((1, 2), radius), np.array([restitution]))
    places, moved = simulate_balls(balls, x, v, steps, replace(DEFAULTS, half_width=100.0))
    return places[0], moved[0]


def test_equal_balls_that_meet_head_on_swap_their_velocities():
    _, v = pair((2.0, -1.0))
    np.testing.assert_allclose(v[-1], [[-1, 0], [2, 0]], atol=1e-14)


def test_balls_part_with_the_product_of_their_restitutions():
    _, v = pair((2.0, -1.0), restitution=(0.5, 0.8), mass=(1.25, 0.75))
    assert v[-1, 1, 0] - v[-1, 0, 0] == pytest.approx(0.4 * 3.0)
    assert 1.25 * v[-1, 0, 0] + 0.75 * v[-1, 1, 0] == pytest.approx(1.25 * 2 - 0.75)


def test_a_wall_turns_the_normal_velocity_only():
    balls = Balls(np.ones((1, 1)), np.full((1, 1), 0.2), np.full((1, 1), 0.7))
    _, v = simulate_balls(balls, np.array([[[1.0, 0.0]]]), np.array([[[2.0, 0.5]]]), 60)
    np.testing.assert_allclose(v[0, -1, 0], [-1.4, 0.5], atol=1e-14)


def many(seed, systems, n, **options):
    """Balls of `systems` systems, places and velocities, as they are drawn."""
    ds = simulate("balls", entities=n, sequences=systems, steps=2, seed=seed, **options)
    first = ds.isel(time=0, entity=slice(n))
    balls = Balls(*(first[name].values.astype(float) for name in ("mass", "radius", "restitution")))
    x, v = (np.stack([first[name].values for name in names], -1) for names in (("x", "y"), ("vx", "vy")))
    return balls, x.astype(float), v.astype(float)


@pytest.mark.parametrize(("n", "gravity", "push_out"), [(3, 0.0, 0.0), (8, 0.0, 0.0), (5, 9.81, 0.1)])
def test_balls_equal_the_plain_loop(n, gravity, push_out):
    balls, x, v = many(n, 3, n)
    options = replace(DEFAULTS, gravity=gravity, push_out=push_out)
    places, speeds = simulate_balls(balls, x, v, 150, options)
    assert (np.abs(np.diff(speeds, axis=1)).max(axis=(1, 2, 3)) > 0.1).all()  # collisions in each
    for system in range(3):
        own = (array[system] for array in (balls.mass, balls.radius, balls.restitution, x, v))
        expected_x, expected_v = by_hand.balls(*own, 150, gravity=gravity, push_out=push_out)
        np.testing.assert_allclose(places[system], expected_x, rtol=0, atol=1e-10)
        np.testing.assert_allclose(speeds[system], expected_v, rtol=0, atol=1e-9)


def test_collisions_among_balls_conserve_momentum_to_rounding():
    balls, x, v = many(1, 20, 9)
    _, moved = simulate_balls(
        balls, x, v - 5 * x, 60, replace(DEFAULTS, half_width=100.0)
    )  # towards the centre
    total = (balls.mass[:, None, :, None] * moved).sum(axis=2)
    assert (np.abs(np.diff(moved, axis=1)).max(axis=(1, 2, 3)) > 0.1).all()
    np.testing.assert_allclose(total, np.broadcast_to(total[:, :1], total.shape), atol=1e-13)


def test_one_collision_never_adds_energy_and_an_elastic_one_keeps_it():
    for restitution, elastic in ((1.0, True), (0.5, False)):
        _, v = pair((3.0, -1.0), mass=(1.0, 0.8), restitution=(restitution, 1.0), offset=0.15)
        kinetic = 0.5 * (np.array([1.0, 0.8]) * (v**2).sum(-1)).sum(-1)
        assert (np.diff(kinetic) <= 1e-13).all()
        assert (kinetic[-1] == pytest.approx(kinetic[0], rel=1e-13)) == elastic


@pytest.mark.parametrize("options", [{}, {"gravity": 9.81, "push_out": 0.1}, {"least_restitution": 1.0}])
def test_no_ball_leaves_the_box_in_a_thousand_steps(options):
    ds = simulate("balls", entities=9, sequences=60, steps=1000, seed=3, **options)
    moving = ds.isel(entity=slice(9))
    beyond = np.maximum(np.abs(moving["x"]), np.abs(moving["y"])) + moving["radius"] - 1.5
    assert float(beyond.max()) < 0.1  # the least radius: every centre is inside
    first = moving.isel(time=0)
    apart = np.hypot(*(first[name].values[:, :, None] - first[name].values[:, None] for name in "xy"))
    reach = first["radius"].values[:, :, None] + first["radius"].values[:, None]
    upper = np.triu_indices(9, 1)
    assert (apart > reach)[:, *upper].all()
    assert (beyond.isel(time=0) < 0).all()


def test_balls_that_overlap_deeply_come_apart():
    """Fast balls of the least radius, deep in a wall and in each other after one long step."""
    balls = Balls(np.ones((1, 2)), np.full((1, 2), 0.1), np.ones((1, 2)))
    x, v = np.array([[[1.35, 0.0], [1.1, 0.0]]]), np.array([[[15.0, 0.0], [15.0, 0.0]]])
    places, _ = simulate_balls(balls, x, v, 40)
    assert np.abs(places[0, 1, 0]).max() > 1.45  # the centre nearly in the wall
    assert np.abs(places[0, 5:]).max() < 1.5
    assert np.linalg.norm(places[0, -1, 0] - places[0, -1, 1]) > 0.2


def test_with_gravity_balls_come_to_rest_on_the_floor():
    ds = simulate(
        "balls", entities=2, sequences=10, steps=3000, gravity=9.81, push_out=0.1, most_restitution=0.6
    )
    last = ds.isel(time=-1, entity=slice(2))
    assert float(np.abs(last["vy"]).max()) < 0.2
    assert (
        float((last["y"] - last["radius"]).min()) > -1.55
    )  # sunk in by less than 0.05 after 30 units of time
    assert set(ds.isel(entity=0)["ay"].values.ravel()) == {np.float32(-9.81)}
    assert not ds.isel(entity=-1)["ay"].any()


def test_walls_are_objects():
    ds = simulate("balls", entities=2, steps=3)
    assert list(ds["entity"].values) == [
        "ball 0",
        "ball 1",
        "wall left",
        "wall right",
        "wall bottom",
        "wall top",
    ]
    walls = ds.isel(time=0, sequence=0, entity=slice(2, None))
    np.testing.assert_array_equal(walls["fixed"], 1)
    np.testing.assert_allclose(walls["x"] + walls["half_width"] * [1, -1, 0, 0], [-1.5, 1.5, 0, 0])
    np.testing.assert_allclose(walls["y"] + walls["half_height"] * [0, 0, 1, -1], [0, 0, -1.5, 1.5])
    expected = [[0, 1, 2, 2, 2, 2], [1, 0, 2, 2, 2, 2], *4 * [6 * [0]]]
    np.testing.assert_array_equal(ds["edges"][0], expected)
    assert ds["edges"].attrs["flag_meanings"] == ["none", "ball", "wall"]


@pytest.mark.parametrize("offset", [0.0, 0.2, 0.35])
@pytest.mark.parametrize("restitution", [1.0, 0.6])
def test_a_collision_is_that_of_pymunk(offset, restitution):
    """Chipmunk finds the same contact of two discs; its velocities after the impulse are then ours."""
    pymunk = pytest.importorskip("pymunk")
    speeds, mass, radius = (2.0, -1.0), (1.25, 0.75), 0.25
    places, v = pair(speeds, mass=mass, restitution=(restitution, 1.0), offset=offset, radius=radius)
    hit = int(np.flatnonzero(np.abs(np.diff(v, axis=0)).max(axis=(1, 2)) > 0)[0])
    space = pymunk.Space()
    space.collision_slop, space.iterations = 0.0, 50
    bodies = []
    for k in range(2):  # as they are at the beginning of the step in which they collide
        body = pymunk.Body(mass[k], float("inf"))
        body.position, body.velocity = tuple(places[hit, k]), tuple(v[hit, k])
        disc = pymunk.Circle(body, radius)
        disc.elasticity, disc.friction = (restitution, 1.0)[k], 0.0
        space.add(body, disc)
        bodies.append(body)
    space.step(1e-9)
    found = np.array([tuple(body.velocity) for body in bodies])
    np.testing.assert_allclose(v[-1], found, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mass": 0.0}, "the mass of 'ball 0' in system 0 is 0"),
        ({"radius": -0.1}, "the radius of 'ball 0' in system 0 is -0.1"),
        ({"x": 0.55}, "'ball 0' and 'ball 1' of system 0 are 0.15 apart at the start"),
        ({"x": -1.4}, "'ball 0' of system 0, of radius 0.2, is at [-1.4, 0.0], not inside the walls"),
    ],
)
def test_starts_that_cannot_be_are_refused(change, message):
    first = {"mass": 1.0, "radius": 0.2, "x": 0.0} | change
    balls = Balls(np.array([[first["mass"], 1.0]]), np.array([[first["radius"], 0.2]]), np.ones((1, 2)))
    x = np.array([[[first["x"], 0.0], [0.7, 0.0]]])
    with pytest.raises(DataError) as caught:
        simulate_balls(balls, x, np.zeros_like(x), 2)
    assert message in str(caught.value)


def test_a_box_that_is_too_small_is_refused():
    with pytest.raises(ConfigError, match=r"no place was found for ball \d+ of 80, of radius"):
        draw_places(np.random.default_rng(0), np.full(80, 0.2), 1.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gravity": 5.0}, r"gravity = 5\.0 with push_out = 0.*\n.*\n.*push_out = 0\.1"),
        ({"most_restitution": 1.5}, r"most_restitution = 1\.5"),
        ({"least_mass": 2.0}, r"least_mass = 2\.0 is above most_mass = 1\.25"),
    ],
)
def test_settings_that_cannot_be_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        simulate("balls", **options)
