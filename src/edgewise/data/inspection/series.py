"""Which series say nothing, or say the same as another?"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import xarray as xr

from edgewise.data.inspection.places import names_of
from edgewise.data.roles import features
from edgewise.data.wording import quoted

TWINS = 1e-6
"""Largest difference of two standardised series that are one: what float32 leaves of an exact copy."""
ENOUGH = 20_000
"""Frames, evenly spread over all sequences, in which copies are sought."""
OFTEN = 3
"""Frames that a series is seen in if it is worth a word that it never changes."""
VALUES = 8
"""Different values that a series has if equality with another says anything."""


def series_notes(ds: xr.Dataset) -> list[str]:
    """Features and entities that never change, and entities that are the same series up to offset and gain."""
    return [*_constant_notes(ds), *_twin_notes(ds)]


def _constant_notes(ds: xr.Dataset) -> list[str]:
    """A feature with one value in the whole data, and entities whose feature rests while that of others moves.

    A feature that rests for every entity, at values of its own, is an attribute (a mass): nothing is said of it.
    """
    notes = []
    known = features(ds)
    resting = np.zeros((len(known), ds.sizes["entity"]), dtype=bool)
    for k, name in enumerate(known):
        rests, low, high = _resting(ds[name].to_numpy())
        if low == high:
            notes.append(
                f"'{name}' has the value {low:.6g} everywhere: it tells nothing. Leave it out (features=...), and check"
                " the column."
            )
        elif not rests.all():
            often = (~np.isnan(ds[name].to_numpy())).sum(axis=1).max(axis=0) >= OFTEN
            resting[k] = rests.all(axis=0) & often
    groups: dict[tuple[str, ...], list[int]] = {}
    for entity in np.flatnonzero(resting.any(axis=0)):
        own = tuple(name for name, rests in zip(known, resting[:, entity], strict=True) if rests)
        groups.setdefault(own, []).append(int(entity))
    if groups:
        said = "; ".join(
            f"{quoted(names)} of {names_of(ds, 'entity', members)}" for names, members in groups.items()
        )
        notes.append(
            f"Series that never change: {said}. They hold no motion to explain, so they do not tell who acts on these"
            " entities, whatever the probabilities. Leave out sensors that do not work, or set their values to NaN."
        )
    return notes


def _resting(values: np.ndarray) -> tuple[np.ndarray, float, float]:
    """Whether a series has one value, or none, in a sequence: bool [sequence, entity]; least and largest of all."""
    low = np.fmin.reduce(values, axis=1)  # NaN where there is none
    high = np.fmax.reduce(values, axis=1)
    return ~(high > low), float(np.nanmin(low)), float(np.nanmax(high))


def _twin_notes(ds: xr.Dataset) -> list[str]:
    """Entities whose series are copies of each other in every feature."""
    groups = _twins(ds)
    if not groups:
        return []
    said = "; ".join(f"{names_of(ds, 'entity', group)}" for group in groups[:5])
    more = f"; {len(groups) - 5} more groups" if len(groups) > 5 else ""
    return [
        f"Entities are copies of each other (the same series up to offset and gain): {said}{more}. Which of them acts,"
        " or is acted on, cannot be told, and one foretells the other: a probability of one holds for the group. Keep"
        " one of each group."
    ]


def _twins(ds: xr.Dataset) -> list[list[int]]:
    """Groups of entities, two or more each, that are equal in all features up to offset and gain.

    Equal series have equal products with any weights. With three random ones, only entities that lie next to each other
    when sorted by the first product need be compared.
    """
    parts = [_standardised(ds[name].to_numpy()) for name in features(ds)]
    moving = [part for part in parts if part.any()]
    if not moving:
        return []
    flat = np.concatenate(moving)  # [feature * frame, entity]
    weights = np.random.default_rng(0).standard_normal(len(flat)) / np.sqrt(len(flat))
    marks = weights @ flat
    order = np.argsort(marks, kind="stable")
    same = [
        _equal(flat[:, a], flat[:, b]) if abs(marks[a] - marks[b]) < 10 * TWINS else False
        for a, b in pairwise(order)
    ]
    groups: list[list[int]] = []
    for position, joined in enumerate(same):
        a, b = int(order[position]), int(order[position + 1])
        if not joined:
            continue
        if groups and groups[-1][-1] == a:
            groups[-1].append(b)
        else:
            groups.append([a, b])
    return [sorted(group) for group in groups]


def _equal(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two series are one, and of so many values that this is no chance: any two points are on a line."""
    alike = np.abs(one - other).max() <= 10 * TWINS * np.abs(one).max()
    return bool(alike) and len(np.unique(one.astype(np.float32))) >= VALUES


def _standardised(values: np.ndarray) -> np.ndarray:
    """Each series with mean 0, mean square 1 and a positive largest value, missing values 0: [frame, entity].

    A series that rests is 0; of long data, every so many frames are taken.
    """
    flat = values.reshape(-1, values.shape[-1])
    flat = flat[:: max(len(flat) // ENOUGH, 1)].astype(np.float64)
    known = ~np.isnan(flat)
    count = np.maximum(known.sum(axis=0), 1)
    centred = np.where(known, flat, 0.0)
    centred = np.where(known, centred - centred.sum(axis=0) / count, 0.0)
    size = np.sqrt((centred**2).sum(axis=0) / count)
    rests = size <= 1e-9 * np.abs(np.where(known, flat, 0.0)).max(axis=0)
    scaled = np.where(rests, 0.0, centred / np.where(size > 0, size, 1.0))
    # gains may be negative: the sign that makes the value of the largest size positive
    largest = scaled[np.abs(scaled).argmax(axis=0), np.arange(scaled.shape[1])]
    return scaled * np.where(largest < 0, -1.0, 1.0)
