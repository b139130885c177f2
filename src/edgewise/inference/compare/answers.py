"""What a method says of a data set, in one form whether it learns a law or scores pairs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from edgewise.inference.baselines import score_to_probability
from edgewise.inference.config import LEARNED, InferenceConfig
from edgewise.inference.peers.score import scores

if TYPE_CHECKING:
    from edgewise.inference.result import Inference

TRUTH = ("edges", "strength")


@dataclass(frozen=True)
class Answer:
    """A method's answer.

    Attributes:
        probability: as `Inference.probability`.
        rank: how surely something acts, [sequence, (window,) receiver, sender], NaN for a pair that was no candidate;
            the score itself where there is one, which is finer than the probability made of it.
        linked: which pairs the graph joins, the same without windows (the last one where there are).
        inference: the result of a method that learns a law.
    """

    probability: xr.DataArray
    rank: NDArray[np.float64]
    linked: NDArray[np.bool_]
    inference: "Inference | None" = None


def blind(ds: xr.Dataset) -> xr.Dataset:
    """The data set without what is known of its graph."""
    return ds.drop_vars([name for name in TRUTH if name in ds.data_vars])


def answer(ds: xr.Dataset, config: InferenceConfig) -> Answer:
    """Infer the graphs of a data set; what is known of them is not looked at.

    Raises:
        DataError, ConfigError: as `edgewise.infer`.
    """
    ds = blind(ds)
    if config.method in LEARNED:
        from edgewise.inference.infer import infer

        return _read(infer(ds, config))
    score = scores(ds, config)
    p = score_to_probability(score)
    probability = xr.DataArray(p, dims=("sequence", "receiver", "sender", "type"))
    return Answer(probability, score, p[..., 1] > 0.5)


def _read(result: "Inference") -> Answer:
    p = result.probability.to_numpy()
    candidate = p.sum(-1) > 0
    best = p.argmax(-1)
    linked = candidate & (best > 0) if result.no_interaction else candidate
    linked &= ~np.eye(p.shape[-2], dtype=bool)
    if "window" in result.probability.dims:
        linked = linked[:, -1]
    return Answer(result.probability, np.where(candidate, 1 - p[..., 0], np.nan), linked, result)
