"""Is time even, and is it the same for all entities?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from edgewise.data.inspection.places import at_frame, in_sequence, names_of, seen
from edgewise.data.roles import clock
from edgewise.errors import DataError

UNEVEN = 1e-3
"""Steps that differ by more than this share of the median step are not even; a law then reads the step as well."""
ALONE = 0.9
"""Share of an entity's frames that show it alone, though others are there, from which on its clock is apart ..."""
BY_CHANCE = 0.6
"""... unless so many or more would show it alone if each entity were lost at random as often as it is."""


def clock_notes(ds: xr.Dataset) -> list[str]:
    """That steps differ, where the largest gap is, and which recordings have another rate."""
    steps = np.diff(clock(ds), axis=1)
    known = np.isfinite(steps)
    usual = float(np.median(steps[known]))
    if not (np.abs(steps[known] / usual - 1) > UNEVEN).any():
        return []
    sequence, frame = np.unravel_index(int(np.nanargmax(steps)), steps.shape)
    said = (
        f"The clock is irregular: steps from {np.nanmin(steps):.4g} to {np.nanmax(steps):.4g}, median {usual:.4g}; the"
        f" largest gap follows {at_frame(ds, int(sequence), int(frame))}{in_sequence(ds, int(sequence))}."
    )
    others = _other_rates(steps, usual)
    if others:
        own = float(np.nanmedian(steps[others[0]]))
        said += (
            f" {len(others)} of {len(steps)} sequences have a rate of their own: {names_of(ds, 'sequence', others)}"
            f" (the first: every {own:.4g})."
        )
    return [
        f"{said} Changes are divided by their own step, and the law reads how long it is. An even clock is better:"
        f" `edgewise convert --resample {usual:.4g}` (edgewise.data.resample)."
    ]


def check_shared_clock(ds: xr.Dataset) -> None:
    """Refuse data in which no two entities are ever seen at the same time, though they were there together.

    Raises:
        DataError: with two of the entities, how far their clocks are apart, and what brings them together.
    """
    found = clocks_apart(ds)
    if found is not None and not found.ever_together:
        raise DataError(
            found.found,
            expected="frames in which several entities were observed",
            fix=found.to_do,
        )


@dataclass(frozen=True)
class ClocksApart:
    """Entities that were there at the same time and hardly ever share a stamp.

    Attributes:
        found: two of them and how far their stamps are apart; to_do: how they come together.
        ever_together: whether any frame shows more than one entity.
    """

    found: str
    to_do: str
    ever_together: bool

    @property
    def note(self) -> str:
        """Both in a sentence."""
        return f"{self.found}; {self.to_do}."


def clocks_apart(ds: xr.Dataset) -> ClocksApart | None:
    """Whether frames show an entity alone, though others were there before and after, more often than chance would."""
    known = seen(ds)  # [sequence, time, entity]
    before = np.logical_or.accumulate(known, axis=1)
    after = np.logical_or.accumulate(known[:, ::-1], axis=1)[:, ::-1]
    present = before & after
    several = present.sum(axis=-1, keepdims=True) > 1
    frames = (known & several).sum(axis=(0, 1))
    alone = known & several & (known.sum(axis=-1, keepdims=True) == 1)
    share = alone.sum(axis=(0, 1)) / np.maximum(frames, 1)
    apart = (share > ALONE) & (frames > 2)
    if (
        not apart.any()
        or not (apart & (_alone_by_chance(known & several, present & several) < BY_CHANCE)).any()
    ):
        return None
    counts = alone.sum(axis=1) * apart  # [sequence, entity]
    sequence, entity = (int(k) for k in np.unravel_index(int(counts.argmax()), counts.shape))
    return _described(ds, known, sequence, entity)


def _alone_by_chance(known: np.ndarray, present: np.ndarray) -> np.ndarray:
    """The share of its frames that would show each entity alone, if all were lost independently: [entity]."""
    lost = 1 - known.sum(axis=(0, 1)) / np.maximum(present.sum(axis=(0, 1)), 1)
    logs = np.log(np.maximum(lost, 1e-9))
    others = (present @ logs)[..., None] - present * logs  # [sequence, time, entity]
    return (np.exp(others) * known).sum(axis=(0, 1)) / np.maximum(known.sum(axis=(0, 1)), 1)


def _described(ds: xr.Dataset, known: np.ndarray, sequence: int, entity: int) -> ClocksApart | None:
    """An entity with a clock of its own beside the one that was seen nearest to it in time."""
    stamps, seen_by = clock(ds)[sequence], known[sequence]
    others = seen_by.copy()
    others[:, entity] = False
    at, elsewhere = int(seen_by[:, entity].argmax()), np.flatnonzero(others.any(axis=1))
    nearest = elsewhere[np.abs(stamps[elsewhere] - stamps[at]).argmin()]
    first, second = sorted((entity, int(others[nearest].argmax())))
    one, other = stamps[seen_by[:, first]], stamps[seen_by[:, second]]
    if min(len(one), len(other)) < 2:
        return None
    apart, step = _apart(one, other), _own_step(one)
    shared = len(np.intersect1d(one, other))
    found = (
        f"Clocks of entities are apart: {names_of(ds, 'entity', (first, second))} share {shared} of {len(one)} time"
        f" stamps{in_sequence(ds, sequence)}; theirs lie up to {apart:.4g} apart, steps of {step:.4g}"
    )
    to_do = (
        f"round the stamps: --round-time {step:.6g} (edgewise.data.round_time)"
        if apart < 0.45 * step
        else f"put them on one clock: edgewise convert --resample {step:.6g} (edgewise.data.resample)"
    )
    return ClocksApart(found, to_do, bool((known.sum(axis=-1) > 1).any()))


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    """The largest distance from a stamp of one to the nearest of the other, while both are there."""
    inside = one[(one >= other[0]) & (one <= other[-1])]
    inside = inside if inside.size else one
    right = np.searchsorted(other, inside).clip(1, len(other) - 1)
    return float(np.minimum(np.abs(inside - other[right - 1]), np.abs(inside - other[right])).max())


def _own_step(stamps: np.ndarray) -> float:
    """The mean step where there are no gaps, which is more exact, and else the median."""
    steps = np.diff(stamps)
    usual = float(np.median(steps))
    return float(steps.mean()) if steps.max() < 1.5 * usual else usual


def _other_rates(steps: np.ndarray, usual: float) -> list[int]:
    """The sequences most of whose steps are another than the usual one by a tenth or more."""
    other = np.isfinite(steps) & (np.abs(steps / usual - 1) > 0.1)
    counts = np.isfinite(steps).sum(axis=1)
    return [int(k) for k in np.flatnonzero((counts > 1) & (other.sum(axis=1) > 0.5 * counts))]
