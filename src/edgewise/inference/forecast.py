"""What happens next: rolling a fitted law forward from the last frames of a recording."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from edgewise.data.roles import clock
from edgewise.inference.asked import check_futures
from edgewise.inference.belief import GraphBelief, belief_of, sampled_graph
from edgewise.inference.encoding import Encoding, Tracks, node_context, read_tracks, state_at
from edgewise.inference.observations import Observations
from edgewise.inference.rates import RateForecast
from edgewise.inference.superposition.model import SuperpositionModel

SEQUENCES = 256


PASSES = 4
"""Passes in which the next frame is found where senders act within it."""


def _state(
    tracks: Tracks,
    encoding: Encoding,
    belief: GraphBelief,
    dtype: torch.dtype,
    after: Tracks | None = None,
) -> Observations:
    """The last frame of the tracks as a batch of one frame, in a law's precision; `after` ends with the frame that
    follows.
    """
    now = np.array([tracks.position.shape[1] - 1])
    position = (tracks.position[:, now] - np.asarray(encoding.center)) / encoding.length
    velocity = tracks.velocity[:, now] / encoding.speed
    context = node_context(tracks, encoding, now)
    inputs = np.concatenate([position, velocity, context], -1)
    there = np.logical_and.reduce(np.isfinite(inputs), axis=-1)

    def tensor(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.nan_to_num(values)).to(dtype)

    n_sequences, _, n = there.shape
    following = np.zeros((n_sequences, 1, n, 0)) if after is None else state_at(after, encoding, now)
    empty = torch.zeros(n_sequences, 1, n, len(encoding.targets))
    index = torch.arange(n_sequences)
    return Observations(
        tensor(position),
        tensor(velocity),
        tensor(context),
        tensor(following),
        empty,
        empty,
        tensor(there),
        belief.slots,
        index,
        index,
    )


def _advance(tracks: Tracks, encoding: Encoding, increment: np.ndarray) -> Tracks:
    """Append the next frame: increments [sequence, entity, target] in data units a median step."""
    d = encoding.space_dim
    dt = encoding.step
    velocity = tracks.velocity[:, -1] + increment[..., :d]
    mean_velocity = encoding.kinematic * (tracks.velocity[:, -1] + velocity) / 2
    moved = dt * (mean_velocity if encoding.kinematic else velocity)
    others = tracks.others[:, -1].copy()
    others[..., np.asarray(encoding.moving, dtype=bool)] += increment[..., d:]

    def roll(past: np.ndarray, new: np.ndarray) -> np.ndarray:
        return np.concatenate([past[:, 1:], new[:, None]], axis=1)

    return replace(
        tracks,
        position=roll(tracks.position, tracks.position[:, -1] + moved),
        velocity=roll(tracks.velocity, velocity),
        others=roll(tracks.others, others),
        dt=roll(tracks.dt[:, :, None], np.full((len(tracks.dt), 1), dt))[..., 0],
    )


@torch.no_grad()
def _increment(
    model: SuperpositionModel,
    tracks: Tracks,
    encoding: Encoding,
    belief: GraphBelief,
    noise: torch.Generator | None,
    after: Tracks | None = None,
) -> np.ndarray:
    """The expected increment of every entity (a draw of it with `noise`), NaN for entities that are not there."""
    dtype = next(model.parameters()).dtype
    batch = _state(tracks, encoding, belief, dtype, after)
    own, messages, log_sigma = model.terms(batch)
    weight = belief.weight.to(dtype, copy=True)
    if bool(model.null):
        weight[..., 0] = 0.0
    total = own[:, 0] + (messages[:, 0] * weight[..., None]).sum((2, 3))
    if noise is not None:
        spread = model.level.sqrt() * log_sigma[:, 0].exp()
        total = total + spread * torch.randn(total.shape, generator=noise, dtype=dtype)
    scaled = total.double().numpy() * np.asarray(encoding.target_scale)
    return np.where(batch.present[:, 0, :, None].numpy() > 0, scaled, np.nan)


def _next(
    model: SuperpositionModel,
    tracks: Tracks,
    encoding: Encoding,
    belief: GraphBelief,
    noise: torch.Generator | None,
) -> Tracks:
    """The tracks one frame on.

    Where senders act within a frame, the frame that follows is on both sides of the equation, and is found by
    fixed-point iteration from the present frame, under one draw of the noise.
    """
    if not model.law.config.instantaneous:
        return _advance(tracks, encoding, _increment(model, tracks, encoding, belief, noise))
    drawn = None if noise is None else noise.get_state()
    after = tracks
    for _ in range(PASSES):
        if noise is not None and drawn is not None:
            noise.set_state(drawn)
        after = _advance(tracks, encoding, _increment(model, tracks, encoding, belief, noise, after))
    return after


def _carried_on(tracks: Tracks, encoding: Encoding, last: np.ndarray) -> Tracks:
    """Bridge what is missing in the last frames, where nothing follows to interpolate with: motion goes on as it was.

    At most `bridge` frames before `last` [sequence]: an entity not seen for longer has left.
    """
    position, velocity, others = tracks.position.copy(), tracks.velocity.copy(), tracks.others.copy()
    rows = np.arange(len(last))
    for back in range(encoding.bridge - 1, -1, -1):
        now = last - back
        before = now - 1
        usable = before >= 0
        r, now, before = rows[usable], now[usable], before[usable]
        dt = tracks.dt[r, before][:, None, None]
        ahead = position[r, before] + (encoding.kinematic or 1.0) * dt * velocity[r, before]
        for values, guess in (
            (position, ahead),
            (velocity, velocity[r, before]),
            (others, others[r, before]),
        ):
            values[r, now] = np.where(np.isfinite(values[r, now]), values[r, now], guess)
    return replace(tracks, position=position, velocity=velocity, others=others)


def _last_frames(ds: xr.Dataset, encoding: Encoding) -> Tracks:
    """The frames that a state needs, ending at each sequence's last frame (padding at its end is skipped)."""
    tracks = read_tracks(ds, encoding)
    seen = np.logical_or.reduce(tracks.present, axis=-1)  # [sequence, time]
    last = seen.shape[1] - 1 - seen[:, ::-1].argmax(1)
    return frames_up_to(_carried_on(tracks, encoding, last), encoding, np.arange(len(last)), last)


def frames_up_to(tracks: Tracks, encoding: Encoding, sequence: np.ndarray, last: np.ndarray) -> Tracks:
    """The frames that a state needs, ending at the frame `last` [k] of the recordings `sequence` [k]."""
    frames = np.maximum(last[:, None] + np.arange(-encoding.lags, 1), 0)
    rows = sequence[:, None]
    steps = np.minimum(frames, tracks.dt.shape[1] - 1)
    return Tracks(
        position=tracks.position[rows, frames],
        velocity=tracks.velocity[rows, frames],
        others=tracks.others[rows, frames],
        rates=tracks.rates[rows, frames],
        increments=tracks.increments[rows, steps],
        present=tracks.present[rows, frames],
        dt=tracks.dt[rows, steps],
    )


def _rows(tracks: Tracks, index: slice) -> Tracks:
    return replace(tracks, **{name: getattr(tracks, name)[index] for name in Tracks.__annotations__})


def roll_out(
    model: SuperpositionModel,
    encoding: Encoding,
    ds: xr.Dataset,
    probability: np.ndarray,
    *,
    steps: int,
    samples: int = 0,
    seed: int = 0,
) -> xr.Dataset:
    """Forecast a data set from its last frames.

    Args:
        ds: recordings; only their last `lags + 2` frames are looked at, unless rates were recorded
            (`edgewise.inference.rates`).
        probability: [sequence or 1, receiver, sender, type] belief about the graph; of continuous strengths as
            `strength_belief` gives it.
        steps: frames ahead, one median time step each.
        samples: 0 rolls the expected increment under the posterior (the best guess of the mean); otherwise so many
            futures, each with a graph drawn from the posterior and noise drawn at every step.

    Returns:
        The features of the law over (sample if samples, sequence, time, entity); `step` counts from 1 along time.

    Raises:
        ConfigError: for steps below 1 or samples below 0.
    """
    check_futures(steps, samples)
    n_sequences = ds.sizes["sequence"]
    roll = _rolled_rates(model, encoding, ds) if encoding.rates else _rolled_increments(model, encoding, ds)
    whole = belief_of(probability, strengths=model.strengths).of_candidates().for_each(n_sequences)
    generator = torch.Generator().manual_seed(seed)
    runs = []
    for _ in range(max(samples, 1)):
        pieces = []
        for at in range(0, n_sequences, SEQUENCES):
            index = slice(at, at + SEQUENCES)
            belief = whole.part(index)
            if samples:
                belief = sampled_graph(belief, generator)
            pieces.append(roll(index, belief, steps, generator if samples else None))
        runs.append(np.concatenate(pieces))
    values = np.stack(runs) if samples else runs[0]
    return as_dataset(values, ds, encoding, sampled=bool(samples))


Roll = Callable[[slice, GraphBelief, int, torch.Generator | None], np.ndarray]
"""Some recordings, their graphs, steps and a source of noise -> features [sequence, step, entity, feature]."""


def _rolled_increments(model: SuperpositionModel, encoding: Encoding, ds: xr.Dataset) -> Roll:
    tracks = _last_frames(ds, encoding)

    def roll(index: slice, belief: GraphBelief, steps: int, noise: torch.Generator | None) -> np.ndarray:
        return rolled(model, encoding, _rows(tracks, index), belief, steps, noise)

    return roll


def rolled(
    model: SuperpositionModel,
    encoding: Encoding,
    now: Tracks,
    belief: GraphBelief,
    steps: int,
    noise: torch.Generator | None,
) -> np.ndarray:
    """What follows the last of some frames (`frames_up_to`): [sequence, step, entity, feature], see `feature_names`.

    Args:
        noise: draws the noise of every step; the expected course without it.
    """
    frames = []
    for _ in range(steps):
        now = _next(model, now, encoding, belief, noise)
        frames.append(_features(now, encoding))
    return np.stack(frames, 1)


def _rolled_rates(model: SuperpositionModel, encoding: Encoding, ds: xr.Dataset) -> Roll:
    def roll(index: slice, belief: GraphBelief, steps: int, noise: torch.Generator | None) -> np.ndarray:
        return RateForecast(model, encoding, ds.isel(sequence=index)).roll(belief, steps, noise)

    return roll


def feature_names(encoding: Encoding) -> tuple[str, ...]:
    """The features that a forecast gives, in order."""
    return encoding.position + encoding.velocity + encoding.rates + encoding.others


def _features(tracks: Tracks, encoding: Encoding) -> np.ndarray:
    parts = [tracks.position[:, -1]]
    if encoding.velocity:
        parts.append(tracks.velocity[:, -1])
    return np.concatenate([*parts, tracks.others[:, -1]], axis=-1)


def as_dataset(values: np.ndarray, ds: xr.Dataset, encoding: Encoding, *, sampled: bool) -> xr.Dataset:
    """Forecast values [(sample,) sequence, step, entity, feature], features as `feature_names`, with their clock."""
    dims = (("sample",) if sampled else ()) + ("sequence", "time", "entity")
    names = feature_names(encoding)
    steps = np.arange(1, values.shape[-3] + 1)
    last = np.nanmax(clock(ds), axis=1)
    stamps = last[:, None] + steps * encoding.step
    out = xr.Dataset(
        {name: (dims, values[..., k], dict(ds[name].attrs)) for k, name in enumerate(names)},
        coords={
            "sequence": ds["sequence"].to_numpy(),
            "entity": ds["entity"].to_numpy(),
            "step": ("time", steps),
        },
    )
    if np.ptp(last) == 0:
        out = out.assign_coords(time=stamps[0])
    else:
        out = out.assign_coords(time=steps, clock=(("sequence", "time"), stamps))
    if encoding.position:
        out.attrs["position"] = list(encoding.position)
    if encoding.velocity:
        out.attrs["velocity"] = list(encoding.velocity)
    return out
