"""The next frame of every frame, under the graph of a result."""

import copy
from dataclasses import replace

import numpy as np
import xarray as xr

from edgewise.data.roles import features
from edgewise.errors import ConfigError
from edgewise.inference.fitted import Fitted
from edgewise.inference.fitted_law import FittedLaw
from edgewise.inference.hybrid.fitted import FittedHybrid
from edgewise.inference.linear.fitted import FittedLinear
from edgewise.inference.result import Inference

WINDOWS = 4096
"""Frames that are looked at in one pass."""


def one_step_ahead(result: Inference, ds: xr.Dataset) -> xr.Dataset:
    """For every frame t the expected frame t + 1, a median time step later, given frames up to t.

    Every frame is the end of a short recording of its own (as many frames as a forecast starts from), so a
    prediction knows nothing of what follows. Before the first frame everything is taken to have stood still. With
    one graph it is that of the result; with a graph a recording or a window, those of `ds` are inferred first, one a
    recording.

    Args:
        result: of a method that learns a law.
        ds: validated recordings of the same entities, of at least one frame.

    Returns:
        The features of the law over sequence, time and entity, in the shape of `ds`.

    Raises:
        ConfigError: for a baseline.
        DataError: what a forecast raises.
    """
    if result.fitted is None:
        raise ConfigError(
            f"{result.config.method} learns no law to predict with", fix="use method='superposition'"
        )
    fitted = _precise(result.fitted)
    length = result.tail.sizes["time"]
    if isinstance(fitted, FittedLinear):  # a window's own coefficients would be others at every frame
        fitted, length = fitted.with_coefficients_of_the_fit(), fitted.terms.lags + fitted.encoding.bridge + 1
    if len(result.sequences) == 1 and "window" not in result.probability.dims:
        belief = result.belief()
    else:
        graph = replace(result.config.graph, graph="per-sequence")
        belief = result.fitted.posterior(ds, replace(result.config, graph=graph))[:, 0]
    n_frames, pieces = ds.sizes["time"], []
    belief = np.broadcast_to(belief, (ds.sizes["sequence"], *belief.shape[1:]))
    ends = np.stack(np.divmod(np.arange(ds.sizes["sequence"] * n_frames), n_frames))  # sequence, frame
    for at in range(0, ends.shape[1], WINDOWS):
        sequence, frame = ends[:, at : at + WINDOWS]
        windows = _windows(ds, sequence, frame, length, fitted.encoding.step)
        ahead = fitted.forecast(windows, belief[sequence], steps=1)
        pieces.append({name: ahead[name].to_numpy()[:, 0] for name in ahead.data_vars})
    dims = ("sequence", "time", "entity")
    shape = tuple(ds.sizes[dim] for dim in dims)
    return xr.Dataset(
        {
            name: (
                dims,
                np.concatenate([piece[name] for piece in pieces]).reshape(shape),
                dict(ds[name].attrs),
            )
            for name in pieces[0]
        },
        coords={dim: ds[dim] for dim in dims if dim in ds.coords},
    )


def _precise(fitted: Fitted) -> Fitted:
    """The law in float64, so that a frame's prediction does not depend on what stands beside it in a batch."""
    if isinstance(fitted, FittedHybrid):
        return replace(fitted, law=_precise(fitted.law))
    if not isinstance(fitted, FittedLaw):
        return fitted
    refit = fitted.refit
    if refit is not None:
        refit = replace(refit, model=copy.deepcopy(refit.model).double())
    return replace(fitted, model=copy.deepcopy(fitted.model).double(), refit=refit)


def _windows(ds: xr.Dataset, sequence: np.ndarray, frame: np.ndarray, length: int, step: float) -> xr.Dataset:
    """The last `length` frames up to each frame, as recordings of their own with an even clock."""
    index = np.maximum(frame[:, None] + np.arange(1 - length, 1), 0)
    values = {
        name: (("sequence", "time", "entity"), ds[name].to_numpy()[sequence[:, None], index], ds[name].attrs)
        for name in features(ds)
    }
    return xr.Dataset(
        values,
        coords={
            "sequence": np.arange(len(frame)).astype(str),
            "entity": ds["entity"].to_numpy(),
            "time": np.arange(length) * step,
        },
        attrs=dict(ds.attrs),
    )
