"""A video task: two digits move, the picture goes dark, and one of them comes back. Which way did it go before?"""

from dataclasses import dataclass

import numpy as np
import torch

from edgewise.data.images import Pictures
from edgewise.errors import DataError

DIGIT = 28
"""Height and width of a digit as MNIST has it: 20 with a margin of 4."""
SPRITE = 10
SPEEDS = 1.5, 3.0
"""Pixels a frame along each axis in which a digit moves."""
ANSWERS = ("across", "up and down")


@dataclass(frozen=True)
class Course:
    """How long each part of a video is, and how large it is.

    Attributes:
        size: height and width of a frame, pixels; before: frames with both digits; dark: empty frames; after: frames with
            the one that comes back.
    """

    size: int = 20
    before: int = 4
    dark: int = 4
    after: int = 4

    @property
    def frames(self) -> int:
        return self.before + self.dark + self.after


def moving_digits(digits: Pictures, n: int, course: Course, seed: int) -> Pictures:
    """Videos of two digits of different classes that bounce between the edges: one moves across, one up and down.

    After the dark frames one of the two, the same image, comes back somewhere else and moves in both directions at once.
    The class of the video is how that digit moved before. Either answer is as frequent for every pair of digits and
    for every place and motion after the dark, so neither part tells anything alone: that the answer can be read at all
    is a relation between frames that are at least `dark` + 1 apart.

    Args:
        digits: images of 28 x 28 with their classes; n: number of videos; seed: decides all of them.

    Returns:
        Pictures of [n, 1, frame, size, size].

    Raises:
        DataError: for images of another size, or of one class only.
    """
    sprites, labels = _sprites(digits)
    rng = np.random.default_rng([seed, n, *(course.size, course.before, course.dark, course.after)])
    first, second = _pairs(labels, n, rng)
    answer = rng.integers(0, 2, n)
    videos = np.zeros((n, course.frames, course.size, course.size), dtype=np.uint8)
    across = np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])  # directions as (row, column)
    seen = slice(0, course.before), slice(course.before + course.dark, course.frames)
    for which, direction in zip((first, second), across, strict=True):
        _draw(videos[:, seen[0]], sprites[which], direction, rng)
    back = np.where(answer == 0, first, second)
    _draw(videos[:, seen[1]], sprites[back], np.ones((1, 2)), rng)
    return Pictures(torch.from_numpy(videos)[:, None], torch.from_numpy(answer), ANSWERS)


def _sprites(digits: Pictures) -> tuple[np.ndarray, np.ndarray]:
    """The digits without their margin, at half the resolution: [n_digits, 10, 10] uint8; and their classes."""
    if digits.labels is None or digits.pixels.shape[1] != 1 or digits.grid != (DIGIT, DIGIT):
        raise DataError(
            f"pictures with {digits.pixels.shape[1]} channels on a grid of {' x '.join(map(str, digits.grid))}",
            expected=f"grey digits of {DIGIT} x {DIGIT} with their classes, as MNIST has them",
        )
    labels = digits.labels.numpy()
    if len(np.unique(labels)) < 2:
        raise DataError(
            f"{len(digits)} digits of {len(np.unique(labels))} class", expected="digits of two classes or more"
        )
    margin = (DIGIT - 2 * SPRITE) // 2
    inner = digits.pixels[:, 0, margin:-margin, margin:-margin].numpy()
    halves = inner.reshape(-1, SPRITE, 2, SPRITE, 2)
    return halves.mean((2, 4)).astype(np.uint8), labels


def _pairs(labels: np.ndarray, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two digits of different classes for each video."""
    first, second = rng.integers(0, len(labels), (2, n))
    while (same := labels[first] == labels[second]).any():
        second[same] = rng.integers(0, len(labels), int(same.sum()))
    return first, second


def _draw(videos: np.ndarray, sprites: np.ndarray, directions: np.ndarray, rng: np.random.Generator) -> None:
    """Let a sprite [n, 10, 10] move through each video [n, frame, size, size], in place; the brighter pixel is seen.

    Args:
        directions: [1, 2], 0 or 1 for rows and columns: along which axes it moves.
    """
    n, frames, size, _ = videos.shape
    free = size - SPRITE
    start = rng.uniform(0, free, (n, 1, 2))
    speed = rng.uniform(*SPEEDS, (n, 1, 2)) * rng.choice([-1, 1], (n, 1, 2)) * directions
    place = start + speed * np.arange(frames)[:, None]
    bounced = free - np.abs(place % (2 * free) - free)  # a straight line folded between 0 and `free`
    corner = np.round(bounced).astype(int)  # [n, frame, 2]
    video = np.arange(n)[:, None, None, None]
    frame = np.arange(frames)[None, :, None, None]
    row = corner[..., 0, None, None] + np.arange(SPRITE)[:, None]
    column = corner[..., 1, None, None] + np.arange(SPRITE)
    videos[video, frame, row, column] = np.maximum(videos[video, frame, row, column], sprites[:, None])
