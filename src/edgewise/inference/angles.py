"""Angles of which only the sine was recorded: the branch that turns most evenly.

A sine s(t) leaves two angles a frame, arcsin s and pi - arcsin s. Of all paths through these, the one whose turn from
frame to frame changes least is taken,

    minimise  sum_t ( d(t+1) - d(t) )^2,    d(t) = wrap(phi(t+1) - phi(t)) in (-pi, pi],

exactly, by dynamic programming over the branches of two successive frames (Viterbi 1967). An angle and its mirror
image pi - phi fit alike; `follow_angle` says how one of them is chosen. Where the rate of change was recorded too, on
any scale of its own, it then decides where the even path does not:

    minimise  sum_t ( d(t) - a - b (rate(t) + rate(t+1)) / 2 )^2,    b >= 0,

over a, b and the branches in turn.
"""

import numpy as np

Array = np.ndarray

CLEAR = 0.5
"""Correlation of turn and recorded rate above which the rate decides about the direction."""
ROUNDS = 3
"""Times that line and branches are found in turn."""
BEYOND = 1.01
"""Absolute value above which a feature is no sine."""


def wrap(angle: Array) -> Array:
    """The same angle in [-pi, pi)."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def follow_angle(sine: Array, rate: Array | None = None) -> Array:
    """The angle at every frame, in radians, not wrapped.

    The direction: where a recorded rate of change is given and varies (on any positive scale, with any offset), the
    angle whose turn goes along with it; else the one that grows on the whole.

    Args:
        sine: [series, time]; what is not finite is bridged by the last value, and its angle is NaN.
        rate: [series, time], or None.

    Returns:
        [series, time] float64, NaN where the sine is not finite.
    """
    known = np.isfinite(sine)
    branches = _branches(held(sine, known))
    turns = wrap(branches[:, 1:, None, :] - branches[:, :-1, :, None])  # [series, time, branch, next branch]
    seen = known[:, 1:] & known[:, :-1]  # a turn into or out of a bridged frame says nothing
    path = _evenest(turns, seen)
    path = np.where(_direction(_along(turns, path), rate)[:, None], path, 1 - path)
    if rate is not None and turns.shape[1]:
        between = (rate[:, 1:] + rate[:, :-1]) / 2
        for _ in range(ROUNDS):
            offset, slope = robust_line(between, np.where(seen, _along(turns, path), np.nan))
            told = seen & np.isfinite(between)
            path = _nearest(turns, offset + slope * np.where(told, between, 0.0), told)
    first = np.take_along_axis(branches[:, 0], path[:, :1], -1)
    angle = first + np.concatenate([np.zeros_like(first), np.cumsum(_along(turns, path), axis=1)], 1)
    return np.where(known, angle, np.nan)


def held(series: Array, known: Array) -> Array:
    """The last known value where there is none (0 before the first): [series, time]."""
    frames = np.arange(series.shape[1])
    last = np.maximum.accumulate(np.where(known, frames, -1), axis=1)
    values = np.take_along_axis(np.where(known, series, 0.0), last.clip(0), axis=1)
    return np.where(last >= 0, values, 0.0)


def _branches(sine: Array) -> Array:
    near = np.arcsin(sine.clip(-1, 1))
    return np.stack([near, np.pi - near], -1)


def _along(turns: Array, path: Array) -> Array:
    """The turns [series, time - 1] along a path [series, time] of branches."""
    rows, frames = np.arange(len(path))[:, None], np.arange(path.shape[1] - 1)
    return turns[rows, frames, path[:, :-1], path[:, 1:]]


def _evenest(turns: Array, seen: Array) -> Array:
    """The branch [series, time] of each frame on the path whose turn, where it was seen, changes least."""
    n_series, n_steps = turns.shape[:2]
    if n_steps < 2:
        return np.zeros((n_series, n_steps + 1), dtype=np.int64)
    cost = np.zeros((n_series, 2, 2))
    before = []
    for t in range(1, n_steps):
        # from the branches (p, q) at t - 1 and t to (q, r) at t and t + 1
        both = (seen[:, t] & seen[:, t - 1])[:, None, None, None]
        total = cost[..., None] + both * (turns[:, t][:, None] - turns[:, t - 1][..., None]) ** 2
        before.append(total.argmin(1))
        cost = total.min(1)
    rows = np.arange(n_series)
    last = cost.reshape(n_series, 4).argmin(1)
    now, after = last // 2, last % 2
    path = [after, now]
    for best in reversed(before):
        now, after = best[rows, now, after], now
        path.append(now)
    return np.stack(path[::-1], 1)


def _nearest(turns: Array, expected: Array, told: Array) -> Array:
    """The branch [series, time] of each frame on the path with turns nearest to `expected`, where that is told."""
    cost = np.zeros((len(turns), 2))
    before = []
    for t in range(turns.shape[1]):
        total = cost[..., None] + told[:, t, None, None] * (turns[:, t] - expected[:, t, None, None]) ** 2
        before.append(total.argmin(1))
        cost = total.min(1)
    rows = np.arange(len(turns))
    now = cost.argmin(1)
    path = [now]
    for best in reversed(before):
        now = best[rows, now]
        path.append(now)
    return np.stack(path[::-1], 1)


def robust_line(x: Array, y: Array, *, rising: bool = True) -> tuple[Array, Array]:
    """y ~ offset + slope x for every series, by iteratively reweighted least squares (Holland & Welsch 1977).

    Cauchy weights 1 / (1 + (residual / scale)^2), the scale twice the median absolute residual, so that a few frames
    far off (on a wrong branch, say) count for little.

    Args:
        x, y: [series, time]; frames where one of them is not finite do not count.
        rising: whether the slope may not fall below 0.

    Returns:
        offset and slope, [series, 1] each; the slope is 0 where x does not vary.
    """
    known = np.isfinite(x) & np.isfinite(y)
    x, y = np.where(known, x, 0.0), np.where(known, y, 0.0)
    weight = known.astype(np.float64)
    offset, slope = np.zeros((2, len(x), 1))
    for _ in range(10):
        total = weight.sum(1, keepdims=True).clip(min=1e-12)
        mean_x, mean_y = ((weight * part).sum(1, keepdims=True) / total for part in (x, y))
        spread = (weight * (x - mean_x) ** 2).sum(1, keepdims=True)
        together = (weight * (x - mean_x) * (y - mean_y)).sum(1, keepdims=True)
        slope = np.divide(together, spread, out=np.zeros_like(together), where=spread > 1e-12)
        slope = slope.clip(min=0) if rising else slope
        offset = mean_y - slope * mean_x
        size = np.where(known, np.abs(y - offset - slope * x), np.nan)
        scale = (
            2 * np.nanmedian(np.where(known.any(1, keepdims=True), size, 0.0), axis=1, keepdims=True) + 1e-9
        )
        weight = known / (1 + (np.nan_to_num(size) / scale) ** 2)
    return offset, slope


def _direction(turn: Array, rate: Array | None) -> Array:
    """[series] whether the angle is as it should be, and not its mirror image."""
    grows = turn.mean(1) >= 0 if turn.shape[1] else np.ones(len(turn), dtype=bool)
    if rate is None or turn.shape[1] < 2:
        return grows
    centred = (turn[:, 1:] + turn[:, :-1]) / 2
    recorded = np.where(np.isfinite(rate), rate, np.nan)[:, 1:-1]
    both = np.isfinite(recorded)
    count = np.maximum(both.sum(1, keepdims=True), 1)
    left = np.where(both, centred - np.where(both, centred, 0).sum(1, keepdims=True) / count, 0)
    right = np.where(both, recorded - np.nansum(recorded, axis=1, keepdims=True) / count, 0)
    norm = np.sqrt((left**2).sum(1) * (right**2).sum(1))
    agreement = np.divide((left * right).sum(1), norm, out=np.zeros(len(turn)), where=norm > 1e-12)
    return np.where(np.abs(agreement) > CLEAR, agreement > 0, grows)
