"""The pictures that a recipe for images or videos is trained, validated and tested on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edgewise.data.images import Pictures, load_digits, load_pictures
from edgewise.data.moving_digits import TOGETHER, Course, moving_digits
from edgewise.errors import DataError
from edgewise.tasks.images_tables import IdxData, MovingDigitsData
from edgewise.tasks.recipe import ImagesData

SHARES = 0.7, 0.8
"""Where the digits of moving digits are cut: those of the training, the validation and the test videos."""


@dataclass(frozen=True, eq=False)
class PictureParts:
    """Pictures in three parts that share none, each with its classes.

    Attributes:
        together: so many training pictures in a row belong together, and stay together in a batch.
    """

    train: Pictures
    validation: Pictures
    test: Pictures
    together: int = 1

    def __iter__(self) -> Iterator[Pictures]:
        return iter((self.train, self.validation, self.test))


def read_parts(data: ImagesData) -> PictureParts:
    """The pictures of a recipe.

    Raises:
        DataError: for files that cannot be read, or hold too few pictures, no classes or one class alone.
    """
    if isinstance(data, MovingDigitsData):
        return _videos(data)
    found = load_digits(data.path) if isinstance(data, IdxData) else load_pictures(data.path)
    if len(found.classes) < 2:
        raise DataError(
            f"{data.path} has {len(found.classes) or 'no'} class{'es' if not found.classes else ''}",
            expected="pictures of two classes or more",
            fix="add an array `labels`, a class a picture",
        )
    asked = data.train + data.validation + data.test
    if asked > len(found):
        raise DataError(
            f"{data.path} has {len(found)} pictures, and the recipe asks for {asked}",
            expected="at least as many as train, validation and test together",
            fix="lower these numbers in the table [data]",
        )
    order = np.random.default_rng([data.seed]).permutation(len(found))
    ends = np.cumsum([data.train, data.validation, data.test])
    train, validation, test, _ = (found.chosen(part) for part in np.split(order, ends))
    return PictureParts(train, validation, test)


def _videos(data: MovingDigitsData) -> PictureParts:
    digits = load_digits(data.path)
    order = np.random.default_rng([data.seed]).permutation(len(digits))
    shares = np.split(order, [round(share * len(digits)) for share in SHARES])
    course = Course(data.size, data.before, data.dark, data.after)
    counts = data.train, data.validation, data.test
    train, validation, test = (
        moving_digits(digits.chosen(share), n, course, data.seed)
        for share, n in zip(shares, counts, strict=True)
    )
    return PictureParts(train, validation, test, together=TOGETHER)


def shares_of(pixels: Tensor) -> Tensor:
    """Brightness as a network reads it: bytes as float32 from 0 to 1."""
    return pixels.to(torch.float32) / 255
