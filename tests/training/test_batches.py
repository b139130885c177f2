"""Batches are a function of the seed and the step; a curve that has come to rest."""

import numpy as np
import pytest

from edgewise.training import batch_indices, settled


def test_a_batch_does_not_depend_on_what_was_asked_before():
    first = batch_indices(3, 5, 11, 4)
    for step in (0, 9, 2):
        batch_indices(3, step, 11, 4)
        batch_indices(8, step, 11, 4)
    assert first.tolist() == batch_indices(3, 5, 11, 4).tolist()
    assert first.tolist() != batch_indices(4, 5, 11, 4).tolist()


@pytest.mark.parametrize(("size", "batch_size"), [(12, 4), (11, 4), (7, 3), (5, 5)])
def test_every_epoch_covers_all_items_once_also_where_a_batch_crosses_its_end(size, batch_size):
    steps = size  # so many batches are exactly batch_size epochs
    course = np.concatenate([batch_indices(0, step, size, batch_size).numpy() for step in range(steps)])
    assert course.dtype == np.int64
    epochs = course.reshape(batch_size, size)
    assert (np.sort(epochs, axis=1) == np.arange(size)).all()
    assert len({tuple(epoch) for epoch in epochs}) > 1


def test_a_batch_is_no_larger_than_the_data():
    assert sorted(batch_indices(0, 3, 5, 64).tolist()) == [0, 1, 2, 3, 4]


def test_a_curve_settles_when_its_median_stops_rising():
    rising = [float(k) for k in range(40)]
    assert not settled(rising, 10, 0.1)
    assert settled([*rising, *[39.0] * 20], 10, 0.1)
    assert not settled([39.0] * 19, 10, 0.1)  # too short to tell
    assert settled([39.0] * 20, 10, 0.1)
    assert settled([39.0] * 10 + [20.0] * 10, 10, 0.1)  # falling is not rising
    wild = [39.0] * 20
    wild[3], wild[15] = 1e9, -1e9
    assert settled(wild, 10, 0.1)
    slow = [0.02 * k for k in range(20)]
    assert not settled(slow, 10, 0.1)
    assert settled(slow, 10, 0.3)
