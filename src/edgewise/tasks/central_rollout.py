"""Fitted central forces, rolled on from a frame of a recording."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import xarray as xr

from edgewise.data.given import as_dataset
from edgewise.data.roles import positions
from edgewise.errors import ConfigError, DataError
from edgewise.models.central_force import refuse_coincident
from edgewise.rollouts import Rollout, Start, check_asked, frame_of, reach, stopped
from edgewise.tasks.central import force_fits
from edgewise.tasks.central_data import read_force_data
from edgewise.tasks.central_fit import ForceFits
from edgewise.tasks.central_motion import roll
from edgewise.tasks.central_recording import Recording, dataset_of, recording
from edgewise.tasks.central_tables import CentralForceData, CentralForceModel
from edgewise.tasks.records import TrainedRun, read_trained, with_weights


def rolled_central(
    folder: Path,
    *,
    steps: int,
    data: xr.Dataset | None = None,
    start: Start = "last",
    systems: int = 8,
    limit: float | None = None,
) -> Rollout:
    """Roll the chosen law of a run on, with the strengths that were found, one frame a step.

    Args:
        folder: a run folder.
        steps: frames ahead.
        data: recordings of the same bodies to start from; without them those of the run.
        start: a frame, counted from 0; "last" without `data` is the last frame of the training part, so that what
            follows was not learnt from.
        systems: how many recordings, from the first on.
        limit: how far from the centre a body may go; 100 times as far as the data reach without it.

    Raises:
        ConfigError: for numbers out of range, or a run of another task.
        DataError: for other bodies than those of the run, two of them at one place, or a frame that is not there.
        RunError: for a folder that is no such run.
    """
    check_asked(steps, systems, limit)
    run, notes = read_trained(folder), list[str]()
    fits = fits_of(run)
    found, at = _begin(run, data, start, notes)
    frames = _moved(found.some(systems), at, steps, fits, run)
    recorded = _named(found.some(systems), run.shape)
    centre, far = reach(recorded)
    kept, diverged = stopped(frames, far if limit is None else limit, centre=centre)
    truth = recorded.isel(time=slice(at, at + steps + 1)) if at < len(found.time) - 1 else None
    return Rollout(kept, truth, diverged, notes)


def _moved(found: Recording, at: int, steps: int, fits: ForceFits, run: TrainedRun) -> xr.Dataset:
    """The start and the frames after it."""
    begin, speed = (torch.from_numpy(values[:, at].copy()) for values in (found.position, found.velocity))
    refuse_coincident(begin, list(found.entities))
    substeps = cast(CentralForceModel, run.recipe.model).substeps * found.step / run.shape["step"]
    fixed = torch.from_numpy(found.fixed)
    position, velocity = roll(
        fits.chosen, begin, speed, found.step, frames=steps, substeps=max(1, round(substeps)), fixed=fixed
    )
    time = found.time[at] + found.step * np.arange(steps + 1)
    moved = replace(found, time=time, position=position.numpy(), velocity=velocity.numpy())
    return _named(moved, run.shape)


def fits_of(run: TrainedRun) -> ForceFits:
    """The first fit of a run.

    Raises:
        ConfigError: for a run of another task.
    """
    if run.recipe.task != "central-forces":
        raise ConfigError(
            f"{run.folder} holds a run of the task {run.recipe.task!r}", expected="the task central-forces"
        )
    fits = force_fits(cast(CentralForceModel, run.recipe.model), run.shape)
    return with_weights(fits, run, run.seeds[0][0])


def _begin(run: TrainedRun, data: xr.Dataset | None, start: Start, notes: list[str]) -> tuple[Recording, int]:
    """A recording, and the frame of it to start from."""
    if data is not None:
        found = _same_bodies(as_dataset(data), run.shape)
        last = len(found.time) - 1
    else:
        try:
            motions = read_force_data(cast(CentralForceData, run.recipe.data))
        except DataError:
            if start != "last":
                raise
            notes.append(
                "The recording of the run is not there any more: nothing is shown beside the rollout."
            )
            return _kept_start(run.shape), 1
        found = motions.fit
        last = int(np.flatnonzero(found.time < motions.bounds[1])[-1])
    return found, frame_of(start, len(found.time), last=last)


def _same_bodies(ds: xr.Dataset, shape: dict[str, Any]) -> Recording:
    """Data of the run's bodies, in the run's order and unit."""
    names, known = list(map(str, ds["entity"].to_numpy())), shape["entities"]
    if sorted(names) != sorted(known):
        other = sorted(set(names) ^ set(known))
        raise DataError(
            f"the data have the bodies {', '.join(names)}",
            expected=f"those that the strengths were learnt of: {', '.join(known)}",
            fix=f"see to {', '.join(other)}; a body's strength is learnt from its own motion and effects",
        )
    unit = str(ds[positions(ds)[0]].attrs.get("units", "")) if positions(ds) else ""
    if unit and shape["length"] and unit != shape["length"]:
        raise DataError(
            f"positions are in {unit}", expected=f"{shape['length']}, the unit that the law was learnt in"
        )
    return recording(ds.assign_coords(entity=names).sel(entity=known), "the data set")


def _kept_start(shape: dict[str, Any]) -> Recording:
    """The last two training frames, as the run folder keeps them."""
    time, position, velocity = (np.array(shape["start"][name]) for name in ("time", "position", "velocity"))
    fixed = np.array(shape["fixed"], bool)
    names = tuple(shape["entities"]), tuple(shape["sequences"])
    return Recording(*names, fixed, time, shape["step"], position, velocity)


def _named(found: Recording, shape: dict[str, Any]) -> xr.Dataset:
    """Frames as a data set, with the units of the run."""
    length, time = str(shape["length"]), str(shape["time"])
    return dataset_of(found, length=length, time=time, speed=f"{length}/{time.removesuffix('s')}")
