"""Videos of moving digits: what is seen when, and that no part tells the answer alone."""

import numpy as np
import pytest
import torch

from edgewise.data.images import Pictures
from edgewise.data.moving_digits import ANSWERS, SPRITE, Course, moving_digits
from edgewise.errors import DataError

COURSE = Course(size=24, before=3, dark=2, after=4)


def digits(labels: list[int]) -> Pictures:
    """Full squares with a margin of 4, each of a brightness of its own."""
    pixels = torch.zeros(len(labels), 1, 28, 28, dtype=torch.uint8)
    pixels[:, :, 4:-4, 4:-4] = 10 * torch.arange(1, len(labels) + 1, dtype=torch.uint8)[:, None, None, None]
    return Pictures(pixels, torch.tensor(labels), tuple("0123456789"))


@pytest.fixture(scope="module")
def videos():
    return moving_digits(digits([3, 3, 5, 8]), 400, COURSE, 0)


def corners(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Upper and left edge of what is seen: [n] each, of frames [n, height, width] that hold one square."""
    seen = frames > 0
    return seen.any(2).argmax(1), seen.any(1).argmax(1)


def test_two_digits_then_dark_then_one(videos):
    pixels = videos.pixels[:, 0].numpy()
    assert pixels.shape == (400, COURSE.frames, 24, 24)
    lit = (pixels > 0).sum((2, 3))
    assert (lit[:, :3] == 2 * SPRITE**2).all()
    assert (lit[:, 3:5] == 0).all()
    assert (lit[:, 5:] == SPRITE**2).all()


def test_the_answer_is_the_half_that_the_returning_digit_was_in(videos):
    pixels = videos.pixels[:, 0].numpy()
    upper, lower = pixels[:, 0, :12].max((1, 2)), pixels[:, 0, 12:].max((1, 2))
    back = pixels[:, -1].max((1, 2))
    assert videos.classes == ANSWERS == ("upper", "lower")
    assert np.array_equal(np.where(videos.labels.numpy() == 0, upper, lower), back)


def test_the_two_digits_are_of_different_classes(videos):
    pixels = videos.pixels[:, 0].numpy()
    class_of = np.array([-1, 3, 3, 5, 8])
    pairs = [class_of[half.max((1, 2)) // 10] for half in (pixels[:, 0, :12], pixels[:, 0, 12:])]
    assert (pairs[0] != pairs[1]).all()


def test_a_digit_bounces_between_the_sides_at_a_steady_pace(videos):
    after = videos.pixels[:, 0, 5:].numpy()
    rows, columns = zip(*(corners(after[:, frame]) for frame in range(4)), strict=True)
    assert all(np.array_equal(row, rows[0]) for row in rows)
    steps = np.abs(np.diff(np.array(columns), axis=0))
    assert steps.max() <= 4  # at most 3 pixels a frame, and rounding
    assert len(set(rows[0])) > 10


def test_four_videos_are_one_scene_and_neither_part_tells_the_answer(videos):
    scenes = videos.pixels[:, 0].reshape(100, 4, COURSE.frames, 24, 24)
    before, after = scenes[:, :, :3], scenes[:, :, 5:]
    assert videos.labels.reshape(100, 4).eq(torch.tensor([0, 1, 0, 1])).all()
    for one, other in ((0, 1), (2, 3)):  # the same two digits, either comes back
        assert torch.equal(before[:, one], before[:, other])
        assert (after[:, one] != after[:, other]).flatten(1).any(1).all()
    for one, other in ((0, 3), (1, 2)):  # the same one comes back, and was above or below
        assert torch.equal(after[:, one], after[:, other])
        assert (before[:, one] != before[:, other]).flatten(1).any(1).all()


def test_a_number_that_is_no_multiple_of_four_ends_within_a_scene():
    made = moving_digits(digits([1, 2]), 6, COURSE, 0)
    assert made.labels.tolist() == [0, 1, 0, 1, 0, 1]
    assert len(made.pixels) == 6


def test_the_seed_decides_everything():
    made = [moving_digits(digits([1, 2]), 5, COURSE, seed).pixels for seed in (4, 4, 5)]
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


@pytest.mark.parametrize(
    ("pictures", "found"),
    [
        (
            Pictures(torch.zeros(2, 1, 20, 20, dtype=torch.uint8), torch.tensor([0, 1]), ("0", "1")),
            "a grid of 20 x 20",
        ),
        (
            Pictures(torch.zeros(2, 3, 28, 28, dtype=torch.uint8), torch.tensor([0, 1]), ("0", "1")),
            "with 3 channels",
        ),
        (Pictures(torch.zeros(2, 1, 28, 28, dtype=torch.uint8), None, ()), "pictures with 1 channels"),
        (digits([4, 4]), "2 digits of 1 class"),
    ],
)
def test_what_is_no_set_of_digits_is_refused(pictures, found):
    with pytest.raises(DataError) as error:
        moving_digits(pictures, 2, COURSE, 0)
    assert found in str(error.value)
