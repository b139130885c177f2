"""The integrator and the simple answers, against exact orbits and SciPy."""

import numpy as np
import pytest
import torch

from edgewise.tasks.central_motion import DRIFTS, KICKS, roll
from edgewise.tasks.central_simple import ellipses, gravity_of, straight

from .planets import STEP, moved, orbit, pulls

PERIOD = 2 * np.pi


def spring(position: torch.Tensor) -> torch.Tensor:
    return -position


def circle(substeps: int, frames: int = 1, total: float = PERIOD):
    begin = torch.tensor([[[1.0]]], dtype=torch.float64), torch.tensor([[[0.0]]], dtype=torch.float64)
    return roll(spring, *begin, total / frames, frames=frames, substeps=substeps)


def test_shares_of_a_step_sum_to_one():
    assert sum(DRIFTS) == pytest.approx(1, abs=1e-15)
    assert sum(KICKS) == pytest.approx(1, abs=1e-15)


def test_the_error_falls_with_the_fourth_power_of_the_step():
    errors = []
    for substeps in (40, 80):
        place, speed = circle(substeps)
        errors.append(np.hypot(float(place[0, -1]) - 1, float(speed[0, -1])))
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.1)


def test_a_negative_step_goes_back_where_it_came_from():
    place, speed = circle(50, frames=3)
    back, _ = roll(spring, place[:, -1], speed[:, -1], -PERIOD / 3, frames=3, substeps=50)
    torch.testing.assert_close(back.flip(1), place, rtol=1e-12, atol=1e-13)


def test_energy_does_not_drift_over_a_thousand_periods():
    place, speed = circle(1, frames=12_000, total=1000 * PERIOD)
    error = np.abs((place**2 + speed**2).flatten().numpy() / 2 - 0.5)
    assert error.max() < 0.02
    assert error[-1000:].max() == pytest.approx(error[:1000].max(), rel=0.01)


def test_a_batch_is_one_by_one_and_fixed_bodies_stay():
    rng = np.random.default_rng(0)
    position, velocity = (torch.from_numpy(rng.standard_normal((2, 3, 2))) for _ in range(2))
    step = torch.tensor([0.1, -0.2], dtype=torch.float64)
    fixed = torch.tensor([False, True, False])
    both, _ = roll(spring, position, velocity, step, frames=4, substeps=2, fixed=fixed)
    for k in range(2):
        alone, _ = roll(
            spring, position[[k]], velocity[[k]], float(step[k]), frames=4, substeps=2, fixed=fixed
        )
        torch.testing.assert_close(both[[k]], alone, rtol=0, atol=0)
    assert (both[:, :, 1] == position[:, None, 1]).all()


def test_planets_follow_the_orbits_of_scipy():
    position, velocity = moved(40)

    def acceleration(places: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(np.stack([pulls(place) for place in places.numpy()]))

    begin = torch.from_numpy(position[None, 0]), torch.from_numpy(velocity[None, 0])
    place, speed = roll(acceleration, *begin, STEP, frames=39, substeps=6)
    np.testing.assert_allclose(place[0].numpy(), position, atol=1e-7)
    np.testing.assert_allclose(speed[0].numpy(), velocity, atol=1e-7)


def test_straight_on():
    found = straight(np.array([[[1.0, 2.0]]]), np.array([[[0.5, -1.0]]]), np.array([0.0, 2.0]))
    assert found.tolist() == [[[[1.0, 2.0]], [[2.0, 0.0]]]]


@pytest.mark.parametrize("speed", [1.0, 0.7, 1.2])
def test_an_ellipse_is_the_orbit_of_scipy_around_a_moving_centre(speed):
    position = np.array([[[0.3, 0.1, 0.0], [1.3, 0.1, 0.0]]])
    drift = np.array([0.02, 0.0, 0.01])
    velocity = np.array([[drift, drift + np.array([0.1, speed, 0.2])]])
    times = 0.5 * np.arange(13)
    expected, _ = orbit(position[0], velocity[0], times, np.array([1.0, 0.0]))
    found = ellipses(position, velocity, times, central=0, mu=1.0)
    np.testing.assert_allclose(found[0], expected, atol=1e-8)


def test_what_is_not_bound_moves_straight_on():
    position, velocity = np.array([[[0.0, 0.0], [1.0, 0.0]]]), np.array([[[0.0, 0.0], [0.0, 2.0]]])
    times = np.array([0.0, 1.0])
    found = ellipses(position, velocity, times, central=0, mu=1.0)
    np.testing.assert_array_equal(found, straight(position, velocity, times))


def test_gravity_is_that_of_the_star():
    position, _ = moved(30)
    acceleration = np.stack([pulls(place) for place in position])
    assert gravity_of(0, position, acceleration) == pytest.approx(1.0, rel=0.01)
