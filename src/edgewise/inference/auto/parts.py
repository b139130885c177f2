"""Which frames of a data set are fitted, which tell the graph, and which decide between settings."""

from dataclasses import replace

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from edgewise.errors import DataError
from edgewise.inference.encoding import Encoding
from edgewise.inference.observations import Observations

FIT, TELL, DECIDE = 0, 1, 2
"""Frames that the law is fitted on; of held-out recordings, frames that only tell the graph; frames that decide."""
HELD_OUT = 0.25
"""Share of the recordings (of the frames where these are few) that is not fitted."""
FEWEST_RECORDINGS, FEWEST_FRAMES = 8, 32
"""Recordings from which on whole ones are held out, and frames that others must have."""
MOST_RECORDINGS, MOST_FRAMES = 80, 4096
"""Recordings, spread over all, and first frames of each that settings are chosen by."""


def part_of(ds: xr.Dataset) -> xr.Dataset:
    """As much of a data set as settings are chosen by."""
    n = ds.sizes["sequence"]
    some = np.linspace(0, n - 1, min(n, MOST_RECORDINGS)).round().astype(int)
    return ds.isel(sequence=some, time=slice(0, MOST_FRAMES))


def roles(n_sequences: int, n_frames: int, seed: int) -> np.ndarray:
    """What each frame is for: [sequence, frame].

    Of eight recordings or more a quarter, drawn at random, is held out; their first half tells their graph, as in use
    new recordings do, and their second half decides. Of fewer recordings the last quarter of the frames decides.

    Raises:
        DataError: for frames too few to hold some out.
    """
    found = np.full((n_sequences, n_frames), FIT)
    whole = n_sequences >= FEWEST_RECORDINGS
    if n_frames < (8 if whole else FEWEST_FRAMES):
        raise DataError(
            f"{n_sequences} recordings of {n_frames} frames are too few to choose settings by",
            expected=f"{FEWEST_RECORDINGS} recordings of at least 8 frames, or {FEWEST_FRAMES} frames",
            fix="name the settings, without auto",
        )
    if whole:
        held_out = np.random.default_rng(seed).permutation(n_sequences)[: int(HELD_OUT * n_sequences)]
        found[held_out, : n_frames // 2] = TELL
        found[held_out, n_frames // 2 :] = DECIDE
    else:
        found[:, n_frames - int(HELD_OUT * n_frames) :] = DECIDE
    return found


def at_frames(data: Observations, encoding: Encoding, wanted: np.ndarray) -> Observations:
    """The same observations, those at other frames with weight 0.

    Args:
        wanted: [sequence, frame] True for the frames from which an increment counts.
    """
    n_transitions = data.target.shape[1]
    frame = encoding.first_frame + data.start[:, None] + torch.arange(n_transitions)
    padded = np.pad(wanted, [(0, 0), (0, n_transitions + encoding.first_frame)])
    inside = torch.from_numpy(padded)[data.sequence[:, None], frame]
    return replace(data, weight=data.weight * inside[:, :, None, None])


def only_used(data: Observations) -> Observations:
    """The stretches that have a weight, their recordings numbered anew."""
    part = data[data.weight.flatten(1).any(1).nonzero()[:, 0]]
    return replace(part, sequence=_numbered(part.sequence))


def _numbered(sequence: Tensor) -> Tensor:
    return torch.unique_consecutive(sequence, return_inverse=True)[1]
