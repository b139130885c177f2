"""What a graph foretells, where no truth is known: one linear forecast for all, and the law's own where there is one.

The last fifth of the frames is held out. Graphs are inferred, and forecasts fitted, from the frames before; the
forecasts are of one step, from origins that are spread evenly over the held-out frames.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from edgewise.data.roles import features
from edgewise.data.windows import select_frames
from edgewise.errors import DataError
from edgewise.inference.baselines import feature_series

if TYPE_CHECKING:
    from edgewise.inference.result import Inference

HELD_OUT = 0.2
FEWEST = 10
"""Frames that must remain before the held-out ones."""
ORIGINS = 20
"""Most moments that are forecast from."""
MEASURED = 100
"""Most recordings that are forecast."""
PENALTIES = np.logspace(-3, 3, 7)


@dataclass(frozen=True)
class Task:
    """What is to be foretold.

    Attributes:
        values: [sequence, time, entity, feature], NaN = not observed.
        change: the next frame's value less this one's, in units of its root mean square before the held-out frames:
            [sequence, time - 1, entity, feature]; features that never move are NaN.
        scale: those units, [feature].
        stop: the first frame that is held out.
        origins: the frames that are forecast from.
    """

    values: NDArray[np.float64]
    change: NDArray[np.float64]
    scale: NDArray[np.float64]
    stop: int
    origins: NDArray[np.int64]


def task_of(ds: xr.Dataset) -> tuple[Task, xr.Dataset]:
    """The task that a data set sets, and the data before it.

    Raises:
        DataError: for recordings that are too short.
    """
    n_frames = ds.sizes["time"]
    stop = n_frames - max(round(HELD_OUT * n_frames), 1)
    if stop < FEWEST:
        raise DataError(
            f"recordings of {n_frames} frames, and no known edges",
            expected=f"at least {round(FEWEST / (1 - HELD_OUT))} frames, for a fifth of them to be held out",
            fix="take longer recordings, or name a table of known edges with --truth",
        )
    values = np.moveaxis(feature_series(ds.isel(sequence=slice(0, MEASURED))), 0, -1)
    change = np.diff(values, axis=1)
    before = change[:, : stop - 1]
    count = np.maximum(np.isfinite(before).sum((0, 1, 2)), 1)
    scale = np.sqrt(np.nansum(before**2, (0, 1, 2)) / count)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.where(scale > 0, change / scale, np.nan)
    origins = np.unique(np.linspace(stop - 1, n_frames - 2, ORIGINS).round().astype(np.int64))
    return Task(values, change, scale, stop, origins), select_frames(ds, 0, stop)


def _error(guess: NDArray[np.float64], task: Task) -> float | None:
    """Squared error over squared change, the mean over features: 0 is perfect, 1 as good as "nothing changes".

    Args:
        guess: [sequence, origin, entity, feature], NaN where nothing is foretold.
    """
    wanted = task.change[:, task.origins]
    known = np.isfinite(guess) & np.isfinite(wanted)
    error = np.where(known, (guess - wanted) ** 2, 0.0).sum((0, 1, 2))
    size = np.where(known, wanted**2, 0.0).sum((0, 1, 2))
    shares = error[size > 0] / size[size > 0]
    return float(shares.mean()) if len(shares) else None


def graph_error(linked: NDArray[np.bool_], task: Task) -> float | None:
    """The error of a linear forecast on a graph.

        x_i(t + 1) - x_i(t) = a + B_i x_i(t) + sum over linked j of B_ij x_j(t)

    by ridge regression for each receiver i, its penalty chosen by leave-one-out (`sklearn.linear_model.RidgeCV`), with
    coefficients of their own for each recording, or for all together where these share one graph.

    Args:
        linked: [sequence or 1, receiver, sender].
    """
    guess = np.full((len(task.values), len(task.origins), *task.values.shape[2:]), np.nan)
    sequences = np.arange(len(task.values))
    groups = [sequences] if len(linked) == 1 else sequences[:, None]
    for graph, group in zip(linked, groups, strict=False):
        for receiver, senders in enumerate(graph):
            members = [receiver, *np.flatnonzero(senders)]
            guess[group, :, receiver] = _linear(task, group, members)
    return _error(guess, task)


def _linear(task: Task, group: NDArray[np.int64], members: list[int]) -> NDArray[np.float64]:
    """Forecast changes of the first member from the state of all: [sequence, origin, feature]."""
    from sklearn.linear_model import RidgeCV

    state = task.values[group][:, :, members]  # [sequence, time, member, feature]
    there = np.logical_and.reduce(np.isfinite(state[:, :, 0]), axis=-1)
    past = state[:, : task.stop - 1]
    count = np.maximum(np.isfinite(past).sum((0, 1)), 1)
    centre = np.nansum(past, (0, 1)) / count
    spread = np.sqrt(np.nansum((past - centre) ** 2, (0, 1)) / count)
    rows = np.nan_to_num(
        (state - centre) / np.where(spread > 0, spread, 1.0)
    )  # a sender not seen is at its mean
    rows = rows.reshape(*rows.shape[:2], -1)
    moving = task.scale > 0
    wanted = task.change[group][:, :, members[0]][..., moving]  # [sequence, time - 1, feature]
    seen = np.logical_and.reduce(np.isfinite(wanted), axis=-1)
    usable = there[:, : task.stop - 1] & seen[:, : task.stop - 1]
    guess = np.full((len(group), len(task.origins), len(moving)), np.nan)
    if usable.sum() < 3:
        return np.where(moving, 0.0, guess)
    fitted = RidgeCV(PENALTIES).fit(rows[:, : task.stop - 1][usable], wanted[:, : task.stop - 1][usable])
    ahead = there[:, task.origins]
    found = np.full((*ahead.shape, int(moving.sum())), np.nan)
    if ahead.any():
        found[ahead] = fitted.predict(rows[:, task.origins][ahead]).reshape(-1, found.shape[-1])
    guess[..., moving] = found
    return guess


def law_error(result: "Inference", ds: xr.Dataset, task: Task) -> float | None:
    """The error of the forecasts of a law, with the graphs that were inferred from the frames before.

    Args:
        result: inferred from the frames before; ds: all frames.
    """
    if result.fitted is None:
        return None
    config = result.config
    if config.graph.graph == "per-window":
        config = replace(config, graph=replace(config.graph, graph="per-sequence"))
    some = ds.isel(sequence=slice(0, MEASURED))
    belief = result.fitted.posterior(select_frames(some, 0, task.stop), config)[:, 0]
    names = features(ds)
    guess = np.full((len(task.values), len(task.origins), *task.values.shape[2:]), np.nan)
    for k, origin in enumerate(task.origins.tolist()):
        ahead = result.fitted.forecast(select_frames(some, 0, origin + 1), belief, steps=1)
        for f, name in enumerate(names):
            if name in ahead and task.scale[f] > 0:
                step = ahead[name].to_numpy()[:, 0] - task.values[:, origin, :, f]
                guess[:, k, :, f] = step / task.scale[f]
    return _error(guess, task)
