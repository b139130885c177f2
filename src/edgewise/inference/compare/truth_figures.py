"""How well an answer agrees with known edges, by one rule for all methods."""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from edgewise.inference.compare.answers import Answer
from edgewise.inference.evaluate import truth_of
from edgewise.inference.metrics import edge_metrics, score_metrics

ROUNDING = 1e-6
"""Scores that differ by less than this part of them are level."""
FIGURES = ("auroc", "auprc", "f1", "orientation", "ece", "edge_accuracy")


def truth_figures(found: Answer, ds: xr.Dataset) -> dict[str, Any]:
    """AUROC, AUPRC, F1, orientation, calibration error and accuracy; None where one is not defined.

    With two types and two labels AUROC, AUPRC and orientation are of `Answer.rank`. Types that were found without
    labels have no order, so that a ranking counts in the better of its two directions, for every method alike. With
    more types or labels AUROC and AUPRC are those of `edge_metrics`. F1, calibration error and accuracy are of the
    probabilities, under the best matching of types.

    Raises:
        DataError: the truth is of other pairs.
    """
    truth = np.asarray(truth_of(ds, found.probability))
    p = found.probability.to_numpy()
    p = np.where(p.sum(-1, keepdims=True) > 0, p, np.nan)
    matched = edge_metrics(p, truth)
    labels = np.unique(truth[(truth >= 0) & ~np.eye(truth.shape[-1], dtype=bool)])
    rank = found.rank
    auroc, auprc = matched.auroc, matched.auprc
    if p.shape[-1] == 2 and len(labels) == 2:
        ahead, behind = (score_metrics(sign * rank, truth, positive=[int(labels[-1])]) for sign in (1, -1))
        turned = (ahead.auroc or 0) < (behind.auroc or 0)
        rank = -rank if turned else rank
        auroc, auprc = ((behind if turned else ahead).auroc, (behind if turned else ahead).auprc)
    return {
        "auroc": auroc,
        "auprc": auprc,
        "f1": matched.f1,
        "orientation": orientation(rank, truth),
        "ece": matched.ece,
        "edge_accuracy": matched.edge_accuracy,
    }


def orientation(rank: NDArray[np.float64], truth: NDArray[Any]) -> float | None:
    """Of the pairs that act one way only, the share whose right direction is ranked above the other; ties count half.

    Args:
        rank: [..., receiver, sender]; one leading entry stands for all of the truth.
        truth: [..., receiver, sender], 0 = no interaction, negative = unknown.

    Returns:
        None where no pair acts one way only: 1/2 is chance.
    """
    rank = np.broadcast_to(rank, truth.shape)
    one_way = (truth > 0) & (truth.swapaxes(-1, -2) == 0)
    along, against = rank[one_way], rank.swapaxes(-1, -2)[one_way]
    known = np.isfinite(along) & np.isfinite(against)
    if not known.any():
        return None
    along, against = along[known], against[known]
    tied = np.isclose(along, against, rtol=ROUNDING, atol=0.0)  # symmetric scores are so but for rounding
    return float(np.mean(np.where(tied, 0.5, along > against)))
