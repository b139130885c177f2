"""Walls, forces and conservation laws of springs and charges."""

from dataclasses import replace

import numpy as np
import pytest

from edgewise.errors import ConfigError
from edgewise.physics import charged, springs
from edgewise.physics.box import draw_bodies, reflect

WIDE = 1e6  # walls out of reach


def start(seed, systems, entities, bodies):
    rngs = np.random.default_rng(seed).spawn(systems)
    positions, velocities = zip(*(draw_bodies(rng, entities, bodies) for rng in rngs), strict=True)
    return np.stack(positions), np.stack(velocities)


def graphs(seed, systems, entities):
    rngs = np.random.default_rng(seed).spawn(systems)
    return np.stack([springs.draw_springs(rng, entities, 0.5) for rng in rngs])


def separated_charges(entities=4):
    """Alternating charges at rest on a wide circle: no two come close in the time of the tests."""
    angle = 2 * np.pi * np.arange(entities) / entities
    positions = 2.0 * np.stack([np.cos(angle), np.sin(angle)], axis=-1)[None]
    signs = np.where(np.arange(entities) % 3 == 0, 1.0, -1.0)[None]
    return signs, positions, np.zeros_like(positions)


def kinetic(velocities):
    return 0.5 * (velocities**2).sum(axis=(-1, -2))


def pair_distances(positions):
    first, second = np.triu_indices(positions.shape[-2], 1)
    return np.linalg.norm(positions[..., first, :] - positions[..., second, :], axis=-1), (first, second)


def test_bodies_start_with_equal_speed_and_the_given_spread():
    positions, velocities = start(0, 2000, 5, springs.DEFAULTS)
    np.testing.assert_allclose(np.linalg.norm(velocities, axis=-1), 0.5, rtol=1e-12)
    # five standard errors: std / sqrt(2 N) of a standard deviation from N values, std / sqrt(N) of a mean
    assert positions.std() == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(2 * positions.size))
    assert positions.mean() == pytest.approx(0.0, abs=5 * 0.5 / np.sqrt(positions.size))


def test_springs_conserve_energy_without_walls():
    bodies = replace(springs.DEFAULTS, half_width=WIDE, dt=1e-4)
    edges = graphs(1, 3, 5)
    start_x, start_v = start(1, 3, 5, bodies)
    x, v = springs.simulate_springs(edges, start_x, start_v, 20, bodies)

    def energy(positions, velocities):
        distances, pairs = pair_distances(positions)
        joined = edges[:, *pairs]
        joined = joined[:, None] if positions.ndim == 4 else joined
        return kinetic(velocities) + 0.5 * bodies.strength * (joined * distances**2).sum(axis=-1)

    # semi-implicit Euler: the energy oscillates by O(dt) times the power of the forces, it does not drift
    np.testing.assert_allclose(
        energy(x, v), energy(start_x, start_v)[:, None].repeat(20, axis=1), rtol=bodies.dt
    )


def test_charges_conserve_energy_without_close_encounters():
    signs, start_x, start_v = separated_charges()
    bodies = replace(charged.DEFAULTS, half_width=WIDE, dt=1e-4)
    x, v = charged.simulate_charged(signs, start_x, start_v, 50, bodies)

    def energy(positions, velocities):
        distances, (first, second) = pair_distances(positions)
        assert distances.min() > 0.5
        products = signs[0, first] * signs[0, second]
        return kinetic(velocities) + bodies.strength * (products / distances).sum(axis=-1)

    assert kinetic(v)[0, -1] > 1e-3  # they did move
    np.testing.assert_allclose(energy(x, v)[0], energy(start_x, start_v).repeat(50), atol=bodies.dt)


@pytest.mark.parametrize("system", ["springs", "charged"])
def test_momentum_is_conserved_without_walls(system):
    if system == "springs":
        bodies = replace(springs.DEFAULTS, half_width=WIDE)
        start_x, start_v = start(2, 2, 5, bodies)
        _, v = springs.simulate_springs(graphs(2, 2, 5), start_x, start_v, 5, bodies)
    else:
        signs, start_x, start_v = separated_charges()
        bodies = replace(charged.DEFAULTS, half_width=WIDE)
        start_v = start_v + np.array([0.3, -0.2])
        _, v = charged.simulate_charged(signs, start_x, start_v, 5, bodies)
    total = start_v.sum(axis=1)
    # 500 additions of numbers below 5: each rounds by at most half an ulp of 5
    np.testing.assert_allclose(v.sum(axis=2), total[:, None].repeat(5, axis=1), atol=500 * 5 * 2.2e-16 * 10)


def test_bodies_never_leave_the_box():
    bodies = replace(springs.DEFAULTS, half_width=0.5, position_std=0.4, speed=3.0, sample_every=7)
    start_x, start_v = start(3, 40, 3, bodies)
    assert np.abs(start_x).max() > 0.5  # some start outside and are brought in
    x, _ = springs.simulate_springs(graphs(3, 40, 3), start_x, start_v, 200, bodies)
    assert np.abs(x).max() <= 0.5
    assert np.abs(x).max() > 0.499


def test_walls_keep_the_speed_of_free_bodies():
    bodies = replace(springs.DEFAULTS, half_width=1.0, speed=2.0)
    start_x, start_v = start(4, 10, 4, bodies)
    free = np.zeros((10, 4, 4))
    x, v = springs.simulate_springs(free, start_x, start_v, 30, bodies)
    assert (np.sign(v) != np.sign(start_v[:, None])).any()
    np.testing.assert_array_equal(np.abs(v), np.abs(start_v[:, None]).repeat(30, axis=1))
    # a free path in a box is a triangle wave of the straight one
    straight = start_x[:, None] + start_v[:, None] * 0.1 * np.arange(1, 31)[None, :, None, None]
    folded = np.abs((straight - 1.0) % 4.0 - 2.0) - 1.0
    inside = (np.abs(start_x) <= 1.0).all(axis=-1)[:, None] & np.ones((10, 30, 4), bool)
    # 3000 steps, each with a rounding of at most half an ulp of 1 in the position and in the increment
    np.testing.assert_allclose(x[inside], folded[inside], atol=3000 * 2.2e-16)


def test_reflection_mirrors_the_position_and_turns_the_velocity_inwards():
    positions = np.array([5.25, -5.5, 4.0, 16.0])
    velocities = np.array([1.0, -2.0, 3.0, 4.0])
    reflect(positions, velocities, 5.0)
    np.testing.assert_array_equal(positions, [4.75, -4.5, 4.0, -4.0])
    np.testing.assert_array_equal(velocities, [-1.0, 2.0, 3.0, 4.0])


def test_forces_are_clipped():
    positions = np.array([[[0.0, 0.0], [0.001, 0.0]]])
    bodies = replace(charged.DEFAULTS, sample_every=1)
    _, v = charged.simulate_charged(np.ones((1, 2)), positions, np.zeros_like(positions), 1, bodies)
    np.testing.assert_array_equal(v[0, 0], [[-0.1, 0.0], [0.1, 0.0]])


@pytest.mark.parametrize(("second", "sign"), [(1.0, 1.0), (-1.0, -1.0)])
def test_like_charges_repel_and_unlike_attract(second, sign):
    positions = np.array([[[-1.0, 0.0], [1.0, 0.0]]])
    x, _ = charged.simulate_charged(np.array([[1.0, second]]), positions, np.zeros_like(positions), 5)
    distance = x[0, :, 1, 0] - x[0, :, 0, 0]
    assert (sign * np.diff(distance, prepend=2.0) > 0).all()


def test_a_spring_pulls_together_what_it_joins_only():
    positions = np.array([[[-1.0, 0.0], [1.0, 0.0], [0.0, 2.0]]])
    edges = np.zeros((1, 3, 3))
    edges[0, 0, 1] = edges[0, 1, 0] = 1.0
    x, _ = springs.simulate_springs(edges, positions, np.zeros_like(positions), 4)
    assert (x[0, :, 0, 0] > -1.0).all()
    np.testing.assert_array_equal(x[0, :, 2], [[0.0, 2.0]] * 4)
    # two unit masses: their distance swings with frequency sqrt(2 k); semi-implicit Euler is off by O(dt)
    time = 0.1 * np.arange(1, 5)
    np.testing.assert_allclose(x[0, :, 1, 0], np.cos(np.sqrt(0.2) * time), atol=1e-3)


def test_an_edge_acts_on_its_receiver():
    positions = np.array([[[-1.0, 0.0], [1.0, 0.0]]])
    edges = np.array([[[0.0, 1.0], [0.0, 0.0]]])  # receiver 0, sender 1
    x, _ = springs.simulate_springs(edges, positions, np.zeros_like(positions), 2)
    assert (x[0, :, 0, 0] > -1.0).all()
    np.testing.assert_array_equal(x[0, :, 1], positions[:, 1].repeat(2, axis=0))


def test_a_box_smaller_than_a_step_is_refused():
    with pytest.raises(ConfigError, match=r"speed = 0\.5 and dt = 20\.0 .* half_width = 5\.0"):
        replace(springs.DEFAULTS, dt=20.0)
