"""The potential energies of recordings: computed where a simulator made them, else as the data say."""

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from edgewise.errors import DataError
from edgewise.physics.conserved import potential_energy
from edgewise.tasks.motions import POTENTIAL

ALIKE = 1e-5
"""How much the values of one frame may differ between entities, as a share of the largest energy."""


def energies(ds: xr.Dataset) -> Tensor:
    """The potential energy of each frame of a validated data set: [S, T] float64.

    A feature `potential_energy` says it, with the same value for all entities of a frame. Without it the energy is
    computed from the law of the simulator that made the data; see `edgewise.physics.conserved`.

    Raises:
        DataError: where it is not known, is missing in some frame, differs between entities, or never changes.
    """
    found = _recorded(ds) if POTENTIAL in ds else potential_energy(ds)
    if found is None:
        raise DataError(
            "the potential energy of these data is not known",
            expected="recordings of one of edgewise's simulators with their masses and graph, or a feature"
            f" `{POTENTIAL}`",
            fix=f"add a column `{POTENTIAL}`: in each frame the energy of the system, the same for every entity",
        )
    if np.ptp(found) == 0:
        raise DataError(
            f"the potential energy is {found.flat[0] + 0.0:g} in all {found.size} frames of a part of the data",
            expected="energies that differ: there is nothing to learn of a constant",
        )
    return torch.from_numpy(found)


def _recorded(ds: xr.Dataset) -> np.ndarray:
    """The feature `potential_energy`: [S, T]."""
    values = ds[POTENTIAL].to_numpy().astype(np.float64)  # [sequence, time, entity]
    names = ds["sequence"].to_numpy()
    missing = np.isnan(values).any(-1)
    if missing.any():
        sequence, frame = np.argwhere(missing)[0]
        raise DataError(
            f"`{POTENTIAL}` is missing in frame {frame} of recording '{names[sequence]}'",
            expected="an energy in every frame",
        )
    apart = np.ptp(values, axis=-1)
    if (apart > ALIKE * np.abs(values).max()).any():
        sequence, frame = np.unravel_index(apart.argmax(), apart.shape)
        low, high = values[sequence, frame].min(), values[sequence, frame].max()
        raise DataError(
            f"`{POTENTIAL}` is {low:g} for one entity and {high:g} for another in frame {frame} of recording"
            f" '{names[sequence]}'",
            expected="one energy for the whole system, the same for every entity",
        )
    return values[..., 0]
