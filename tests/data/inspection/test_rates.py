"""Entities that are sampled more slowly than others."""

import numpy as np
import pytest

from edgewise.data import from_arrays, inspect, resample
from edgewise.data.inspection.rates import rate_notes


def mixed():
    """Entity b is seen in every fourth frame of a clock of 0.05; the values are smooth."""
    t = np.arange(81) * 0.05
    values = np.stack([np.sin(t), np.cos(0.7 * t), np.sin(2 * t + 1)], axis=-1)[None]
    values[0, np.arange(81) % 4 > 0, 1] = np.nan
    return from_arrays({"u": values}, time=t, entity=list("abc"))


def test_the_slow_entity_is_named_with_the_clock_that_suits_all():
    (note,) = inspect(mixed())
    assert note.startswith(
        "Entities are sampled at different rates: 'b' (the first: seen in one of 4 frames)."
    )
    assert "--resample 0.2`" in note
    assert inspect(resample(mixed(), 0.2)) == []


@pytest.mark.parametrize("lost", [0.2, 0.6, 0.9])
def test_values_lost_at_random_are_no_other_rate(lost):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 200, 4))
    values[rng.random(values.shape) < lost] = np.nan
    assert rate_notes(from_arrays({"u": values})) == []


def test_one_lost_frame_or_a_guest_is_no_other_rate():
    values = np.random.default_rng(0).normal(size=(1, 50, 3))
    values[0, 10, 0] = np.nan
    values[0, :20, 1] = np.nan
    values[0, [k for k in range(50) if k not in (5, 9)], 2] = np.nan
    assert rate_notes(from_arrays({"u": values})) == []
