"""What is seen of data before anything is fitted."""

import numpy as np
import pytest

from edgewise.data import from_arrays
from edgewise.inference.auto.survey import survey

from ..worlds import springs, with_values, without_velocity
from .series import autoregression, sampled_slowly


def test_sizes_and_roles():
    seen = survey(springs(sequences=3, entities=4, steps=14))
    assert (seen.n_sequences, seen.n_frames, seen.n_entities, seen.n_features) == (3, 14, 4, 4)
    assert (seen.position, seen.velocity, seen.rates) == (2, True, False)
    assert seen.n_numbers == 3 * 14 * 4 * 4
    assert seen.missing == 0
    assert seen.same_entities
    assert not survey(without_velocity(springs())).velocity


def test_missing_values_and_entities_that_are_not_everywhere():
    def holes(name, values):
        values[0, :, 1] = np.nan
        return values

    seen = survey(with_values(springs(sequences=2, entities=4), holes))
    assert not seen.same_entities
    assert seen.missing == pytest.approx(1 / 8)


def test_autocorrelation_is_that_of_the_series():
    rng = np.random.default_rng(0)
    x = np.zeros((1, 4000, 3))
    for t in range(1, 4000):
        x[:, t] = 0.7 * x[:, t - 1] + rng.normal(size=(1, 3))
    assert survey(from_arrays({"x": x})).autocorrelation == pytest.approx(0.7, abs=0.03)


def test_effects_within_a_frame_show_in_what_a_regression_leaves():
    assert survey(sampled_slowly()).slow
    assert not survey(autoregression()).slow
    assert not survey(springs(sequences=8, steps=40)).slow  # bodies in space: their velocities tell


@pytest.mark.parametrize("seed", range(5))
def test_independent_series_are_within_what_chance_gives(seed):
    series = np.random.default_rng(seed).normal(size=(4, 200, 6))
    assert abs(survey(from_arrays({"x": series})).within_frame) < 3


def test_a_crowd_is_one_with_positions():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 1, 10, 30)).cumsum(2)
    assert survey(from_arrays({"x": x, "y": y}, position=["x", "y"])).crowded
    assert not survey(from_arrays({"x": x, "y": y})).crowded


def test_too_few_frames_say_nothing_of_effects_within_one():
    series = np.random.default_rng(0).normal(size=(2, 10, 6))
    assert np.isnan(survey(from_arrays({"x": series})).within_frame)
