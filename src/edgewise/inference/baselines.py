"""The simple answers, always shown beside ours: correlation, partial correlation and a linear autoregression.

Each takes a trajectory data set and gives a score of every ordered pair, [sequence, receiver, sender]:
higher = rather an interaction, 0 on the diagonal. With the scope "shared" one graph is sought for all of
them: [1, receiver, sender]. A series is centred and scaled in its own sequence first; one that never changes,
or was never observed, scores 0.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from edgewise.data.roles import DIMS, features
from edgewise.errors import ConfigError, DataError

Floats = NDArray[np.float64]
Scope = Literal["per-sequence", "shared"]

FEWEST_FRAMES = 3
"""Two common frames always correlate perfectly and so say nothing."""
RIDGE = 0.1
"""Penalty of the autoregression on the squared coefficients, times the number of frames: a tenth of the
variance of a standardised series, a compromise between linear systems seen over 25 and over 2000 frames.
"""
LEAST_SHRINKAGE = 1e-6
"""Keeps the covariance of exact copies invertible."""
CONSTANT = 1e-12
"""A series whose spread is below this part of its largest value does not change."""
MIXTURE_SAMPLE = 20_000
"""Scores that the mixture is fitted to; of more, evenly spaced ones in their order."""


def correlation(ds: xr.Dataset, scope: Scope = "per-sequence") -> Floats:
    """The mean over features of |Pearson correlation|, over the frames where both entities were observed.

    Pairs with fewer than three common frames score 0. The score has no direction.

    Args:
        ds: a validated data set.
        scope: one graph a sequence, or one for all.

    Returns:
        [sequence, receiver, sender], between 0 and 1; [1, receiver, sender] if shared.

    Raises:
        ConfigError: another scope.
        DataError: the data set has no feature.
    """
    series = _standardised(feature_series(ds))
    seen = np.isfinite(series).astype(np.float64)
    values = np.where(seen > 0, series, 0.0)
    moments = [
        _pooled(left.swapaxes(-1, -2) @ right, scope)  # [feature, sequence, entity, entity]
        for left, right in ((seen, seen), (values, seen), (values**2, seen), (values, values))
    ]
    count, total, squares, products = moments
    n = np.maximum(count, 1)
    spread = np.maximum(squares - total**2 / n, 0.0)
    covariance = products - total * total.swapaxes(-1, -2) / n
    changes = spread > CONSTANT * n
    defined = (count >= FEWEST_FRAMES) & changes & changes.swapaxes(-1, -2)
    norm = np.sqrt(spread * spread.swapaxes(-1, -2))
    return _off_diagonal(np.abs(_divide(covariance, norm, defined)).clip(max=1.0).mean(axis=0))


def partial_correlation(ds: xr.Dataset, scope: Scope = "per-sequence") -> Floats:
    """The mean over features of |correlation| of two entities given all others, from a shrunk covariance.

        rho_ij = -P_ij / sqrt(P_ii P_jj),    P = ((1 - a) S + a m I)^-1,    m = trace(S) / n

    with the shrinkage a of Ledoit & Wolf (2004), "A well-conditioned estimator for large-dimensional
    covariance matrices", so that fewer frames than entities are enough. Gaps are bridged by straight lines;
    before its first and after its last observation a series stays at its mean. The score has no direction.

    Args, returns and raises as `correlation`.
    """
    filled, used = filled_series(feature_series(ds))
    covariance, alive = _shrunk_covariance(filled, used, scope)
    n = covariance.shape[-1]
    dead = ~alive[..., None] * np.eye(n)  # series without variance get 1, so that the rest can be inverted
    precision = np.linalg.inv(covariance + dead)
    diagonal = np.sqrt(np.diagonal(precision, axis1=-2, axis2=-1))
    partial = np.abs(precision) / (diagonal[..., :, None] * diagonal[..., None, :])
    return _off_diagonal(partial.clip(max=1.0).mean(axis=0))


def lag_regression(ds: xr.Dataset, scope: Scope = "per-sequence") -> Floats:
    """How much a sender's features help to predict the receiver's next frame, in a ridge-regularised VAR(1).

        x(t + 1) = B x(t) + noise,    B minimises |x(t + 1) - B x(t)|^2 + 0.1 T |B|^2

    where x holds all features of all entities, standardised. The score is the Frobenius norm of the block of
    B from sender to receiver: Granger's (1969) question asked of all senders at once. It has a direction.
    Gaps are treated as in `partial_correlation`; frames are taken to follow each other at equal times.

    Args, returns and raises as `correlation`.
    """
    filled, used = filled_series(feature_series(ds))
    n_features, n_sequences, n_frames, n = filled.shape
    state = np.moveaxis(filled, 0, -1).reshape(n_sequences, n_frames, n * n_features)
    steps = used[:, :-1] & used[:, 1:]  # [sequence, time]
    now, after = (_centred(part, steps) for part in (state[:, :-1], state[:, 1:]))
    gram = _pooled(now.swapaxes(-1, -2) @ now, scope)
    cross = _pooled(now.swapaxes(-1, -2) @ after, scope)
    penalty = RIDGE * _pooled(_n_frames(steps), scope) * np.eye(n * n_features)
    # [sequence, sender and feature, receiver and feature]
    coefficients = np.linalg.solve(gram + penalty, cross)
    blocks = coefficients.reshape(-1, n, n_features, n, n_features)
    return _off_diagonal(np.sqrt((blocks**2).sum(axis=(2, 4))).swapaxes(-1, -2))


BASELINES: dict[str, Callable[[xr.Dataset, Scope], Floats]] = {
    "correlation": correlation,
    "partial-correlation": partial_correlation,
    "lag-regression": lag_regression,
}


def score_to_probability(score: ArrayLike) -> Floats:
    """Scores as a posterior over "no interaction" and "interaction", without any label.

    Two Gaussians are fitted to all scores off the diagonal (expectation-maximisation, fixed start); the one
    with the higher mean is the interaction. Its log-odds are a parabola in the score, rising between the two
    means. Beyond the vertex, where they would turn back, they are held: a higher score never gets a lower
    probability.

    Args:
        score: [..., receiver, sender]; all leading axes share one fit.

    Returns:
        [..., receiver, sender, 2]. Interaction has probability 0 on the diagonal, 1/2 elsewhere if all scores
        are equal, and NaN where the score is not finite.
    """
    scores = np.asarray(score, dtype=np.float64)
    usable = np.isfinite(scores) & ~np.eye(scores.shape[-1], dtype=bool)
    probability = np.full(scores.shape, np.nan)
    probability[usable] = _upper_of_two(scores[usable])
    probability = _off_diagonal(probability)
    return np.stack([1 - probability, probability], axis=-1)


def _upper_of_two(values: Floats) -> Floats:
    """The probability of each value to come from the upper of two Gaussians."""
    spread = values.std() if len(values) else 0.0
    if spread <= CONSTANT * np.abs(values).max(initial=0.0):
        return np.full(len(values), 0.5)
    z = (values - values.mean()) / spread
    sample = np.sort(z)[:: -(-len(z) // MIXTURE_SAMPLE)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the last step is as good a threshold as any
        mixture = GaussianMixture(2, random_state=0, max_iter=200, reg_covar=1e-4).fit(sample[:, None])
    mean, weight = np.asarray(mixture.means_)[:, 0], np.asarray(mixture.weights_)
    precision = 1 / np.asarray(mixture.covariances_)[:, 0, 0]
    lower, upper = np.argsort(mean)
    # log-odds = curvature z^2 / 2 + slope z + offset
    curvature = precision[lower] - precision[upper]
    slope = precision[upper] * mean[upper] - precision[lower] * mean[lower]
    offset = (
        np.log(weight[upper] / weight[lower])
        + (np.log(precision[upper] / precision[lower]) - precision[upper] * mean[upper] ** 2) / 2
        + precision[lower] * mean[lower] ** 2 / 2
    )
    if abs(curvature) > CONSTANT * abs(slope):
        vertex = -slope / curvature
        z = np.maximum(z, vertex) if curvature > 0 else np.minimum(z, vertex)
    return expit(curvature * z**2 / 2 + slope * z + offset)


def feature_series(ds: xr.Dataset) -> Floats:
    """[feature, sequence, time, entity]"""
    names = features(ds)
    if not names:
        raise DataError("the data set has no feature", expected="a variable over sequence, time and entity")
    arrays = [ds[name].transpose(*DIMS).to_numpy() for name in names]
    series = np.stack(arrays).astype(np.float64)
    return np.where(np.isfinite(series), series, np.nan)


def _standardised(series: Floats) -> Floats:
    """Each series centred and scaled by what was observed of it; one that does not change becomes 0."""
    seen = np.isfinite(series)
    count = np.maximum(seen.sum(axis=-2, keepdims=True), 1)
    values = np.where(seen, series, 0.0)
    centred = np.where(seen, series - values.sum(axis=-2, keepdims=True) / count, 0.0)
    spread = np.sqrt((centred**2).sum(axis=-2, keepdims=True) / count)
    changes = spread > CONSTANT * np.abs(values).max(axis=-2, keepdims=True)
    return np.where(seen, _divide(centred, spread, changes), np.nan)


def filled_series(series: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Standardised series without gaps, and the frames [sequence, time] in which anything was observed."""
    used = np.asarray(np.isfinite(series).any(axis=(0, 3)))
    bridged = np.nan_to_num(_standardised(_bridged(series)), copy=False)
    return bridged * used[..., None], used


def _bridged(series: Floats) -> Floats:
    """Gaps filled by a straight line; NaN stays before the first and after the last observation."""
    seen = np.isfinite(series)
    if seen.all():
        return series
    n_frames = series.shape[-2]
    time = np.arange(n_frames)[:, None]
    before = np.maximum.accumulate(np.where(seen, time, -1), axis=-2)
    after = np.minimum.accumulate(np.where(seen, time, n_frames)[..., ::-1, :], axis=-2)[..., ::-1, :]
    inside = (before >= 0) & (after < n_frames)
    left, right = np.maximum(before, 0), np.minimum(after, n_frames - 1)
    share = _divide(time - left, right - left, right > left)
    start, stop = (np.take_along_axis(series, at, axis=-2) for at in (left, right))
    return np.where(inside, start + share * (stop - start), np.nan)


def _shrunk_covariance(
    filled: Floats, used: NDArray[np.bool_], scope: Scope
) -> tuple[Floats, NDArray[np.bool_]]:
    """Ledoit & Wolf's covariance [feature, sequence, entity, entity]; which series [..., entity] vary."""
    centred = _centred(filled, used)
    count = _pooled(_n_frames(used), scope)
    squared = centred**2
    sample = _pooled(centred.swapaxes(-1, -2) @ centred, scope) / count
    fourth = _pooled(squared.swapaxes(-1, -2) @ squared, scope) / count
    alive = np.diagonal(sample, axis1=-2, axis2=-1) > CONSTANT
    size = np.maximum(alive.sum(axis=-1), 1)
    level = np.trace(sample, axis1=-2, axis2=-1) / size
    norm = (sample**2).sum(axis=(-2, -1))
    noise = (fourth.sum(axis=(-2, -1)) - norm) / count[:, 0, 0]
    distance = norm - size * level**2
    shrinkage = _divide(np.minimum(noise, distance), distance, distance > CONSTANT).clip(LEAST_SHRINKAGE, 1.0)
    shrinkage, level = shrinkage[..., None, None], level[..., None, None]
    target = level * alive[..., None] * np.eye(sample.shape[-1])
    return (1 - shrinkage) * sample + shrinkage * target, alive


def _centred(values: Floats, used: NDArray[np.bool_]) -> Floats:
    """Values [..., sequence, time, column], centred over the used frames of a sequence, 0 elsewhere."""
    values = values * used[..., None]
    return (values - values.sum(axis=-2, keepdims=True) / _n_frames(used)) * used[..., None]


def _n_frames(used: NDArray[np.bool_]) -> Floats:
    """[sequence, 1, 1], at least 1."""
    return np.maximum(used.sum(axis=1), 1)[:, None, None].astype(np.float64)


def _pooled(moments: Floats, scope: Scope) -> Floats:
    """Sums over frames [..., sequence, row, column], added over the sequences if these share one graph."""
    if scope not in ("per-sequence", "shared"):
        raise ConfigError(
            f"scope is {scope!r}",
            expected="per-sequence or shared",
            fix="for a graph a window, cut the windows into sequences with edgewise.data.window",
        )
    return moments.sum(axis=-3, keepdims=True) if scope == "shared" else moments


def _divide(numerator: Floats, denominator: Floats, where: NDArray[np.bool_]) -> Floats:
    """The quotient, 0 where it is not defined."""
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    return np.divide(numerator, denominator, out=np.zeros(shape), where=where)


def _off_diagonal(score: Floats) -> Floats:
    return np.where(np.eye(score.shape[-1], dtype=bool), 0.0, score)
