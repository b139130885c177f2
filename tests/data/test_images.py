"""Pictures with classes from IDX files and NumPy archives, and what is said of those that are none."""

import gzip
import struct

import numpy as np
import pytest

from edgewise.data.images import load_digits, load_pictures, read_idx
from edgewise.errors import DataError


def idx(values: np.ndarray) -> bytes:
    """An IDX file of bytes, written by hand."""
    return (
        b"\0\0\x08" + bytes([values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()
    )


@pytest.fixture
def digits(tmp_path):
    images = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    path = tmp_path / "some-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx(images)))
    (tmp_path / "some-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.array([2, 0, 2], np.uint8))))
    return path, images


def test_digits_are_read_with_the_labels_beside_them(digits):
    path, images = digits
    found = load_digits(path)
    assert found.pixels.shape == (3, 1, 4, 5)
    assert np.array_equal(found.pixels[:, 0].numpy(), images)
    assert found.labels.tolist() == [2, 0, 2]
    assert found.classes == ("0", "1", "2")
    assert found.grid == (4, 5)
    some = found.chosen(np.array([2, 1]))
    assert some.labels.tolist() == [2, 0]
    assert np.array_equal(some.pixels[0, 0].numpy(), images[2])


def test_an_idx_file_need_not_be_compressed(tmp_path):
    values = np.arange(6, dtype=np.uint8).reshape(2, 3)
    (tmp_path / "a").write_bytes(idx(values))
    assert np.array_equal(read_idx(tmp_path / "a"), values)


@pytest.mark.parametrize(
    ("content", "found", "expected"),
    [
        (b"", "begins with the bytes (none)", "00 00 08"),
        (b"\x89PNG\r\n", "begins with the bytes 89 50 4e 47", "00 00 08"),
        (b"\0\0\x0d\x01" + bytes(8), "begins with the bytes 00 00 0d 01", "an IDX file of bytes"),
        (idx(np.zeros((2, 3), np.uint8))[:-1], "says 2 x 3 and holds 5 values", "as many as it says"),
        (
            gzip.compress(idx(np.zeros((40, 30), np.uint8)))[:-12],
            "is cut off or damaged",
            "a whole gzip file",
        ),
    ],
)
def test_a_file_that_is_no_idx_file_is_named(tmp_path, content, found, expected):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError) as error:
        read_idx(tmp_path / "a")
    assert found in str(error.value)
    assert expected in str(error.value)
    assert str(tmp_path / "a") in str(error.value)


def test_a_file_that_is_missing_or_named_otherwise_is_said(tmp_path, digits):
    with pytest.raises(DataError, match="none cannot be read: No such file or directory"):
        read_idx(tmp_path / "none")
    with pytest.raises(DataError, match=r"digits.gz is not named like a file of images"):
        load_digits(tmp_path / "digits.gz")
    (tmp_path / "some-labels-idx1-ubyte.gz").write_bytes(idx(np.zeros(2, np.uint8)))
    with pytest.raises(DataError, match=r"of shape \(3, 4, 5\), the file of labels one of \(2,\)"):
        load_digits(digits[0])


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("images", (4, 6, 5), (4, 1, 6, 5)),
        ("images", (4, 6, 5, 3), (4, 3, 6, 5)),
        ("videos", (4, 2, 6, 5), (4, 1, 2, 6, 5)),
        ("videos", (4, 2, 6, 5, 3), (4, 3, 2, 6, 5)),
    ],
)
def test_an_archive_holds_images_or_videos_grey_or_in_colour(tmp_path, name, shape, expected):
    values = np.random.default_rng(0).integers(0, 256, shape)
    np.savez(tmp_path / "a.npz", **{name: values}, labels=["cat", "ape", "cat", "dog"])
    found = load_pictures(tmp_path / "a.npz")
    assert tuple(found.pixels.shape) == expected
    first = values[0] if expected[1] == 1 else values[0, ..., 2]
    assert np.array_equal(found.pixels[0, -1].numpy(), first)
    assert found.classes == ("ape", "cat", "dog")
    assert found.labels.tolist() == [1, 0, 1, 2]


def test_shares_become_bytes_and_labels_may_be_unknown(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.array([[[0.0, 0.5], [1.0, 0.2]]]))
    found = load_pictures(tmp_path / "a.npz")
    assert found.pixels.flatten().tolist() == [0, 128, 255, 51]
    assert (found.labels, found.classes) == (None, ())


GOOD = {"images": np.zeros((2, 3, 3), np.uint8)}


@pytest.mark.parametrize(
    ("arrays", "found"),
    [
        ({"pictures": GOOD["images"]}, "holds pictures"),
        (GOOD | {"videos": np.zeros((2, 2, 3, 3))}, "holds images, videos"),
        ({"images": np.zeros((2, 3), np.uint8)}, "images has the shape (2, 3)"),
        ({"videos": np.zeros((2, 3, 3), np.uint8)}, "videos has the shape (2, 3, 3)"),
        ({"images": np.zeros((0, 3, 3), np.uint8)}, "images has the shape (0, 3, 3)"),
        ({"images": np.full((2, 3, 3), -1)}, "values of type int64 that are no brightness"),
        ({"images": np.full((2, 3, 3), 256)}, "that are no brightness"),
        ({"images": np.full((2, 3, 3), 1.5)}, "values of type float64 that are no brightness"),
        ({"images": np.full((2, 3, 3), np.nan)}, "that are no brightness"),
        ({"images": np.full((2, 3, 3), "x")}, "that are no brightness"),
        (GOOD | {"labels": np.zeros(3, int)}, "labels are an array of shape (3,) and type int64"),
        (GOOD | {"labels": np.zeros(2)}, "labels are an array of shape (2,) and type float64"),
    ],
)
def test_an_archive_that_does_not_fit_is_named(tmp_path, arrays, found):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError) as error:
        load_pictures(tmp_path / "a.npz")
    assert found in str(error.value)


@pytest.mark.parametrize("content", [b"no archive", b"PK\3\4 broken", None])
def test_a_file_that_is_no_archive_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npz cannot be read"):
        load_pictures(tmp_path / "a.npz")


def test_a_pickle_in_an_archive_is_not_run(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match="cannot be read"):
        load_pictures(tmp_path / "a.npz")


def test_the_digits_of_the_project_are_read(shared):
    found = load_digits(shared / "data" / "images" / "mnist-t10k-images-idx3-ubyte.gz")
    assert found.pixels.shape == (10_000, 1, 28, 28)
    assert found.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert found.classes == tuple("0123456789")
