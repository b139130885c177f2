"""Angles from their sines: the right branch, the right direction, and what is missing stays missing."""

import numpy as np
import pytest

from edgewise.inference.angles import follow_angle, robust_line
from edgewise.physics import simulate


def wobbling(series=20, frames=60, seed=0, slowest=0.2):
    """Angles that grow by 0.2 to 1.2 radians a frame, faster and slower."""
    rng = np.random.default_rng(seed)
    pace = rng.uniform(slowest, 1.2, (series, 1))
    wobble = 0.15 * np.sin(
        rng.uniform(0.1, 0.4, (series, 1)) * np.arange(frames) + rng.uniform(0, 6, (series, 1))
    )
    return rng.uniform(0, 6, (series, 1)) + np.cumsum(pace + wobble, axis=1)


def test_the_cosine_is_found_from_the_sine_alone():
    angle = wobbling()
    assert np.abs(np.cos(follow_angle(np.sin(angle))) - np.cos(angle)).max() < 1e-6


def test_it_is_unrolled_up_to_whole_turns():
    angle = wobbling(5)
    away = (follow_angle(np.sin(angle)) - angle) / (2 * np.pi)
    np.testing.assert_allclose(away, np.round(away[:, :1]) + np.zeros_like(away), atol=1e-6)


def test_without_a_rate_the_angle_grows_and_with_one_it_follows_the_rate():
    falling = -wobbling(8)
    assert (np.diff(follow_angle(np.sin(falling)), axis=1).mean(1) > 0).all()
    rate = 3 + 0.1 * np.gradient(falling, axis=1)  # an offset and a positive scale of its own
    assert np.abs(np.cos(follow_angle(np.sin(falling), rate)) - np.cos(falling)).max() < 1e-6


def test_the_scaled_rates_of_oscillators_resolve_what_the_even_path_cannot():
    ds = simulate("kuramoto", sequences=150, entities=10, steps=49, seed=7)
    sine, rate, phase = (
        ds[name].transpose("sequence", "entity", "time").to_numpy().reshape(-1, 49)
        for name in ("sin_phi", "dphi", "phase")
    )
    wrong = [np.abs(np.cos(follow_angle(sine, given)) - np.cos(phase)) > 0.1 for given in (None, rate)]
    assert wrong[1].mean() < 1e-3
    assert wrong[1].mean() < wrong[0].mean()


def test_missing_frames_stay_missing_and_do_not_lead_the_path_astray():
    angle = wobbling(6, slowest=0.4)
    sine = np.sin(angle)
    sine[:, 20] = np.nan
    found = follow_angle(sine)
    assert np.isnan(found[:, 20]).all()
    before, after = np.s_[:, :20], np.s_[:, 22:]
    assert np.isfinite(found[before]).all()
    assert np.abs(np.cos(found[after]) - np.cos(angle[after])).mean() < 0.05


@pytest.mark.parametrize("frames", [1, 2])
def test_a_frame_or_two_are_no_error(frames):
    assert follow_angle(np.full((3, frames), 0.5)).shape == (3, frames)


def test_a_line_is_not_moved_by_a_few_frames_far_off():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 100))
    y = 2 + 3 * x + 0.01 * rng.normal(size=x.shape)
    y[:, :10] += 50
    y[:, 20] = np.nan
    offset, slope = robust_line(x, y)
    np.testing.assert_allclose(np.concatenate([offset, slope], 1), [[2, 3]] * 4, atol=0.02)


def test_a_line_does_not_fall_and_a_constant_has_none():
    x = np.linspace(0, 1, 20)[None]
    assert robust_line(x, -x)[1].item() == 0
    assert robust_line(x, -x, rising=False)[1].item() == pytest.approx(-1)
    offset, slope = robust_line(np.ones((1, 20)), x)
    assert slope.item() == 0
    assert offset.item() == pytest.approx(0.5, abs=0.05)
