"""From trajectories to a result: the main job, one call."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
import xarray as xr

from edgewise.data.describe import fingerprint, summary
from edgewise.data.gate import validate
from edgewise.data.roles import clock
from edgewise.errors import ConfigError, DataError
from edgewise.inference.baselines import BASELINES, score_to_probability
from edgewise.inference.config import InferenceConfig
from edgewise.inference.curves import law_curves, mean_effects, type_names
from edgewise.inference.encoding import Encoding, fit_encoding
from edgewise.inference.evaluate import before_the_end, forecast_metrics, graph_metrics, held_out_frames
from edgewise.inference.forecast import roll_out
from edgewise.inference.observations import Observations, observe
from edgewise.inference.preview import preview_of
from edgewise.inference.records import FORMAT
from edgewise.inference.result import FittedLaw, Inference
from edgewise.inference.superposition import GraphPosterior, fit_superposition, graph_posterior, influence
from edgewise.inference.superposition.posterior import EXACTLY
from edgewise.training import Checkpoints, Deadline, Progress


def infer(
    data: xr.Dataset,
    config: InferenceConfig | None = None,
    *,
    checkpoints: Checkpoints | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    **settings: Any,
) -> Inference:
    """Infer who acts on whom from trajectories. The truth, if the data hold one, is used for the metrics only.

    Args:
        data: a data set in the trajectory schema (what `edgewise.load` gives).
        config: all choices; or name single ones: `infer(data, edge_types=3, undirected=True, lags=1)`.
        checkpoints: a folder that keeps the state of the fit; `resume`: go on from it.
        on_progress: told after every step of the fit.

    Raises:
        DataError: for data that do not follow the schema or are too short for the choices.
        ConfigError: for a setting that is unknown, out of range, or does not fit the data.
    """
    began = time.monotonic()
    if config is not None and settings:
        raise ConfigError("both config and single settings were given", expected="one of them")
    config = config or InferenceConfig.from_dict(settings)
    ds = validate(data)
    if config.method in BASELINES:
        return _baseline(ds, config, began)
    _check_scope(ds, config)
    encoding = fit_encoding(ds, lags=config.law.lags, bridge=config.graph.fill_gaps, angles=config.law.angles)
    observations = _observed(ds, encoding, config)
    _check_usable(observations)
    found = checkpoints.load() if checkpoints is not None and resume else None
    spent = 0.0 if found is None else found.seconds
    deadline = Deadline(config.training.time_limit, spent)
    fitted = fit_superposition(
        observations,
        encoding,
        config,
        deadline=deadline,
        checkpoints=checkpoints,
        resume=resume,
        on_progress=on_progress,
    )
    law = FittedLaw(fitted.model, encoding, fitted.log_prior, _names(ds, "entity"))
    history = asdict(fitted.history) | {"steps": fitted.steps}
    return _result(ds, observations, law, config, began - spent, history=history, profile=True)


def apply_law(result: Inference, data: xr.Dataset) -> Inference:
    """Infer the graphs of new recordings with the law of an earlier result.

    Raises:
        ConfigError: if the result has no law (a baseline).
        DataError: if the features differ, or the entities do where the law knows them by name.
    """
    began = time.monotonic()
    if result.fitted is None:
        raise ConfigError(f"{result.config.method} learns no law to apply", fix="use method='superposition'")
    ds = validate(data)
    law, config = result.fitted, result.config
    if config.law.identity and _names(ds, "entity") != law.entities:
        raise DataError(
            f"the entities are {', '.join(_names(ds, 'entity')[:5])} ...",
            expected=f"those that the law knows by name: {', '.join(law.entities[:5])} ... ({len(law.entities)})",
            fix="fit without identity, or select the same entities in the same order",
        )
    observations = _observed(ds, law.encoding, config)
    _check_usable(observations)
    return _result(ds, observations, law, config, began, history=result.history, profile=False)


def _check_scope(ds: xr.Dataset, config: InferenceConfig) -> None:
    n, n_frames = ds.sizes["entity"], ds.sizes["time"]
    neighbours, graph = config.graph.neighbours, config.graph
    if graph.graph == "per-window" and graph.window > n_frames:
        raise ConfigError(
            f"window={graph.window} for recordings of {n_frames} frames",
            expected=f"at most {n_frames} frames",
            fix="name a shorter window, or infer one graph a sequence",
        )
    n_slots = min(neighbours or n - 1, n - 1)
    if graph.graph == "per-window" and graph.edge_types**n_slots > EXACTLY:
        raise ConfigError(
            f"per-window graphs of {n_slots} candidates and {graph.edge_types} types have"
            f" {graph.edge_types}^{n_slots} configurations",
            expected=f"at most {EXACTLY}",
            fix="name fewer candidates with neighbours, or infer one graph a sequence",
        )
    if neighbours and not ds.attrs.get("position"):
        raise ConfigError(
            f"neighbours={neighbours} for data without positions",
            expected="position columns to measure distances with",
            fix="name them when loading (position=...), or drop neighbours",
        )
    if neighbours > n - 1:
        raise ConfigError(
            f"neighbours={neighbours} among {n} entities", expected=f"at most {n - 1}", fix="name fewer"
        )
    if config.law.symmetric and neighbours and neighbours < n - 1:
        raise ConfigError(
            "symmetric together with neighbours",
            expected="every pair as a candidate: the nearest of i need not have i among its nearest",
            fix="drop one of the two",
        )
    if config.graph.undirected and config.law.additive:
        raise ConfigError(
            "undirected together with additive", expected="a law that sees both ends of the pair"
        )


def _observed(ds: xr.Dataset, encoding: Encoding, config: InferenceConfig) -> Observations:
    graph = config.graph
    return observe(
        ds,
        encoding,
        neighbours=graph.neighbours,
        shared=graph.graph == "shared",
        window=graph.window if graph.graph == "per-window" else 0,
        instantaneous=config.law.instantaneous,
    )


def _check_usable(observations: Observations) -> None:
    """Refuse data of which nothing can be learnt: the answer would be the prior."""
    if not bool(observations.weight.any()):
        raise DataError(
            "no increment can be used: at every frame some value that it needs is missing",
            expected="frames at which an entity and all its candidates are observed",
            fix="bridge longer gaps with fill_gaps, or name fewer candidates with neighbours",
        )


def _names(ds: xr.Dataset, dim: str) -> tuple[str, ...]:
    return tuple(str(name) for name in ds[dim].to_numpy())


def posterior_array(
    ds: xr.Dataset, probability: np.ndarray, config: InferenceConfig, first_frame: int
) -> xr.DataArray:
    """[graph, window, receiver, sender, type] -> `probability(sequence, [window,] receiver, sender, type)`.

    Sums in another order can leave a probability a rounding error above 1; it becomes 1.
    Windows carry their first and last frame (exclusive) as coordinates `start` and `stop`.
    """
    entities = list(_names(ds, "entity"))
    sequences = ["all"] if config.graph.graph == "shared" else list(_names(ds, "sequence"))
    coords: dict[str, Any] = {
        "sequence": sequences,
        "receiver": entities,
        "sender": entities,
        "type": np.arange(probability.shape[-1]),
    }
    dims = ("sequence", "receiver", "sender", "type")
    values = probability[:, 0]
    if config.graph.graph == "per-window":
        length, last = config.graph.window, ds.sizes["time"]
        starts = np.arange(first_frame, last - 1, length)
        values = probability[:, : len(starts)]
        dims = ("sequence", "window", *dims[1:])
        coords |= {
            "window": np.arange(len(starts)),
            "start": ("window", starts),
            "stop": ("window", np.minimum(starts + length, last)),
        }
    return xr.DataArray(np.clip(values, 0.0, 1.0), dims=dims, coords=coords, name="probability")


def _result(
    ds: xr.Dataset,
    observations: Observations,
    law: FittedLaw,
    config: InferenceConfig,
    began: float,
    *,
    history: dict[str, Any] | None,
    profile: bool,
) -> Inference:
    model, encoding = law.model, law.encoding
    found = graph_posterior(
        model, observations, config.graph, law.log_prior, seed=config.training.seed, profile=profile
    )
    probability = posterior_array(ds, found.probability.numpy(), config, encoding.first_frame)
    curves = law_curves(model, observations, encoding) if encoding.position else None
    null = bool(model.null)
    types = tuple(type_names(model, curves, config.graph.edge_types))
    if curves is not None:
        record = _curve_record(ds, curves, types, encoding)
    else:
        record = _effect_record(mean_effects(model, observations, encoding), types, encoding)
    steps = ds.sizes["time"] if encoding.rates else encoding.lags + encoding.bridge + 3
    sizes = influence(model, observations, found.probability.mean(1)).numpy()
    draft = Inference(
        probability=probability,
        influence=xr.DataArray(sizes, dims=("sequence", "receiver", "sender"), name="influence"),
        types=types,
        no_interaction=null,
        metrics={},
        config=config,
        fitted=law,
        tail=_tail(ds, steps),
        law_record=record,
        history=history,
        preview={},
    )
    metrics = graph_metrics(probability, ds, scope=config.graph.graph)
    metrics["forecast"] = _measured_forecast(ds, law, config)
    notes = _notes(found, null, config, observations)
    extra = {
        "exact_posterior": found.exact,
        "evidence": found.evidence,
        "variance_inflation": found.inflation,
    }
    return _completed(draft, ds, metrics, notes, began, extra)


def _tail(ds: xr.Dataset, frames: int) -> xr.Dataset:
    """The last observed frames of every recording, moved to the end of one short time axis."""
    values = [name for name in ds.data_vars if name != "edges"]
    stamps = clock(ds)
    last = ds.sizes["time"] - 1 - np.isfinite(stamps)[:, ::-1].argmax(1)
    seen = ds[values].to_array().notnull().any(("variable", "entity")).to_numpy()
    last = np.minimum(last, seen.shape[1] - 1 - seen[:, ::-1].argmax(1))
    index = np.maximum(last[:, None] + np.arange(1 - frames, 1), 0)
    rows = np.arange(len(index))[:, None]
    tail = xr.Dataset(
        {name: (ds[name].dims, ds[name].to_numpy()[rows, index], ds[name].attrs) for name in values},
        coords={
            "sequence": ds["sequence"].to_numpy(),
            "entity": ds["entity"].to_numpy(),
            "time": np.arange(frames),
            "clock": (("sequence", "time"), stamps[rows, index]),
        },
        attrs=dict(ds.attrs),
    )
    return tail


def _measured_forecast(ds: xr.Dataset, law: FittedLaw, config: InferenceConfig) -> dict[str, Any] | None:
    """Forecast the last frames with graphs inferred from the frames before them."""
    frames = held_out_frames(ds.sizes["time"], law.encoding.first_frame)
    if frames == 0:
        return None
    earlier = before_the_end(ds, frames)
    observations = _observed(earlier, law.encoding, config)
    graph = (
        replace(config.graph, graph="per-sequence") if config.graph.graph == "per-window" else config.graph
    )
    found = graph_posterior(law.model, observations, graph, law.log_prior, seed=config.training.seed)
    ahead = roll_out(law.model, law.encoding, earlier, found.probability[:, 0].numpy(), steps=frames)
    return forecast_metrics(ahead, ds, law.encoding, frames)


def _curve_record(
    ds: xr.Dataset, curves: list[dict[str, list[float]]], types: tuple[str, ...], encoding: Encoding
) -> dict[str, Any]:
    length = str(ds[encoding.position[0]].attrs.get("units", "1"))
    return {
        "x": {"label": "distance", "units": length},
        "y": {
            "label": "acceleration toward the sender",
            "units": f"{length}/time²" if length != "1" else "1",
        },
        "types": [{"type": k, "name": types[k]} | curve for k, curve in enumerate(curves)],
    }


def _effect_record(effects: list[torch.Tensor], types: tuple[str, ...], encoding: Encoding) -> dict[str, Any]:
    instantaneous = effects[0].shape[-1] > len(encoding.states)
    at_once = encoding.states if instantaneous else ()
    return {
        "no_position": "These data have no positions, so there is no distance to draw a force against. Shown is how"
        " much a receiver's next increment changes when a sender's feature does, on average.",
        "types": [
            {
                "type": k,
                "name": types[k],
                "table": {
                    "features": [*encoding.states, *(f"{name}, next frame" for name in at_once)],
                    "targets": list(encoding.targets),
                    "effect": effect.tolist(),
                },
            }
            for k, effect in enumerate(effects)
        ],
    }


ALIKE = 100.0


def _notes(
    found: GraphPosterior, null: bool, config: InferenceConfig, observations: Observations
) -> list[str]:
    """What a reader of the result must know."""
    notes = []
    if found.inflation > ALIKE:
        notes.append(
            "The entities move so much alike that the data hardly tell which of them acts (median variance inflation"
            f" {found.inflation:,.0f}). The probabilities hold for this fitted law; another seed may explain the same"
            " motion by other edges. Forecasts do not suffer. Compare seeds, name candidates (neighbours), or record"
            " more varied motion."
        )
    if not found.exact:
        notes.append(
            "Too many configurations to sum: posteriors are parallel-tempering estimates. Fewer candidates"
            " (neighbours) make them exact."
        )
    if not null and config.graph.no_interaction == "auto":
        notes.append("Every type acts: none of the inferred types means 'no interaction' in these data.")
    lost = 1 - float(observations.weight.mean())
    if lost > 0.2:
        notes.append(f"{lost:.0%} of the increments could not be used (missing values or padding).")
    return notes


def law_sentences(config: InferenceConfig, has_position: bool) -> list[str]:
    """The inductive biases of a law, in words."""
    law = config.law
    said = ["Effects of different senders add up (superposition); one law a type, the same for all pairs."]
    if has_position:
        said.append(
            "Messages depend on relative positions and velocities only (translation-invariant)."
            if law.translation
            else "Messages may depend on where the pair is (no translation invariance was assumed)."
        )
        if law.rotation:
            said.append("Messages turn with the pair (rotation-equivariant: radial and tangential parts).")
    if law.symmetric:
        said.append("Action equals reaction: f(j, i) = -f(i, j).")
    if law.additive:
        said.append("A message depends on the sender alone.")
    if law.lags:
        said.append(f"The state includes {law.lags} earlier frame{'s' if law.lags > 1 else ''}.")
    if law.identity:
        said.append(f"Each entity has a learnt vector of {law.identity} numbers (its mass, charge or role).")
    if config.graph.neighbours:
        said.append(f"Only the {config.graph.neighbours} nearest entities can act on one (locality).")
    return said


def _baseline(ds: xr.Dataset, config: InferenceConfig, began: float) -> Inference:
    if config.graph.edge_types != 2:
        raise ConfigError(
            f"{config.method} with {config.graph.edge_types} edge types",
            expected="2: a score tells edge from no edge",
        )
    scope = "shared" if config.graph.graph == "shared" else "per-sequence"
    if config.graph.graph == "per-window":
        raise ConfigError(f"{config.method} has no per-window graphs", fix="use method='superposition'")
    probability = score_to_probability(BASELINES[config.method](ds, scope))
    array = posterior_array(ds, probability[:, None], config, 0)
    draft = Inference(
        probability=array,
        influence=None,
        types=("no interaction", "type 1"),
        no_interaction=True,
        metrics={},
        config=config,
        fitted=None,
        tail=_tail(ds, 3),
        law_record=None,
        history=None,
        preview={},
    )
    metrics = graph_metrics(array, ds, scope=config.graph.graph) | {"forecast": None}
    notes = ["A baseline scores how series go together; its probabilities come from a two-component mixture."]
    return _completed(draft, ds, metrics, notes, began, {})


def _completed(
    draft: Inference,
    ds: xr.Dataset,
    metrics: dict[str, Any],
    notes: list[str],
    began: float,
    extra: dict[str, Any],
) -> Inference:
    seconds = round(time.monotonic() - began, 3)
    settings = {
        key: value
        for section in ("graph", "law", "training")
        for key, value in draft.config.to_dict()[section].items()
    }
    about = {
        "format": FORMAT,
        "edgewise": version("edgewise"),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "infer",
        "argv": [],
        "seed": draft.config.training.seed,
        "seconds": seconds,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
        },
        "method": draft.config.method,
        "data": summary(ds) | {"path": str(ds.encoding.get("source", "")), "fingerprint": fingerprint(ds)},
        "settings": settings,
        "law": law_sentences(draft.config, bool(ds.attrs.get("position"))) if draft.fitted else [],
        "notes": notes,
    } | extra
    metrics = metrics | {"n_edges": len(draft.edges()), "seconds": seconds}
    preview = preview_of(ds, draft)
    return replace(draft, metrics=metrics, preview=preview, about=about)
