"""The receptive field: how far along steps and grid a place of the answer sees."""

from dataclasses import dataclass

import numpy as np

from edgewise.audit.axes import GRID, TIME
from edgewise.audit.influence import Influence


@dataclass(frozen=True)
class Extent:
    """How far along an axis a place of the answer sees.

    Attributes:
        axis: its name; of a grid with several axes "grid 0", "grid 1", ...
        back, ahead: places before and after its own, at most.
        wraps: whether it sees over the ends as on a circle.
        size: of the axis.
    """

    axis: str
    back: int
    ahead: int
    wraps: bool
    size: int

    @property
    def width(self) -> int:
        """Places that are seen along the axis: the receptive field."""
        return min(self.back + self.ahead + 1, self.size)


def extents(found: Influence) -> list[Extent]:
    """The receptive field along every ordered axis that the answer has (steps and grid)."""
    out = []
    for axis in (TIME, GRID):
        sizes = found.senders.get(axis)
        if sizes is None or axis not in found.receivers:
            continue
        pattern = found.pattern(axis)
        receivers, senders = pattern.nonzero()
        at = np.unravel_index(receivers, sizes), np.unravel_index(senders, sizes)
        for k, size in enumerate(sizes):
            name = axis if len(sizes) == 1 else f"{axis} {k}"
            out.append(_extent(name, at[1][k] - at[0][k], size))
    return out


def _extent(name: str, offsets: np.ndarray, size: int) -> Extent:
    """From all offsets sender - receiver: the plain range, or the arc of a circle where that is shorter."""
    if not len(offsets):
        return Extent(name, 0, 0, False, size)
    back, ahead = int(max(-offsets.min(), 0)), int(max(offsets.max(), 0))
    seen = np.unique(offsets % size)
    gaps = np.diff(np.append(seen, seen[0] + size))
    if gaps.max() == 1:  # all of the circle
        return Extent(name, back, ahead, False, size)
    first = int(seen[(int(gaps.argmax()) + 1) % len(seen)])
    length = size - int(gaps.max())  # from the first to the last place of the arc
    start = first - size if first and (first + length >= size or first > size // 2) else first
    on_circle = max(-start, 0), max(start + length, 0)
    if sum(on_circle) < back + ahead:
        return Extent(name, *on_circle, True, size)
    return Extent(name, back, ahead, False, size)
