"""Entities that are hardly there, and fewer frames than entities."""

import numpy as np

from edgewise.data import from_arrays
from edgewise.data.inspection.presence import changes_seen, presence_notes, size_notes


def walks(n_sequences: int, n_frames: int, n: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n_sequences, n_frames, n)).cumsum(axis=1)


def test_changes_are_counted_as_a_loop_would():
    known = np.random.default_rng(0).random((4, 30, 3)) < 0.7
    changes, longest = changes_seen(known, 3)
    for entity in range(3):
        runs = ["".join("x" if seen else " " for seen in known[s, :, entity]) for s in range(4)]
        assert longest[entity] == max(len(part) for text in runs for part in text.split())
        for sequence, text in enumerate(runs):
            expected = sum(max(len(part) - 2, 0) for part in text.split())
            assert changes[sequence, entity] == expected


def test_entities_seen_too_briefly_are_named_with_their_frames():
    values = walks(2, 20, 4)
    values[:, 3:, 1] = np.nan
    values[:, 1:, 3] = np.nan
    (note,) = presence_notes(from_arrays({"u": values}, entity=list("abcd")), 3, shared=False)
    assert note.startswith(
        "2 of 4 entities are seen too briefly; the most frames in a row: 'b' (3), 'd' (1). One change"
    )
    (note,) = presence_notes(from_arrays({"u": values}, entity=list("abcd")), 3, shared=True)
    assert (
        "1 of 4 entities are seen too briefly; the most frames in a row: 'd' (1)" in note
    )  # b: one in each of two


def test_enough_frames_are_not_worth_a_word():
    values = walks(1, 20, 4)
    values[:, 4:, 1] = np.nan
    assert presence_notes(from_arrays({"u": values}), 3, shared=False) == []


def test_more_entities_than_frames():
    ds = from_arrays({"u": walks(1, 30, 45)})
    (note,) = size_notes(ds, 0)
    assert note.startswith(
        "There are more entities than frames: 45 and 30. So few frames cannot tell 44 possible senders"
    )
    for what in ("--neighbours", "--fdr"):
        assert what in note
    assert size_notes(ds, 5) == []
    assert size_notes(from_arrays({"u": walks(2, 30, 45)}), 0) == []
