"""A few recordings, small enough for the page: the record `preview.json`."""

from dataclasses import replace
from typing import Any

import numpy as np
import xarray as xr

from edgewise.data.roles import clock, features, positions
from edgewise.inference.evaluate import truth_of
from edgewise.inference.result import Inference

SEQUENCES, FRAMES, SERIES = 6, 150, 3


def _plain(values: np.ndarray) -> Any:
    """Nested lists; what is not a number becomes None."""
    rounded = np.asarray(values, dtype=object)
    rounded[~np.isfinite(values)] = None
    return rounded.tolist()


def preview_of(ds: xr.Dataset, result: Inference) -> dict[str, Any]:
    """Up to six recordings with at most 150 frames each, their graphs and (if known) the truth."""
    names = positions(ds)
    shared = result.probability.sizes["sequence"] == 1
    truth = truth_of(ds, result.probability)
    stamps = clock(ds)
    frames = np.unique(
        np.linspace(0, ds.sizes["time"] - 1, min(FRAMES, ds.sizes["time"])).round().astype(int)
    )
    entries = []
    for position in range(min(SEQUENCES, ds.sizes["sequence"])):
        p = result.probability.isel(sequence=0 if shared else position)
        one = ds.isel(sequence=position, time=frames)
        entry: dict[str, Any] = {
            "name": str(ds["sequence"].to_numpy()[position]),
            "time": _plain(stamps[position, frames]),
            "position": _plain(np.stack([one[name].to_numpy() for name in names], -1)) if names else None,
            "series": {} if names else {name: _plain(one[name].to_numpy()) for name in features(ds)[:SERIES]},
            "truth": None,
            "forecast": None,
        }
        if "window" in p.dims:
            start, stop = p["start"].to_numpy(), p["stop"].to_numpy()
            entry["windows"] = [
                {
                    "start": float(stamps[position, start[w]]),
                    "stop": float(stamps[position, min(stop[w], stamps.shape[1] - 1)]),
                    "probability": p.isel(window=w).to_numpy().tolist(),
                }
                for w in range(p.sizes["window"])
            ]
            entry["probability"] = p.mean("window").to_numpy().tolist()
        else:
            entry["probability"] = p.to_numpy().tolist()
        if truth is not None and truth.ndim == 3:
            entry["truth"] = truth[position].tolist()
        entries.append(entry)
    _add_forecasts(entries, ds, result)
    return {
        "entities": result.entities,
        "types": list(result.types),
        "no_interaction": result.no_interaction,
        "sequences": entries,
    }


def _add_forecasts(entries: list[dict[str, Any]], ds: xr.Dataset, result: Inference) -> None:
    names = positions(ds)
    if result.fitted is None or not names:
        return
    few = (
        result.probability
        if len(result.sequences) == 1
        else result.probability.isel(sequence=slice(0, len(entries)))
    )
    known = result.confidence
    if "strength" in known and len(result.sequences) > 1:
        known = known.isel(sequence=slice(0, len(entries)))
    tail = result.tail.isel(sequence=slice(0, len(entries)))
    part = replace(result, probability=few, tail=tail, confidence=known)
    ahead = part.forecast(steps=min(20, max(2, ds.sizes["time"] // 4)))
    stamps = clock(ahead)
    where = np.stack([ahead[name].to_numpy() for name in names], -1)
    for k, entry in enumerate(entries):
        entry["forecast"] = {"time": _plain(stamps[k]), "position": _plain(where[k])}
