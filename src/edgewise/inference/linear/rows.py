"""The regressions of a linear law: what each entity's next frame is explained by.

    x_i(t+1) = a_i + sum_l A_il x_i(t-l) + sum_j s_ij [ B_ij x_j(t+1) + sum_l C_ijl x_j(t-l) ] + noise

with l = 0 .. lags; B, what acts within a frame, only where `instantaneous` (structural autoregression, Lütkepohl 2005,
chapter 9; Smith et al. 2011 for slowly sampled brains). Each pair has coefficients of its own, all of them 0 unless
s_ij = 1. Series are standardised one by one in each recording, so that coefficients have no units.
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from edgewise.data.roles import features
from edgewise.errors import DataError
from edgewise.inference.gaps import fill_gaps

LEAST_ROWS = 8
"""Frames that can be explained, beside a receiver's own terms, below which a recording says nothing of it."""


@dataclass(frozen=True)
class Terms:
    """What enters: `lags` earlier frames beside the present one, and the next one of senders if `instantaneous`."""

    lags: int
    instantaneous: bool

    def variances(self, tau: Tensor, n_columns: int) -> Tensor:
        """The variance of each coefficient of a sender: tau [2], within a frame and later -> [column]."""
        per_feature = self.lags + 1 + int(self.instantaneous)
        kinds = torch.ones(per_feature, dtype=torch.int64)
        kinds[0] = 0 if self.instantaneous else 1
        return tau[kinds.repeat_interleave(n_columns // per_feature)]


@dataclass(frozen=True)
class Series:
    """One recording, standardised.

    Attributes:
        values: [time, entity, feature] float64, gaps bridged, NaN where nothing is known.
        seen: [time, entity, feature] whether the value was observed (a bridged one is no target).
        there: [time, entity] from the first to the last frame at which the entity was seen.
        center, scale: [entity, feature] mean and standard deviation; scale 0: a series that never changes.
    """

    values: np.ndarray
    seen: np.ndarray
    there: np.ndarray
    center: np.ndarray
    scale: np.ndarray

    @classmethod
    def of(cls, raw: np.ndarray, bridge: int) -> Self:
        """[time, entity, feature] in data units -> the standardised recording."""
        seen = np.isfinite(raw)
        known = seen.any(0)
        filled = np.where(known, raw, 0.0)
        center, scale = np.nanmean(filled, 0), np.nanstd(filled, 0)
        scale = np.where(scale > 1e-9 * (np.abs(center) + 1e-300), scale, 0.0)
        return cls.scaled(raw, bridge, center, scale)

    @classmethod
    def scaled(cls, raw: np.ndarray, bridge: int, center: np.ndarray, scale: np.ndarray) -> Self:
        """The same by another recording's means and standard deviations."""
        seen, values = np.isfinite(raw), fill_gaps(raw[None], bridge)[0]
        values = np.where(scale > 0, (values - center) / np.where(scale > 0, scale, 1.0), values * 0.0)
        anything = np.any(seen, -1)
        begun = np.maximum.accumulate(anything, 0)
        goes_on = np.maximum.accumulate(anything[::-1], 0)[::-1]
        return cls(values, seen & (scale > 0), begun & goes_on, center, scale)

    @property
    def n_entities(self) -> int:
        return self.values.shape[1]


def raw_values(ds: xr.Dataset) -> np.ndarray:
    """[sequence, time, entity, feature] float64, in data units."""
    return np.stack([ds[name].to_numpy().astype(np.float64) for name in features(ds)], -1)


def recordings(ds: xr.Dataset, bridge: int) -> list[Series]:
    """The recordings of validated data.

    Raises:
        DataError: where no feature of any entity ever changes.
    """
    found = [Series.of(part, bridge) for part in raw_values(ds)]
    if not any((series.scale > 0).any() for series in found):
        raise DataError(
            "no feature of any entity ever changes",
            expected="series that vary",
            fix="check the columns that were read",
        )
    return found


@dataclass(frozen=True)
class Rows:
    """What is explained, and by what: one row a frame.

    Attributes:
        target: [row, entity, feature]; own: [row, entity, term]; sent: [row, entity, column], 0 where the sender is not
            there; usable: [row, entity, feature] whether the target and all that explains it are known.
    """

    target: np.ndarray
    own: np.ndarray
    sent: np.ndarray
    usable: np.ndarray


def rows_of(series: Series, terms: Terms) -> Rows:
    """Cut a recording into rows; none where it is too short."""
    x, first = series.values, terms.lags + 1
    n_rows = max(len(x) - first, 0)

    def earlier(values: np.ndarray, by: int) -> np.ndarray:
        return values[first - by : first - by + n_rows]

    own = np.concatenate([earlier(x, lag + 1) for lag in range(terms.lags + 1)], -1)
    sent = np.concatenate([earlier(x, 0), own], -1) if terms.instantaneous else own
    there = np.logical_and.reduce([earlier(series.there, by) for by in range(terms.lags + 2)])
    sent = np.where(there[..., None], sent, 0.0)
    known = np.logical_and.reduce(
        np.isfinite(sent), axis=(1, 2)
    )  # an unknown sender leaves nothing of the frame
    explained = np.logical_and.reduce(np.isfinite(own), axis=-1) & known[:, None] & there
    usable = earlier(series.seen, 0) & explained[..., None]
    return Rows(earlier(x, 0), np.nan_to_num(own), np.nan_to_num(sent), usable)


@dataclass(frozen=True)
class Regressions:
    """The regressions of all receivers of a recording on all senders, own terms projected out; a sum over frames.

    Attributes:
        gram: [receiver, sender, column, sender, column]; cross: [receiver, sender, column, feature];
        square, count: [receiver, feature] squared length of what is explained, and degrees of freedom.
    """

    gram: Tensor
    cross: Tensor
    square: Tensor
    count: Tensor

    @property
    def heard(self) -> Tensor:
        """[receiver, sender] whether the sender has anything to explain the receiver by."""
        return self.gram.diagonal(dim1=1, dim2=3).diagonal(dim1=1, dim2=2).sum(-1) > 0

    def scaled(self, factor: Tensor) -> "Regressions":
        """On columns that are multiplied by a factor each: [column]."""
        gram = self.gram * factor[:, None, None] * factor
        return replace(self, gram=gram, cross=self.cross * factor[:, None])


def regressions(series: Series, terms: Terms) -> Regressions:
    """The regressions of one recording (Frisch & Waugh 1933: own terms are projected out of both sides).

    All features of a receiver are explained on the frames at which all of those that vary are known.
    """
    rows, n = rows_of(series, terms), series.n_entities
    n_features, n_columns = rows.target.shape[-1], rows.sent.shape[-1]
    gram = torch.zeros(n, n * n_columns, n * n_columns, dtype=torch.float64)
    cross = torch.zeros(n, n * n_columns, n_features, dtype=torch.float64)
    square = torch.zeros(n, n_features, dtype=torch.float64)
    count = torch.zeros(n, n_features, dtype=torch.float64)
    for i in range(n):
        receiver = receiver_rows(rows, series, i)
        if not receiver.left:
            continue
        a, y = receiver.beside_own(receiver.sent), receiver.beside_own(receiver.target)
        gram[i], cross[i] = torch.from_numpy(a.T @ a), torch.from_numpy(a.T @ y)
        square[i] = torch.from_numpy((y * y).sum(0))
        count[i] = torch.from_numpy(np.where(receiver.varies, float(receiver.left), 0.0))
    shape = (n, n, n_columns)
    return Regressions(gram.view(*shape, n, n_columns), cross.view(*shape, n_features), square, count)


@dataclass(frozen=True)
class ReceiverRows:
    """What one receiver's regression is made of.

    Attributes:
        target: [row, feature], 0 where a feature never varies; sent: [row, sender * column], its own columns 0.
        own: [row, term] a constant and its own earlier frames, those that vary; terms: [all terms but the constant]
            which these are; varies: [feature] which features are explained.
    """

    target: np.ndarray
    sent: np.ndarray
    own: np.ndarray
    terms: np.ndarray
    varies: np.ndarray

    @property
    def left(self) -> int:
        """Degrees of freedom beside the receiver's own terms; 0 where they are too few to tell anything."""
        left = len(self.target) - self.own.shape[1]
        return left if left >= LEAST_ROWS and self.varies.any() else 0

    def beside_own(self, columns: np.ndarray) -> np.ndarray:
        """Columns [row, ...] with the receiver's own terms projected out."""
        basis = np.linalg.qr(self.own)[0]
        return columns - basis @ (basis.T @ columns)


def receiver_rows(rows: Rows, series: Series, receiver: int) -> ReceiverRows:
    """The frames at which all features of a receiver that vary are known, and what explains them."""
    varies = series.scale[receiver] > 0
    keep = (rows.usable[:, receiver] | ~varies).all(-1)
    sent = rows.sent[keep]
    sent[:, receiver] = 0.0
    own = rows.own[keep, receiver]
    terms = own.any(0)
    own = np.concatenate([np.ones((len(own), 1)), own[:, terms]], 1)
    return ReceiverRows(rows.target[keep, receiver] * varies, sent.reshape(len(sent), -1), own, terms, varies)
