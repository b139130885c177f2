"""The batched simulators equal a plain loop over systems and steps."""

import by_hand
import numpy as np
import pytest

from edgewise.physics import charged, kuramoto, springs
from edgewise.physics.box import draw_bodies


@pytest.mark.parametrize("entities", [2, 5, 9])
def test_springs_equal_the_plain_loop(entities):
    rngs = np.random.default_rng(entities).spawn(3)
    edges = np.stack([springs.draw_springs(rng, entities, 0.5) for rng in rngs])
    start = [draw_bodies(rng, entities, springs.DEFAULTS) for rng in rngs]
    start_x, start_v = (np.stack(arrays) for arrays in zip(*start, strict=True))
    x, v = springs.simulate_springs(edges, start_x, start_v, 10)
    for system in range(3):
        expected_x, expected_v = by_hand.bodies(
            by_hand.springs(edges[system]), start_x[system], start_v[system], 10
        )
        # 1000 steps, rounding of some ulp of 1 each, hardly amplified in a system of springs
        np.testing.assert_allclose(x[system], expected_x, rtol=0, atol=1e-12)
        np.testing.assert_allclose(v[system], expected_v, rtol=0, atol=1e-12)


@pytest.mark.parametrize("entities", [2, 5])
def test_charges_equal_the_plain_loop(entities):
    rngs = np.random.default_rng(10 + entities).spawn(3)
    signs = np.stack([charged.draw_charges(rng, entities, 0.5) for rng in rngs])
    start = [draw_bodies(rng, entities, charged.DEFAULTS) for rng in rngs]
    start_x, start_v = (np.stack(arrays) for arrays in zip(*start, strict=True))
    x, v = charged.simulate_charged(signs, start_x, start_v, 5)
    for system in range(3):
        expected_x, expected_v = by_hand.bodies(
            by_hand.charges(signs[system]), start_x[system], start_v[system], 5
        )
        # close encounters amplify rounding: 1e-16 a step, growing by orders of magnitude at each encounter
        np.testing.assert_allclose(x[system], expected_x, rtol=0, atol=1e-8)
        np.testing.assert_allclose(v[system], expected_v, rtol=0, atol=1e-8)


def test_bodies_that_start_outside_are_mirrored_before_they_feel_a_force():
    outside, inside = np.array([[[9.0, 0.0], [-1.0, 0.0]]]), np.array([[1.0, 0.0], [-1.0, 0.0]])
    still = np.zeros((1, 2, 2))
    edges = np.ones((2, 2)) - np.eye(2)
    x, v = springs.simulate_springs(edges[None], outside, still, 2)
    expected_x, expected_v = by_hand.bodies(by_hand.springs(edges), inside, still[0], 2)
    np.testing.assert_allclose(x[0], expected_x, rtol=0, atol=1e-12)
    np.testing.assert_allclose(v[0], expected_v, rtol=0, atol=1e-12)


def test_walls_equal_the_plain_loop():
    start_x = np.array([[[4.9, 0.0], [-4.9, 0.1], [0.0, 4.95]]])
    start_v = np.array([[[0.5, 0.0], [-0.5, 0.0], [0.3, 0.4]]])
    edges = np.ones((1, 3, 3)) - np.eye(3)
    x, v = springs.simulate_springs(edges, start_x, start_v, 10)
    expected_x, expected_v = by_hand.bodies(by_hand.springs(edges[0]), start_x[0], start_v[0], 10)
    assert (np.sign(expected_v[-1]) != np.sign(start_v[0])).any()
    np.testing.assert_allclose(x[0], expected_x, rtol=0, atol=1e-12)
    np.testing.assert_allclose(v[0], expected_v, rtol=0, atol=1e-12)


def test_kuramoto_equals_the_plain_loop():
    rng = np.random.default_rng(3)
    coupling = np.stack([kuramoto.draw_coupling(rng, 5, 0.5) for _ in range(3)])
    phases, omega = rng.uniform(0, 2 * np.pi, (3, 5)), rng.uniform(1, 10, (3, 5))
    path, rates = kuramoto.simulate_kuramoto(coupling, phases, omega, 20)
    for system in range(3):
        expected, expected_rates = by_hand.kuramoto(coupling[system], phases[system], omega[system], 20)
        np.testing.assert_allclose(path[system], expected, rtol=0, atol=1e-11)
        # a rate is a difference of two phases below 100 over dt = 0.01
        np.testing.assert_allclose(rates[system], expected_rates, rtol=0, atol=1e-9)
