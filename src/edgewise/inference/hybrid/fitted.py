"""A law with an encoder beside it: graphs of new recordings at once, or exactly."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from edgewise.inference.confidence.labels import at_temperature
from edgewise.inference.config import InferenceConfig
from edgewise.inference.encoding import Encoding
from edgewise.inference.fitted import Reading
from edgewise.inference.fitted_law import FittedLaw, check_entities, check_usable, observed
from edgewise.inference.hybrid.agreement import Agreement
from edgewise.inference.hybrid.network import Evidence, PosteriorNetwork
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.phases import EXACTLY, at_known_gain
from edgewise.inference.superposition.posterior import (
    both_ways,
    candidate_pairs,
    dense_posterior,
    tempered,
    whole_form,
)

LAW, ENCODER = "law", "encoder"
"""What the names of the weights of each begin with, before a dot."""
ASK_EXACTLY = "ask for the exact posterior: apply(data, exact=True), or --exact"


@dataclass(frozen=True)
class FittedHybrid:
    """A fitted law and the encoder that it taught (`edgewise.inference.fitted.Fitted`).

    Attributes:
        law: gives the exact posterior, the forecasts and the drawn law; of an ensemble the first teaches the encoder.
        encoder: gives the posterior at once, in evaluation mode; agreement: with the exact posterior.
        exact: which of the two answers.
    """

    law: FittedLaw
    encoder: PosteriorNetwork
    agreement: Agreement
    exact: bool = True

    @property
    def model(self) -> nn.Module:
        return nn.ModuleDict({LAW: self.law.model, ENCODER: self.encoder})

    @property
    def encoding(self) -> Encoding:
        return self.law.encoding

    @property
    def entities(self) -> tuple[str, ...]:
        return self.law.entities

    def answering(self, *, exact: bool) -> "FittedHybrid":
        """The same, set to answer by the exact posterior, or else by the encoder."""
        return replace(self, exact=exact)

    def posterior(self, ds: xr.Dataset, config: InferenceConfig) -> np.ndarray:
        if self.exact:
            return self.law.posterior(ds, config, start=self._start(ds, config))
        return self._at_once(observed(ds, self.encoding, config), config)

    def read(self, ds: xr.Dataset, config: InferenceConfig, *, fresh: bool) -> Reading:
        if config.law.identity:
            check_entities(ds, self.entities)
        if self.exact:
            found = self.law.read(ds, config, fresh=fresh, start=self._start(ds, config))
            return replace(
                found,
                notes=[*found.notes, f"Instant answers: {self.agreement.sentence()}"],
                about=found.about | self._about("exact posterior"),
            )
        data = observed(ds, self.encoding, config)
        check_usable(data)
        return Reading(
            probability=self._at_once(data, config),
            types=(),
            no_interaction=bool(self.law.model.null),
            first_frame=self.encoding.first_frame,
            tail=self.law.tail(ds),
            notes=self._notes(data, config),
            about=self._about("encoder"),
        )

    def _about(self, who: str) -> dict[str, Any]:
        return {"answered_by": who, "agreement": self.agreement.to_dict()}

    @torch.no_grad()
    def _at_once(self, data: Observations, config: InferenceConfig) -> np.ndarray:
        """What the encoder says: [graph, 1, receiver, sender, type]."""
        evidence, n_graphs = evidence_of(self.law, data, config)
        by_slot = self.encoder.log_posterior(evidence, self.law.log_prior).exp()
        dense = dense_posterior(by_slot[:, None], data, n_graphs, null=bool(self.law.model.null))
        if config.graph.undirected:
            dense = both_ways(dense, self.law.log_prior, candidate_pairs(data, n_graphs))
        return at_temperature(dense.numpy(), self.law.assurance.label_temperature)

    def _start(self, ds: xr.Dataset, config: InferenceConfig) -> Tensor | None:
        """The encoder's likeliest graphs [graph, receiver, sender], where the exact posterior has to be searched."""
        n_slots = min(config.graph.neighbours or ds.sizes["entity"] - 1, ds.sizes["entity"] - 1)
        if config.graph.edge_types**n_slots <= EXACTLY:
            return None
        found = self._at_once(observed(ds, self.encoding, config), config)
        return torch.from_numpy(found[:, 0].argmax(-1))

    def _notes(self, data: Observations, config: InferenceConfig) -> list[str]:
        """What a reader of an instant answer must know."""
        notes = [
            "Answered at once by an encoder that was taught by the exact posterior. "
            + self.agreement.sentence()
        ]
        taught = len(self.entities)
        if data.n_entities != taught:
            notes.append(
                f"The encoder was taught with {taught} entities and read {data.n_entities}: how well it agrees there"
                f" was not measured. To be sure, {ASK_EXACTLY}."
            )
        confidence = config.confidence
        asked = [name for name in ("fdr", "ensemble", "bootstrap") if getattr(confidence, name) not in (0, 1)]
        if asked:
            notes.append(f"{', '.join(asked)}: instant answers carry nothing of it. For that, {ASK_EXACTLY}.")
        return notes

    def forecast(
        self, ds: xr.Dataset, probability: np.ndarray, *, steps: int, samples: int = 0, seed: int = 0
    ) -> xr.Dataset:
        return self.law.forecast(ds, probability, steps=steps, samples=samples, seed=seed)

    def held_out(self, n_frames: int) -> int:
        return self.law.held_out(n_frames)

    def sentences(self, config: InferenceConfig) -> list[str]:
        return [
            *self.law.sentences(config),
            "An encoder, taught by the exact posterior under this law, reads new recordings in one pass.",
        ]

    def to_dict(self) -> dict[str, Any]:
        return self.law.to_dict() | {"agreement": self.agreement.to_dict()}

    def member_weights(self) -> dict[str, Tensor]:
        """The weights of the other laws of an ensemble, by name."""
        return {f"{LAW}.{name}": tensor for name, tensor in self.law.member_weights().items()}

    @classmethod
    def restored(
        cls, plain: dict[str, Any], weights: dict[str, Tensor], config: InferenceConfig
    ) -> "FittedHybrid":
        def part(name: str) -> dict[str, Tensor]:
            prefix = f"{name}."
            return {key.removeprefix(prefix): t for key, t in weights.items() if key.startswith(prefix)}

        law = FittedLaw.restored(plain, part(LAW), config)
        encoder = untaught(config)
        encoder.load_state_dict(part(ENCODER))
        return cls(law, encoder.eval(), Agreement.from_dict(plain["agreement"]))


def untaught(config: InferenceConfig) -> PosteriorNetwork:
    """An encoder with fresh weights, of the width that the settings name."""
    return PosteriorNetwork(config.graph.edge_types, hidden=config.hybrid.encoder_hidden or config.law.hidden)


@torch.no_grad()
def evidence_of(law: FittedLaw, data: Observations, config: InferenceConfig) -> tuple[Evidence, int]:
    """What the law says of every graph, tempered as for the exact posterior, and the number of graphs.

    A profiled gain is held at its value under continuous strengths (`at_known_gain`).

    Returns:
        evidence of [graph * receiver].
    """
    model, level = law.model, law.model.level.double()
    form, n_graphs = whole_form(model, data, config.graph)
    form = tempered(form, law.assurance.calibration.temperature)
    return Evidence.of(at_known_gain(form, level, gain=model.gain), level), n_graphs
