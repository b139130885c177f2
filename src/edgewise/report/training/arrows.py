"""What a run with non-local blocks shows: to which positions a position attends most, and the figure without blocks."""

from dataclasses import dataclass
from math import prod
from typing import Any

from edgewise.report.folder import RunFolder
from edgewise.report.training.fields import Fields

FILE = "preview.json"


@dataclass(frozen=True)
class ArrowExample:
    """A test picture and the strongest arrows of every position.

    Args:
        true, predicted: its class, and what it was taken for.
        frames: brightness from 0 to 255, rows below each other, one tuple a frame (an image is one frame).
        chosen: the position first shown; senders, weights: for each position those that it attends to, strongest first.
    """

    true: str
    predicted: str
    frames: tuple[tuple[int, ...], ...]
    chosen: int
    senders: tuple[tuple[int, ...], ...]
    weights: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Arrows:
    """The record of the arrows.

    Args:
        size: height and width of a frame, pixels; grid: (row, column) or (frame, row, column) of positions.
    """

    size: tuple[int, ...]
    grid: tuple[int, ...]
    examples: tuple[ArrowExample, ...]


@dataclass(frozen=True)
class WithAndWithout:
    """The test figure of a run, with non-local blocks and without."""

    seed: int | None
    with_blocks: float | None
    without: float | None


def read_arrows(folder: RunFolder, preview: Fields) -> Arrows | None:
    """The arrows of a preview, or None where it has none.

    Raises:
        RunError: for sizes that do not fit together, or values of another type.
    """
    fields = preview.inside("arrows")
    if fields is None:
        return None
    size, grid = (tuple(round(n or 0) for n in fields.numbers(key)) for key in ("size", "grid"))
    if len(size) != 2 or len(grid) not in (2, 3) or min(*size, *grid) < 1:
        raise folder.damaged(
            FILE,
            f"has arrows on a grid of {list(grid)} over frames of {list(size)}",
            "two sizes and two or three",
        )
    examples = tuple(_example(folder, entry, size, grid) for entry in fields.entries("examples"))
    return Arrows(size, grid, examples) if examples else None


def _example(folder: RunFolder, entry: Fields, size: tuple[int, ...], grid: tuple[int, ...]) -> ArrowExample:
    senders = tuple(tuple(round(k or 0) for k in row) for row in entry.rows("senders"))
    weights = tuple(tuple(weight or 0.0 for weight in row) for row in entry.rows("weights"))
    frames = tuple(tuple(round(value or 0) for value in frame) for frame in entry.rows("frames"))
    positions, n_frames = prod(grid), grid[0] if len(grid) == 3 else 1
    alike = [len(row) for row in senders] == [len(row) for row in weights]
    inside = all(0 <= k < positions for row in senders for k in row)
    whole = len(frames) == n_frames and all(len(frame) == prod(size) for frame in frames)
    if not (alike and inside and whole and len(senders) == positions):
        raise folder.damaged(
            FILE,
            f"has {len(senders)} rows of senders, {len(weights)} of weights and {len(frames)} frames"
            f" at {entry.place!r}",
            f"{positions} rows of positions from 0 to {positions - 1} and of weights, and {n_frames} frames of"
            f" {prod(size)} values",
        )
    chosen = min(max(entry.whole("chosen") or 0, 0), positions - 1)
    return ArrowExample(entry.text("true"), entry.text("predicted"), frames, chosen, senders, weights)


def read_with_and_without(preview: Fields) -> tuple[WithAndWithout, ...]:
    """The figures of every run; none where no network without blocks was trained."""
    return tuple(
        WithAndWithout(entry.whole("seed"), entry.number("with"), entry.number("without"))
        for entry in preview.entries("blocks")
    )


def drawn_arrows(arrows: Arrows) -> dict[str, Any]:
    """What the scripts draw; an image is a video of one frame."""
    return {
        "size": list(arrows.size),
        "grid": list(arrows.grid) if len(arrows.grid) == 3 else [1, *arrows.grid],
        "examples": [
            {
                "true": one.true,
                "predicted": one.predicted,
                "frames": [list(frame) for frame in one.frames],
                "chosen": one.chosen,
                "senders": [list(row) for row in one.senders],
                "weights": [list(row) for row in one.weights],
            }
            for one in arrows.examples
        ],
    }
