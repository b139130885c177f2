"""The named arrays of what is known beside the probabilities, and what a reader is told of discoveries."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from edgewise.inference.result import Inference

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


def discovery_notes(result: "Inference") -> list[str]:
    """How many edges were kept under control of false discoveries."""
    if "q_value" not in result.confidence:
        return []
    kept = len(result.edges())
    likely = len(result.edges(every=True))
    return [
        f"{kept:,} of {likely:,} edges stand out from decoys, senders that cannot act, and are reported; an expected"
        f" {result.config.confidence.fdr:.1%} of them at most are false. All probabilities are in posterior.nc."
    ]
