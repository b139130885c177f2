"""Old pickles of NumPy arrays, SciPy matrices and adjacency lists, read without running what they say."""

import gzip
import io
import pickle
import re
import zlib
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from edgewise.errors import DataError

_NUMBERS = re.compile(r"[biuf][1-8]")
_CONTENTS = "NumPy arrays, SciPy CSR matrices, dicts and lists"


class _Sealed(type):
    """A class that a file cannot change: a pickle may set attributes on whatever it names, and that would last."""

    def __setattr__(cls, name: str, value: object) -> None:
        raise AttributeError(f"{cls.__name__}.{name} is not for a file to set")


class StoredType(metaclass=_Sealed):
    """The parts of a pickled `numpy.dtype`: a type of numbers, and its byte order."""

    def __init__(self, name: str, *options: object) -> None:
        if not _NUMBERS.fullmatch(name):
            raise ValueError(f"a type of numbers called {name!r}")
        self.name, self.order = name, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]  # what follows belongs to records, which have other names

    def to_dtype(self) -> np.dtype[Any]:
        return np.dtype(self.order + self.name)


class StoredArray(metaclass=_Sealed):
    """The parts of a pickled `numpy.ndarray`."""

    def __init__(self, *blank: object) -> None: ...

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, self.kind, self.columns_first, self.content = state

    def to_array(self) -> np.ndarray:
        content = self.content.encode("latin1") if isinstance(self.content, str) else self.content
        flat = np.frombuffer(content, self.kind.to_dtype())
        array = flat.reshape(self.shape, order="F" if self.columns_first else "C")
        return array.astype(array.dtype.newbyteorder("="))


class StoredMatrix(metaclass=_Sealed):
    """The parts of a pickled `csr_matrix`, which SciPy has kept under other names over the years."""

    def to_csr(self) -> csr_array:
        """The matrix, checked: a wrong pointer in it would let SciPy read memory that is not its own."""
        parts = vars(self)
        rows, columns = (int(size) for size in parts["_shape" if "_shape" in parts else "shape"])
        data, indices, pointers = (parts[name].to_array() for name in ("data", "indices", "indptr"))
        matrix = csr_array((data, indices, pointers), shape=(rows, columns))
        matrix.check_format(full_check=True)
        return matrix


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): StoredArray,
    ("numpy", "dtype"): StoredType,
    ("numpy.core.multiarray", "_reconstruct"): StoredArray,
    ("numpy._core.multiarray", "_reconstruct"): StoredArray,
    ("scipy.sparse", "csr_matrix"): StoredMatrix,
    ("scipy.sparse.csr", "csr_matrix"): StoredMatrix,
    ("scipy.sparse._csr", "csr_matrix"): StoredMatrix,
    ("collections", "defaultdict"): defaultdict,
    ("__builtin__", "list"): list,
    ("builtins", "list"): list,
}
"""What a file may name, under the names of Python 2 and of today, and what it gets: our own records of the parts,
since the real classes trust what they are restored from."""


class _Reader(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, path: Path) -> None:
        super().__init__(stream, encoding="latin1")
        self.path = path

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        found = _ALLOWED.get((module_name, global_name))
        if found is None:
            raise DataError(
                f"{self.path} asks for {module_name}.{global_name}, which may run code",
                expected=f"a pickle of {_CONTENTS} alone",
                fix="do not use the file unless you know where it is from",
            )
        return found


def stored_file(path: str | Path) -> Path | None:
    """The file itself, or its compressed form with `.gz` behind the name, or None if there is neither."""
    path = Path(path)
    return next((file for file in (path, Path(f"{path}.gz")) if file.is_file()), None)


def stored_bytes(file: Path) -> bytes:
    """What a file holds, decompressed if its name ends in `.gz`.

    Raises:
        DataError: if it cannot be read, or is cut short.
    """
    try:
        content = file.read_bytes()
        return gzip.decompress(content) if file.suffix == ".gz" else content
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file} cannot be read: {error}", expected="a complete file") from error


def read_pickle(path: str | Path) -> Any:
    """What an old pickle holds, with `encoding="latin1"` and today's names for yesterday's modules.

    Args:
        path: the file; where it is absent, the same name with `.gz` behind it is read.

    Returns:
        An array; a `csr_array` for a SciPy matrix; or a dict or a list of Python's own numbers, texts, dicts and lists.

    Raises:
        DataError: there is no such file; it is damaged; or it names something but arrays, matrices, defaultdict and
            list. Such a name is refused before anything that it stands for is imported or called.
    """
    file = stored_file(path)
    if file is None:
        raise DataError(f"{path} does not exist", expected="the file, or the same name with .gz behind it")
    try:
        return _restored(_Reader(io.BytesIO(stored_bytes(file)), file).load())
    except DataError:
        raise
    except Exception as error:  # a damaged pickle can fail in any way
        raise DataError(
            f"{file} cannot be read: {type(error).__name__}: {error}",
            expected=f"a complete pickle of {_CONTENTS}",
            fix="fetch the file again; it may have been cut short",
        ) from error


def _restored(content: Any) -> Any:
    if isinstance(content, StoredMatrix):
        return content.to_csr()
    return content.to_array() if isinstance(content, StoredArray) else content
