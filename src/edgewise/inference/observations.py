"""The tensors that a law is fitted on: states, what they were followed by, and what may be trusted."""

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from edgewise.inference.encoding import Encoding, Tracks, node_context, read_tracks, state_at
from edgewise.inference.nearness import lagged_correlations, mean_distances
from edgewise.relation import nearest_slots

STRETCH = 64
"""Transitions in a stretch when a recording is too long to be one unit of a batch."""


@dataclass(frozen=True)
class Observations:
    """Stretches of recordings, all of one length, padded with weight 0.

    Attributes:
        position, velocity: [stretch, time, entity, space_dim], dimensionless.
        context: [stretch, time, entity, context_dim].
        after: [stretch, time, entity, after_dim] state at the next frame, no columns unless effects are instantaneous.
        target: [stretch, time, entity, target] scaled increments from this frame to the next.
        weight: [stretch, time, entity, target], 1 where the target and its inputs are known, else 0.
        present: [stretch, time, entity], 1 where the entity is there.
        slots: [stretch, entity, n_candidates] int64, who may act on each entity.
        sequence: [stretch] int64, the recording that a stretch is of; `start`: its first transition.
    """

    position: Tensor
    velocity: Tensor
    context: Tensor
    after: Tensor
    target: Tensor
    weight: Tensor
    present: Tensor
    slots: Tensor
    sequence: Tensor
    start: Tensor

    def __len__(self) -> int:
        return len(self.sequence)

    @property
    def n_entities(self) -> int:
        return self.target.shape[2]

    def __getitem__(self, index: Tensor) -> Self:
        return replace(self, **{f.name: getattr(self, f.name)[index] for f in fields(self)})


def renumbered(data: Observations) -> Observations:
    """The same stretches, their recordings numbered from 0 without gaps."""
    return replace(data, sequence=torch.unique_consecutive(data.sequence, return_inverse=True)[1])


def candidate_slots(tracks: Tracks, neighbours: int, *, shared: bool, nearest: str = "position") -> Tensor:
    """Who may act on whom: [sequence, entity, n_candidates]; everybody, or the nearest.

    Args:
        nearest: "position" for the least distance on average over time; "correlation" for the highest lagged
            correlation of velocities and other features (`edgewise.inference.nearness`).
        shared: the same candidates for all recordings, by the mean over them.
    """
    n_sequences, _, n = tracks.present.shape
    if neighbours == 0 or neighbours >= n - 1:
        everyone = nearest_slots(torch.zeros(n, n), n - 1)
        return everyone.expand(n_sequences, n, n - 1)
    if nearest == "correlation":
        series = np.concatenate([tracks.velocity, tracks.others, tracks.rates], axis=-1)
        distances = -lagged_correlations(series)
    else:
        distances = mean_distances(tracks.position)
    if shared:
        distances = np.broadcast_to(distances.mean(0), distances.shape)
    return nearest_slots(torch.tensor(distances), neighbours)


def _known(array: np.ndarray) -> np.ndarray:
    return np.logical_and.reduce(np.isfinite(array), axis=-1)


def _trusted(inputs: np.ndarray, present: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """Whether a receiver's own state and that of every present candidate are known: [sequence, time, entity]."""
    unknown = present & ~inputs
    rows = np.arange(len(slots))[:, None, None, None]
    frames = np.arange(unknown.shape[1])[None, :, None, None]
    lacking = np.logical_or.reduce(unknown[rows, frames, slots[:, None]], axis=-1)
    return inputs & present & ~lacking


def observe(
    ds: xr.Dataset,
    encoding: Encoding,
    *,
    neighbours: int = 0,
    nearest: str = "position",
    shared: bool = False,
    window: int = 0,
    instantaneous: bool = False,
) -> Observations:
    """Encode a data set; long recordings are cut into stretches (a multiple of `window` transitions, if given).

    Shapes: see `Observations`. Raises what `read_tracks` raises.
    """
    tracks = read_tracks(ds, encoding)
    slots = candidate_slots(tracks, neighbours, shared=shared, nearest=nearest)
    frames = np.arange(encoding.first_frame, ds.sizes["time"] - 1)
    position = (tracks.position[:, frames] - np.asarray(encoding.center)) / encoding.length
    velocity = tracks.velocity[:, frames] / encoding.speed
    context = node_context(tracks, encoding, frames)
    after = state_at(tracks, encoding, frames + 1) if instantaneous else context[..., :0]
    target = tracks.increments[:, frames] / np.asarray(encoding.target_scale)
    present = tracks.present[:, frames]
    inputs = _known(position) & _known(velocity) & _known(context) & _known(after)
    trusted = _trusted(inputs, present, slots.numpy())
    weight = np.isfinite(target) & trusted[..., None]
    arrays = {
        "position": position,
        "velocity": velocity,
        "context": context,
        "after": after,
        "target": np.where(weight, target, 0.0),
        "weight": weight,
        "present": present & inputs,
    }
    return _stretches(arrays, slots, window)


def _stretches(arrays: dict[str, np.ndarray], slots: Tensor, window: int) -> Observations:
    """Cut [sequence, time, ...] arrays into stretches of one length, the last padded with zeros."""
    n_sequences, n_frames = arrays["target"].shape[:2]
    length = n_frames if n_frames <= 1.5 * STRETCH else STRETCH
    if window:
        length = -(-length // window) * window
    count = -(-n_frames // length)
    pad = count * length - n_frames
    tensors = {}
    for name, array in arrays.items():
        flat = np.nan_to_num(array.astype(np.float32))
        padded = np.pad(flat, [(0, 0), (0, pad), *[(0, 0)] * (flat.ndim - 2)])
        tensors[name] = torch.from_numpy(padded.reshape(n_sequences * count, length, *flat.shape[2:]))
    sequence = torch.arange(n_sequences).repeat_interleave(count)
    start = torch.arange(count).repeat(n_sequences) * length
    return Observations(**tensors, slots=slots[sequence], sequence=sequence, start=start)
