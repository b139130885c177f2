"""Series that never change, and copies."""

import numpy as np
import pytest

from edgewise.data import from_arrays
from edgewise.data.inspection.series import series_notes


def walks(n: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=(2, 60, n)).cumsum(axis=1) for name in ("u", "w")}


ENTITY = ["ana", "ben", "cleo", "dan", "eva"]


def test_different_series_are_not_worth_a_word():
    assert series_notes(from_arrays(walks())) == []


def test_a_feature_with_one_value_is_named():
    (note,) = series_notes(from_arrays(walks() | {"k": np.full((2, 60, 5), 3.0)}))
    assert note.startswith("'k' has the value 3 everywhere: it tells nothing. Leave it out")


def test_an_attribute_of_each_entity_is_left_in_peace():
    mass = np.broadcast_to(np.arange(5.0), (2, 60, 5)).copy()
    assert series_notes(from_arrays(walks() | {"mass": mass})) == []


def test_entities_that_never_change_are_named_with_their_features():
    data = walks()
    data["u"][:, :, 1] = 4.0
    data["w"][:, :, 1] = np.nan
    data["w"][:, 5:8, 1] = 1.0
    data["u"][:, :, 3] = [[2.0], [7.0]]
    (note,) = series_notes(from_arrays(data, entity=ENTITY))
    assert note.startswith(
        "Series that never change: 'u', 'w' of 'ben'; 'u' of 'dan'. They hold no motion to explain"
    )


def test_an_entity_that_rests_in_one_sequence_only_moves():
    data = walks()
    data["u"][0, :, 1] = 4.0
    assert series_notes(from_arrays(data)) == []


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("gain", "offset"), [(1.0, 0.0), (2.5, 10.0), (-0.3, 4.0)])
def test_copies_are_found_up_to_offset_and_gain(gain, offset, dtype):
    data = walks()
    for values in data.values():
        values[..., 4] = gain * values[..., 2] + offset
        values[:, 7:9, 2] = values[:, 7:9, 4] = np.nan
    data = {name: values.astype(dtype) for name, values in data.items()}
    (note,) = series_notes(from_arrays(data, entity=ENTITY))
    assert note.startswith(
        "Entities are copies of each other (the same series up to offset and gain): 'cleo', 'eva'."
    )


def test_several_groups_of_copies_are_told_apart():
    data = walks()
    for values in data.values():
        values[..., 1] = values[..., 3] = values[..., 0]
        values[..., 4] = values[..., 2]
    (note,) = series_notes(from_arrays(data, entity=ENTITY))
    assert {"'ana', 'ben', 'dan'", "'cleo', 'eva'"} == set(
        note.partition("): ")[2].partition(". ")[0].split("; ")
    )


def test_a_copy_in_one_feature_of_two_is_none():
    data = walks()
    data["u"][..., 4] = data["u"][..., 2]
    assert series_notes(from_arrays(data)) == []


def test_nearly_equal_series_and_pairs_of_points_are_no_copies():
    data = walks()
    rng = np.random.default_rng(1)
    for values in data.values():
        values[..., 4] = values[..., 2] + 1e-3 * rng.normal(size=values.shape[:2])
        values[:, 2:, 0] = values[:, 2:, 1] = np.nan  # any two points are on a line
        values[1, :, :2] = np.nan
    assert series_notes(from_arrays(data)) == []
