"""Who is near to whom, and so a candidate: by distance, or by how series go together a frame apart."""

import numpy as np

Array = np.ndarray


def mean_distances(position: Array) -> Array:
    """Distance over the frames at which both are known, on average; infinite where there are none.

    Shapes: position [sequence, time, entity, d] -> [sequence, entity, entity].
    """
    n_sequences, _, n = position.shape[:3]
    distances = np.zeros((n_sequences, n, n))
    for sequence, where in enumerate(position):  # [time, n, d]: one recording at a time bounds memory
        pair = np.linalg.norm(where[:, :, None] - where[:, None], axis=-1)
        known = np.isfinite(pair)
        total = np.where(known, pair, 0).sum(0)
        distances[sequence] = np.where(known.any(0), total / np.maximum(known.sum(0), 1), np.inf)
    return distances


def lagged_correlations(series: Array) -> Array:
    """How a sender's series at one frame goes together with the receiver's at the next.

        r_ij = mean over features of | corr_t( s_j(t), s_i(t+1) ) |

    over the frames at which both were observed; a series that does not change, or is never seen together with the
    other, counts 0. Pearson's correlation at a lag of one frame: what comes with the sender and comes late.

    Shapes: series [sequence, time, entity, feature] -> [sequence, receiver, sender], between 0 and 1.
    """
    n_sequences, _, n, n_features = series.shape
    total = np.zeros((n_sequences, n, n))
    for sequence in range(n_sequences):
        for feature in range(n_features):
            total[sequence] += np.abs(_correlation(series[sequence, :, :, feature]))
    return total / max(n_features, 1)


def _correlation(values: Array) -> Array:
    """corr( x_j(t), x_i(t+1) ) of [time, entity] -> [receiver, sender], 0 where it is not defined."""
    centred = values - np.nanmean(np.where(np.isfinite(values).any(0), values, 0.0), axis=0)
    seen = np.isfinite(centred).astype(np.float64)
    x = np.where(seen > 0, centred, 0.0)
    before, after, earlier, later = x[:-1], x[1:], seen[:-1], seen[1:]
    count = np.maximum(later.T @ earlier, 1.0)
    mean_after, mean_before = (after.T @ earlier) / count, (later.T @ before) / count
    covariance = (after.T @ before) / count - mean_after * mean_before
    power = ((after**2).T @ earlier / count - mean_after**2, later.T @ before**2 / count - mean_before**2)
    scale = np.sqrt(np.maximum(power[0], 0.0) * np.maximum(power[1], 0.0))
    least = 1e-9 * max(float((x**2).max(initial=0.0)), 1e-300)
    return np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > least).clip(-1.0, 1.0)
