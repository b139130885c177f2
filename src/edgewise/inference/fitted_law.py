"""A superposition law that has been fitted: what it reads from data, and what it foretells."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from edgewise.errors import DataError
from edgewise.inference.belief import strength_belief
from edgewise.inference.confidence.assurance import MEMBER, Assurance
from edgewise.inference.confidence.bootstrap import resampled_intervals
from edgewise.inference.confidence.crossfit import cross_fitted_q_values, q_values_of_new
from edgewise.inference.confidence.ensemble import Member, ensemble_notes, pooled
from edgewise.inference.confidence.folds import hold_out
from edgewise.inference.confidence.labels import at_temperature
from edgewise.inference.confidence.statement import scope_note
from edgewise.inference.config import InferenceConfig
from edgewise.inference.curves import law_curves, mean_effects, type_names
from edgewise.inference.encoding import Encoding
from edgewise.inference.evaluate import held_out_frames
from edgewise.inference.fitted import Reading
from edgewise.inference.forecast import roll_out
from edgewise.inference.law_notes import (
    curve_record,
    effect_record,
    law_notes,
    law_sentences,
    strength_arrays,
)
from edgewise.inference.observations import Observations, observe, renumbered
from edgewise.inference.superposition import GraphPosterior, graph_posterior, influence
from edgewise.inference.superposition.drivers import shared_residuals
from edgewise.inference.superposition.mean_motion import REFIT, GivenGraphs, Refit, refit_mean
from edgewise.inference.superposition.model import SuperpositionModel
from edgewise.inference.superposition.rolled_motion import Kinematics, RolledGraphs
from edgewise.inference.superposition.selection import types_alike
from edgewise.training import Deadline, Progress

SHARED_BY_MANY = 0.02
"""Share of the pairs of many graphs from which on shared motion is worth a word: a law's own misfit can flag a few."""
TOLD_APART = 64
"""Stretches on which types are compared."""


@dataclass(frozen=True)
class FittedLaw:
    """A law with its scales and the prior (`edgewise.inference.fitted.Fitted`).

    Attributes:
        model: the law; encoding: of the data; log_prior: of each type; entities: those it was fitted on.
        assurance: how far it may be believed, with the other members of an ensemble. Graphs are read by all members,
            whose posteriors are pooled; forecasts and the drawn law are those of the first.
        refit: a copy of the law that foretells the mean motion, where one was asked for and is better at it.
    """

    model: SuperpositionModel
    encoding: Encoding
    log_prior: Tensor
    entities: tuple[str, ...]
    assurance: Assurance = field(default_factory=Assurance)
    refit: Refit | None = None

    def posterior(
        self, ds: xr.Dataset, config: InferenceConfig, *, start: Tensor | None = None
    ) -> np.ndarray:
        """Belief about the graphs of validated data; `start` as in `read`."""
        found = self._posteriors(observed(ds, self.encoding, config), config, start)
        if (strength := found[0].strength) is not None:
            parts = (strength.probability, strength.mean, strength.deviation)
            return strength_belief(*(part.numpy() for part in parts))[:, None]
        return self._pooled(found)[0]

    def answering(self, *, exact: bool) -> "FittedLaw":
        """Itself: it has no other answer than the exact posterior."""
        return self

    def _posteriors(
        self, observations: Observations, config: InferenceConfig, start: Tensor | None = None
    ) -> list[GraphPosterior]:
        """What each member finds, the first in front."""
        return [
            graph_posterior(
                member.model,
                observations,
                config.graph,
                self.log_prior,
                seed=config.training.seed,
                temperature=member.temperature,
                start=None if start is None else torch.tensor(member.order)[start],
            )
            for member in self._readers()
        ]

    def _readers(self) -> list[Member]:
        """All members of the ensemble, the first fit in front."""
        own = Member(self.model, self.assurance.calibration.temperature, tuple(range(self.model.n_types)))
        return [own, *self.assurance.members]

    def _pooled(self, found: list[GraphPosterior]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and spread over the members: [graph, window, receiver, sender, type] each."""
        orders = [one.order for one in self._readers()]
        mean, spread = pooled([one.probability.numpy() for one in found], orders)
        return at_temperature(mean, self.assurance.label_temperature), spread

    def _confidence(
        self, data: Observations, config: InferenceConfig, spread: np.ndarray, *, fresh: bool
    ) -> dict[str, np.ndarray]:
        """What was asked for beside the probabilities; see `Reading`."""
        known = {"spread": spread} if self.assurance.members else {}
        if config.confidence.fdr:
            if fresh or self.assurance.halves is None:
                temperature = self.assurance.calibration.temperature
                known["q_value"] = q_values_of_new(self.model, temperature, data, config)
            else:
                known["q_value"] = cross_fitted_q_values(self.assurance.halves, data, self.encoding, config)
        if config.confidence.bootstrap:
            known |= resampled_intervals(
                self._readers(),
                data,
                config.graph,
                self.log_prior,
                count=config.confidence.bootstrap,
                n_lags=len(self.assurance.calibration.correlation),
                seed=config.training.seed,
            )
        return known

    def read(
        self, ds: xr.Dataset, config: InferenceConfig, *, fresh: bool, start: Tensor | None = None
    ) -> Reading:
        """See `Fitted.read`.

        Args:
            start: [graph, receiver, sender] int64, graphs to begin a search at where configurations cannot be summed.
        """
        if config.law.identity:
            check_entities(ds, self.entities)
        model, encoding = self.model, self.encoding
        observations = observed(ds, encoding, config)
        check_usable(observations)
        members = self._posteriors(observations, config, start)
        probability, spread = self._pooled(members)
        found = replace(members[0], probability=torch.from_numpy(probability))
        curves = law_curves(model, observations, encoding) if encoding.position else None
        null = bool(model.null)
        types = tuple(type_names(model, curves, config.graph.edge_types))
        if found.strength is not None:
            types = (types[0], "acts")
        if curves is not None:
            record = curve_record(ds, curves, types, encoding)
        else:
            record = effect_record(mean_effects(model, observations, encoding), types, encoding)
        return Reading(
            probability=found.probability.numpy(),
            types=types,
            no_interaction=null,
            first_frame=encoding.first_frame,
            tail=self.tail(ds),
            influence=influence(model, observations, found.weight.mean(1)).numpy(),
            law_record=record,
            notes=law_notes(found, null, config, observations)
            + self._doubts(observations, found, config)
            + self._differences(members)
            + ([] if fresh else scope_note(observations, config.graph.graph)),
            about={
                "exact_posterior": found.exact,
                "evidence": found.evidence,
                "variance_inflation": found.inflation,
                "calibration": self.assurance.to_dict(),
                "refit": None if self.refit is None else self.refit.to_dict(),
            },
            confidence=self._confidence(observations, config, spread, fresh=fresh) | strength_arrays(found),
        )

    def tail(self, ds: xr.Dataset) -> int:
        """How many frames at the end of a recording a forecast starts from."""
        frames, encoding = ds.sizes["time"], self.encoding
        return frames if encoding.rates else min(encoding.lags + encoding.bridge + 3, frames)

    def _differences(self, members: list[GraphPosterior]) -> list[str]:
        readers = self._readers()
        nulls = [bool(one.model.null) for one in readers]
        orders = [one.order for one in readers]
        return ensemble_notes([one.probability.numpy() for one in members], orders, nulls)

    def _doubts(self, data: Observations, found: GraphPosterior, config: InferenceConfig) -> list[str]:
        """What speaks against the model: types that are one, and motion that no candidate explains."""
        said = []
        if config.graph.edge_types > 2:
            some = data[torch.linspace(0, len(data) - 1, min(len(data), TOLD_APART)).long()]
            some = renumbered(some) if config.graph.graph == "per-sequence" else data
            for a, b, lost in types_alike(self.model, some, config.graph, self.log_prior):
                said.append(
                    f"The data cannot tell type {a} from type {b}: one law for both costs {max(lost, 0):.1g} nats of"
                    " evidence a number observed. Fewer types (edge_types) say as much."
                )
        shared = shared_residuals(self.model, data, found.weight.mean(1))
        flagged, graphs = int(shared.flagged.sum()) // 2, len(shared.flagged)
        n_pairs = graphs * data.n_entities * (data.n_entities - 1) // 2
        if flagged and (graphs == 1 or flagged >= SHARED_BY_MANY * n_pairs):
            said.append(
                f"{flagged:,} of {n_pairs:,} pairs share motion that no recorded entity explains (residual correlation"
                " beyond 0.3, at a false-discovery rate of 1 %): a common driver outside the data is likely, and an"
                " edge between two such entities may be its shadow."
            )
        return said

    def forecast(
        self, ds: xr.Dataset, probability: np.ndarray, *, steps: int, samples: int = 0, seed: int = 0
    ) -> xr.Dataset:
        law = self.model if self.refit is None or samples else self.refit.model  # drawn futures are the law's
        return roll_out(law, self.encoding, ds, probability, steps=steps, samples=samples, seed=seed)

    def held_out(self, n_frames: int) -> int:
        return held_out_frames(n_frames, self.encoding.first_frame)

    def sentences(self, config: InferenceConfig) -> list[str]:
        return law_sentences(config, bool(self.encoding.position))

    def to_dict(self) -> dict[str, Any]:
        return {
            "encoding": self.encoding.to_dict(),
            "log_prior": self.log_prior.tolist(),
            "entities": list(self.entities),
            "assurance": self.assurance.to_dict(),
            "refit": None if self.refit is None else self.refit.to_dict(),
        }

    def member_weights(self) -> dict[str, Tensor]:
        """The weights of the other members of an ensemble, and of the copy for forecasts, by name."""
        refit = {} if self.refit is None else self.refit.model.state_dict()
        return self.assurance.weights() | {f"{REFIT}{name}": tensor for name, tensor in refit.items()}

    @classmethod
    def restored(
        cls, plain: dict[str, Any], weights: dict[str, Tensor], config: InferenceConfig
    ) -> "FittedLaw":
        encoding = Encoding.from_dict(plain["encoding"])
        entities = tuple(plain["entities"])

        def made() -> SuperpositionModel:
            return SuperpositionModel(config, encoding, len(entities))

        model = made()
        model.load_state_dict(
            {name: t for name, t in weights.items() if not name.startswith((MEMBER, REFIT))}
        )
        log_prior = torch.tensor(plain["log_prior"], dtype=torch.float64)
        assurance = (
            Assurance.restored(plain["assurance"], weights, made) if "assurance" in plain else Assurance()
        )
        refit = Refit.restored(plain["refit"], weights, made) if plain.get("refit") else None
        return cls(model, encoding, log_prior, entities, assurance, refit)


def with_refit(
    law: FittedLaw,
    data: Observations,
    config: InferenceConfig,
    *,
    deadline: Deadline,
    on_progress: Callable[[Progress], None] | None = None,
) -> FittedLaw:
    """The law with a copy for forecasts, unless that is no better on held-out recordings; see `refit_mean`.

    The graphs are those that the law infers; where there are 20 recordings or more, a tenth is held out.
    """
    horizon, error = config.training.refit_horizon, config.training.refit_error
    kinematics = Kinematics.of(law.encoding) if horizon > 1 or error == "distance" else None
    parts = []
    for part in hold_out(data, config.training.seed):
        if part is None:
            parts.append(None)
            continue
        belief = graph_posterior(law.model, part, config.graph, law.log_prior, seed=config.training.seed)
        given = GivenGraphs.of(part, belief.weight[:, 0])
        parts.append(given if kinematics is None else RolledGraphs.over(given, kinematics, horizon, error))
    seen, held_out = parts
    assert seen is not None
    found = refit_mean(law.model, seen, held_out, config.training, deadline=deadline, on_progress=on_progress)
    return replace(law, refit=found)


def check_entities(ds: xr.Dataset, known: tuple[str, ...]) -> None:
    """Refuse entities that a law, which knows them by name, has not met."""
    found = tuple(str(name) for name in ds["entity"].to_numpy())
    if found != known:
        raise DataError(
            f"the entities are {', '.join(found[:5])} ...",
            expected=f"those that the law knows by name: {', '.join(known[:5])} ... ({len(known)})",
            fix="fit without identity, or select the same entities in the same order",
        )


def observed(ds: xr.Dataset, encoding: Encoding, config: InferenceConfig) -> Observations:
    """A data set as the law sees it."""
    graph = config.graph
    return observe(
        ds,
        encoding,
        neighbours=graph.neighbours,
        nearest=graph.nearest,
        shared=graph.graph == "shared",
        window=graph.window if graph.graph == "per-window" else 0,
        instantaneous=config.law.instantaneous,
    )


def check_usable(observations: Observations) -> None:
    """Refuse data of which nothing can be learnt: the answer would be the prior."""
    if not bool(observations.weight.any()):
        raise DataError(
            "no increment can be used: at every frame some value that it needs is missing",
            expected="frames at which an entity and all its candidates are observed",
            fix="bridge longer gaps with fill_gaps, name fewer candidates with neighbours, or bring the clocks of the"
            " entities together (round_time, edgewise.data.resample)",
        )
