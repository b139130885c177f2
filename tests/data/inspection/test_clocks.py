"""Time that is not even, and clocks that differ between entities."""

import numpy as np
import pandas as pd
import pytest

from edgewise.data import from_arrays, from_frame
from edgewise.data.inspection import check_shared_clock, inspect
from edgewise.data.inspection.clocks import clock_notes, clocks_apart
from edgewise.errors import DataError


def walk(n_frames: int, n_sequences: int = 1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_sequences, n_frames, 3)).cumsum(axis=1)


def drifting(offset: float, drift: float = 0.0, *, shared_start: bool = False):
    """Two entities each with a stamp every 0.1, the second one later by the offset."""
    rows = []
    for k in range(40):
        rows.append((0.1 * k, "a", np.sin(k)))
        rows.append((0.0 if shared_start and k == 0 else 0.1 * k + offset + drift * k, "b", np.cos(k)))
    return from_frame(pd.DataFrame(rows, columns=["t", "id", "u"]))


def test_an_even_clock_is_not_worth_a_word():
    assert clock_notes(from_arrays({"u": walk(30)}, time=np.arange(30) / 30)) == []


def test_steps_and_the_largest_gap_are_named():
    stamps = np.arange(200) * 0.1
    stamps[121:] += 0.3
    stamps[50] -= 0.02
    (note,) = clock_notes(from_arrays({"u": walk(200)}, time=stamps))
    assert note.startswith(
        "The clock is irregular: steps from 0.08 to 0.4, median 0.1; the largest gap follows frame 120 (t = 12)."
    )
    assert note.endswith("`edgewise convert --resample 0.1` (edgewise.data.resample).")


def test_a_recording_at_another_rate_is_named():
    stamps = np.arange(20)[None] * np.array([[0.1], [0.1], [0.25]])
    (note,) = clock_notes(from_arrays({"u": walk(20, 3)}, time=stamps, sequence=["p", "q", "r"]))
    assert "1 of 3 sequences have a rate of their own: 'r' (the first: every 0.25)" in note
    assert "follows frame 0 (t = 0) of sequence 'r'" in note


def test_padding_after_the_end_is_no_gap():
    stamps = np.array([[0, 1, 2, 3], [0, 1, np.nan, np.nan]])
    values = np.where(np.isnan(stamps)[..., None], np.nan, walk(4, 2))
    assert clock_notes(from_arrays({"u": values}, time=stamps)) == []


def test_drifting_clocks_are_named_with_their_distance_and_how_to_join_them():
    ds = drifting(0.003, 0.0001, shared_start=True)
    (note,) = inspect(ds)
    assert note.startswith(
        "Clocks of entities are apart: 'a', 'b' share 1 of 40 time stamps; theirs lie up to 0.00"
    )
    assert note.endswith("round the stamps: --round-time 0.1 (edgewise.data.round_time).")
    check_shared_clock(ds)  # one frame shows both


def test_clocks_that_never_meet_cannot_be_used_as_they_are():
    with pytest.raises(DataError) as caught:
        check_shared_clock(drifting(0.003))
    assert caught.value.found.startswith("Clocks of entities are apart: 'a', 'b' share 0 of 40 time stamps")
    assert "--round-time 0.1 " in str(caught.value.fix)
    with pytest.raises(DataError, match=r"put them on one clock: edgewise convert --resample 0\.1 "):
        check_shared_clock(drifting(0.05))  # half a step: rounding might go either way


def test_one_clock_of_three_that_drifts_is_named():
    t = np.arange(40) * 0.1
    series = walk(40)[0]
    rows = [(t[k] + 0.003 * (n == 1), name, series[k, n]) for k in range(40) for n, name in enumerate("abc")]
    (note,) = inspect(from_frame(pd.DataFrame(rows, columns=["t", "id", "u"])))
    assert note.startswith("Clocks of entities are apart: 'a', 'b' share 0 of 40 time stamps")


@pytest.mark.parametrize("lost", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("n", [2, 3, 8])
def test_values_lost_at_random_are_no_other_clock(lost, n):
    rng = np.random.default_rng(n)
    values = rng.normal(size=(2, 400, n))
    values[rng.random(values.shape) < lost] = np.nan
    assert clocks_apart(from_arrays({"u": values})) is None


def test_guests_who_never_meet_are_no_other_clock():
    values = walk(60)
    values[0, 30:, 0] = np.nan
    values[0, :30, 1] = np.nan
    assert clocks_apart(from_arrays({"u": values[..., :2]})) is None
