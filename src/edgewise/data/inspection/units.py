"""Are the numbers of a feature in one unit?

Metres beside millimetres make a factor of 1,000 that no motion makes: in the size of the values and in that of their
changes at once. Sizes are medians, so heavy tails do not count; sizes that differ by themselves (planets near and far
from the sun) seldom do so by the same factor in both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr

from edgewise.data.inspection.places import at_frame, in_sequence, names_of
from edgewise.data.roles import DIMS, features, positions, velocities
from edgewise.data.wording import quoted

LEAST = 2.5
"""Decades without any group between that set two units apart."""
SAME = 0.7
"""Decades by which the factor of the values and that of the changes may differ."""
JUMP = (500.0, 2000.0)
"""Factors from a value to the next that look like another unit: 1,000, and a real change of a half or double."""
STEADY = 0.7
"""Share of the steps of a series that must keep its size (within a factor of 2) if a jump is to say anything."""
BLOCK = 1_000_000
"""Values that are looked at together, which bounds the memory."""
ENOUGH = 20_000
"""Values from which a typical size is taken."""


def unit_notes(ds: xr.Dataset) -> list[str]:
    """Entities or sequences whose numbers are about 1,000 times those of the others, and jumps of that size."""
    jumps = [
        (name, found) for name in features(ds) if (found := _first_jump(ds[name].to_numpy())) is not None
    ]
    return [
        *_group_notes(ds, "entity"),
        *_group_notes(ds, "sequence"),
        *(_jump_note(ds, name, ds[name].to_numpy(), *found) for name, found in jumps),
    ]


def _group_notes(ds: xr.Dataset, dim: str) -> list[str]:
    """Entities or sequences of another size, a note for all features in which they are the same ones.

    A velocity is compared with the displacement that it should make: who is slow is not in another unit.
    """
    sizes = {name: typical_sizes(ds[name].to_numpy(), DIMS.index(dim)) for name in features(ds)}
    moved = dict(zip(velocities(ds), positions(ds), strict=False))
    found: dict[tuple[int, ...], list[tuple[str, Outsiders]]] = {}
    for name, (level, change) in sizes.items():
        if name in moved:
            displacement = sizes[moved[name]][1]
            with np.errstate(divide="ignore", invalid="ignore"):
                level = change = np.where(displacement > 0, level / displacement, 0.0)
        if (odd := outsiders(level, change)) is not None:
            found.setdefault(odd.members, []).append((name, odd))
    notes = []
    for members, entries in found.items():
        said = quoted(name for name, _ in entries)
        first, odd = entries[0]
        typical, usual = (
            float(np.nanmedian(sizes[first][0][list(group)])) for group in (members, odd.others)
        )
        notes.append(
            f"Units of {said} seem mixed: typical values of {dim} {names_of(ds, dim, members)} are about {typical:.3g},"
            f" of the others {usual:.3g}, and changes differ as much. Convert the column to one unit."
        )
    return notes


@dataclass(frozen=True)
class Outsiders:
    """Groups that a factor of about 1,000 sets apart: the fewer ones, and the others."""

    members: tuple[int, ...]
    others: tuple[int, ...]


def typical_sizes(values: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Median |value| and median |change to the next frame| of each group along an axis: [group] each, NaN if unknown.

    Of long data, every so many frames are taken.
    """
    groups = np.moveaxis(values, axis, 0)
    share = max(groups[0].size // ENOUGH, 1)
    frames = slice(None, None, share)
    changes = np.diff(values, axis=1)[:, frames]
    level = _middle(np.moveaxis(values[:, frames], axis, 0))
    return level, _middle(np.moveaxis(changes, axis, 0))


def _middle(groups: np.ndarray) -> np.ndarray:
    sizes = np.abs(groups.reshape(len(groups), -1))
    gaps = np.isnan(sizes)
    if not gaps.any():
        return np.median(sizes, axis=1)
    return np.array(
        [np.median(own[~gap]) if not gap.all() else np.nan for own, gap in zip(sizes, gaps, strict=True)]
    )


def outsiders(level: np.ndarray, change: np.ndarray) -> Outsiders | None:
    """The smaller part of the groups, if a factor of about 1,000 sets two parts apart in values and in changes.

    Args:
        level: [group] typical |value|; change: [group] typical |change|. Groups that stand still take no part.
    """
    moving = np.flatnonzero((level > 0) & (change > 0))
    if len(moving) < 2:
        return None
    order = moving[np.argsort(level[moving])]
    decades = np.log10(level[order])
    cut = int(np.diff(decades).argmax()) + 1
    if decades[cut] - decades[cut - 1] < LEAST:
        return None
    steps = np.log10(change[order])
    by_level = np.median(decades[cut:]) - np.median(decades[:cut])
    by_change = np.median(steps[cut:]) - np.median(steps[:cut])
    if abs(by_level - by_change) > SAME:
        return None
    members, others = sorted((sorted(order[cut:].tolist()), sorted(order[:cut].tolist())), key=len)
    return Outsiders(tuple(members), tuple(others))


def _first_jump(values: np.ndarray) -> tuple[int, int, int, int] | None:
    """Sequence, frame and entity of the first value that is 1,000 times its steady neighbours, or they it; how many."""
    found = []
    block = max(BLOCK // values[0].size, 1)
    for start in range(0, len(values), block):
        part = values[start : start + block]
        jumps = _jumps_up(part) | _jumps_up(part[:, ::-1])[:, ::-1]  # from frame t to t + 1
        found.append(np.argwhere(jumps) + np.array([start, 0, 0]))
    places = np.concatenate(found)
    if not len(places):
        return None
    sequence, frame, entity = (int(k) for k in places[0])
    return sequence, frame, entity, len(places)


def _jumps_up(values: np.ndarray) -> np.ndarray:
    """Where a small value is followed by one 1,000 times as large: bool [sequence, time - 1, entity].

    The value before the small one must be like it (a passage through zero is not a unit). After the large one, the
    value must be like the small one again (it was one row), or like the large one and change 1,000 times as much as
    before (a rare large step would change the value alone). Series that hardly ever keep their size are left out.
    """
    edge = np.full_like(values[:, :1], np.nan)
    before = np.concatenate([edge, values[:, :-2]], axis=1)
    small, large = values[:, :-1], values[:, 1:]
    after = np.concatenate([values[:, 2:], edge], axis=1)
    steady = _alike(small, large)
    known = ~(np.isnan(small) | np.isnan(large))
    smooth = steady.sum(axis=1, keepdims=True) >= STEADY * known.sum(axis=1, keepdims=True)
    with np.errstate(all="ignore"):
        factor = large / small
        jumps = smooth & (factor > JUMP[0]) & (factor < JUMP[1]) & _alike(before, small)
        scaled = _comparable(np.abs(small - before), np.abs(after - large) / factor)
    last = np.zeros_like(jumps)
    last[:, -1] = True
    return jumps & (_alike(after, small) | (_alike(after, large) & scaled) | last)


def _alike(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Whether two values have one sign and differ by a factor of 2 at most."""
    return (one * other > 0) & (np.abs(one) <= 2 * np.abs(other)) & (np.abs(other) <= 2 * np.abs(one))


def _comparable(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Whether two sizes are within a factor of 100 of each other, or one is 0."""
    return (one * other == 0) | ((one <= 100 * other) & (other <= 100 * one))


def _jump_note(
    ds: xr.Dataset, name: str, values: np.ndarray, sequence: int, frame: int, entity: int, count: int
) -> str:
    others = "" if count < 2 else f"; {count - 1:,} more jump{'s' if count > 2 else ''} of this size"
    return (
        f"Units of '{name}' seem mixed: entity {names_of(ds, 'entity', (entity,))} goes from"
        f" {values[sequence, frame, entity]:.4g} at {at_frame(ds, sequence, frame)} to"
        f" {values[sequence, frame + 1, entity]:.4g} at {at_frame(ds, sequence, frame + 1)}"
        f"{in_sequence(ds, sequence)}{others}. Convert these rows to the unit of the others, or leave them empty."
    )
