"""What a fitted law says of itself: words for a reader, and the records that are drawn."""

from typing import Any

import numpy as np
import torch
import xarray as xr

from edgewise.inference.config import InferenceConfig
from edgewise.inference.encoding import Encoding
from edgewise.inference.observations import Observations
from edgewise.inference.superposition import GraphPosterior


def curve_record(
    ds: xr.Dataset, curves: list[dict[str, list[float]]], types: tuple[str, ...], encoding: Encoding
) -> dict[str, Any]:
    """The record `law.json` of a law of distance: force against distance, a curve a type."""
    length = str(ds[encoding.position[0]].attrs.get("units", "1"))
    return {
        "x": {"label": "distance", "units": length},
        "y": {
            "label": "acceleration toward the sender",
            "units": f"{length}/time²" if length != "1" else "1",
        },
        "types": [{"type": k, "name": types[k]} | curve for k, curve in enumerate(curves)],
    }


def effect_record(effects: list[torch.Tensor], types: tuple[str, ...], encoding: Encoding) -> dict[str, Any]:
    """The record `law.json` of a law without positions: mean effects, a table a type."""
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


def strength_arrays(found: GraphPosterior) -> dict[str, np.ndarray]:
    """Continuous strengths and their intervals, [graph, receiver, sender] each; see `Reading.confidence`."""
    strength = found.strength
    if strength is None:
        return {}
    return {
        "strength": strength.mean.numpy(),
        "strength_low": strength.low.numpy(),
        "strength_high": strength.high.numpy(),
        "strength_std": strength.deviation.numpy(),
    }


ALIKE = 100.0
"""Median variance inflation from which on entities count as moving alike."""


def law_notes(
    found: GraphPosterior, null: bool, config: InferenceConfig, observations: Observations
) -> list[str]:
    """What a reader of the result must know."""
    notes = []
    columns = observations.slots.shape[-1] * (config.graph.edge_types - 1)
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
    if (numbers := _numbers_a_graph(observations, config)) < 2 * columns:
        notes.append(
            f"Each graph rests on {numbers:.0f} numbers a receiver, for {columns} unknown effects of its candidates:"
            " the data hardly support a graph of this scope. Expect unsure edges; longer windows, a shared graph or"
            " fewer candidates (neighbours) would help."
        )
    lost = 1 - float(observations.weight.mean())
    if lost > 0.2:
        notes.append(f"{lost:.0%} of the increments could not be used (missing values or padding).")
    return notes


def _numbers_a_graph(observations: Observations, config: InferenceConfig) -> float:
    """Numbers observed of a typical receiver that one graph is inferred from."""
    whole = float(observations.weight.sum()) / observations.n_entities
    n_sequences = int(observations.sequence.max()) + 1
    if config.graph.graph == "shared":
        return whole
    if config.graph.graph == "per-sequence":
        return whole / n_sequences
    return float(observations.weight.mean()) * config.graph.window * observations.target.shape[-1]


def law_sentences(config: InferenceConfig, has_position: bool) -> list[str]:
    """The inductive biases of a law, in words."""
    law = config.law
    laws = (
        "one law, the same for all pairs, times a strength of each pair's own, which is 0 where nothing acts;"
        " acting strengths have a mean square of 1"
        if config.graph.strengths == "continuous"
        else "one law a type, the same for all pairs"
    )
    said = [f"Effects of different senders add up (superposition); {laws}."]
    if has_position:
        said.append(
            "Messages depend on relative positions and velocities only (translation-invariant)."
            if law.translation
            else "Messages may depend on where the pair is (no translation invariance was assumed)."
        )
        if law.rotation:
            said.append("Messages turn with the pair (rotation-equivariant: radial and tangential parts).")
        if law.local_frames:
            said.append(
                "Each entity is seen from itself, facing the way it goes: neither its place nor its heading matters"
                " (local frames)."
            )
    if law.symmetric:
        said.append("Action equals reaction: f(j, i) = -f(i, j).")
    if law.additive:
        said.append("A message depends on the sender alone.")
    if law.lags:
        said.append(f"The state includes {law.lags} earlier frame{'s' if law.lags > 1 else ''}.")
    if law.identity:
        said.append(f"Each entity has a learnt vector of {law.identity} numbers (its mass, charge or role).")
    if law.angles:
        said.append(f"The cosine of an angle is read beside its sine ({', '.join(law.angles)}).")
    if law.gain == "profiled":
        said.append("Offset and gain of every series are unknown, and found for each graph.")
    if law.separable:
        said.append(f"A message is a sum of {law.separable} products of what each end is (separable).")
    if law.instantaneous:
        said.append("Senders also act within a frame (instantaneous effects; a pseudo-likelihood).")
    if config.graph.neighbours:
        near = "most correlated" if config.graph.nearest == "correlation" else "nearest"
        said.append(f"Only the {config.graph.neighbours} {near} entities can act on one (locality).")
    return said
