"""The folders of the NRI authors."""

from pathlib import Path

import numpy as np
import pytest

from edgewise.data import (
    features,
    fingerprint,
    from_arrays,
    load,
    read_nri_folder,
    save,
    splits_in,
    write_nri_folder,
)
from edgewise.errors import DataError

RNG = np.random.default_rng(0)


def particles(folder: Path, split: str, edges: np.ndarray) -> Path:
    loc = RNG.normal(size=(len(edges), 7, 2, edges.shape[1]))  # [sequence, time, axis, entity]
    for name, values in (("loc", loc), ("vel", -loc), ("edges", edges)):
        np.save(folder / f"{name}_{split}.npy", values)
    return folder


def pair(value: float) -> np.ndarray:
    """Two entities; the second acts on the first."""
    return np.array([[[9.0, value], [0.0, 9.0]]])


def test_axes_and_edges_keep_their_meaning(tmp_path):
    loc = np.arange(2 * 7 * 2 * 3.0).reshape(2, 7, 2, 3)
    edges = np.zeros((2, 3, 3))
    edges[1, 0, 2] = 1  # row = receiver
    np.save(tmp_path / "loc_train_springs3.npy", loc)
    np.save(tmp_path / "edges_train_springs3.npy", edges)
    ds = load(tmp_path)
    np.testing.assert_array_equal(ds["y"], loc[:, :, 1])
    assert ds.attrs["position"] == ["x", "y"]
    assert int(ds["edges"].isel(sequence=1, receiver=0, sender=2)) == 1
    assert ds["edges"].to_numpy().sum() == 1


def test_the_split_has_to_be_chosen(tmp_path):
    for split in ("train_springs2", "valid_springs2", "train_charged2"):
        particles(tmp_path, split, pair(1))
    assert splits_in(tmp_path) == ["train_charged2", "train_springs2", "valid_springs2"]
    with pytest.raises(DataError, match="holds the splits train_charged2, train_springs2, valid_springs2"):
        load(tmp_path)
    with pytest.raises(DataError, match="holds the splits"):
        load(tmp_path, split="train")
    with pytest.raises(DataError, match="'test_springs2' is none of them"):
        load(tmp_path, split="test_springs2")
    assert load(tmp_path, split="valid").sizes["entity"] == 2


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ((0, 1), (0, 1)),
        ((0, 1, 2), (0, 1, 2)),
        ((-1, 1), (0, 1)),
        ((0, 0.5, 1), (0, 1, 2)),
        ((0.5, 1), (1, 2)),
    ],
)
def test_values_of_edges_become_labels(tmp_path, values, labels):
    edges = np.zeros((len(values), 2, 2))
    edges[:, 0, 1] = edges[:, 1, 0] = values
    particles(tmp_path, "train", edges)
    assert read_nri_folder(tmp_path)["edges"].to_numpy()[:, 0, 1].tolist() == list(labels)


def test_a_label_means_the_same_in_every_split(tmp_path):
    particles(tmp_path, "train_half2", np.concatenate([pair(0), pair(0.5), pair(1)]))
    particles(tmp_path, "test_half2", np.concatenate([pair(0), pair(1)]))
    assert read_nri_folder(tmp_path, "test")["edges"].to_numpy()[:, 0, 1].tolist() == [0, 2]


def test_writing_a_split_leaves_the_others_alone(tmp_path):
    ds = from_arrays(
        {"x": RNG.normal(size=(2, 5, 3)), "vx": RNG.normal(size=(2, 5, 3))},
        position=["x"],
        velocity=["vx"],
        edges=np.array([[0, 1, 0], [0, 0, 2], [1, 0, 0]]),
    )
    write_nri_folder(ds, tmp_path, split="train_mine3")
    write_nri_folder(ds.isel(sequence=[0]), tmp_path, split="test_mine3")
    assert fingerprint(read_nri_folder(tmp_path, "train")) == fingerprint(ds)
    with pytest.raises(DataError, match=r"loc_train_mine3\.npy exists already"):
        save(ds, tmp_path, split="train_mine3")
    write_nri_folder(ds, tmp_path, split="train_mine3", overwrite=True)


@pytest.mark.parametrize(
    "order",
    [
        ("dphi", "sin_phi", "omega"),
        ("dphi", "sin_phi", "phase", "omega"),
        ("dphi", "sin_phi", "omega", "phase"),
    ],
)
def test_oscillators_know_their_features(tmp_path, order):
    columns = {name: RNG.normal(size=(2, 4, 6)) for name in order}  # [sequence, entity, time]
    columns["omega"] = np.repeat(RNG.normal(size=(2, 4, 1)), 6, axis=2)
    np.save(tmp_path / "feat_train_kuramoto4.npy", np.stack(list(columns.values()), axis=-1))
    np.save(tmp_path / "edges_train_kuramoto4.npy", np.zeros((2, 4, 4)))
    ds = read_nri_folder(tmp_path)
    assert set(features(ds)) == set(order)
    assert ds.attrs["rate"] == ["dphi"]
    for name, values in columns.items():
        np.testing.assert_array_equal(ds[name], values.transpose(0, 2, 1))
    write_nri_folder(ds, tmp_path / "again")
    assert fingerprint(read_nri_folder(tmp_path / "again")) == fingerprint(ds)


def test_oscillators_that_cannot_be_told_apart_are_refused(tmp_path):
    np.save(tmp_path / "feat_train.npy", RNG.normal(size=(2, 4, 6, 4)))
    with pytest.raises(DataError, match="neither of the features 2 and 3"):
        read_nri_folder(tmp_path)
    np.save(tmp_path / "feat_train.npy", RNG.normal(size=(2, 4, 6, 5)))
    with pytest.raises(DataError, match=r"feat_train\.npy has 5 features"):
        read_nri_folder(tmp_path)


def test_what_the_layout_cannot_hold_is_refused(tmp_path):
    x = {"x": np.ones((1, 3, 2)), "heat": np.ones((1, 3, 2))}
    with pytest.raises(DataError, match="no place for the features heat"):
        write_nri_folder(from_arrays(x, position="x"), tmp_path)
    with pytest.raises(DataError, match="declares no position"):
        write_nri_folder(from_arrays(x), tmp_path)
    known = from_arrays({"x": x["x"]}, position="x", edges=[[0, -1], [0, 0]])
    with pytest.raises(DataError, match=r"some edges are unknown \(-1\)"):
        write_nri_folder(known, tmp_path)


def test_damaged_and_foreign_files_are_named(tmp_path):
    with pytest.raises(DataError, match="holds no loc_"):
        load(tmp_path)
    particles(tmp_path, "train", pair(1))
    np.save(tmp_path / "vel_train.npy", np.zeros((3, 2)))
    with pytest.raises(DataError, match=r"vel_train\.npy has the shape \(3, 2\)"):
        load(tmp_path)
    np.save(tmp_path / "vel_train.npy", np.array([{}, None], dtype=object))
    with pytest.raises(DataError, match=r"vel_train\.npy cannot be read"):
        load(tmp_path)
    whole = (tmp_path / "loc_train.npy").read_bytes()
    (tmp_path / "loc_train.npy").write_bytes(whole[:-5])
    with pytest.raises(DataError, match=r"loc_train\.npy cannot be read"):
        load(tmp_path)
    with pytest.raises(DataError, match="is no NRI folder"):
        load(tmp_path / "loc_train.npy", split="train")
