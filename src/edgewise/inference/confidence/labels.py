"""A temperature with labels: one number, so that the stated confidence is what comes true on labelled systems.

With probabilities p of each type of a pair and its true type z, temperature scaling (Guo et al. 2017) takes

    p_T(k) = p(k)^(1/T) / sum_l p(l)^(1/T),    T = argmin of - sum over pairs of log p_T(z)

which changes no decision, only how sure it is. T > 1 makes less sure.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from scipy.optimize import minimize_scalar

from edgewise.data.describe import fingerprint
from edgewise.data.gate import validate
from edgewise.errors import ConfigError, DataError
from edgewise.inference.evaluate import truth_of

if TYPE_CHECKING:
    from edgewise.inference.result import Inference

RANGE = (0.05, 50.0)
LEAST = 1e-300


def at_temperature(probability: np.ndarray, temperature: float) -> np.ndarray:
    """p^(1/T), normalised: [..., type]; what is impossible stays so."""
    if temperature == 1.0:
        return probability
    power = np.asarray(probability, dtype=np.float64) ** (1 / temperature)
    total = power.sum(-1, keepdims=True)
    return np.divide(power, total, out=np.zeros_like(power), where=total > 0)


def fitted_temperature(probability: np.ndarray, types: np.ndarray) -> float:
    """The temperature under which the true types are most probable.

    Args:
        probability: [pair, type]; types: [pair] the true type of each.
    """
    log_p = np.log(np.maximum(probability, LEAST))

    def loss(log_t: float) -> float:
        scaled = log_p / np.exp(log_t)
        top = scaled.max(-1)
        total = top + np.log(np.exp(scaled - top[:, None]).sum(-1))
        return float(np.mean(total - scaled[np.arange(len(types)), types]))

    found = minimize_scalar(loss, bounds=tuple(np.log(RANGE)), method="bounded")
    return float(np.exp(found.x))


def calibrate(result: "Inference", labelled: xr.Dataset) -> "Inference":
    """The result with probabilities at the temperature that labelled systems ask for; `apply` keeps to it.

    Edges and their types stay, and so do the figures of `metrics` that rest on these; calibration errors, which would
    have to be measured anew, are None.

    Args:
        result: of the method superposition.
        labelled: systems with known edges that the law was not fitted on.

    Raises:
        ConfigError: for a result of another method.
        DataError: for systems without edges, or those of the result itself.
    """
    from edgewise.inference.fitted_law import FittedLaw

    if not isinstance(result.fitted, FittedLaw):
        raise ConfigError(
            f"calibrate for the method {result.config.method}",
            expected="a result of method='superposition', whose law reads the labelled systems",
        )
    if "strength" in result.confidence:
        raise ConfigError(
            "calibrate for continuous strengths",
            expected="probabilities of types: intervals of strengths would not follow them",
            fix="infer with strengths = 'types'",
        )
    ds = validate(labelled)
    if fingerprint(ds) == result.about.get("data", {}).get("fingerprint"):
        raise DataError(
            "the labelled systems are those that the result is about",
            expected="systems that the law was not fitted on: on its own it looks surer than it is",
            fix="hold labelled recordings out of the fit",
        )
    read = result.apply(ds)
    probability, types = _labelled_pairs(read, ds)
    temperature = fitted_temperature(probability, types)
    law = result.fitted
    scale = law.assurance.label_temperature * temperature
    array = result.probability.copy(data=at_temperature(result.probability.to_numpy(), temperature))
    note = f"Probabilities are at temperature {scale:.3g}, fitted on {len(types):,} labelled pairs of other systems."
    about = result.about | {"label_temperature": scale, "notes": [*result.about.get("notes", []), note]}
    return replace(
        result,
        probability=array,
        fitted=replace(law, assurance=replace(law.assurance, label_temperature=scale)),
        metrics=result.metrics | dict.fromkeys(("ece", "brier", "calibration")),
        preview=_preview_at(result.preview, temperature),
        confidence=result.confidence.drop_vars(["spread", "low", "high"], errors="ignore"),
        about=about,
    )


def _labelled_pairs(read: "Inference", ds: xr.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities [pair, type] and true types [pair] of the pairs whose label a type is matched to."""
    truth, matching = truth_of(ds, read.probability), read.metrics["label_matching"]
    if truth is None or not matching:
        raise DataError(
            "the labelled systems have no known edges",
            expected="a variable edges(sequence, receiver, sender)",
            fix="load them with their truth (truth=...)",
        )
    p = np.broadcast_to(read.probability.to_numpy(), (*truth.shape, read.probability.sizes["type"]))
    matched = truth[..., None] == np.asarray(matching)
    known = matched.any(-1) & (p.sum(-1) > 0) & ~np.eye(truth.shape[-1], dtype=bool)
    return p[known], matched[known].argmax(-1)


def _preview_at(preview: dict[str, Any], temperature: float) -> dict[str, Any]:
    """The preview with the probabilities of its recordings, and of their windows, at a temperature."""

    def changed(entry: dict[str, Any]) -> dict[str, Any]:
        p = at_temperature(np.asarray(entry["probability"], dtype=np.float64), temperature)
        windows = {"windows": [changed(part) for part in entry["windows"]]} if entry.get("windows") else {}
        return entry | {"probability": p.tolist()} | windows

    return preview | {"sequences": [changed(entry) for entry in preview["sequences"]]}
