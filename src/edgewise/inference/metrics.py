"""How well a posterior over edges, a score of pairs, or a forecast agrees with the truth.

The only place of the package that looks at the truth; nothing here is used while a law is learnt. Left out
are an entity and itself, pairs whose truth is unknown (negative), and pairs for which the method has no
finite answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import average_precision_score, roc_auc_score

from edgewise.errors import ConfigError, DataError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS = 10
"""Equal-width bins of confidence in the calibration error (Guo et al. 2017 use 15)."""
NO_LABEL = -1
"""What a type is matched to when the truth has no label left for it: its predictions count as wrong."""


class Reliability(TypedDict):
    """A calibration plot, one entry a bin of confidence; None where the bin is empty."""

    confidence: list[float | None]
    accuracy: list[float | None]
    count: list[int]


@dataclass(frozen=True)
class EdgeMetrics:
    """How a posterior over edge types agrees with the truth; None where that is not defined.

    Attributes:
        edge_accuracy: share of the pairs whose most probable type is the right one.
        auroc: area under the ROC curve; None where the truth is the same for all pairs.
        auprc: area under the precision-recall curve (average precision); None as above.
        f1: of the most probable type; None as above.
        ece: expected calibration error.
        brier: Brier score over all types, from 0 to 2.
        n_pairs: how many pairs were compared.
        label_matching: our type k -> the label of the truth it was compared with (-1: none was left for it).
    """

    edge_accuracy: float | None
    auroc: float | None
    auprc: float | None
    f1: float | None
    ece: float | None
    brier: float | None
    n_pairs: int
    label_matching: tuple[int, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self) | {"label_matching": list(self.label_matching)}


@dataclass(frozen=True)
class ScoreMetrics:
    """How a score of pairs agrees with the truth: as in `EdgeMetrics`, for "interacts" against "does not"."""

    edge_accuracy: float | None
    auroc: float | None
    auprc: float | None
    n_pairs: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def edge_metrics(probability: ArrayLike, truth: ArrayLike, *, types_matched: bool = True) -> EdgeMetrics:
    """Compare a posterior over edge types with the truth.

    Types found without labels have no order: unless `types_matched` is off they are first given labels by the
    best one-to-one assignment (`match_types`).

    Where the truth has two labels AUROC, AUPRC and F1 are those of the larger one, by the probability of the
    type matched to it; where it has more, the mean over all labels, each against the rest. A label that no
    type is matched to has probability 0. The calibration error (Guo et al. 2017, equation 3), over 10 bins of
    confidence (see `reliability`), and the Brier score (Brier 1950) are

        ECE = sum_m n_m / n |accuracy_m - confidence_m|

        Brier = mean over pairs of sum_k (p_k - [truth is the label of k])^2

    with a label that no type has as one more k of probability 0. For two types it is twice the binary score.

    Args:
        probability: [sequence, receiver, sender, type], or [sequence, window, receiver, sender, type].
        truth: whole numbers, the same without type (see also `truth_in_windows`), negative = unknown.
            A posterior of one sequence is compared with every sequence of the truth.
        types_matched: match types to labels first; otherwise type k is label k.

    Raises:
        DataError: the shapes do not fit each other.
    """
    p, labels = _known_pairs(probability, truth, ("type",))
    if not len(labels):
        return EdgeMetrics(None, None, None, None, None, None, 0, ())
    n_types = p.shape[1]
    matching = match_types(p, labels) if types_matched else tuple(range(n_types))
    predicted = np.asarray(matching)[p.argmax(axis=1)]
    auroc, auprc, f1 = _one_against_rest(p, labels, matching, predicted)
    return EdgeMetrics(
        edge_accuracy=float(np.mean(predicted == labels)),
        auroc=auroc,
        auprc=auprc,
        f1=f1,
        ece=_calibration_error(_reliability(p.max(axis=1), predicted == labels, BINS)),
        brier=_brier(p, labels, matching),
        n_pairs=len(labels),
        label_matching=matching,
    )


def score_metrics(
    score: ArrayLike, truth: ArrayLike, *, positive: Sequence[int] | None = None
) -> ScoreMetrics:
    """Compare a score of pairs, higher = rather an interaction, with the truth.

    The accuracy needs a threshold, which is chosen without the truth, by 2-means on the scores; as for a
    posterior, the two groups are then matched to "interacts" and "does not" in the better of the two ways.
    AUROC and AUPRC keep the direction of the score: below 1/2 it ranks interactions last.

    Args:
        score: [sequence, receiver, sender]; one sequence is compared with every sequence of the truth.
        truth: whole numbers [sequence, receiver, sender], negative = unknown.
        positive: the labels that are interactions; default all above 0.

    Raises:
        DataError: the shapes do not fit each other.
    """
    scores, labels = _known_pairs(score, truth, ())
    if not len(labels):
        return ScoreMetrics(None, None, None, 0)
    interacts = labels > 0 if positive is None else np.isin(labels, list(positive))
    accuracy = float(np.mean((scores > two_means_threshold(scores)) == interacts))
    auroc, auprc = _ranking(scores, interacts) if 0 < interacts.sum() < len(interacts) else (None, None)
    return ScoreMetrics(max(accuracy, 1 - accuracy), auroc, auprc, len(labels))


def match_types(probability: Floats, labels: Ints) -> tuple[int, ...]:
    """The one-to-one assignment type -> label with the highest accuracy (Hungarian method).

    Of equally accurate ones it takes the one that puts the most probability on the true labels.

    Args:
        probability: [pair, type].
        labels: [pair], none negative.

    Returns:
        The label of each type; -1 for a type that is left over where there are fewer labels than types.
    """
    known, column = np.unique(labels, return_inverse=True)
    hard = np.eye(probability.shape[1])[probability.argmax(axis=1)]
    # all the soft counts together weigh less than one hard count: they only decide ties
    votes = (hard + probability / (1 + probability.sum())).T @ np.eye(len(known))[column]  # [type, label]
    matching = np.full(probability.shape[1], NO_LABEL)
    types, columns = linear_sum_assignment(votes, maximize=True)
    matching[types] = known[columns]
    return tuple(matching.tolist())


def reliability(
    probability: ArrayLike, truth: ArrayLike, matching: Sequence[int], bins: int = BINS
) -> Reliability:
    """How often the most probable type is right, by how probable it is: the points of a calibration plot.

    Bin m of M holds the pairs whose highest probability is in ((m - 1)/M, m/M] (Guo et al. 2017, section 2).

    Args:
        probability, truth: as in `edge_metrics`.
        matching: our type k -> label of the truth, as `EdgeMetrics.label_matching` has it.
        bins: how many bins of equal width from 0 to 1.

    Raises:
        ConfigError: there is no bin.
        DataError: the shapes do not fit each other.
    """
    if bins < 1:
        raise ConfigError(f"bins={bins}", expected="at least 1 bin of confidence")
    p, labels = _known_pairs(probability, truth, ("type",))
    if not len(labels):
        return _reliability(np.empty(0), np.empty(0, dtype=bool), bins)
    if len(matching) != p.shape[1]:
        raise DataError(
            f"a matching of {len(matching)} types for a posterior of {p.shape[1]}",
            expected="a label for each type",
        )
    return _reliability(p.max(axis=1), np.asarray(matching)[p.argmax(axis=1)] == labels, bins)


def truth_in_windows(truth: ArrayLike, starts: ArrayLike, stops: ArrayLike) -> Ints:
    """The truth of each window of time: the most frequent known label, of equally frequent ones the smallest.

    Args:
        truth: [sequence, time, receiver, sender], negative = unknown; or [sequence, receiver, sender], which
            holds in every window.
        starts: [window], the first frame of each window.
        stops: [window], the frame after its last one.

    Returns:
        [sequence, window, receiver, sender]; -1 where no frame of the window is known.

    Raises:
        DataError: the truth is of another shape, or a window is empty or outside the recording.
    """
    labels = np.asarray(truth)
    first, last = np.asarray(starts, dtype=np.int64), np.asarray(stops, dtype=np.int64)
    if labels.ndim == 3:
        labels = np.repeat(labels[:, None], len(first), axis=1)
        return np.where(labels >= 0, labels, NO_LABEL).astype(np.int64)
    if labels.ndim != 4:
        raise DataError(f"a truth of shape {labels.shape}", expected="[sequence, time, receiver, sender]")
    n_frames = labels.shape[1]
    if first.shape != last.shape or ((first < 0) | (first >= last) | (last > n_frames)).any():
        raise DataError(
            f"windows from {first.tolist()} to {last.tolist()}",
            expected=f"as many starts as stops, 0 <= start < stop <= {n_frames} frames",
        )
    majority = np.full((len(labels), len(first), *labels.shape[2:]), NO_LABEL)
    most = np.zeros(majority.shape, dtype=np.int64)
    for label in np.unique(labels[labels >= 0]).tolist():
        seen = np.cumsum(labels == label, axis=1)
        seen = np.concatenate([np.zeros_like(seen[:, :1]), seen], axis=1)  # before frame 0, 1, ..., T
        count = seen[:, last] - seen[:, first]
        majority, most = np.where(count > most, int(label), majority), np.maximum(count, most)
    return majority


def forecast_errors(
    forecast: ArrayLike,
    actual: ArrayLike,
    last: ArrayLike,
    velocity: ArrayLike | None,
    steps: Sequence[int],
    scale: ArrayLike,
    *,
    dt: float = 1.0,
) -> dict[str, Any]:
    """The mean squared error of a forecast some steps ahead, beside the errors of two trivial forecasts.

        MSE(k) = mean over sequences, entities and features of ((forecast(k) - actual(k)) / scale)^2

    "nothing moves" repeats the last frame, "constant velocity" is last + k dt velocity. All three are
    measured on the same values: those where the actual one, the last one and (if given) the velocity are
    known.

    Args:
        forecast: [sequence, time, entity, feature]; frame k - 1 is k steps ahead.
        actual: what then happened, in the same layout; NaN = not observed.
        last: [sequence, entity, feature], the last frame that the forecast has seen.
        velocity: [sequence, entity, feature], change of each feature a unit of time at that frame (0 for a
            feature whose velocity is not known); None if no velocity is known.
        steps: steps ahead, from 1; those beyond the end are dropped.
        scale: of each feature, [feature] or one number; a feature whose scale is not positive is left out.
        dt: time a step.

    Returns:
        {"steps", "unit", "ours", "nothing moves", "constant velocity"}: an error a step, None where nothing
        was observed, no velocity is given, or the forecast is not finite.

    Raises:
        ConfigError: a step is below 1.
        DataError: the shapes do not fit each other.
    """
    ours, found, start = (np.asarray(a, dtype=np.float64) for a in (forecast, actual, last))
    drift = np.zeros_like(start) if velocity is None else np.asarray(velocity, dtype=np.float64)
    frames = {a.shape[:1] + a.shape[2:] for a in (ours, found)} | {start.shape, drift.shape}
    if len(frames) > 1 or start.ndim != 3:
        raise DataError(
            f"forecast {ours.shape}, actual {found.shape}, last {start.shape}, velocity {drift.shape}",
            expected="[sequence, time, entity, feature], and without time for the last two",
        )
    if min(steps, default=1) < 1:
        raise ConfigError(f"steps={list(steps)}", expected="steps ahead, counted from 1")
    scales = np.broadcast_to(np.asarray(scale, dtype=np.float64), start.shape)
    comparable = np.isfinite(start) & np.isfinite(drift) & (scales > 0)
    steps = [int(step) for step in steps if step <= min(ours.shape[1], found.shape[1])]
    errors: dict[str, list[float | None]] = {"ours": [], "nothing moves": [], "constant velocity": []}
    for step in steps:
        target = found[:, step - 1]
        known = comparable & np.isfinite(target)
        moved = None if velocity is None else start + step * dt * drift
        for name, guess in zip(errors, (ours[:, step - 1], start, moved), strict=True):
            errors[name].append(
                None if guess is None else _mean_square((guess[known] - target[known]) / scales[known])
            )
    return {"steps": steps, "unit": "normalised MSE", **errors}


def two_means_threshold(values: Floats) -> float:
    """The cut of a list of numbers into two groups with the least sum of squares within them (exact 2-means).

    Returns:
        The largest value of the lower group. If all values are equal there is no upper group.
    """
    ordered = np.sort(values)
    n = len(ordered)
    low = np.arange(1, n)  # size of the lower group
    shifted = ordered - ordered.mean()
    lower = np.cumsum(shifted)[:-1]
    # the total being 0, the sum of squares between groups is S^2/m + S^2/(n - m), S the sum of the lower m
    between = lower**2 / low + lower**2 / (n - low)
    between[ordered[1:] == ordered[:-1]] = -1.0  # equal values stay together
    if n < 2 or between.max() <= 0:
        return float(ordered[-1])
    return float(ordered[between.argmax()])


def _known_pairs(values: ArrayLike, truth: ArrayLike, trailing: tuple[str, ...]) -> tuple[Floats, Ints]:
    """The comparable pairs: values [pair, *trailing] and labels [pair]."""
    array, labels = np.asarray(values, dtype=np.float64), np.asarray(truth)
    fits = labels.ndim >= 3 and labels.shape[-1] == labels.shape[-2]
    fits = fits and array.ndim == labels.ndim + len(trailing) and len(array) in (1, len(labels))
    if not fits or array.shape[1 : labels.ndim] != labels.shape[1:]:
        axes = ", ".join(("sequence", "receiver", "sender", *trailing))
        raise DataError(
            f"values of shape {array.shape} and a truth of shape {labels.shape}",
            expected=f"values [{axes}] and a truth [sequence, receiver, sender] of the same pairs",
        )
    array = np.broadcast_to(array, (len(labels), *array.shape[1:]))
    finite = np.isfinite(array).all(axis=-1) if trailing else np.isfinite(array)
    known = (labels >= 0) & finite & ~np.eye(labels.shape[-1], dtype=bool)
    return array[known], labels[known].astype(np.int64)


def _one_against_rest(
    p: Floats, labels: Ints, matching: Sequence[int], predicted: Ints
) -> tuple[float, float, float] | tuple[None, None, None]:
    """AUROC, AUPRC and F1 of the larger of two labels, or the mean of each label against the rest."""
    present = np.unique(labels).tolist()
    if len(present) < 2:
        return None, None, None
    scores = [
        (
            *_ranking(_probability_of(label, p, matching), labels == label),
            _f1(predicted == label, labels == label),
        )
        for label in (present if len(present) > 2 else present[1:])
    ]
    auroc, auprc, f1 = np.mean(scores, axis=0).tolist()
    return auroc, auprc, f1


def _probability_of(label: int, p: Floats, matching: Sequence[int]) -> Floats:
    return p[:, matching.index(label)] if label in matching else np.zeros(len(p))


def _ranking(score: Floats, positive: NDArray[np.bool_]) -> tuple[float, float]:
    # a perfect average precision can exceed 1 by a rounding error
    return float(roc_auc_score(positive, score)), min(float(average_precision_score(positive, score)), 1.0)


def _f1(predicted: NDArray[np.bool_], positive: NDArray[np.bool_]) -> float:
    """2 TP / (2 TP + FP + FN)."""
    return float(2 * (predicted & positive).sum() / (predicted.sum() + positive.sum()))


def _brier(p: Floats, labels: Ints, matching: Sequence[int]) -> float:
    right = labels[:, None] == np.asarray(matching)  # [pair, type]
    unmatched = ~right.any(axis=1)
    return float(np.mean(((p - right) ** 2).sum(axis=1) + unmatched))


def _reliability(confidence: Floats, right: NDArray[np.bool_], bins: int) -> Reliability:
    inner = np.linspace(0, 1, bins + 1)[1:-1]
    bin_of = np.searchsorted(inner, confidence, side="left")
    count = np.bincount(bin_of, minlength=bins)
    filled = np.maximum(count, 1)

    def means(values: NDArray[Any]) -> list[float | None]:
        mean = np.bincount(bin_of, weights=values, minlength=bins) / filled
        return [value if n else None for value, n in zip(mean.tolist(), count, strict=True)]

    return {"confidence": means(confidence), "accuracy": means(right), "count": count.tolist()}


def _calibration_error(plot: Reliability) -> float:
    gaps = [
        n * abs(accuracy - confidence)
        for confidence, accuracy, n in zip(plot["confidence"], plot["accuracy"], plot["count"], strict=True)
        if confidence is not None and accuracy is not None
    ]
    return sum(gaps) / sum(plot["count"])


def _mean_square(error: Floats) -> float | None:
    if not error.size:
        return None
    with np.errstate(over="ignore", invalid="ignore"):
        mean = float(np.mean(error**2))
    return mean if np.isfinite(mean) else None
