"""Coefficients of one recording given what is believed of its graph, and the recording rolled on with them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from edgewise.inference.linear.rows import Series, Terms, receiver_rows, rows_of


@dataclass(frozen=True)
class Coefficients:
    """Posterior means, of standardised series.

    Attributes:
        own: [entity, term, feature] of a constant and the receiver's own earlier frames.
        sent: [receiver, sender, column, feature]; noise: [entity, feature] standard deviation.
        sizes: [receiver, sender] root mean square of what each sender adds.
    """

    own: np.ndarray
    sent: np.ndarray
    noise: np.ndarray
    sizes: np.ndarray

    def to_dict(self) -> dict[str, np.ndarray]:
        """What a forecast needs, by name."""
        return {"own": self.own, "sent": self.sent, "noise": self.noise}


def coefficients_of(series: Series, terms: Terms, acts: np.ndarray, tau: Tensor) -> Coefficients:
    """E[w | data] under w_ij ~ N(0, p_ij sigma^2 tau), p_ij = acts[receiver, sender] being the belief in a pair.

    With certain beliefs it is the posterior mean given the graph; in between it has the prior variance of s_ij w_ij.
    """
    rows, n = rows_of(series, terms), series.n_entities
    n_features, n_columns = rows.target.shape[-1], rows.sent.shape[-1]
    n_own = rows.own.shape[-1]
    variance = terms.variances(tau, n_columns).numpy()
    own = np.zeros((n, n_own + 1, n_features))
    sent = np.zeros((n, n * n_columns, n_features))
    noise, sizes = np.zeros((n, n_features)), np.zeros((n, n))
    for i in range(n):
        receiver = receiver_rows(rows, series, i)
        if not receiver.left:
            continue
        scale = np.sqrt(acts[i][:, None] * variance).ravel()
        left = receiver.beside_own(receiver.sent) * scale
        w = scale[:, None] * np.linalg.solve(np.eye(len(scale)) + left.T @ left, left.T @ receiver.target)
        rest = receiver.target - receiver.sent @ w
        beside = np.linalg.lstsq(receiver.own, rest, rcond=None)[0]
        own[i, 0], own[i, 1:][receiver.terms] = beside[0], beside[1:]
        sent[i] = w
        noise[i] = (rest - receiver.own @ beside).std(0)
        columns = (receiver.sent - receiver.sent.mean(0)).reshape(-1, n, n_columns)
        message = np.einsum("tjc,jcf->tjf", columns, w.reshape(n, n_columns, -1))
        sizes[i] = np.sqrt(np.square(message).mean((0, 2)))
    return Coefficients(own, sent.reshape(n, n, n_columns, n_features), noise, sizes)


def mean_of(parts: Sequence[Coefficients]) -> Coefficients:
    """The mean over recordings."""
    return Coefficients(
        *(np.mean([getattr(part, name) for part in parts], 0) for name in ("own", "sent", "noise", "sizes"))
    )


def roll(
    series: Series,
    known: Coefficients,
    terms: Terms,
    steps: int,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """The next frames in data units: [step, entity, feature]; with noise where a generator is given.

    Where senders act within a frame the next one is on both sides of the equation: x = B x + c, and so
    x = (I - B)^-1 c. An entity whose last frames are not known has no forecast; it sends its mean.
    """
    past = [series.values[-1 - lag] for lag in range(terms.lags + 1)]
    missing = ~np.isfinite(np.stack(past)).all((0, -1)) | ~series.there[-1]
    past = [np.nan_to_num(frame) for frame in past]
    n, n_features = past[0].shape
    within = np.zeros((n * n_features, n * n_features))
    lagged = known.sent
    if terms.instantaneous:
        within = known.sent[:, :, :n_features].transpose(0, 3, 1, 2).reshape(n * n_features, -1)
        lagged = known.sent[:, :, n_features:]
    frames = []
    for _ in range(steps):
        state = np.concatenate(past, -1)  # [entity, term]
        base = known.own[:, 0] + np.einsum("it,itf->if", state, known.own[:, 1:])
        base = base + np.einsum("jc,ijcf->if", state, lagged)
        if rng is not None:
            base = base + known.noise * rng.standard_normal(base.shape)
        following = np.linalg.solve(np.eye(len(within)) - within, base.reshape(-1)).reshape(base.shape)
        frames.append(following)
        past = [following, *past[:-1]]
    out = np.stack(frames) * series.scale + series.center
    return np.where(missing[None, :, None], np.nan, out)
