"""Reading a trajectory data set: its features, their roles, and when its frames were taken."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xarray as xr

DIMS = ("sequence", "time", "entity")
ROLES = ("position", "velocity", "rate")
PAIR_ROLE = "pair"
"""The attribute that names the variables over receiver and sender which are known of relations."""
RESERVED = frozenset({*DIMS, "receiver", "sender", "edges", "clock", "roles"})


def role(ds: xr.Dataset, name: str) -> list[str]:
    """The features that play the role `name` ("position", "velocity" or "rate"), or the variables of "pair".

    NetCDF gives a list of one string back as a bare string, and an empty list as an empty array; both are
    undone here.
    """
    value = ds.attrs.get(name)
    if value is None:
        return []
    if isinstance(value, bytes):
        return [value.decode()]
    if isinstance(value, str):
        return [value] if value else []
    return [str(word) for word in np.asarray(value, dtype=object).ravel()]


def positions(ds: xr.Dataset) -> list[str]:
    """The names of the position features, in the order of the axes; empty if none is declared."""
    return role(ds, "position")


def velocities(ds: xr.Dataset) -> list[str]:
    """The names of the velocity features, in the order of the axes; empty if none is declared."""
    return role(ds, "velocity")


def usual_position(names: Iterable[str]) -> list[str]:
    """x, y (and z), or X, Y (and Z), where features of these names are there; else nothing."""
    known = set(names)
    for axes in (("x", "y", "z"), ("X", "Y", "Z")):
        if set(axes[:2]) <= known:
            return [axis for axis in axes if axis in known]
    return []


def usual_velocity(position: Iterable[str], names: Iterable[str]) -> list[str]:
    """vx for x, vy for y, ... (of X also VX) where all of them are there; else nothing."""
    axes, known = list(position), set(names)
    for mark in ("v", "V"):
        if known.issuperset(guess := [f"{mark}{axis}" for axis in axes]):
            return guess
    return []


def features(ds: xr.Dataset) -> list[str]:
    """The names of all features (the variables over sequence, time and entity), in their order."""
    return [str(name) for name in ds.data_vars if set(ds[name].dims) == set(DIMS) and name != "edges"]


def pairs(ds: xr.Dataset) -> list[str]:
    """The names of the pair variables: known attributes of relations, such as the constant of a spring."""
    return role(ds, PAIR_ROLE)


def holds_strengths(ds: xr.Dataset) -> bool:
    """Whether a data set holds known strengths: a variable `strength` of pairs (not a feature of that name)."""
    return "strength" in ds.data_vars and {"receiver", "sender"} <= set(ds["strength"].dims)


def clock(ds: xr.Dataset) -> np.ndarray:
    """When each frame was taken, in the unit of the `time` (or `clock`) coordinate.

    Args:
        ds: a validated data set.

    Returns:
        float64 [sequence, time]; NaN where a sequence has ended and the frame is only padding.
    """
    if "clock" in ds.coords:
        return ds["clock"].transpose("sequence", "time").to_numpy().astype(np.float64)
    stamps = ds["time"].to_numpy().astype(np.float64)
    return np.repeat(stamps[None, :], ds.sizes["sequence"], axis=0)


def time_units(ds: xr.Dataset) -> str | None:
    """The unit of `clock(ds)`, or None if it is not known."""
    units = ds["clock" if "clock" in ds.coords else "time"].attrs.get("units")
    return None if units is None else str(units)
