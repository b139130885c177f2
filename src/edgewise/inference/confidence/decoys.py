"""Decoys: senders that cannot act, put beside the real ones to see what evidence arises by chance.

Where there are several recordings, a decoy of sender j is j's own trajectory in another recording; where there is one,
it is j's trajectory turned in time by at least a quarter of its length, the end joined to the beginning. A decoy moves
as its sender does (the same states, speeds and smoothness) and knows nothing of the receiver's increments. The law, the
receiver and the real candidates stay as they are; the decoy is one more candidate.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from edgewise.errors import DataError
from edgewise.inference.candidates import CandidateRelation
from edgewise.inference.confidence.folds import FoldedObservations
from edgewise.inference.law import geometry
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.model import SuperpositionModel

FEW = 10
"""Sets of decoys below which those of other recordings are turned in time, too."""
STATES = ("position", "velocity", "context", "after", "present")
"""What a decoy brings along."""


@dataclass(frozen=True)
class DecoyedObservations(FoldedObservations):
    """Observations with the states of each entity's decoy beside them, `decoy`, in the same layout."""

    decoy: Observations


@dataclass(frozen=True)
class Draw:
    """Where a set of decoys comes from: recording `source` (a permutation), `shift` frames later; [recording] each."""

    source: np.ndarray
    shift: np.ndarray

    def mirrored(self) -> "Draw":
        """The draw in which senders and receivers change places: decoys of here for the receivers of there."""
        source, shift = np.empty_like(self.source), np.empty_like(self.shift)
        source[self.source] = np.arange(len(source))
        shift[self.source] = -self.shift
        return Draw(source, shift)


def with_decoys(data: FoldedObservations, source: np.ndarray, shift: np.ndarray) -> DecoyedObservations:
    """Observations whose decoys are read from recording `source`, `shift` frames later (after the end, the start).

    Args:
        data: as `observe` gives them: all stretches of a recording after each other.
        source: [recording] where the decoys of a recording come from; shift: [recording], in frames.
    """
    n_recordings = int(data.sequence.max()) + 1
    length = recorded_frames(data)
    frames = np.arange(data.target.shape[1] * (len(data) // n_recordings))
    index = (frames[None] + shift[:, None]) % length[source][:, None]
    rows, columns = torch.from_numpy(source)[:, None], torch.from_numpy(index)

    def moved(values: Tensor) -> Tensor:
        whole = values.unflatten(0, (n_recordings, -1)).flatten(1, 2)
        return whole[rows, columns].unflatten(1, (-1, values.shape[1])).flatten(0, 1)

    decoy = replace(data, **{name: moved(getattr(data, name)) for name in STATES})
    return DecoyedObservations(**{f.name: getattr(data, f.name) for f in fields(data)}, decoy=decoy)


def recorded_frames(data: Observations) -> np.ndarray:
    """[recording] the number of frames up to the last one at which anybody is there (at least 1)."""
    n_recordings = int(data.sequence.max()) + 1
    there = data.present.unflatten(0, (n_recordings, -1)).flatten(1, 2).amax(-1).numpy() > 0
    return np.where(there.any(1), there.shape[1] - there[:, ::-1].argmax(1), 1)


def draw_decoys(
    data: Observations, count: int, seed: int, *, group: np.ndarray | None = None
) -> Iterator[Draw]:
    """At most `count` sets of decoys, no two alike.

    From every other recording as it is, so that motion which changes in the course of a recording is compared at the
    same frames; if these are fewer than `FEW`, then also from other recordings turned in time. With one recording,
    every turn by a quarter to three quarters of its length is used at most once.

    Args:
        group: [recording] decoys come from recordings of the same group, if each has two or more; by default all are
            one.

    Raises:
        DataError: one recording of fewer than four frames.
    """
    rng = np.random.default_rng(seed)
    length = recorded_frames(data)
    n_recordings = len(length)
    here = np.arange(n_recordings)
    if n_recordings == 1:
        turns = rng.permutation(np.arange(-(-length[0] // 4), length[0] - -(-length[0] // 4) + 1))
        if length[0] < 4:
            raise DataError(
                f"one recording of {length[0]} transitions, from which no decoy can be made",
                expected="at least 4 transitions, or several recordings",
                fix="use longer recordings, or switch fdr off",
            )
        for turn in turns[:count]:
            yield Draw(here, np.array([turn]))
        return
    groups = [here] if group is None else [np.nonzero(group == name)[0] for name in np.unique(group)]
    groups = groups if min(map(len, groups)) > 1 else [here]
    offsets = rng.permutation(np.arange(1, min(map(len, groups))))
    for number in range(min(count, max(len(offsets), FEW))):
        source = np.empty_like(here)
        for members in groups:
            source[members] = np.roll(members, -offsets[number % len(offsets)])
        turned = number >= len(offsets)
        low = -(-length[source] // 4)
        shift = low + (rng.random(n_recordings) * (length[source] - 2 * low + 1)).astype(np.int64)
        yield Draw(source, shift if turned else np.zeros_like(shift))


def decoy_messages(model: SuperpositionModel, batch: DecoyedObservations) -> Tensor:
    """What the decoy of each candidate would do to each receiver: [stretch, time, entity, slot, type, target].

    The law is read once on real entities and decoys together, the decoy of entity j being entity n + j.
    """
    n, decoy = batch.n_entities, batch.decoy
    complete = CandidateRelation(batch.slots).complete
    if complete:  # a symmetric law needs both directions of every pair
        slots = torch.zeros(len(batch), 2 * n, 2 * n - 1, dtype=torch.int64)
    else:
        slots = torch.cat([batch.slots + n, batch.slots], 1)
    pairs = CandidateRelation(slots)
    both = {name: torch.cat([getattr(batch, name), getattr(decoy, name)], 2) for name in STATES}
    context = torch.cat([model.context(batch), model.context(decoy)], 2)
    pair = geometry(both["position"], both["velocity"], pairs) if both["position"].shape[-1] else {}
    after = both["after"] if model.law.config.instantaneous else None
    messages = model.law(both["position"], both["velocity"], context, pairs, pair, after)
    messages = messages * pairs.senders(both["present"][..., None])[..., None]
    if model.layers and bool(model.null):
        messages = messages - messages[..., :1, :]  # as in the model's terms: layers add up from nothing
    if not complete:
        return messages[:, :, :n]
    # receiver i < n hears everybody but itself, so that entity n + j is its slot n + j - 1
    return messages[:, :, torch.arange(n)[:, None], batch.slots[0] + n - 1]
