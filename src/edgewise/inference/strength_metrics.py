"""How well continuous strengths, and their intervals, agree with known ones."""

import numpy as np
import xarray as xr

from edgewise.data.roles import holds_strengths


def strength_metrics(known: xr.Dataset, ds: xr.Dataset) -> dict[str, float | int | None] | None:
    """Correlation of strengths with the truth, and how often an interval holds it.

    A strength has no unit of its own: the factor, and the sign, are the law's. So the truth is matched by one scale for
    all pairs, that of least squares, truth ~ scale * strength, and may then be compared.

    Args:
        known: a result's `confidence`, with `strength`, `strength_low` and `strength_high`.
        ds: the data, with the truth `strength` if it is known.

    Returns:
        `correlation`, over all pairs, and `correlation_acting`, over those that act; `scale`; `coverage` and
        `coverage_acting` of the 95 % intervals; `n_pairs`. None without truth; a correlation that is not defined (all
        strengths alike) is None.
    """
    if not holds_strengths(ds):
        return None
    truth = ds["strength"].to_numpy()
    names = ("strength", "strength_low", "strength_high")
    strength, low, high = (np.broadcast_to(known[name].to_numpy(), truth.shape) for name in names)
    judged = ~np.eye(truth.shape[-1], dtype=bool) & np.isfinite(truth)
    truth, strength, low, high = (values[judged] for values in (truth, strength, low, high))
    size = float((strength**2).sum())
    scale = float((truth * strength).sum()) / size if size else 0.0
    ends = np.sort(np.stack([scale * low, scale * high]), axis=0)
    within = (ends[0] <= truth) & (truth <= ends[1])
    acting = truth != 0
    return {
        "correlation": _correlation(scale * strength, truth),
        "correlation_acting": _correlation(scale * strength[acting], truth[acting]),
        "scale": scale,
        "coverage": float(within.mean()) if len(within) else None,
        "coverage_acting": float(within[acting].mean()) if acting.any() else None,
        "n_pairs": len(truth),
    }


def _correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Pearson's correlation; None where one of the two does not vary."""
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])
