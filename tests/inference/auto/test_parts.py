"""Which frames are fitted and which decide, and that a law sees no others."""

import numpy as np
import pytest
import torch

from edgewise.errors import DataError
from edgewise.inference.auto.parts import DECIDE, FIT, TELL, at_frames, only_used, part_of, roles

from ..worlds import springs, untrained


def test_of_many_recordings_a_quarter_is_held_out_whole():
    purpose = roles(12, 20, seed=0)
    held_out = (purpose != FIT).any(1)
    assert held_out.sum() == 3
    assert (purpose[held_out, :10] == TELL).all()
    assert (purpose[held_out, 10:] == DECIDE).all()
    assert (purpose[~held_out] == FIT).all()
    np.testing.assert_array_equal(purpose, roles(12, 20, seed=0))
    assert not np.array_equal(purpose, roles(12, 20, seed=1))


def test_of_few_recordings_the_last_quarter_of_the_frames_decides():
    purpose = roles(2, 40, seed=0)
    assert (purpose[:, :30] == FIT).all()
    assert (purpose[:, 30:] == DECIDE).all()


@pytest.mark.parametrize(("sequences", "frames"), [(1, 31), (7, 20), (8, 7)])
def test_too_few_frames_are_refused(sequences, frames):
    with pytest.raises(DataError, match=f"{sequences} recordings of {frames} frames are too few"):
        roles(sequences, frames, seed=0)


def test_a_large_data_set_is_judged_by_a_part():
    ds = springs(sequences=90, steps=4)
    part = part_of(ds)
    assert part.sizes["sequence"] == 80
    assert part["sequence"].to_numpy()[[0, -1]].tolist() == ds["sequence"].to_numpy()[[0, -1]].tolist()


@pytest.mark.parametrize("lags", [0, 2])
def test_frames_are_counted_from_the_start_of_the_recording_whatever_the_lags(lags):
    """Also in a recording that is cut into stretches: the weights left are those of the wanted frames."""
    ds = springs(sequences=2, steps=200)
    _, data, encoding, _ = untrained(ds, lags=lags)
    wanted = np.zeros((2, 200), dtype=bool)
    wanted[1, 150:160] = True
    kept = at_frames(data, encoding, wanted)
    whole = kept.weight.unflatten(0, (2, -1)).flatten(1, 2).amax((-1, -2))
    frames = [(s, t + encoding.first_frame) for s, t in whole.nonzero().tolist()]
    assert frames == [(1, t) for t in range(150, 160)]
    used = only_used(kept)
    assert used.sequence.unique().tolist() == [0]
    assert used.weight.sum() == kept.weight.sum()
    assert torch.equal(kept.target, data.target)
