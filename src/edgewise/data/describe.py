"""What a data set holds, in a few numbers; and whether two hold the same."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import xarray as xr

from edgewise.data.roles import (
    PAIR_ROLE,
    ROLES,
    clock,
    features,
    holds_strengths,
    pairs,
    positions,
    role,
    velocities,
)

_REGULAR = 1e-6  # steps that differ by less than this, relative to the median step, are equal


def summary(ds: xr.Dataset) -> dict[str, object]:
    """The data set in a few numbers that `json.dumps` takes.

    Returns:
        `n_sequences`, `n_frames` (of the longest sequence), `n_entities`, `features`, `position`, `velocity`,
        `missing_fraction` (of the values within the sequences; padding does not count), `regular` (all steps
        in time are equal), `dt` (the median step, in the unit of the clock), `has_truth`.
    """
    stamps = clock(ds)
    steps = np.diff(stamps, axis=1)
    steps = steps[np.isfinite(steps)]
    dt = float(np.median(steps)) if steps.size else None
    frames = np.isfinite(stamps)
    missing = [float(np.isnan(ds[name].to_numpy()[frames]).mean()) for name in features(ds)]
    return {
        "n_sequences": ds.sizes["sequence"],
        "n_frames": ds.sizes["time"],
        "n_entities": ds.sizes["entity"],
        "features": features(ds),
        "position": positions(ds),
        "velocity": velocities(ds),
        "missing_fraction": float(np.mean(missing)),
        "regular": dt is not None and bool(np.all(np.abs(steps - dt) <= _REGULAR * dt)),
        "dt": dt,
        "has_truth": "edges" in ds,
    }


def fingerprint(ds: xr.Dataset) -> str:
    """A sha256 over values, times, names, roles, relations' attributes and truth, whatever file they came from.

    It does not depend on the order of the features, on the number type that holds a value, on units or on the
    diagonal of the truth. float32 and float64 of one value agree; a value rounded to float32 is another
    value.

    Args:
        ds: a validated data set.

    Returns:
        64 hexadecimal digits.
    """
    names = sorted(features(ds))
    head = {
        "sequence": [str(name) for name in ds["sequence"].to_numpy()],
        "entity": [str(name) for name in ds["entity"].to_numpy()],
        "features": names,
        **{name: role(ds, name) for name in ROLES},
        "edges": list(ds["edges"].dims) if "edges" in ds else None,
        **({PAIR_ROLE: sorted(pairs(ds))} if pairs(ds) else {}),
    }
    digest = hashlib.sha256(json.dumps(head, sort_keys=True).encode())
    digest.update(_canonical(clock(ds)))
    for name in names:
        for own in ds[name].to_numpy():  # [time, entity]: one sequence at a time keeps the copies small
            digest.update(_canonical(own))
    if "edges" in ds:
        labels = ds["edges"].to_numpy().astype("<i8")
        diagonal = np.eye(labels.shape[-1], dtype=bool)
        digest.update(np.where(diagonal, -1, labels).astype("<i8").tobytes())
    if holds_strengths(ds):
        strength = ds["strength"].to_numpy()
        digest.update(_canonical(np.where(np.eye(strength.shape[-1], dtype=bool), 0.0, strength)))
    for name in sorted(pairs(ds)):
        digest.update(_canonical(ds[name].to_numpy()))
    return digest.hexdigest()


def _canonical(values: np.ndarray) -> bytes:
    numbers = np.where(np.isnan(values), np.nan, values).astype("<f8")
    return (numbers + 0.0).tobytes()  # -0.0 + 0.0 is 0.0
