"""Energy and momentum of simulated systems, from their frames: as recorded, or as a learned simulator rolled them out.

    kinetic energy    sum_i m_i |v_i|^2 / 2
    gravitation       -sum_{i<j} G m_i m_j / sqrt(|x_i - x_j|^2 + softening^2)
    charges            sum_{i<j} strength q_i q_j / |x_i - x_j|
    springs            sum_{i<j} C_ij (|x_i - x_j| - L_ij)^2 / 2
    external pull     -sum_i m_i (ax_i x_i + ay_i y_i)
    momentum           sum_i m_i v_i

Sums are over objects that are not fixed, those over pairs over all of which not both are. Bodies of the simulators
`springs` and `charged` have mass 1. A value that was not observed makes the frame's result NaN. The potential of
springs and charges is read off the known graph; that of balls without gravity is 0.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise.physics.batch import Floats

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

DIMS = ("sequence", "time", "entity")
UNIT_MASSES = ("springs", "charged")
"""Simulators whose bodies have mass 1."""
AT_ONCE = 16
"""Sequences whose pairs are in memory at once."""


def energy(ds: xr.Dataset) -> Floats | None:
    """Kinetic and potential energy of each frame, `[sequence, time]`.

    Args:
        ds: frames with the attributes that `edgewise.simulate` gives, `simulator` and `simulator_options`.

    Returns:
        None where no energy is known: another simulator, or its masses, velocities or graph are not there.
    """
    kinetic, potential = kinetic_energy(ds), potential_energy(ds)
    return None if kinetic is None or potential is None else kinetic + potential


def kinetic_energy(ds: xr.Dataset) -> Floats | None:
    """Kinetic energy of each frame, `[sequence, time]`; None without velocities or masses."""
    mass = _moving_mass(ds)
    if mass is None or not _role(ds, "velocity"):
        return None
    return 0.5 * (mass * (_stacked(ds, _role(ds, "velocity")) ** 2).sum(axis=-1)).sum(axis=-1)


def momentum(ds: xr.Dataset) -> Floats | None:
    """Momentum of each frame, `[sequence, time, axis]`; None without velocities or masses."""
    mass = _moving_mass(ds)
    if mass is None or not _role(ds, "velocity"):
        return None
    return (mass[..., None] * _stacked(ds, _role(ds, "velocity"))).sum(axis=2)


def potential_energy(ds: xr.Dataset) -> Floats | None:
    """Potential energy of each frame, `[sequence, time]`; None where it is not known (see `energy`)."""
    potential = _POTENTIALS.get(str(ds.attrs.get("simulator")))
    if potential is None or "simulator_options" not in ds.attrs or not _role(ds, "position"):
        return None
    options, parts = json.loads(ds.attrs["simulator_options"]), []
    for start in range(0, ds.sizes["sequence"], AT_ONCE):
        part = ds.isel(sequence=slice(start, start + AT_ONCE))
        found = potential(part, _stacked(part, _role(part, "position")), options)
        if found is None:
            return None
        parts.append(found)
    return np.concatenate(parts)


def _gravitation(ds: xr.Dataset, position: Floats, options: dict[str, Any]) -> Floats | None:
    if not _holds(ds, "mass"):
        return None
    mass = _feature(ds, "mass")
    products = mass[..., :, None] * mass[..., None, :]
    distance = np.sqrt(_distances(position) ** 2 + options["softening"] ** 2)
    return -options["gravitation"] * _over_pairs(ds, products / _without_diagonal(distance))


def _charges(ds: xr.Dataset, position: Floats, options: dict[str, Any]) -> Floats | None:
    if "edges" not in ds:
        return None
    products = np.where(ds["edges"].to_numpy()[:, None] == 1, 1.0, -1.0)
    return options["strength"] * _over_pairs(ds, products / _without_diagonal(_distances(position)))


def _springs(ds: xr.Dataset, position: Floats, options: dict[str, Any]) -> Floats | None:
    if "strength" in ds.data_vars:
        constant = ds["strength"].to_numpy()
    elif "edges" in ds:
        constant = options["strength"] * ds["edges"].to_numpy()
    else:
        return None
    return _over_pairs(ds, 0.5 * constant[:, None] * _distances(position) ** 2)


def _string(ds: xr.Dataset, position: Floats, options: dict[str, Any]) -> Floats | None:
    if not {"spring_constant", "rest_length"} <= set(ds.data_vars):
        return None
    constant, length = ds["spring_constant"].to_numpy(), ds["rest_length"].to_numpy()
    stretch = _distances(position) - length[:, None]
    pulled = _external(ds, position, options)
    return None if pulled is None else pulled + _over_pairs(ds, 0.5 * constant[:, None] * stretch**2)


def _external(ds: xr.Dataset, position: Floats, options: dict[str, Any]) -> Floats | None:
    """The potential of accelerations from outside; 0 where there are none."""
    mass = _moving_mass(ds)
    if mass is None:
        return None
    pull = [_feature(ds, name) if _holds(ds, name) else np.zeros_like(mass) for name in ("ax", "ay")]
    return -(mass * (pull[0] * position[..., 0] + pull[1] * position[..., 1])).sum(axis=-1)


_POTENTIALS: dict[str, Callable[[xr.Dataset, Floats, dict[str, Any]], Floats | None]] = {
    "nbody": _gravitation,
    "charged": _charges,
    "springs": _springs,
    "string": _string,
    "balls": _external,
}


def _role(ds: xr.Dataset, name: str) -> list[str]:
    """The features in a role; NetCDF gives a list of one back as text."""
    names = ds.attrs.get(name, [])
    return [names] if isinstance(names, str) else list(names)


def _holds(ds: xr.Dataset, name: str) -> bool:
    """Whether there is a feature of this name."""
    return name in ds.data_vars and set(ds[name].dims) == set(DIMS)


def _feature(ds: xr.Dataset, name: str) -> Floats:
    return ds[name].transpose(*DIMS).to_numpy().astype(np.float64)


def _stacked(ds: xr.Dataset, names: list[str]) -> Floats:
    """The features `[sequence, time, entity, axis]`."""
    return np.stack([_feature(ds, name) for name in names], axis=-1)


def _moves(ds: xr.Dataset) -> np.ndarray:
    """Which objects are not fixed, bool `[sequence, time, entity]`."""
    if _holds(ds, "fixed"):
        return _feature(ds, "fixed") == 0
    return np.ones(tuple(ds.sizes[dim] for dim in DIMS), dtype=bool)


def _moving_mass(ds: xr.Dataset) -> Floats | None:
    """Masses `[sequence, time, entity]`, 0 of what is fixed; None where they are not known."""
    if _holds(ds, "mass"):
        return np.where(_moves(ds), _feature(ds, "mass"), 0.0)
    return _moves(ds).astype(np.float64) if ds.attrs.get("simulator") in UNIT_MASSES else None


def _distances(position: Floats) -> Floats:
    """[sequence, time, entity, axis] -> [sequence, time, entity, entity]."""
    return np.linalg.norm(position[..., :, None, :] - position[..., None, :, :], axis=-1)


def _without_diagonal(distance: Floats) -> Floats:
    return np.where(np.eye(distance.shape[-1], dtype=bool), np.inf, distance)


def _over_pairs(ds: xr.Dataset, values: Floats) -> Floats:
    """The sum over pairs of which one moves at least: [sequence, time, entity, entity] -> [sequence, time]."""
    moves = _moves(ds)
    counted = (moves[..., :, None] | moves[..., None, :]) & np.triu(np.ones(values.shape[-2:], dtype=bool), 1)
    return np.where(counted, values, 0.0).sum(axis=(-1, -2))
