"""What a data set looks like, before anything is fitted."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr

from edgewise.data.roles import features, positions, role, velocities
from edgewise.inference.baselines import RIDGE, feature_series, filled_series

SOME = 20
"""Recordings that are looked at for correlations."""
CLEAR = 3.0
"""Standard errors above chance from which on effects count as falling within a frame."""
CROWD = 24
"""Entities above which only near ones are candidates, where there are positions to tell who is near."""


@dataclass(frozen=True)
class Survey:
    """A data set in the few facts that decide what is worth trying.

    Attributes:
        n_sequences, n_frames, n_entities: sizes; n_frames is the median number of frames at which anything was seen.
        n_features: all of them; position: axes of the position; velocity, rates: whether such were given.
        n_numbers: increments that may be explained, roughly: the numbers that were observed.
        missing: share of the values that were not, between the first and the last frame of a recording.
        same_entities: whether every entity is seen in every recording.
        autocorrelation: of a series with its next frame, median over series.
        within_frame: how far the residuals of a regression on the frame before are correlated between entities, in
            standard errors above what independent ones would be; NaN where frames are too few.
    """

    n_sequences: int
    n_frames: int
    n_entities: int
    n_features: int
    position: int
    velocity: bool
    rates: bool
    n_numbers: int
    missing: float
    same_entities: bool
    autocorrelation: float
    within_frame: float

    @property
    def slow(self) -> bool:
        """Whether effects arrive within a frame, as far as that shows."""
        return not self.position and self.within_frame > CLEAR

    @property
    def crowded(self) -> bool:
        """Whether there are too many entities for everybody to be a candidate, and positions to choose by."""
        return bool(self.position) and self.n_entities > CROWD

    def to_dict(self) -> dict[str, Any]:
        """For `run.json`."""
        return asdict(self)


def survey(ds: xr.Dataset) -> Survey:
    """Look at a validated data set."""
    values = feature_series(ds)  # [feature, sequence, time, entity]
    seen = np.isfinite(values)
    used = np.asarray(seen.any(axis=(0, 3)))
    some = np.linspace(0, len(used) - 1, min(len(used), SOME)).round().astype(int)
    return Survey(
        n_sequences=ds.sizes["sequence"],
        n_frames=int(np.median(used.sum(1))),
        n_entities=ds.sizes["entity"],
        n_features=len(features(ds)),
        position=len(positions(ds)),
        velocity=bool(velocities(ds)),
        rates=bool(role(ds, "rate")),
        n_numbers=int(seen.sum()),
        missing=float(1 - seen.sum() / max(used.sum() * seen.shape[0] * seen.shape[3], 1)),
        same_entities=bool(seen.any((0, 2)).all()),
        autocorrelation=_autocorrelation(values[:, some]),
        within_frame=_within_frame(values[:, some]),
    )


def _autocorrelation(values: np.ndarray) -> float:
    """Median over series of the correlation with the next frame: [feature, sequence, time, entity]."""
    filled, used = filled_series(values)
    steps = (used[:, :-1] & used[:, 1:])[..., None]
    now, after = filled[:, :, :-1] * steps, filled[:, :, 1:] * steps
    size = (now**2).sum(2) * (after**2).sum(2)
    moves = size > 0
    return float(np.median((now * after).sum(2)[moves] / np.sqrt(size[moves]))) if moves.any() else 0.0


def _within_frame(values: np.ndarray) -> float:
    """Correlation between entities of what a regression on the frame before leaves, in standard errors above chance.

    Of independent residuals over T frames, T r^2 is 1 on average with a variance of 2. The mean of it over pairs and
    recordings is compared with that.
    """
    filled, used = filled_series(values)
    excess, pairs = 0.0, 0
    for sequence in range(filled.shape[1]):
        state = filled[:, sequence, used[sequence]]  # [feature, time, entity]
        n_features, n_frames, n = state.shape
        free = n_frames - 1 - n * n_features
        if free < n:
            continue
        whole = np.moveaxis(state, 0, -1).reshape(n_frames, -1)
        now, after = whole[:-1], whole[1:]
        penalty = RIDGE * np.eye(whole.shape[1])
        left = (after - now @ np.linalg.solve(now.T @ now + penalty, now.T @ after)).reshape(
            -1, n, n_features
        )
        for k in range(n_features):
            size = np.sqrt((left[..., k] ** 2).sum(0))
            moves = size > 1e-9
            r = (left[..., k].T @ left[..., k])[np.ix_(moves, moves)] / np.outer(size[moves], size[moves])
            above = r[np.triu_indices(len(r), 1)]
            excess += float((free * above**2 - 1).sum())
            pairs += len(above)
    return float(excess / np.sqrt(2 * pairs)) if pairs else float("nan")
