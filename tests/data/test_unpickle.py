"""Old pickles: what they may hold, and that nothing else runs."""

import gzip
import os
import pickle
from collections import OrderedDict, defaultdict
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from edgewise.data.unpickle import read_pickle
from edgewise.errors import DataError

MATRIX = csr_matrix(np.array([[0, 1.5, 0], [2, 0, 3]], dtype=np.float32))


def stored(folder: Path, content: object) -> Path:
    path = folder / "ind.toy.x"
    path.write_bytes(pickle.dumps(content, protocol=3))
    return path


@pytest.mark.parametrize("kind", ["<f4", ">f8", "<i4", "|u1", "|b1"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_come_back(tmp_path, kind, order):
    array = np.array([[0, 1, 2], [3, 4, 5]]).astype(kind, order=order)
    found = read_pickle(stored(tmp_path, array))
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype.newbyteorder("=")


def test_a_matrix_comes_back(tmp_path):
    found = read_pickle(stored(tmp_path, MATRIX))
    assert found.format == "csr"
    np.testing.assert_array_equal(found.toarray(), MATRIX.toarray())


def test_lists_of_neighbours_come_back(tmp_path):
    graph = defaultdict(list, {0: [1, 2], 1: [0]})
    assert read_pickle(stored(tmp_path, graph)) == graph


def test_python_2_wrote_other_names_and_texts_for_bytes(tmp_path):
    path = tmp_path / "ind.toy.y"
    path.write_bytes(
        b"\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x02\xff\x01tb."
    )
    assert read_pickle(path).tolist() == [255, 1]


def test_the_real_files_can_be_read(shared):
    folder = shared / "data" / "planetoid"
    x = read_pickle(folder / "ind.cora.x")
    assert (x.shape, x.dtype, x.nnz) == ((140, 1433), np.float32, 2647)
    assert read_pickle(folder / "ind.pubmed.allx").shape == (18717, 500)  # beside it lies ind.pubmed.allx.gz


def test_the_compressed_file_is_read_in_place_of_the_plain_one(tmp_path):
    path = stored(tmp_path, MATRIX)
    (tmp_path / "ind.toy.x.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    assert read_pickle(path).shape == (2, 3)


class Runs:
    """A pickle that makes a folder when it is loaded."""

    def __init__(self, command: object, argument: object) -> None:
        self.command, self.argument = command, argument

    def __reduce__(self):
        return self.command, (self.argument,)


@pytest.mark.parametrize(
    ("command", "name"),
    [(os.mkdir, "posix.mkdir"), (eval, "builtins.eval"), (OrderedDict, "collections.OrderedDict")],
)
def test_a_file_that_would_run_code_is_refused_before_it_does(tmp_path, command, name):
    path = stored(tmp_path, [MATRIX, Runs(command, str(tmp_path / "made"))])
    with pytest.raises(DataError) as error:
        read_pickle(path)
    assert str(error.value) == (
        f"{path} asks for {name}, which may run code\n"
        "  expected: a pickle of NumPy arrays, SciPy CSR matrices, dicts and lists alone\n"
        "  to do: do not use the file unless you know where it is from"
    )
    assert not (tmp_path / "made").exists()


def test_an_array_of_objects_is_refused(tmp_path):
    path = stored(tmp_path, np.array([None, 1], dtype=object))
    with pytest.raises(DataError, match="ValueError: a type of numbers called 'O8'"):
        read_pickle(path)


@pytest.mark.parametrize("kept", [0, 1, 50, 200, -1])
def test_a_file_that_was_cut_short_is_one_error(tmp_path, kept):
    path = stored(tmp_path, MATRIX)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError) as error:
        read_pickle(path)
    assert error.value.found.startswith(f"{path} cannot be read: ")
    assert error.value.fix == "fetch the file again; it may have been cut short"


def test_a_compressed_file_that_was_cut_short_is_one_error(tmp_path):
    path = tmp_path / "ind.toy.x.gz"
    path.write_bytes(gzip.compress(pickle.dumps(MATRIX, protocol=3))[:-20])
    with pytest.raises(DataError) as error:
        read_pickle(tmp_path / "ind.toy.x")
    assert error.value.found.startswith(f"{path} cannot be read: ")


def test_a_matrix_that_points_outside_itself_is_refused(tmp_path):
    wrong = MATRIX.copy()
    wrong.indices[0] = 7
    with pytest.raises(DataError, match="cannot be read: ValueError"):
        read_pickle(stored(tmp_path, wrong))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError) as error:
        read_pickle(tmp_path / "ind.toy.x")
    assert str(error.value) == (
        f"{tmp_path / 'ind.toy.x'} does not exist\n  expected: the file, or the same name with .gz behind it"
    )


def test_a_file_cannot_change_how_the_next_one_is_read(tmp_path):
    path = tmp_path / "ind.toy.x"
    path.write_bytes(
        b"\x80\x02cscipy.sparse\ncsr_matrix\nN}U\x06to_csrcbuiltins\nlist\ns\x86b."
    )  # to_csr = list
    with pytest.raises(DataError, match="cannot be read: "):
        read_pickle(path)
    assert read_pickle(stored(tmp_path, MATRIX)).shape == (2, 3)
