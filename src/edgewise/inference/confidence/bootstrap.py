"""Intervals for one recording: what other stretches of the same motion would have said.

A long recording gives one posterior, whose probabilities are given the noise model. Moving blocks (Kuensch 1989) ask
the recording itself how much its evidence varies: blocks of successive frames, drawn with replacement until the
recording is full again, keep the dependence within a block. The law is held fixed, and a sum over frames is all that
the posterior needs of the data, so a resample costs only sums of forms,

    G* = sum over drawn blocks b of G_b,    c* = sum over drawn blocks b of c_b

and one posterior (beyond 65,536 configurations a receiver: one estimate of it). An interval goes from the 5 % to the
95 % quantile over the resamples.

A block is at least n^(1/3) of the n frames long, the rate at which a variance is estimated best (Hall, Horowitz & Jing
1995), and twice as long as residuals are clearly correlated. Where there are several recordings each is resampled
within itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from edgewise.inference.confidence.decoys import recorded_frames
from edgewise.inference.confidence.ensemble import Member
from edgewise.inference.config import GraphConfig
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.configurations import enumerate_configurations, posterior_over
from edgewise.inference.superposition.influence import LEAST_MOTION
from edgewise.inference.superposition.model import QuadraticForm, SuperpositionModel
from edgewise.inference.superposition.phases import EXACTLY, arranged, at_known_gain
from edgewise.inference.superposition.posterior import (
    both_ways,
    candidate_pairs,
    dense_posterior,
    sampled_marginals,
    tempered,
)
from edgewise.inference.superposition.search import SHORT

UNITS = 4
"""Positions within a block at which another may begin."""
TAIL = 0.05
"""Share of the resamples below the lower, and above the upper end of an interval."""
STRETCHES = 64
BATCH = 50
"""Resamples whose posteriors are computed at once."""


def block_length(n_frames: int, n_lags: int) -> int:
    """Frames in a block, from the frames of a recording and the lags at which residuals are clearly correlated."""
    wanted = max(int(np.ceil(n_frames ** (1 / 3))), 2 * (n_lags + 1))
    return int(np.clip(wanted, 1, max(n_frames // 4, 1)))


def draw_counts(n_units: int, per_block: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """How often each unit of time is in each resample: [count, n_units], rows sum to n_units.

    Blocks of `per_block` successive units begin anywhere; the last one drawn is cut short.
    """
    per_block = min(per_block, n_units)
    starts = rng.integers(0, n_units - per_block + 1, size=(count, -(-n_units // per_block)))
    drawn = (starts[..., None] + np.arange(per_block)).reshape(count, -1)[:, :n_units]
    counts = np.zeros((count, n_units))
    np.add.at(counts, (np.arange(count)[:, None], drawn), 1)
    return counts


def in_units(data: Observations, length: int) -> Observations:
    """All recordings cut into units of `length` transitions, the last padded with weight 0."""
    n_recordings = int(data.sequence.max()) + 1
    n_frames = data.target.shape[1] * (len(data) // n_recordings)
    count = -(-n_frames // length)

    def cut(values: Tensor) -> Tensor:
        whole = values.unflatten(0, (n_recordings, -1)).flatten(1, 2)
        pad = whole.new_zeros(n_recordings, count * length - n_frames, *whole.shape[2:])
        return torch.cat([whole, pad], 1).unflatten(1, (count, length)).flatten(0, 1)

    first = torch.searchsorted(data.sequence, torch.arange(n_recordings))
    sequence = torch.arange(n_recordings).repeat_interleave(count)
    start = torch.arange(count).repeat(n_recordings) * length
    known = {"slots": data.slots[first][sequence], "sequence": sequence, "start": start}
    parts = {
        f.name: known[f.name] if f.name in known else cut(getattr(data, f.name)) for f in fields(Observations)
    }
    return Observations(**parts)


@dataclass(frozen=True)
class UnitSums:
    """What a resample adds up, [recording, unit, receiver, ...].

    Attributes:
        form: the quadratic form, before offsets are projected out.
        effect: [..., slot, type, type] sum of f_k . f_l over what was observed, in the targets' scales.
        motion, count: [...] sum of squared targets, numbers observed.
    """

    form: QuadraticForm
    effect: Tensor
    motion: Tensor
    count: Tensor


@torch.no_grad()
def unit_sums(model: SuperpositionModel, units: Observations) -> UnitSums:
    """The sums of every unit of time under a law."""
    forms, others = [], []
    for at in range(0, len(units), STRETCHES):
        batch = units[torch.arange(at, min(at + STRETCHES, len(units)))]
        own, messages, log_sigma = model.terms(batch)
        forms.append(model.form_of(batch, own, messages, log_sigma).map(lambda part: part[:, 0]))
        seen = messages * batch.weight[:, :, :, None, None]
        others.append(
            (
                torch.einsum("utrskd,utrsld->urskl", seen, messages).double(),
                (batch.target.square() * batch.weight).sum((1, -1)).double(),
                batch.weight.sum((1, -1)).double(),
            )
        )
    n_recordings = int(units.sequence.max()) + 1
    form = QuadraticForm(
        **{name: torch.cat([getattr(form, name) for form in forms]) for name in QuadraticForm.__annotations__}
    )
    effect, motion, count = (
        torch.cat(parts).unflatten(0, (n_recordings, -1)) for parts in zip(*others, strict=True)
    )
    return UnitSums(form.map(lambda part: part.unflatten(0, (n_recordings, -1))), effect, motion, count)


def resampled_intervals(
    readers: Sequence[Member],
    data: Observations,
    graph: GraphConfig,
    log_prior: Tensor,
    *,
    count: int,
    n_lags: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Lower and upper ends of 90 % intervals of every probability, and of influence where gains are known.

    Args:
        readers: the fitted laws, whose probabilities are averaged; influence is that of the first.
        count: resamples; n_lags: lags at which the residuals are clearly correlated.

    Returns: low, high [graph, 1, receiver, sender, type]; influence_low, influence_high [graph, receiver, sender].
    """
    length = recorded_frames(data)
    block = block_length(int(np.median(length)), n_lags)
    unit = -(-block // UNITS)
    units = in_units(data, unit)
    sums = [unit_sums(reader.model, units) for reader in readers]
    weights = _drawn_weights(length, unit, -(-block // unit), units, count, seed)
    found, sizes = [], []
    for some in weights.split(BATCH):
        members = [
            _probabilities(reader, known, some, data, graph, log_prior, seed)
            for reader, known in zip(readers, sums, strict=True)
        ]
        found.append(torch.stack(members).mean(0))
        if not readers[0].model.gain:
            null = bool(readers[0].model.null)
            sizes += [
                _influence(sums[0], weight, own[:, 0], data, null=null)
                for weight, own in zip(some, members[0], strict=True)
            ]
    ends = _interval(torch.cat(found))
    known = {"low": ends[0], "high": ends[1]}
    if sizes:
        known["influence_low"], known["influence_high"] = _interval(torch.stack(sizes))
    return known


def _interval(values: Tensor) -> tuple[np.ndarray, np.ndarray]:
    low, high = np.quantile(values.numpy(), [TAIL, 1 - TAIL], axis=0)
    return low, high


def _drawn_weights(
    length: np.ndarray, unit: int, per_block: int, units: Observations, count: int, seed: int
) -> Tensor:
    """[count, recording, unit] how often each unit counts; those beyond the end of a recording never do."""
    rng = np.random.default_rng(seed)
    n_recordings = len(length)
    weights = np.zeros((count, n_recordings, len(units) // n_recordings))
    for recording, frames in enumerate(length):
        n_units = -(-int(frames) // unit)
        weights[:, recording, :n_units] = draw_counts(n_units, per_block, count, rng)
    return torch.from_numpy(weights)


def _weighted(form: QuadraticForm, weight: Tensor) -> QuadraticForm:
    """The form of a resample, [recording, receiver]: a sum over units with weights [recording, unit]."""
    return form.map(lambda part: torch.einsum("su,su...->s...", weight, part))


def _probabilities(
    reader: Member,
    sums: UnitSums,
    weights: Tensor,
    data: Observations,
    graph: GraphConfig,
    log_prior: Tensor,
    seed: int,
) -> Tensor:
    """[resample, graph, 1, receiver, sender, type] of some resamples, types in the order of the first member.

    `weights`: [resample, recording, unit].
    """
    model = reader.model
    drawn = [_weighted(sums.form, weight).map(lambda part: part[:, None]) for weight in weights]
    forms = [arranged(form, graph.graph, gain=model.gain) for form in drawn]
    parts = {
        name: torch.cat([getattr(form, name) for form in forms]) for name in QuadraticForm.__annotations__
    }
    by_slot = _by_slot(model, tempered(QuadraticForm(**parts), reader.temperature), graph, log_prior, seed)
    n_graphs = 1 if graph.graph == "shared" else int(data.sequence.max()) + 1
    dense = torch.stack(
        [
            dense_posterior(own, data, n_graphs, null=bool(model.null))
            for own in by_slot.unflatten(0, (len(weights), -1))
        ]
    )
    if graph.undirected:
        dense = both_ways(dense, log_prior, candidate_pairs(data, n_graphs))
    return dense[..., list(reader.order)]


def _by_slot(
    model: SuperpositionModel, form: QuadraticForm, graph: GraphConfig, log_prior: Tensor, seed: int
) -> Tensor:
    """[receiver, window, slot, type]: exact while all configurations can be summed, by short chains beyond."""
    level, n_types = model.level.double(), model.n_types
    n_slots = (form.cross.shape[-1] - int(model.gain)) // (n_types - 1)
    if n_types**n_slots <= EXACTLY:
        table = enumerate_configurations(n_slots, n_types)
        pooled = model.gain and graph.graph == "shared"
        found = posterior_over(form, table, level, log_prior, gain=model.gain, pooled=pooled)
        return found.probability
    walked = at_known_gain(form, level, gain=model.gain)
    return sampled_marginals(walked, level, log_prior, seed, lengths=SHORT)[:, None]


def _influence(
    sums: UnitSums, weight: Tensor, probability: Tensor, data: Observations, *, null: bool
) -> Tensor:
    """[graph, receiver, sender] as `edgewise.inference.superposition.influence` has it, of a resample."""
    effect, motion, count = (
        torch.einsum("su,su...->s...", weight, part) for part in (sums.effect, sums.motion, sums.count)
    )
    n_recordings, n = motion.shape
    first = torch.searchsorted(data.sequence, torch.arange(n_recordings))
    slots = data.slots[first]
    believed = probability.expand(n_recordings, *probability.shape[1:])
    p = believed.gather(2, slots[..., None].expand(*slots.shape, believed.shape[-1])).clone()
    if null:
        p[..., 0] = 0.0
    power = torch.einsum("srck,srckl,srcl->src", p, effect, p)
    dense = torch.zeros(n_recordings, n, n, dtype=torch.float64).scatter(2, slots, power)
    if len(probability) == 1:
        dense, motion, count = (part.sum(0, keepdim=True) for part in (dense, motion, count))
    least = LEAST_MOTION**2 * count.clamp_min(1)
    return (dense.clamp_min(0) / torch.maximum(motion, least).clamp_min(1e-30)[..., None]).sqrt()
