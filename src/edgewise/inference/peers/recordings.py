"""What peers read: plain matrices of frames and series, without gaps, roles or physics."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from edgewise.inference.baselines import CONSTANT, Floats, Scope, feature_series, filled_series

Series = Literal["levels", "increments"]


@dataclass(frozen=True)
class Group:
    """The recordings of one graph.

    Attributes:
        recordings: each [time, column]; a column is a feature of an entity, entity by entity, centred and scaled in its
            recording.
        entity: [column], which entity a column belongs to.
        n_entities: how many there are; those without a column never change.
    """

    recordings: tuple[Floats, ...]
    entity: NDArray[np.int64]
    n_entities: int

    @property
    def joined(self) -> Floats:
        """All recordings one after the other: [time, column]. At each join one step in time is none."""
        return np.concatenate(self.recordings)

    def pairs(self, score: Floats) -> Floats:
        """The strongest |score| over the features of both ends.

        Args:
            score: [receiving column, sending column].

        Returns:
            [receiver, sender], 0 on the diagonal and where an end has no column that changes.
        """
        strongest = np.zeros((self.n_entities, self.n_entities))
        receiver, sender = np.meshgrid(self.entity, self.entity, indexing="ij")
        np.maximum.at(strongest, (receiver, sender), np.abs(score))
        np.fill_diagonal(strongest, 0.0)
        return strongest


def groups(ds: xr.Dataset, scope: Scope, series: Series) -> list[Group]:
    """The recordings of each graph that is sought: one a graph, or all of them for the one they share.

    Gaps are bridged by straight lines; before its first and after its last observation a series stays at its mean.
    Frames before and after everything are left out. Series that never change are too.

    Args:
        ds: a validated data set.
        scope: one graph a sequence, or one for all.
        series: every feature as it was recorded, or its increments from frame to frame.
    """
    raw = feature_series(ds)  # [feature, sequence, time, entity]
    if series == "increments":
        raw = np.diff(raw, axis=-2)
    values, used = filled_series(raw)
    n_features, n_sequences, _, n = values.shape
    columns = values.transpose(1, 2, 3, 0).reshape(n_sequences, -1, n * n_features)
    recordings = [rows[seen] for rows, seen in zip(columns, used, strict=True)]
    owner = np.repeat(np.arange(n), n_features)
    members = [recordings] if scope == "shared" else [[recording] for recording in recordings]
    return [_group(member, owner, n) for member in members]


def _group(recordings: list[Floats], owner: NDArray[np.int64], n: int) -> Group:
    kept = [recording for recording in recordings if len(recording)]
    spread = np.max([np.ptp(recording, axis=0) for recording in kept], axis=0, initial=0.0)
    changes = np.broadcast_to(spread > CONSTANT, owner.shape)
    return Group(tuple(recording[:, changes] for recording in kept), owner[changes], n)
