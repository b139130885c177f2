"""The record `rollout.json`: what the page draws of a rollout, and its figures."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from edgewise.data import save
from edgewise.data.roles import clock, positions, time_units, velocities
from edgewise.folders import unwritable, write_json
from edgewise.rollouts.rollout import Rollout, places

FRAMES = 300
"""At most so many frames of a rollout are drawn."""

Change = tuple[np.ndarray, np.ndarray]
"""A quantity that should not change, and how far it has, relative: [system, frame] each."""


def write_rollout(rollout: Rollout, folder: Path) -> dict[str, Any]:
    """Write `rollout.nc` (every frame) and `rollout.json` (the record, which is returned) into a folder.

    Raises:
        RunError: if the folder cannot be written.
    """
    record = record_of(rollout)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        save(rollout.frames, folder / "rollout.nc", overwrite=True)
        write_json(folder / "rollout.json", record)
    except OSError as error:
        raise unwritable(folder, error) from error
    return record


def record_of(rollout: Rollout) -> dict[str, Any]:
    """The record of a rollout; see `docs/rollout.md` for its keys."""
    frames = rollout.frames
    stamps = clock(frames)
    elapsed = stamps[0] - stamps[0, 0]
    shown = np.unique(np.linspace(0, rollout.steps, min(FRAMES, rollout.steps + 1)).round().astype(int))
    return {
        "steps": rollout.steps,
        "dt": float(np.median(np.diff(elapsed))),
        "frame": shown,
        "time": elapsed[shown],
        "time_unit": _named(time_units(frames)),
        "position": positions(frames),
        "unit": _named(frames[positions(frames)[0]].attrs.get("units")),
        "entities": [str(name) for name in frames["entity"].to_numpy()],
        "systems": _systems(rollout, stamps[:, 0], shown),
        "energy": _energy(rollout, elapsed, shown),
        "momentum": _momentum(rollout, elapsed, shown),
        "error": error_of(rollout, elapsed),
        "diverged": None if rollout.diverged is None else asdict(rollout.diverged),
        "notes": rollout.notes,
    }


def _named(unit: str | None) -> str | None:
    """A unit that is worth a word: "1" says that there is none."""
    return None if unit in (None, "", "1") else str(unit)


def _systems(rollout: Rollout, began: np.ndarray, shown: np.ndarray) -> list[dict[str, Any]]:
    """Places of the shown frames, the recording's beside them (null where nothing was recorded), and shapes."""
    frames, truth = rollout.frames, None
    rolled = places(frames)
    if rollout.truth is not None:
        truth = np.full(rolled.shape, np.nan)
        recorded = places(rollout.truth)[:, : rolled.shape[1]]
        truth[:, : recorded.shape[1]] = recorded
    fixed, radius = _constant(frames, "fixed"), _constant(frames, "radius")
    sides = [_constant(frames, name) for name in ("half_width", "half_height")]
    return [
        {
            "name": str(name),
            "start": float(began[k]),
            "x": rolled[k, shown],
            "truth": None if truth is None else truth[k, shown],
            "fixed": None if fixed is None else fixed[k] > 0,
            "radius": None if radius is None else radius[k],
            "half_extent": None
            if sides[0] is None or sides[1] is None
            else np.stack([sides[0][k], sides[1][k]], -1),
        }
        for k, name in enumerate(frames["sequence"].to_numpy())
    ]


def _constant(ds: xr.Dataset, name: str) -> np.ndarray | None:
    """An attribute of objects at the first frame [sequence, entity], None where the data have none."""
    return ds[name].transpose("sequence", "time", "entity").to_numpy()[:, 0] if name in ds else None


def _energy(rollout: Rollout, elapsed: np.ndarray, shown: np.ndarray) -> dict[str, Any] | None:
    """Energies, and as `drift` of each system the largest |E(t) - E(0)| / |E(0)| of all frames."""
    from edgewise.physics.conserved import energy

    def change(ds: xr.Dataset) -> Change | None:
        found = energy(ds)
        if found is None:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            return found, np.abs(found - found[:, :1]) / np.abs(found[:, :1])

    return _compared(rollout, change, elapsed, shown)


def _momentum(rollout: Rollout, elapsed: np.ndarray, shown: np.ndarray) -> dict[str, Any] | None:
    """|P(t) - P(0)| / sum_i m_i |v_i(0)|; None where something is held fast, and momentum is not conserved."""
    from edgewise.physics.conserved import momentum

    def change(ds: xr.Dataset) -> Change | None:
        fixed, found, mass = _constant(ds, "fixed"), momentum(ds), _constant(ds, "mass")
        if found is None or (fixed is not None and (fixed > 0).any()):
            return None
        speed = np.sqrt(sum(np.square(_start(ds, name)) for name in velocities(ds)))
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.nansum(speed if mass is None else mass * speed, -1)  # bodies without masses have mass 1
            moved = np.linalg.norm(found - found[:, :1], axis=-1) / size[:, None]
        return moved, moved

    return _compared(rollout, change, elapsed, shown)


def _start(ds: xr.Dataset, name: str) -> np.ndarray:
    return ds[name].transpose("sequence", "time", "entity").to_numpy()[:, 0]


def _compared(
    rollout: Rollout,
    change: Callable[[xr.Dataset], Change | None],
    elapsed: np.ndarray,
    shown: np.ndarray,
) -> dict[str, Any] | None:
    """A conserved quantity of the rollout [system, frame] and of the recording beside it, with their drifts."""
    ours = change(rollout.frames)
    if ours is None:
        return None
    record = {
        "time": elapsed[shown],
        "rolled": ours[0][:, shown],
        "drift": ours[1].max(1),
        "truth": None,
        "drift_truth": None,
    }
    theirs = None if rollout.truth is None else change(rollout.truth)
    if theirs is not None:
        recorded = shown[shown < theirs[0].shape[1]]
        record |= {"truth": theirs[0][:, recorded], "drift_truth": theirs[1].max(1)}
    return record


def error_of(rollout: Rollout, elapsed: np.ndarray) -> dict[str, Any] | None:
    """Root mean square distance from the recorded places at every recorded frame, beside constant velocity.

    Over all systems and all objects that are not fixed, a coordinate; None where nothing was recorded after the start.
    """
    if rollout.truth is None:
        return None
    truth = places(rollout.truth)[:, : rollout.steps + 1]
    rolled = places(rollout.frames)[:, : truth.shape[1]]
    elapsed = elapsed[: truth.shape[1]]
    fixed = _constant(rollout.frames, "fixed")
    moves = np.ones((len(truth), truth.shape[2]), dtype=bool) if fixed is None else ~(fixed > 0)
    straight = None
    if (velocity := _velocity(rollout)) is not None:
        straight = truth[:, :1] + velocity[:, None] * elapsed[:, None, None]
    return {
        "time": elapsed[1:],
        "rmse": _rmse(rolled, truth, moves)[1:],
        "constant_velocity": None if straight is None else _rmse(straight, truth, moves)[1:],
    }


def _velocity(rollout: Rollout) -> np.ndarray | None:
    """At the start, [system, entity, d]."""
    if rollout.velocity is not None:
        return rollout.velocity
    names = velocities(rollout.frames)
    return np.stack([_start(rollout.frames, name) for name in names], -1) if names else None


def _rmse(guess: np.ndarray, truth: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """[system, frame, entity, d] -> [frame], over the entities that move [system, entity]; NaN where none was seen."""
    squares = np.where(moves[:, None, :, None], np.square(guess - truth), np.nan)
    seen = np.isfinite(squares)
    with np.errstate(invalid="ignore"):
        return np.sqrt(np.nansum(squares, (0, 2, 3)) / seen.sum((0, 2, 3)))
