"""Series without positions whose law is known."""

import numpy as np
import xarray as xr

from edgewise.data import from_arrays


def autoregression(frames: int = 300, n: int = 5, seed: int = 0, sequences: int = 1) -> xr.Dataset:
    """x(t+1) = 0.5 x(t) + 0.4 mean of the senders + noise: effects of the sender alone, one frame later."""
    rng = np.random.default_rng(seed)
    acts = (rng.random((n, n)) < 0.3) & ~np.eye(n, dtype=bool)
    weight = 0.4 * acts / np.maximum(acts.sum(1, keepdims=True), 1)
    x = np.zeros((sequences, frames, n))
    for t in range(1, frames):
        x[:, t] = 0.5 * x[:, t - 1] + x[:, t - 1] @ weight.T + rng.normal(size=(sequences, n))
    return from_arrays({"x": x}, edges=np.broadcast_to(acts, (sequences, n, n)).astype(int))


def delayed(frames: int = 400, n: int = 4, seed: int = 0) -> xr.Dataset:
    """A ring with a delay of one frame: x_i(t+1) = 0.2 x_i(t) + 0.8 x_j(t-1) + noise, j the one before i."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1, frames, n))
    for t in range(2, frames):
        x[:, t] = 0.2 * x[:, t - 1] + 0.8 * np.roll(x[:, t - 2], 1, axis=-1) + 0.5 * rng.normal(size=(1, n))
    return from_arrays({"x": x})


def sampled_slowly(
    frames: int = 150, n: int = 5, every: int = 8, seed: int = 0, sequences: int = 8
) -> xr.Dataset:
    """An autoregression of which every eighth frame is recorded, as fMRI records neurons: effects arrive within one."""
    rng = np.random.default_rng(seed)
    acts = np.roll(np.eye(n), 1, axis=0) * 0.2
    x = np.zeros((sequences, frames * every, n))
    for t in range(1, frames * every):
        x[:, t] = 0.7 * x[:, t - 1] + x[:, t - 1] @ acts.T + rng.normal(size=(sequences, n))
    return from_arrays({"x": x[:, ::every]})
