"""The named arrays of what is known beside the probabilities."""

import numpy as np
import xarray as xr

BY_PAIR = ("q_value",)
BY_TYPE = ("spread", "low", "high")
STRENGTH = ("strength", "strength_low", "strength_high", "strength_std")
BY_RECORDING = ("influence_low", "influence_high", *STRENGTH)
NAMES = BY_PAIR + BY_TYPE + BY_RECORDING
"""Every variable that such a data set may have."""


def confidence_arrays(probability: xr.DataArray, known: dict[str, np.ndarray]) -> xr.Dataset:
    """Arrays by name, with the dimensions and names of the posterior.

    Args:
        known: see `Reading.confidence`; [graph, window, ...], windows beyond the posterior's are dropped.
    """
    windows = probability.sizes.get("window", 1)
    whole = tuple(str(dim) for dim in probability.dims)
    variables = {}
    for name, values in known.items():
        if name in BY_RECORDING:
            variables[name] = (("sequence", "receiver", "sender"), values)
            continue
        dims = whole if name in BY_TYPE else whole[:-1]
        variables[name] = (dims, values[:, :windows] if "window" in whole else values[:, 0])
    return xr.Dataset(variables, coords=probability.coords if variables else None)
