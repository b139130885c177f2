"""Numbers that stand for nothing."""

import numpy as np

from edgewise.data import from_arrays, inspect
from edgewise.data.inspection.placeholders import placeholder_notes


def walk() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(1, 50, 3)).cumsum(axis=1)


def test_numbers_that_stand_for_nothing_are_named():
    values = walk()
    values[0, 4, 1] = values[0, 9, 2] = -999
    assert inspect(from_arrays({"u": values}))[0].startswith("'u' is -999 in 2 places, and from ")


def test_one_such_number_or_the_end_of_a_scale_is_a_value():
    values = walk()
    values[0, 4, 1] = -999
    assert placeholder_notes(from_arrays({"u": values})) == []
    assert placeholder_notes(from_arrays({"u": 99 - np.abs(walk()).round()})) == []
    assert placeholder_notes(from_arrays({"u": np.full((1, 4, 2), 99.0)})) == []
