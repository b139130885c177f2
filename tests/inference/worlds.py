"""Small systems, and settings that fit them within a second."""

import numpy as np
import torch
import xarray as xr

from edgewise.data import from_arrays
from edgewise.inference import InferenceConfig
from edgewise.inference.encoding import Encoding, fit_encoding
from edgewise.inference.observations import Observations, observe
from edgewise.inference.superposition.model import SuperpositionModel
from edgewise.physics import simulate

QUICK = {"hidden": 8, "max_steps": 24, "no_interaction": "yes"}
"""Settings for what must run, not learn."""


def springs(sequences: int = 3, entities: int = 4, steps: int = 14, seed: int = 1, **choices) -> xr.Dataset:
    return simulate("springs", sequences=sequences, entities=entities, steps=steps, seed=seed, **choices)


def planted(
    sequences: int = 3, frames: int = 60, n: int = 4, seed: int = 0, noise: float = 0.3
) -> tuple[xr.Dataset, np.ndarray]:
    """A non-linear autoregression of one feature on a directed graph, and the graph [sequence, receiver, sender]."""
    rng = np.random.default_rng(seed)
    graph = (rng.random((sequences, n, n)) < 0.4) & ~np.eye(n, dtype=bool)
    x = np.zeros((sequences, frames, n))
    x[:, 0] = rng.normal(size=(sequences, n))
    for t in range(1, frames):
        pull = np.einsum("qrs,qs->qr", graph, np.tanh(2 * x[:, t - 1]))
        x[:, t] = 0.5 * x[:, t - 1] + 0.5 * pull + noise * rng.normal(size=(sequences, n))
    return from_arrays({"level": x}, edges=graph.astype(int)), graph.astype(int)


def with_values(ds: xr.Dataset, change) -> xr.Dataset:
    """Every feature put through a function of (name, array)."""
    features = [name for name in ds.data_vars if name != "edges"]
    return ds.assign({name: (ds[name].dims, change(name, ds[name].to_numpy().copy())) for name in features})


def without_velocity(ds: xr.Dataset) -> xr.Dataset:
    bare = ds.drop_vars(["vx", "vy"])
    bare.attrs["velocity"] = []
    return bare


def untrained(
    ds: xr.Dataset, level: float = 0.02, seed: int = 0, **settings
) -> tuple[SuperpositionModel, Observations, Encoding, InferenceConfig]:
    """A model of random weights, sure enough of itself to have an opinion, and the data as it sees them."""
    config = InferenceConfig.from_dict({"hidden": 8} | settings)
    encoding = fit_encoding(ds, lags=config.law.lags, bridge=config.graph.fill_gaps)
    data = observe(
        ds,
        encoding,
        neighbours=config.graph.neighbours,
        shared=config.graph.graph == "shared",
        window=config.graph.window if config.graph.graph == "per-window" else 0,
    )
    torch.manual_seed(seed)
    model = SuperpositionModel(config, encoding, data.n_entities)
    model.level.fill_(level)
    return model, data, encoding, config
