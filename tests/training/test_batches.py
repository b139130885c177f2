"""Batches are a function of the seed and the step; a curve that has come to rest."""

import numpy as np
import pytest

from edgewise.training import TokenBatches, batch_indices, settled


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


LENGTHS = np.array([3, 9, 1, 4, 4, 2, 30, 7, 5, 5, 5, 6])


@pytest.mark.parametrize("tokens", [1, 8, 12, 1000])
def test_token_batches_cover_every_sequence_once_an_epoch_and_keep_to_their_tokens(tokens):
    batches = TokenBatches(LENGTHS, tokens, 5)
    for epoch in range(3):
        steps = range(epoch * len(batches), (epoch + 1) * len(batches))
        picked = [batches(step) for step in steps]
        assert sorted(np.concatenate(picked).tolist()) == list(range(len(LENGTHS)))
        for batch in picked:
            assert len(batch) == 1 or LENGTHS[batch].max() * len(batch) <= tokens


def test_token_batches_are_a_function_of_the_seed_and_the_step():
    first, again, other = (
        TokenBatches(LENGTHS, 12, 5),
        TokenBatches(LENGTHS, 12, 5),
        TokenBatches(LENGTHS, 12, 6),
    )
    steps = range(4 * len(first))
    assert [again(step).tolist() for step in reversed(steps)][::-1] == [
        first(step).tolist() for step in steps
    ]
    assert [other(step).tolist() for step in steps] != [first(step).tolist() for step in steps]


def test_token_batches_hold_sequences_of_about_one_length_and_come_in_another_order_each_epoch():
    lengths = np.random.default_rng(0).integers(1, 50, 400)
    batches = TokenBatches(lengths, 200, 0)
    epochs = [[batches(e * len(batches) + k) for k in range(len(batches))] for e in range(2)]
    spread = [np.ptp(lengths[batch]) for batch in epochs[0]]
    assert max(spread) <= 10
    assert [sorted(batch.tolist()) for batch in epochs[0]] != [sorted(batch.tolist()) for batch in epochs[1]]
