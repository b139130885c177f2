"""Exact solutions of the oscillators, and the features of the paper."""

from dataclasses import replace

import numpy as np
import pytest

from edgewise.errors import ConfigError
from edgewise.physics import kuramoto, simulate

TIME = 0.1 * np.arange(30)


def pair(coupling, omega, phases=(0.5, 2.0)):
    path, rates = kuramoto.simulate_kuramoto(
        np.array([coupling], float), np.array([phases]), np.array([omega], float), len(TIME)
    )
    return path[0], rates[0]


def test_uncoupled_oscillators_keep_their_frequency():
    path, rates = pair([[0, 0], [0, 0]], (2.0, 7.5))
    np.testing.assert_allclose(path, [0.5, 2.0] + TIME[:, None] * [2.0, 7.5], atol=1e-12)
    np.testing.assert_allclose(rates, np.full((30, 2), [2.0, 7.5]), atol=1e-11)


def test_two_equal_oscillators_follow_the_exact_solution():
    """d = phi_1 - phi_0 obeys d' = -2 sin d, so tan(d/2) decays as exp(-2 t); the mean phase runs on."""
    path, _ = pair([[0, 1], [1, 0]], (3.0, 3.0))
    exact = 2 * np.arctan(np.tan(0.75) * np.exp(-2 * TIME))
    np.testing.assert_allclose(
        path[:, 1] - path[:, 0], exact, atol=1e-9
    )  # fourth order: dt^4 = 1e-8, times 1/120
    np.testing.assert_allclose(path.mean(axis=1), 1.25 + 3.0 * TIME, atol=1e-12)


def test_two_different_oscillators_lock_at_the_exact_difference():
    path, rates = pair([[0, 1], [1, 0]], (4.0, 5.0))
    # 0 = 1 - 2 sin d; what is left of the transient decays as exp(-2 cos(d) t)
    assert path[-1, 1] - path[-1, 0] == pytest.approx(np.pi / 6, abs=3 * np.exp(-np.sqrt(3) * TIME[-1]))
    assert rates[-1] == pytest.approx([4.5, 4.5], abs=6 * np.exp(-np.sqrt(3) * TIME[-1]))


def test_an_edge_acts_on_its_receiver():
    path, _ = pair([[0, 1], [0, 0]], (2.0, 7.5))  # receiver 0, sender 1
    np.testing.assert_allclose(path[:, 1], 2.0 + 7.5 * TIME, atol=1e-12)
    assert np.abs(path[:, 0] - 0.5 - 2.0 * TIME).max() > 0.1


def test_features_are_those_of_the_paper():
    data = simulate("kuramoto", sequences=20, steps=100, seed=1)
    driven = data.edges.values.any(axis=2)
    rates = data.dphi.values
    assert (~driven).any()
    np.testing.assert_array_equal(rates.transpose(0, 2, 1)[~driven], 0.0)
    np.testing.assert_array_equal(rates.min(axis=1)[driven], -1.0)
    np.testing.assert_array_equal(rates.max(axis=1)[driven], 1.0)
    np.testing.assert_allclose(
        data.sin_phi, np.sin(data.phase.astype(float)), atol=1e-5
    )  # phases below 110: ulp 7.6e-6
    assert (data.omega.values == data.omega.values[:, :1]).all()
    assert data.omega.min() >= 1.0
    assert data.omega.max() < 10.0
    assert data.time.values[:2].tolist() == [0.0, 0.1]
    assert data.attrs["rate"] == ["dphi"]
    assert "position" not in data.attrs
    assert "velocity" not in data.attrs


def test_short_recordings_are_scaled_over_the_hundred_frames_of_the_paper():
    short = simulate("kuramoto", sequences=2, steps=10)
    long = simulate("kuramoto", sequences=2, steps=100)
    np.testing.assert_array_equal(short.dphi, long.dphi[:, :10])


def test_unscaled_rates_obey_the_equation():
    data = simulate("kuramoto", sequences=3, steps=50, scaled=False)
    phase, coupling = data.phase.values.astype(float), data.edges.values
    pull = np.sin(phase[:, :, None, :] - phase[:, :, :, None])  # [sequence, time, receiver, sender]
    expected = data.omega.values + (coupling[:, None] * pull).sum(axis=-1)
    # a difference quotient is off by dt/2 |phi''|, |phi''| <= 4 couplings times a difference of rates of 17
    np.testing.assert_allclose(data.dphi, expected, atol=0.01 / 2 * 4 * 17)
    np.testing.assert_allclose(np.diff(phase, axis=1)[:, 0] / 0.1, data.dphi[:, 0], atol=0.1 / 2 * 4 * 17)


def test_graphs_are_directed_unless_asked_otherwise():
    directed = simulate("kuramoto", sequences=20, steps=2, scaled=False).edges.values
    assert (directed != directed.swapaxes(1, 2)).any()
    mutual = simulate("kuramoto", sequences=20, steps=2, scaled=False, directed=False).edges.values
    np.testing.assert_array_equal(mutual, mutual.swapaxes(1, 2))
    assert 0.3 < mutual[:, *np.triu_indices(5, 1)].mean() < 0.7


def test_frequencies_out_of_order_are_refused():
    with pytest.raises(ConfigError, match=r"slowest = 11\.0 is above fastest = 10\.0"):
        replace(kuramoto.DEFAULTS, slowest=11.0)
