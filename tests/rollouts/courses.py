"""Rollouts made by hand."""

import numpy as np
import xarray as xr

from edgewise.data import from_arrays
from edgewise.rollouts import Rollout


def course(places: np.ndarray, *, dt: float = 0.5, **constant: np.ndarray) -> xr.Dataset:
    """A data set of [sequence, time, entity, 2] places, their forward differences as velocities, and attributes of
    objects [sequence, entity]."""
    speed = np.diff(places, axis=1, append=2 * places[:, -1:] - places[:, -2:-1]) / dt
    features = {"x": places[..., 0], "y": places[..., 1], "vx": speed[..., 0], "vy": speed[..., 1]}
    shape = places.shape[:3]
    features |= {name: np.broadcast_to(values[:, None], shape) for name, values in constant.items()}
    return from_arrays(
        features,
        position=("x", "y"),
        velocity=("vx", "vy"),
        time=dt * np.arange(shape[1]),
        entity=["sun", "moon"],
    )


def straight(n_frames: int = 5, n_systems: int = 2) -> np.ndarray:
    """Two objects: one at the origin, one that starts at (1, 0) and moves by (0, 1) a frame."""
    places = np.zeros((n_systems, n_frames, 2, 2))
    places[:, :, 1, 0] = 1.0
    places[:, :, 1, 1] = np.arange(n_frames)
    return places


def rollout(n_frames: int = 5, recorded: int = 3) -> Rollout:
    """A straight course, and a recording of it that bends away: by k^2 / 10 at frame k."""
    true = straight(recorded)
    true[:, :, 1, 0] += np.arange(recorded) ** 2 / 10
    return Rollout(course(straight(n_frames)), course(true))
