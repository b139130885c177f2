"""A linear law that has been fitted: the graphs of data under it, and what it foretells."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from edgewise.data.roles import features
from edgewise.errors import ConfigError, DataError
from edgewise.inference.asked import check_futures, refuse_unused
from edgewise.inference.config import InferenceConfig
from edgewise.inference.encoding import Encoding, fit_encoding
from edgewise.inference.evaluate import held_out_frames
from edgewise.inference.fitted import Reading
from edgewise.inference.forecast import as_dataset, feature_names
from edgewise.inference.linear.evidence import (
    Evidence,
    estimated_scales,
    estimated_share,
    evidence_of,
    posterior_of,
)
from edgewise.inference.linear.orders import EXACTLY
from edgewise.inference.linear.roll import Coefficients, coefficients_of, mean_of, roll
from edgewise.inference.linear.rows import LEAST_ROWS, Series, Terms, raw_values, recordings
from edgewise.inference.superposition.posterior import both_ways
from edgewise.training import Checkpoints, Deadline, Progress

TRIED = 64
"""Recordings, spread over the data, on which the share of acting pairs is estimated."""


class LinearLaw(nn.Module):
    """What a linear law takes from one data set to the next, all float64.

    Attributes:
        tau: [2] variance of a coefficient within a frame, and of one of earlier frames, in units of that of the noise.
        share: [] prior probability that a pair acts.
        own, sent, noise: means over the recordings of the fit of their `Coefficients`, for recordings that are too
            short to have their own; center, scale: [entity, feature] of the series that these are for.
    """

    tau: Tensor
    share: Tensor
    own: Tensor
    sent: Tensor
    noise: Tensor
    center: Tensor
    scale: Tensor

    def __init__(self, parts: Mapping[str, Tensor]) -> None:
        super().__init__()
        for name in ("tau", "share", "own", "sent", "noise", "center", "scale"):
            self.register_buffer(name, parts[name])

    @property
    def coefficients(self) -> Coefficients:
        """The means over the recordings of the fit; sizes are not kept."""
        own, sent, noise = (part.numpy() for part in (self.own, self.sent, self.noise))
        return Coefficients(own, sent, noise, np.zeros(sent.shape[:2]))


@dataclass(frozen=True)
class FittedLinear:
    """A linear law (`edgewise.inference.fitted.Fitted`).

    Attributes:
        model: its prior and coefficients; encoding: of the data; terms: what enters; entities: those it was fitted on.
        acyclic: whether graphs have no cycles; undirected: whether both ends of a pair have one relation.
        seed: of drawn orders.
        anew: whether forecasts estimate the coefficients from the recording itself, where it is long enough.
    """

    model: LinearLaw
    encoding: Encoding
    terms: Terms
    entities: tuple[str, ...]
    acyclic: bool
    undirected: bool
    seed: int
    anew: bool = True

    def acting(self, found: list[Evidence]) -> np.ndarray:
        """Probability that each pair acts: [graph, receiver, sender]."""
        share = float(self.model.share)
        parts = [posterior_of(one, share, acyclic=self.acyclic, seed=self.seed) for one in found]
        acts = torch.stack(parts)
        if self.undirected:
            prior = torch.tensor([1 - share, share], dtype=torch.float64).log()
            heard = torch.stack([one.heard for one in found])
            acts = both_ways(torch.stack([1 - acts, acts], -1), prior, heard)[..., 1]
            acts = torch.where(heard | heard.mT, acts, share * ~torch.eye(acts.shape[1], dtype=torch.bool))
        return acts.numpy()

    def posterior(self, ds: xr.Dataset, config: InferenceConfig) -> np.ndarray:
        data = recordings(ds, config.graph.fill_gaps)
        acts = self.acting(_evidence(data, self.terms, self.model.tau, config))[:, None]
        return np.stack([1 - acts, acts], -1)

    def answering(self, *, exact: bool) -> "FittedLinear":
        """Itself: it has no other answer than its posterior."""
        return self

    def read(self, ds: xr.Dataset, config: InferenceConfig, *, fresh: bool) -> Reading:
        _check_length(ds, self.terms)
        data = recordings(ds, config.graph.fill_gaps)
        found = _evidence(data, self.terms, self.model.tau, config)
        acts = self.acting(found)
        confidence = {} if not config.confidence.fdr else {"q_value": bayesian_q_values(acts)[:, None]}
        return Reading(
            probability=np.stack([1 - acts, acts], -1)[:, None],
            types=("no interaction", "acts"),
            no_interaction=True,
            first_frame=self.terms.lags,
            tail=ds.sizes["time"],
            influence=self._influence(data, acts),
            notes=self._notes(found),
            about={
                "exact_posterior": found[0].candidates.every
                and not (self.acyclic and len(found[0].log) > EXACTLY),
                "coefficient_variance": self.model.tau.tolist(),
                "share_acting": float(self.model.share),
            },
            confidence=confidence,
        )

    def coefficients(self, data: list[Series], acts: np.ndarray) -> list[Coefficients]:
        """Those of each recording, given acts [graph, receiver, sender]: one graph a recording, or one for all."""
        belief = np.broadcast_to(acts, (len(data), *acts.shape[1:]))
        pairs = zip(data, belief, strict=True)
        return [coefficients_of(series, self.terms, graph, self.model.tau) for series, graph in pairs]

    def _influence(self, data: list[Series], acts: np.ndarray) -> np.ndarray:
        """Root mean square of what each sender adds, in standard deviations of the receiver: [graph, receiver, sender].

        With a shared graph the mean over recordings.
        """
        sizes = np.stack([known.sizes for known in self.coefficients(data, acts)])
        return sizes.mean(0, keepdims=True) if len(acts) == 1 else sizes

    def _notes(self, found: list[Evidence]) -> list[str]:
        said = []
        n, m = found[0].candidates.senders.shape
        if m < n - 1:
            said.append(
                f"Of {n - 1} possible senders of each entity, sets of the {m} that explain most were summed over; the"
                " others were weighed one by one beside these."
            )
        if self.terms.instantaneous and not self.acyclic:
            said.append(
                "Effects within a frame are explained from both sides, so that a common target joins its senders and"
                " directions are weak. If no chain of effects leads back to its start, say acyclic."
            )
        return said

    def forecast(
        self, ds: xr.Dataset, probability: np.ndarray, *, steps: int, samples: int = 0, seed: int = 0
    ) -> xr.Dataset:
        """Roll each recording on with the mean of its coefficients, given all its frames and the graph's belief.

        A recording that is too short takes those of the fit.
        """
        check_futures(steps, samples)
        raw, rng = raw_values(ds), np.random.default_rng(seed)
        belief = np.broadcast_to(probability[..., 1], (len(raw), *probability.shape[1:-1]))
        parts = []
        for part, acts in zip(raw, belief, strict=True):
            if not samples:
                series, known = self._known(part, acts)
                parts.append(roll(series, known, self.terms, steps)[None])
                continue
            drawn = (rng.random((samples, *acts.shape)) < acts).astype(float)
            futures = [self._known(part, graph) for graph in drawn]
            parts.append(np.stack([roll(*future, self.terms, steps, rng) for future in futures]))
        values = np.stack(parts, 1)  # [sample, sequence, step, entity, feature]
        names = features(ds)
        values = values[..., [names.index(name) for name in feature_names(self.encoding)]]
        return as_dataset(values if samples else values[0], ds, self.encoding, sampled=bool(samples))

    def _known(self, raw: np.ndarray, acts: np.ndarray) -> tuple[Series, Coefficients]:
        """A recording, and the coefficients to roll it on with."""
        if self.anew and len(raw) >= _least_frames(self.terms, raw.shape[-1]):
            series = Series.of(raw, self.encoding.bridge)
            return series, coefficients_of(series, self.terms, acts, self.model.tau)
        center, scale = self.model.center.numpy(), self.model.scale.numpy()
        if raw.shape[1:] != center.shape:
            raise DataError(
                f"a recording of {len(raw)} frames, {raw.shape[1]} entities and {raw.shape[2]} features",
                expected=f"the {center.shape[0]} entities and {center.shape[1]} features of the fit: so few frames"
                " have no coefficients of their own",
                fix="record for longer, or forecast recordings of the same entities",
            )
        return Series.scaled(raw, self.encoding.bridge, center, scale), self.model.coefficients

    def with_coefficients_of_the_fit(self) -> "FittedLinear":
        """The same, whose forecasts never estimate their own."""
        return replace(self, anew=False)

    def held_out(self, n_frames: int) -> int:
        return held_out_frames(n_frames, self.terms.lags + 1)

    def sentences(self, config: InferenceConfig) -> list[str]:
        when = ("within a frame and " if self.terms.instantaneous else "") + "from one frame to the next"
        earlier = f", over {self.terms.lags} earlier frames too" if self.terms.lags else ""
        said = [
            f"The law is linear, and each pair has coefficients of its own: senders act {when}{earlier}.",
            "Effects of different senders add up; coefficients and noise were integrated out.",
        ]
        return [*said, "No chain of effects leads back to its start."] if self.acyclic else said

    def to_dict(self) -> dict[str, Any]:
        return {"encoding": self.encoding.to_dict(), "entities": list(self.entities)}

    @classmethod
    def restored(
        cls, plain: dict[str, Any], weights: dict[str, Tensor], config: InferenceConfig
    ) -> "FittedLinear":
        model = LinearLaw(weights)
        terms = Terms(config.law.lags, config.law.instantaneous)
        encoding, names = Encoding.from_dict(plain["encoding"]), tuple(plain["entities"])
        return cls(model, encoding, terms, names, *_rules(config))


def bayesian_q_values(acts: np.ndarray) -> np.ndarray:
    """The expected share of false discoveries if a pair and all that are likelier are reported (Newton et al. 2004).

        q(p) = mean of 1 - p' over all pairs with p' >= p

    Shape: [graph, receiver, sender] -> the same; NaN for no pair (the diagonal).
    """
    off = ~np.eye(acts.shape[1], dtype=bool)[None].repeat(len(acts), 0)
    p = acts[off]
    order = np.argsort(-p, kind="stable")
    mean = np.cumsum(1 - p[order]) / np.arange(1, len(p) + 1)
    q = np.full(acts.shape, np.nan)
    values = np.empty_like(p)
    values[order] = mean
    q[off] = values
    return q


def learn_linear(
    ds: xr.Dataset,
    config: InferenceConfig,
    *,
    deadline: Deadline,
    checkpoints: Checkpoints | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[FittedLinear, None]:
    """Estimate the prior of a linear law from validated data; there is no gradient descent, and no course of a fit.

    Raises:
        ConfigError: for settings that this method has no use for, or that contradict each other.
        DataError: for recordings that are too short, never change, or have frames that are not equally far apart.
    """
    _check_settings(config)
    terms = Terms(config.law.lags, config.law.instantaneous)
    _check_length(ds, terms)
    encoding = fit_encoding(ds, lags=config.law.lags, bridge=config.graph.fill_gaps)
    if encoding.irregular:
        raise DataError(
            "the frames are not equally far apart in time",
            expected="one time step: an autoregression counts frames",
            fix="resample the recordings (`edgewise convert --resample`), or use method='superposition'",
        )
    data = recordings(ds, config.graph.fill_gaps)
    share = config.graph.prior[1] if config.graph.prior else 0.1
    tau = estimated_scales(data, terms, share)
    found = _evidence(data, terms, tau, config)
    if not config.graph.prior:
        share = estimated_share(found[:: max(len(found) // TRIED, 1)][:TRIED])
    names = tuple(str(name) for name in ds["entity"].to_numpy())
    bare = {"tau": tau, "share": torch.tensor(share, dtype=torch.float64)}
    unknown = dict.fromkeys(("own", "sent", "noise", "center", "scale"), torch.zeros((), dtype=torch.float64))
    draft = FittedLinear(LinearLaw(bare | unknown), encoding, terms, names, *_rules(config))
    model = LinearLaw(bare | _mean_coefficients(draft, found, data))
    return replace(draft, model=model), None


def _evidence(data: list[Series], terms: Terms, tau: Tensor, config: InferenceConfig) -> list[Evidence]:
    """That of each graph: one for all recordings, or one a recording."""
    groups = [data] if config.graph.graph == "shared" else [[series] for series in data]
    return [evidence_of(group, terms, tau) for group in groups]


def _mean_coefficients(draft: FittedLinear, found: list[Evidence], data: list[Series]) -> dict[str, Tensor]:
    """The means over the recordings of the fit, given what is believed of their graphs."""
    mean = mean_of(draft.coefficients(data, draft.acting(found)))
    scales = {name: np.mean([getattr(series, name) for series in data], 0) for name in ("center", "scale")}
    return {name: torch.from_numpy(np.asarray(part)) for name, part in (mean.to_dict() | scales).items()}


def _rules(config: InferenceConfig) -> tuple[bool, bool, int]:
    return config.graph.acyclic, config.graph.undirected, config.training.seed


def _least_frames(terms: Terms, n_features: int) -> int:
    """Frames that a recording must have to tell anything beside its receivers' own terms."""
    return terms.lags + 1 + (terms.lags + 1) * n_features + 1 + LEAST_ROWS


def _check_length(ds: xr.Dataset, terms: Terms) -> None:
    own = (terms.lags + 1) * len(features(ds)) + 1
    least = _least_frames(terms, len(features(ds)))
    if ds.sizes["time"] < least:
        raise DataError(
            f"recordings of {ds.sizes['time']} frames, with {own} terms of a receiver's own",
            expected=f"at least {least} frames",
            fix="name fewer lags, or record for longer",
        )


USED = {
    "graph": (
        "graph",
        "window",
        "stay",
        "edge_types",
        "no_interaction",
        "prior",
        "fill_gaps",
        "acyclic",
        "undirected",
    ),
    "law": ("lags", "instantaneous", "translation", "additive", "hidden"),
    "training": ("seed", "max_steps", "time_limit"),
    "confidence": ("fdr", "calibrate"),
}
"""Fields of the tables that this method reads, or that change nothing here."""


def _check_settings(config: InferenceConfig) -> None:
    """Refuse what would be ignored."""
    graph = config.graph
    refused = {
        "graph = 'per-window'": (graph.graph == "per-window", "one graph a recording, or one for all"),
        f"edge_types = {graph.edge_types}": (graph.edge_types != 2, "2: a pair acts or does not"),
        "acyclic and undirected": (graph.acyclic and graph.undirected, "one of the two"),
        "no_interaction = 'no'": (graph.no_interaction == "no", "pairs that may not act at all"),
    }
    for what, (given, expected) in refused.items():
        if given:
            raise ConfigError(
                f"linear with {what}", expected=expected, fix="drop it, or use method='superposition'"
            )
    refuse_unused(config, USED)
