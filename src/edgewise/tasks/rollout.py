"""A trained simulator, rolled on from a frame of a recording."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from edgewise.data.given import as_dataset
from edgewise.data.roles import DIMS, clock
from edgewise.errors import ConfigError, DataError
from edgewise.models.interaction import FlatMLP
from edgewise.models.learned_simulator import LearnedSimulator
from edgewise.rollouts import Rollout, Start, check_asked, frame_of, reach, stamped, stopped
from edgewise.tasks.motions import POTENTIAL, Described, Motions, read_motions
from edgewise.tasks.physics_tables import EnergyModel
from edgewise.tasks.records import TrainedRun, read_trained, with_weights


def rolled(
    folder: Path,
    *,
    steps: int,
    data: xr.Dataset | None = None,
    start: Start = "first",
    systems: int = 8,
    limit: float | None = None,
) -> Rollout:
    """Roll the first network of a run of the task "physics" or "central-forces" on from a frame of some recordings.

    Accelerations from outside are those recorded at each frame; after the recording they stay as they were last.

    Args:
        folder: a run folder.
        steps: frames ahead.
        data: recordings to start from; without it the test part of the run.
        start: see `Start`.
        systems: how many recordings, from the first on.
        limit: how far from the centre of the data an object may go; 100 times as far as the data reach without it.

    Raises:
        ConfigError: for numbers out of range, or a run that moves nothing.
        DataError: for data that the simulator cannot be told of, a frame that is not there, or where nothing could be
            computed.
        RunError: for a folder that is no such run.
    """
    check_asked(steps, systems, limit)
    run = read_trained(folder)
    if run.recipe.task == "central-forces":
        from edgewise.tasks.central_rollout import rolled_central

        return rolled_central(folder, steps=steps, data=data, start=start, systems=systems, limit=limit)
    simulator = simulator_of(run)
    source = _test_part(run) if data is None else as_dataset(data)
    some = source.isel(sequence=slice(0, systems))
    motions = read_motions(some, Described.from_dict(run.shape["described"]))
    _check_as_trained(simulator, run, motions)
    at = frame_of(start, some.sizes["time"])
    states = list(_frames(simulator, motions, at, steps))
    frames = _joined(some, motions, at, states)
    centre, far = reach(source)
    kept, diverged = stopped(frames, far if limit is None else limit, centre=centre)
    last = some.sizes["time"] - 1
    truth = some.isel(time=slice(at, at + steps + 1)) if at < last else None
    return Rollout(kept, truth, diverged)


def simulator_of(run: TrainedRun) -> LearnedSimulator:
    """The first network of a run.

    Raises:
        ConfigError: for a run of another task, or one that learns energies.
    """
    from edgewise.tasks.physics import restored

    if run.recipe.task != "physics":
        raise ConfigError(
            f"{run.folder} holds a run of the task {run.recipe.task!r}",
            expected="a simulator, which moves objects: the task physics",
        )
    if isinstance(run.recipe.model, EnergyModel):
        raise ConfigError(
            f"{run.folder} holds a network that learns energies and moves nothing",
            expected="a simulator, e.g. of the kinds interaction-network and pair-forces",
        )
    return with_weights(restored(run.recipe, run.shape), run, run.seeds[0][0])


def positions_after(
    simulator: LearnedSimulator, motions: Motions, ahead: Sequence[int]
) -> tuple[dict[int, np.ndarray], dict[int, np.ndarray]]:
    """Where the objects are so many steps after the first frame, [S, n, d]: rolled out, and by constant velocity."""
    rolled_, straight = {}, {}
    begin, velocity = (values[:, 0].double() for values in (motions.position, motions.velocity))
    velocity = velocity.masked_fill(motions.fixed, 0.0)
    for step, (position, _) in enumerate(_frames(simulator, motions, 0, max(ahead, default=0)), 1):
        if step in ahead:
            rolled_[step] = position.numpy()
            straight[step] = (begin + step * motions.time_step * velocity).numpy()
    return rolled_, straight


@torch.no_grad()
def _frames(
    simulator: LearnedSimulator, motions: Motions, at: int, steps: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Positions and velocities [S, n, d] after each step from a frame, in float64."""
    every = torch.arange(motions.n_systems)
    objects = motions.at(every, torch.full_like(every, at))
    objects = objects.moved(objects.position.double(), objects.velocity.double())
    for step in range(steps):
        if motions.external is not None:
            now = min(at + step, motions.n_frames - 1)
            objects = replace(objects, external=motions.external[:, now].double())
        objects = simulator.advance(objects)
        yield objects.position, objects.velocity
        if not torch.isfinite(objects.position).all():
            return


def _test_part(run: TrainedRun) -> xr.Dataset:
    """The recordings that a run was tested on, made or read again."""
    from edgewise.tasks.physics_data import PhysicsData, read_parts

    return read_parts(cast(PhysicsData, run.recipe.data)).recorded


def _check_as_trained(simulator: LearnedSimulator, run: TrainedRun, motions: Motions) -> None:
    """Refuse data that the simulator cannot be told of."""
    check_described(run, motions)
    if isinstance(simulator.dynamics, FlatMLP) and motions.n_objects != run.shape["n_objects"]:
        raise DataError(
            f"{motions.n_objects} objects for an MLP of the states of {run.shape['n_objects']}",
            expected=f"{run.shape['n_objects']} objects: this control knows no others",
            fix="train an interaction network",
        )


def check_described(run: TrainedRun, motions: Motions) -> None:
    """Refuse data that are described by other numbers than those of the training.

    Raises:
        DataError: naming what differs.
    """
    trained, found = run.shape["dims"], vars(motions.dims())
    other = next((name for name in trained if trained[name] != found[name]), None)
    if other is not None:
        raise DataError(
            f"these data have {other} = {found[other]}, and the network was trained with {trained[other]}",
            expected="objects and relations that are described as in the training",
        )


def _joined(ds: xr.Dataset, motions: Motions, at: int, states: Sequence[tuple[Tensor, Tensor]]) -> xr.Dataset:
    """The start as recorded and the frames after it, in float64, with all that is known of objects and pairs."""
    begin = (motions.position[:, at].double(), motions.velocity[:, at].double())
    position, velocity = (torch.stack(part, 1).numpy() for part in zip(begin, *states, strict=True))
    n_frames = position.shape[1]
    shown = np.minimum(np.arange(at, at + n_frames), ds.sizes["time"] - 1)
    out = ds.isel(time=shown)
    stamps = clock(ds)
    elapsed = motions.time_step * np.arange(n_frames)
    times = stamps[:, at, None] + elapsed
    out = out.drop_vars(
        [name for name in ("clock", "edges", POTENTIAL) if name in out.variables and "time" in out[name].dims]
    )
    unit = dict(ds["clock" if "clock" in ds.coords else "time"].attrs)
    out = stamped(out, times, unit)
    for role, values in (("position", position), ("velocity", velocity)):
        for axis, name in enumerate(ds.attrs[role]):
            out[name] = (DIMS, values[..., axis], dict(ds[name].attrs))
    return out
