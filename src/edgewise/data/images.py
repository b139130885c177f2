"""Pictures with classes: images and videos from IDX files (as MNIST has them) or NumPy archives."""

import gzip
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgewise.data.wording import listing
from edgewise.errors import DataError

IDX_BYTES = 0x08
"""The type of an IDX file whose numbers are bytes."""
IMAGES, LABELS = "images-idx3-ubyte", "labels-idx1-ubyte"
AXES = {"images": ("height", "width"), "videos": ("frame", "height", "width")}
COLOURS = 3


@dataclass(frozen=True, eq=False)
class Pictures:
    """Images or videos of one size, each with its class where that is known.

    Attributes:
        pixels: [n_pictures, channel, *grid] uint8; the grid is (height, width) or (frame, height, width).
        labels: [n_pictures] int64, positions in `classes`; None where no classes are known.
        classes: their names.
    """

    pixels: Tensor
    labels: Tensor | None
    classes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def grid(self) -> tuple[int, ...]:
        """(height, width) or (frame, height, width)."""
        return tuple(self.pixels.shape[2:])

    def chosen(self, picked: np.ndarray) -> "Pictures":
        """Some of them, by number."""
        at = torch.from_numpy(picked)
        return Pictures(self.pixels[at], None if self.labels is None else self.labels[at], self.classes)


def read_idx(path: str | Path) -> np.ndarray:
    """The array of an IDX file of bytes, gzipped or not: [n, ...] uint8.

    The file begins with two zeros, the type and the number of axes; then the sizes, four bytes each, the highest first;
    then the values (LeCun, Cortes & Burges, "The MNIST database", file formats).

    Raises:
        DataError: if the file cannot be read, is no IDX file of bytes, or has another number of values.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror or error}", expected="an IDX file, gzipped or not"
        ) from error
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path} is cut off or damaged: {error}", expected="a whole gzip file") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != IDX_BYTES:
        raise DataError(
            f"{path} begins with the bytes {content[:4].hex(' ') or '(none)'}",
            expected="those of an IDX file of bytes: 00 00 08 and the number of axes",
        )
    axes = content[3]
    shape = np.frombuffer(content[4 : 4 + 4 * axes], dtype=">u4").astype(int)
    values = np.frombuffer(content[4 + 4 * axes :], dtype=np.uint8)
    if len(shape) != axes or len(values) != np.prod(shape):
        sizes = " x ".join(map(str, shape))
        raise DataError(f"{path} says {sizes} and holds {len(values)} values", expected="as many as it says")
    return values.reshape(shape)


def load_digits(path: str | Path) -> Pictures:
    """Images with classes 0, 1, ... from two IDX files; the file of labels is found by the name of that of the images.

    Args:
        path: the images, `...images-idx3-ubyte` or the same with `.gz`.

    Raises:
        DataError: see `read_idx`; also for other names or axes, or numbers of images and labels that differ.
    """
    path = Path(path)
    if IMAGES not in path.name:
        raise DataError(
            f"{path} is not named like a file of images",
            expected=f"a name with {IMAGES}, beside it the same with {LABELS}",
            fix="name that file: path = ..., in the table [data], or --data",
        )
    images, labels = read_idx(path), read_idx(path.with_name(path.name.replace(IMAGES, LABELS)))
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels) or not len(images):
        raise DataError(
            f"{path} holds an array of shape {images.shape}, the file of labels one of {labels.shape}",
            expected="n images of height x width and n labels",
        )
    classes = tuple(str(k) for k in range(int(labels.max()) + 1))
    return Pictures(
        torch.from_numpy(images.copy())[:, None], torch.from_numpy(labels.astype(np.int64)), classes
    )


def load_pictures(path: str | Path) -> Pictures:
    """Pictures from a NumPy archive (.npz): `images` or `videos`, and `labels` where they are known.

    `images` are [n, height, width], `videos` [n, frame, height, width]; either may have a last axis of three colours.
    Values are bytes, or shares from 0 to 1. `labels` are [n] whole numbers or texts; the classes are in sorted order.

    Raises:
        DataError: if the file cannot be read, has neither or both, or axes, values or labels do not fit.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, zipfile.BadZipFile, AttributeError, TypeError) as error:
        raise DataError(f"{path} cannot be read: {error}", expected="a NumPy archive (.npz)") from error
    found = [name for name in AXES if name in arrays]
    if len(found) != 1:
        raise DataError(
            f"{path} holds {listing(sorted(arrays)) or 'nothing'}",
            expected="an array `images` or an array `videos`, and `labels` where classes are known",
        )
    pixels = _pixels(arrays[found[0]], found[0], str(path))
    labels, classes = _labels(arrays.get("labels"), len(pixels), str(path))
    return Pictures(torch.from_numpy(pixels), labels, classes)


def _pixels(values: np.ndarray, name: str, path: str) -> np.ndarray:
    """[n, channel, *grid] uint8."""
    axes = AXES[name]
    coloured = values.ndim == len(axes) + 2 and values.shape[-1] == COLOURS
    if (not coloured and values.ndim != len(axes) + 1) or 0 in values.shape:
        raise DataError(
            f"{path}: {name} has the shape {values.shape}",
            expected=f"[n, {', '.join(axes)}], or the same with a last axis of {COLOURS} colours",
        )
    if values.dtype.kind == "f" and values.min() >= 0 and values.max() <= 1:
        values = np.round(255 * values)
    number = values.dtype.kind in "iuf"
    if not number or not (values.min() >= 0 and values.max() <= 255) or (values % 1).any():  # NaN is not >= 0
        raise DataError(
            f"{path}: {name} holds values of type {values.dtype} that are no brightness",
            expected="whole numbers from 0 to 255, or shares from 0 to 1",
        )
    values = values.astype(np.uint8)
    return np.ascontiguousarray(np.moveaxis(values, -1, 1) if coloured else values[:, None])


def _labels(values: np.ndarray | None, n: int, path: str) -> tuple[Tensor | None, tuple[str, ...]]:
    if values is None:
        return None, ()
    if values.shape != (n,) or values.dtype.kind not in "iuU":
        raise DataError(
            f"{path}: labels are an array of shape {values.shape} and type {values.dtype}",
            expected=f"{n} whole numbers or texts, a class a picture",
        )
    classes, labels = np.unique(values, return_inverse=True)
    return torch.from_numpy(labels.astype(np.int64)), tuple(str(name) for name in classes)
