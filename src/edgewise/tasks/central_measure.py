"""What a fitted force is worth: masses, the law, forecasts."""

from typing import Any

import numpy as np
import torch

from edgewise.tasks.central_data import ForceData
from edgewise.tasks.central_fit import ForceFits

MOST_DISTANCES = 20_000
SHARES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
"""Quantiles of the distances at which the slope of the free law is told."""


def distances_of(position: np.ndarray) -> np.ndarray:
    """The distances that occur, sorted, at most `MOST_DISTANCES` with the extremes: [frame, body, d] -> [n]."""
    one, other = np.triu_indices(position.shape[1], 1)
    found = np.sort(np.linalg.norm(position[:, one] - position[:, other], axis=-1).ravel())
    return found[
        np.unique(np.linspace(0, len(found) - 1, min(len(found), MOST_DISTANCES)).round().astype(int))
    ]


def masses(fits: ForceFits, motions: ForceData, names: tuple[str, ...]) -> dict[str, Any]:
    """The strengths of the chosen law beside the true masses.

        found_j = g_j unit^2 (GM_j under an inverse-square law), in km^3/s^2 for an ephemeris

    Where masses have another unit than strengths, one common factor (the median) is taken out of the relative errors.
    `names` are the bodies of the correlation; none: all whose mass is known. Standard errors are relative, and those of
    the power law.
    """
    force = fits.chosen
    found = force.strength.numpy() * float(force.law.unit) ** 2 * motions.mass_factor
    true, entities = motions.true_mass, motions.fit.entities
    known = np.isfinite(true) & (true > 0)
    factor = (
        1.0 if motions.mass_unit else float(np.median(found[known] / true[known])) if known.any() else 1.0
    )
    rows = [
        {
            "entity": name,
            "found": float(found[k]),
            "true": float(true[k]) if known[k] else None,
            "relative_error": float(found[k] / (true[k] * factor) - 1) if known[k] else None,
            "standard_error": float(fits.standard_errors[k]),
        }
        for k, name in enumerate(entities)
    ]
    asked = known & np.isin(entities, names) if names else known
    several = asked.sum() > 1 and np.ptp(true[asked]) > 0
    correlation = np.corrcoef(np.log(found[asked]), np.log(true[asked]))[0, 1] if several else None
    return {"masses": rows, "log_mass_correlation": None if correlation is None else float(correlation)}


def exponents(fits: ForceFits, distances: np.ndarray) -> dict[str, Any]:
    """The exponent of the power law with its standard error, and the slope of the free law where distances occur."""
    told: dict[str, Any] = {
        "law": "free" if bool(fits.uses_free) else "power",
        "exponent": float(fits.power.law.exponent),
        "exponent_standard_error": float(fits.standard_errors[-1]),
    }
    if fits.free is None:
        return told
    at = np.quantile(distances, SHARES)
    slope = fits.free.law.slope(torch.from_numpy(at / float(fits.free.law.unit)).log()).numpy()
    return told | {"free_law": {"distance": at.tolist(), "slope": slope.tolist()}}


def law_curves(fits: ForceFits, distances: np.ndarray, n: int = 120) -> dict[str, Any]:
    """phi of both laws over the distances that occur, for a picture."""
    at = np.geomspace(distances[0], distances[-1], n)
    log_distance = torch.from_numpy(at / float(fits.power.law.unit)).log()
    free = fits.free
    return {
        "distance": at.tolist(),
        "power": fits.power.law(log_distance).exp().tolist(),
        "free": None if free is None else free.law(log_distance).exp().tolist(),
    }


def by_entity(errors: np.ndarray, names: tuple[str, ...]) -> dict[str, dict[str, float | None]]:
    """The largest error of every body, and its mean at the end of a forecast: [window, frame, body]."""
    largest, last = errors.max((0, 1)), errors[:, -1].mean(0)
    return {
        name: {"largest": finite(largest[k]), "mean_at_the_end": finite(last[k])}
        for k, name in enumerate(names)
    }


def finite(value: float) -> float | None:
    """A number that JSON has, or None."""
    return float(value) if np.isfinite(value) else None
