"""A video task: two digits move, the picture goes dark, one of them comes back. Was it the upper or the lower one?"""

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from edgewise.data.images import Pictures
from edgewise.errors import DataError

DIGIT = 28
"""Height and width of a digit as MNIST has it: 20 with a margin of 4."""
SPRITE = 10
SPEEDS = 1.5, 3.0
"""Slowest and fastest, pixels a frame."""
TOGETHER = 4
"""Videos of one scene."""
ANSWERS = ("upper", "lower")
SMALLEST = 2 * SPRITE
"""Pixels: two digits have to fit above each other."""


@dataclass(frozen=True)
class Course:
    """How long each part of a video is, and how large it is.

    Attributes:
        size: height and width of a frame, pixels, at least `SMALLEST`.
        before: frames with both digits; dark: empty frames; after: frames with the one that comes back.
    """

    size: int = 20
    before: int = 4
    dark: int = 4
    after: int = 4

    @property
    def frames(self) -> int:
        return self.before + self.dark + self.after


def moving_digits(digits: Pictures, n: int, course: Course, seed: int) -> Pictures:
    """Videos of two digits of different classes that bounce between the sides, one in the upper half, one in the lower.

    After the dark frames one of the two, the same image, comes back at any height and moves on. The class of the video
    is the half that this digit was in before. `TOGETHER` = 4 videos in a row are one scene: either digit is above, and
    either comes back, while every place and motion is the same. So neither part tells anything alone: a sum
    g(before) + h(after) of logits is right in at most three of the four, and its mean cross-entropy is never below that
    of a guess, ln 2 (the four margins of a scene add up to 0).

    Args:
        digits: images of 28 x 28 with their classes; n: number of videos; seed: decides all of them.

    Returns:
        Pictures of [n, 1, frame, size, size].

    Raises:
        DataError: for images of another size, or of one class only.
    """
    sprites, labels = _sprites(digits)
    rng = np.random.default_rng([seed, n, *(course.size, course.before, course.dark, course.after)])
    scenes = -(-n // TOGETHER)
    pair = np.stack(_pairs(labels, scenes, rng))  # [2, scene]
    half, lowest = course.size // 2, course.size - SPRITE
    rows = rng.integers(0, half - SPRITE + 1, scenes), rng.integers(half, lowest + 1, scenes)
    upper, lower, back = (
        _corners(row, frames, course.size, rng)
        for row, frames in zip(
            (*rows, rng.integers(0, lowest + 1, scenes)),
            (course.before, course.before, course.after),
            strict=True,
        )
    )
    videos = np.zeros((scenes, TOGETHER, course.frames, course.size, course.size), dtype=np.uint8)
    for k, (above, answer) in enumerate(product((0, 1), repeat=2)):
        before, after = videos[:, k, : course.before], videos[:, k, course.before + course.dark :]
        shown = sprites[pair[above]], sprites[pair[1 - above]]
        _draw(before, shown[0], upper)
        _draw(before, shown[1], lower)
        _draw(after, shown[answer], back)
    answers = np.tile([0, 1, 0, 1], scenes)[:n]
    return Pictures(torch.from_numpy(videos).flatten(0, 1)[:n, None], torch.from_numpy(answers), ANSWERS)


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
            f"{len(digits)} digits of {len(np.unique(labels))} class",
            expected="digits of two classes or more",
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


def _corners(
    row: np.ndarray, frames: int, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Upper and left edges [n] and [n, frame] of sprites that move across frames of a size, each in its row [n]."""
    free = size - SPRITE
    speed = rng.uniform(*SPEEDS, (len(row), 1)) * rng.choice([-1, 1], (len(row), 1))
    place = rng.uniform(0, free, (len(row), 1)) + speed * np.arange(frames)
    bounced = free - np.abs(place % (2 * free) - free)  # a straight line folded between 0 and `free`
    return row, np.round(bounced).astype(int)


def _draw(videos: np.ndarray, sprites: np.ndarray, corners: tuple[np.ndarray, np.ndarray]) -> None:
    """Draw a sprite [n, 10, 10] into each video [n, frame, size, size], in place."""
    row, left = corners
    n, frames = left.shape
    video, frame = np.arange(n)[:, None, None, None], np.arange(frames)[:, None, None]
    rows = row[:, None, None, None] + np.arange(SPRITE)[:, None]
    columns = left[..., None, None] + np.arange(SPRITE)
    videos[video, frame, rows, columns] = sprites[:, None]
