"""From trajectories to a result: the main job, one call."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
import xarray as xr

from edgewise.data.describe import fingerprint, summary
from edgewise.data.given import Trajectories, as_dataset
from edgewise.data.inspection import check_shared_clock, inspect
from edgewise.data.roles import clock, features
from edgewise.errors import ConfigError
from edgewise.inference.auto.choose import choose_settings, named_in, with_choice
from edgewise.inference.baselines import score_to_probability
from edgewise.inference.confidence.arrays import confidence_arrays
from edgewise.inference.confidence.assurance import assured_fit
from edgewise.inference.confidence.statement import verdict_of
from edgewise.inference.config import LEARNED, InferenceConfig
from edgewise.inference.encoding import fit_encoding
from edgewise.inference.evaluate import before_the_end, forecast_metrics, graph_metrics
from edgewise.inference.fitted import Fitted, Reading
from edgewise.inference.fitted_law import FittedLaw, check_usable, observed, with_refit
from edgewise.inference.hybrid.fit import learn_hybrid
from edgewise.inference.linear.fitted import learn_linear
from edgewise.inference.nri.fitted import learn_nri
from edgewise.inference.peers import PEERS
from edgewise.inference.peers.score import scores
from edgewise.inference.preview import preview_of
from edgewise.inference.records import FORMAT
from edgewise.inference.result import Inference
from edgewise.inference.scale_notes import scale_notes
from edgewise.inference.strength_metrics import strength_metrics
from edgewise.inference.superposition.posterior import EXACTLY
from edgewise.inference.type_choice import sentence, with_chosen_types
from edgewise.training import Checkpoints, Deadline, Progress


def infer(
    data: Trajectories,
    config: InferenceConfig | None = None,
    *,
    auto: bool = False,
    checkpoints: Checkpoints | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
    **settings: Any,
) -> Inference:
    """Infer who acts on whom from trajectories. The truth, if the data hold one, is used for the metrics only.

    Args:
        data: a data set in the trajectory schema (what `edgewise.load` gives), or an array, a table or a list of
            recordings, see `edgewise.data.as_dataset`.
        config: all choices; or name single ones: `infer(data, edge_types=3, undirected=True, lags=1)`.
        auto: choose the settings that were not named (in a config: that are as by default) by the likelihood of frames
            that are held out; `result.about["auto"]` says what was chosen and why (see `docs/auto.md`).
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
    ds = as_dataset(data)
    check_shared_clock(ds)
    if auto:
        config, record = choose_settings(ds, settings or named_in(config), on_progress)
        run = {"checkpoints": checkpoints, "resume": resume, "on_progress": on_progress}
        return with_choice(infer(ds, config, **run), record)
    if config.method not in LEARNED:
        return _baseline(ds, config, began)
    choice = None
    if config.graph.most_types:
        config, choice = with_chosen_types(ds, config, on_progress)
    found = checkpoints.load() if checkpoints is not None and resume else None
    spent = 0.0 if found is None else found.seconds
    fitted, history = LEARNERS[config.method](
        ds,
        config,
        deadline=Deadline(config.training.time_limit, spent),
        checkpoints=checkpoints,
        resume=resume,
        on_progress=on_progress,
    )
    reading = fitted.read(ds, config, fresh=False)
    if choice is not None:
        reading = replace(
            reading,
            notes=[sentence(choice), *reading.notes],
            about=reading.about | {"type_choice": choice},
        )
    return _result(ds, fitted, reading, config, began - spent, history)


def _learn_law(ds: xr.Dataset, config: InferenceConfig, **run: Any) -> tuple[FittedLaw, dict[str, Any]]:
    """Fit a superposition law; `run` is handed on to `assured_fit`."""
    _check_scope(ds, config)
    encoding = fit_encoding(ds, lags=config.law.lags, bridge=config.graph.fill_gaps, angles=config.law.angles)
    observations = observed(ds, encoding, config)
    check_usable(observations)
    whole = run["deadline"]
    if config.training.refit_steps:
        run = run | {"deadline": Deadline(whole.limit * LAW_SHARE, whole.spent)}
    fitted, assurance = assured_fit(observations, encoding, config, **run)
    law = FittedLaw(fitted.model, encoding, fitted.log_prior, _names(ds, "entity"), assurance)
    if config.training.refit_steps:
        law = with_refit(law, observations, config, deadline=whole, on_progress=run["on_progress"])
    return law, asdict(fitted.history) | {"steps": fitted.steps}


LAW_SHARE = 0.5
"""Of a time limit, what the law may take where a refit follows."""


LEARNERS: dict[str, Callable[..., tuple[Fitted, dict[str, Any] | None]]] = {
    "superposition": _learn_law,
    "hybrid": partial(learn_hybrid, learn_law=_learn_law),
    "linear": learn_linear,
    "nri": learn_nri,
}
"""(data, configuration, and what `edgewise.training.fit` is told) -> what was fitted, and the course of its fit."""


OWN_TABLES = {"nri": ("nri",), "hybrid": ("hybrid",)} | dict.fromkeys(PEERS, ("peers",))
"""Tables of settings that only some methods read."""


def apply_law(result: Inference, data: Trajectories, *, exact: bool = False) -> Inference:
    """Infer the graphs of new recordings with the law of an earlier result.

    Args:
        exact: by the exact posterior also where the method answers at once otherwise (hybrid).

    Raises:
        ConfigError: if the result has no law (a baseline), or `exact` is asked for and there is no exact posterior.
        DataError: if the features differ, or the entities do where the law knows them by name.
    """
    began = time.monotonic()
    if result.fitted is None:
        raise ConfigError(
            f"{result.config.method} learns no law to apply", fix="use method='superposition' or 'nri'"
        )
    fitted = result.fitted.answering(exact=exact)
    ds = as_dataset(data)
    reading = fitted.read(ds, result.config, fresh=True)
    reading = replace(  # what an instant reading leaves open is that of the fit
        reading,
        types=reading.types or result.types,
        law_record=reading.law_record or result.law_record,
        notes=[*scale_notes(ds, fitted.encoding), *reading.notes],
    )
    return _result(ds, fitted, reading, result.config, began, result.history)


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
    if neighbours and graph.nearest == "position" and not ds.attrs.get("position"):
        raise ConfigError(
            f"neighbours={neighbours} for data without positions",
            expected="position columns to measure distances with",
            fix="name them when loading (position=...), set nearest = 'correlation', or drop neighbours",
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
    fitted: Fitted,
    reading: Reading,
    config: InferenceConfig,
    began: float,
    history: dict[str, Any] | None,
) -> Inference:
    probability = posterior_array(ds, reading.probability, config, reading.first_frame)
    sizes = reading.influence
    draft = Inference(
        probability=probability,
        influence=None
        if sizes is None
        else xr.DataArray(sizes, dims=("sequence", "receiver", "sender"), name="influence"),
        types=reading.types,
        no_interaction=reading.no_interaction,
        metrics={},
        config=config,
        fitted=fitted,
        tail=_tail(ds, reading.tail),
        law_record=reading.law_record,
        history=history,
        preview={},
        confidence=confidence_arrays(probability, reading.confidence),
    )
    metrics = graph_metrics(probability, ds, scope=config.graph.graph)
    if "strength" in draft.confidence:
        metrics["strength"] = strength_metrics(draft.confidence, ds)
    metrics["forecast"] = _measured_forecast(ds, fitted, config)
    notes, about = reading.notes, reading.about
    if (verdict := verdict_of(draft)) is not None:
        notes, about = [*verdict.sentences(), *notes], about | {"verdict": verdict.to_dict()}
    return _completed(draft, ds, metrics, notes, began, about)


def _measured_forecast(ds: xr.Dataset, fitted: Fitted, config: InferenceConfig) -> dict[str, Any] | None:
    """Forecast the last frames with graphs inferred from the frames before them."""
    frames = fitted.held_out(ds.sizes["time"])
    if frames == 0:
        return None
    earlier = before_the_end(ds, frames)
    if config.graph.graph == "per-window":
        config = replace(config, graph=replace(config.graph, graph="per-sequence"))
    probability = fitted.posterior(earlier, config)[:, 0]
    ahead = fitted.forecast(earlier, probability, steps=frames)
    return forecast_metrics(ahead, ds, fitted.encoding, frames)


def _tail(ds: xr.Dataset, frames: int) -> xr.Dataset:
    """The last observed frames of every recording, moved to the end of one short time axis.

    Of a recording that has fewer, the frames before its first are empty, one first time step apart.
    """
    values = features(ds)
    stamps = clock(ds)
    last = ds.sizes["time"] - 1 - np.isfinite(stamps)[:, ::-1].argmax(1)
    seen = ds[values].to_array().notnull().any(("variable", "entity")).to_numpy()
    last = np.minimum(last, seen.shape[1] - 1 - seen[:, ::-1].argmax(1))
    wanted = last[:, None] + np.arange(1 - frames, 1)
    index, rows = np.maximum(wanted, 0), np.arange(len(last))[:, None]
    lacking, first_step = index - wanted, stamps[:, 1:2] - stamps[:, :1]

    def taken(name: str) -> np.ndarray:
        return np.where(lacking[..., None] > 0, np.nan, ds[name].to_numpy()[rows, index])

    tail = xr.Dataset(
        {name: (ds[name].dims, taken(name), ds[name].attrs) for name in values},
        coords={
            "sequence": ds["sequence"].to_numpy(),
            "entity": ds["entity"].to_numpy(),
            "time": np.arange(frames),
            "clock": (("sequence", "time"), stamps[rows, index] - lacking * first_step),
        },
        attrs=dict(ds.attrs),
    )
    return tail


def _baseline(ds: xr.Dataset, config: InferenceConfig, began: float) -> Inference:
    probability = score_to_probability(scores(ds, config))
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
    notes = [
        f"{config.method} scores how series go together; its probabilities come from a two-component mixture."
    ]
    return _completed(draft, ds, metrics, notes, began, {})


def _data_notes(ds: xr.Dataset, draft: Inference) -> list[str]:
    """What is doubtful about the data for a result of these settings."""
    first = 0 if draft.fitted is None else draft.fitted.encoding.first_frame
    graph = draft.config.graph
    return inspect(ds, needed=first + 2, shared=graph.graph == "shared", candidates=graph.neighbours)


def _completed(
    draft: Inference,
    ds: xr.Dataset,
    metrics: dict[str, Any],
    notes: list[str],
    began: float,
    extra: dict[str, Any],
) -> Inference:
    seconds = round(time.monotonic() - began, 3)
    tables = ("graph", "law", "training", "confidence", *OWN_TABLES.get(draft.config.method, ()))
    plain = draft.config.to_dict()
    settings = {key: value for table in tables for key, value in plain[table].items()}
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
        "law": draft.fitted.sentences(draft.config) if draft.fitted else [],
        "notes": [*_data_notes(ds, draft), *notes],
    } | extra
    metrics = metrics | {"n_edges": len(draft.edges()), "seconds": seconds}
    preview = preview_of(ds, draft)
    return replace(draft, metrics=metrics, preview=preview, about=about)
