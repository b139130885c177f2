"""The posterior over graphs of a whole data set, given a law."""

from dataclasses import asdict, dataclass
from typing import Protocol

import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.inference.config import GraphConfig
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.configurations import enumerate_configurations, posterior_over
from edgewise.inference.superposition.gain import without_offset
from edgewise.inference.superposition.model import QuadraticForm, SuperpositionModel
from edgewise.inference.superposition.phases import EXACTLY, at_known_gain, ridge_types
from edgewise.inference.superposition.search import LONG, Lengths, Sampler, sampled_posterior
from edgewise.inference.superposition.slab import (
    SUBSETS,
    StrengthPosterior,
    enumerated_strengths,
    slab_moments,
)
from edgewise.inference.superposition.slab_search import sampled_slab

STRETCHES = 64
PROFILE_STEPS = 4
RECEIVERS = 4096


class Forming(Protocol):
    """What `whole_form` asks of a model: the quadratic forms of a batch, and whether gains are profiled."""

    @property
    def gain(self) -> bool: ...

    def __call__(self, batch: Observations, window: int = 0, /) -> QuadraticForm: ...


@dataclass(frozen=True)
class GraphPosterior:
    """Attributes:
    probability: [sequence (1 if shared), window (1 unless per-window), receiver, sender, type]; the diagonal is
        type 0 with certainty. So is a pair that was no candidate, if type 0 is "no interaction"; where every type acts
        its probabilities are all 0: it has none of the types.
    exact: whether every configuration was summed (else parallel tempering).
    evidence: mean log marginal likelihood a number observed; NaN where it was not summed.
    level: the noise level that fits these data best.
    inflation: how alike the candidates' effects are; see `variance_inflation`.
    strength: [sequence (1 if shared), receiver, sender] each, where strengths are continuous.
    """

    probability: Tensor
    exact: bool
    evidence: float
    level: float
    inflation: float
    strength: StrengthPosterior | None = None

    @property
    def weight(self) -> Tensor:
        """What the message of each type is expected to count: its probability, or the strength; as `probability`."""
        if self.strength is None:
            return self.probability
        return torch.stack([self.probability[..., 0], self.strength.mean[:, None]], -1)


@torch.no_grad()
def whole_form(model: Forming, data: Observations, graph: GraphConfig) -> tuple[QuadraticForm, int]:
    """The quadratic forms of all graphs: leading dimensions [graph * receiver, window], and the number of graphs."""
    window = graph.window if graph.graph == "per-window" else 0
    starts = range(0, len(data), STRETCHES)
    pieces = [model(data[torch.arange(at, min(at + STRETCHES, len(data)))], window) for at in starts]
    form = QuadraticForm(
        **{
            name: torch.cat([getattr(piece, name) for piece in pieces])
            for name in QuadraticForm.__annotations__
        }
    )
    n_sequences = int(data.sequence.max()) + 1
    if model.gain and graph.graph != "per-window":  # a gain, and so a form, a recording
        form = form.map(lambda part: part[:, 0]).summed(data.sequence, n_sequences)
        form = without_offset(form).map(lambda part: part[None] if graph.graph == "shared" else part[:, None])
    elif graph.graph == "shared":
        form = form.map(lambda part: part.sum((0, 1))[None, None])
    elif graph.graph == "per-window":
        form = form.map(lambda part: part.unflatten(0, (n_sequences, -1)).flatten(1, 2))
        form = without_offset(form) if model.gain else form
    else:
        form = (
            form.map(lambda part: part[:, 0])
            .summed(data.sequence, n_sequences)
            .map(lambda part: part[:, None])
        )
    n_graphs = len(form.square)
    return form.map(lambda part: part.transpose(1, 2).flatten(0, 1)), n_graphs


def graph_posterior(
    model: SuperpositionModel,
    data: Observations,
    graph: GraphConfig,
    log_prior: Tensor,
    *,
    seed: int = 0,
    profile: bool = False,
    temperature: float = 1.0,
    start: Tensor | None = None,
) -> GraphPosterior:
    """Infer the graphs of a data set with a fitted law.

    Args:
        profile: re-estimate the noise level on these data by expectation-maximisation.
        temperature: what the log likelihood is divided by (`edgewise.inference.confidence.temperature`); the evidence
            and the noise level are those of the law itself.
        start: [graph, receiver, sender] int64, a graph that some of the chains begin at where the configurations are
            too many to be summed; of no account otherwise.

    Raises:
        ConfigError: where a per-window graph has more configurations than can be summed.
    """
    if graph.strengths == "continuous":
        return strengths_posterior(model, data, graph, log_prior, seed=seed, temperature=temperature)
    form, n_graphs = whole_form(model, data, graph)
    n_slots, n_types = data.slots.shape[-1], graph.edge_types
    exact = n_types**n_slots <= EXACTLY
    if graph.graph == "per-window" and not exact:
        raise ConfigError(
            f"per-window graphs of {n_slots} candidates and {n_types} types have {n_types}^{n_slots} configurations",
            expected=f"at most {EXACTLY}",
            fix="name fewer candidates with neighbours, or infer one graph a sequence",
        )
    level = model.level.double()
    evidence = float("nan")
    rules = {"stay": graph.stay, "gain": model.gain, "pooled": model.gain and graph.graph == "shared"}
    if exact:
        table = enumerate_configurations(n_slots, n_types)
        for _ in range(PROFILE_STEPS if profile else 0):
            square = posterior_over(form, table, level, log_prior, **rules).square
            level = (square.sum() / form.count.sum().clamp_min(1)).clamp_min(1e-8)
            level = level.float().double()  # as the model keeps it: applied to the same data it says the same
        found = posterior_over(form, table, level, log_prior, **rules)
        evidence = float(found.log_evidence.sum() / form.count.sum().clamp_min(1))
        if temperature != 1.0:
            found = posterior_over(tempered(form, temperature), table, level, log_prior, **rules)
        by_slot = found.probability
    else:
        walked = at_known_gain(tempered(form, temperature), level, gain=model.gain)
        known = None if start is None else _by_slot(start, data, n_graphs)
        by_slot = sampled_marginals(walked, level, log_prior, seed, start=known)[:, None]
    if profile:
        model.level.copy_(level.float())
    dense = dense_posterior(by_slot, data, n_graphs, null=bool(model.null))
    if graph.undirected:
        dense = both_ways(dense, log_prior, candidate_pairs(data, n_graphs))
    return GraphPosterior(dense, exact, evidence, float(level), variance_inflation(form, gain=model.gain))


@torch.no_grad()
def strengths_posterior(
    model: SuperpositionModel,
    data: Observations,
    graph: GraphConfig,
    log_prior: Tensor,
    *,
    seed: int = 0,
    temperature: float = 1.0,
) -> GraphPosterior:
    """Infer who acts in a data set, and how strongly, with a fitted law (`edgewise.inference.superposition.slab`).

    Args: as of `graph_posterior`; the level is the model's.
    """
    whole, n_graphs = whole_form(model, data, graph)
    form, level = whole.map(lambda part: part[:, 0]), model.level.double()
    exact = 2 ** data.slots.shape[-1] <= SUBSETS
    evidence = float("nan")
    if exact:
        total = slab_moments(form, level, log_prior).log_evidence.sum()
        evidence = float(total / form.count.sum().clamp_min(1))
        strength = enumerated_strengths(tempered(form, temperature), level, log_prior)
    else:
        strength = sampled_slab(tempered(form, temperature), level, log_prior, seed)[1]
    acts = strength.probability[:, None]
    dense = dense_posterior(torch.stack([1 - acts, acts], -1), data, n_graphs, null=True)
    slots, n = _graph_slots(data, n_graphs), data.n_entities

    def by_sender(part: Tensor) -> Tensor:
        return part.new_zeros(n_graphs, n, n).scatter(2, slots, part.unflatten(0, (n_graphs, n)))

    inflation = variance_inflation(whole)
    return GraphPosterior(dense, exact, evidence, float(level), inflation, strength.map(by_sender))


def tempered(form: QuadraticForm, temperature: float) -> QuadraticForm:
    """The form whose log likelihood is that of `form` divided by a temperature: every part is."""
    return form.map(lambda part: part / temperature)


def variance_inflation(form: QuadraticForm, *, gain: bool = False) -> float:
    """Median variance inflation factor of the message columns, 1 / (1 - R^2) (Belsley, Kuh & Welsch 1980).

    R^2 is the share of a candidate's whitened messages to a receiver that the other candidates' explain: 1 for
    unrelated senders; at 100, ninety-nine parts of a hundred could as well come from the others, and which sender acts
    is hardly decided by the data. (Where gains are profiled, the first column is no candidate.)
    """
    if gain:
        form = form.map(lambda part: part[..., 1:, 1:] if part.dim() > 3 else part)
    power = form.gram.diagonal(dim1=-1, dim2=-2)
    heard = power > 0  # a sender that is not there sends nothing, and takes no part
    size = torch.where(heard, power, 1.0).sqrt()
    correlation = form.gram / (size[..., :, None] * size[..., None, :])
    regular = torch.where(heard, 1e-9, 1.0).diag_embed()
    factors = torch.linalg.inv(correlation + regular).diagonal(dim1=-1, dim2=-2)
    return float(factors[heard].median()) if bool(heard.any()) else float("nan")


def sampled_marginals(
    form: QuadraticForm,
    level: Tensor,
    log_prior: Tensor,
    seed: int,
    *,
    start: Tensor | None = None,
    lengths: Lengths = LONG,
) -> Tensor:
    """[receiver, slot, type] by parallel tempering, for forms with leading dimensions [receiver].

    Chains begin at the best continuous configuration, and at `start` [receiver, slot] where there is one.
    """
    parts = []
    for at in range(0, len(form.square), RECEIVERS):
        piece = form.map(lambda part, at=at: part[at : at + RECEIVERS])
        generator = torch.Generator().manual_seed(seed + at)
        sampler = Sampler(piece, level, log_prior, generator)
        starts = [ridge_types(piece, level, len(log_prior))]
        if start is not None:
            starts.append(start[at : at + RECEIVERS])
        parts.append(sampled_posterior(sampler, start=torch.stack(starts, 1), **asdict(lengths)))
    return torch.cat(parts)


def _by_slot(types: Tensor, data: Observations, n_graphs: int) -> Tensor:
    """[graph, receiver, sender] -> [graph * receiver, slot]."""
    return types.gather(2, _graph_slots(data, n_graphs)).flatten(0, 1)


def _graph_slots(data: Observations, n_graphs: int) -> Tensor:
    """[graph, entity, candidate]: the candidates of each graph (those of its first stretch)."""
    first = torch.searchsorted(data.sequence, torch.arange(n_graphs))
    return data.slots[first]


def candidate_pairs(data: Observations, n_graphs: int) -> Tensor:
    """[graph, 1, receiver, sender] True where the sender was a candidate."""
    slots = _graph_slots(data, n_graphs)
    n = data.n_entities
    return torch.zeros(n_graphs, n, n, dtype=torch.bool).scatter_(2, slots, True)[:, None]


def dense_posterior(by_slot: Tensor, data: Observations, n_graphs: int, *, null: bool) -> Tensor:
    """[graph * receiver, window, slot, type] -> [graph, window, receiver, sender, type]; see `GraphPosterior`."""
    slots = _graph_slots(data, n_graphs)
    n_types = by_slot.shape[-1]
    values = by_slot.unflatten(0, (n_graphs, -1)).transpose(1, 2)  # [graph, window, receiver, slot, type]
    n = data.n_entities
    dense = torch.zeros(*values.shape[:3], n, n_types, dtype=torch.float64)
    dense[..., 0] = 1.0 if null else 0.0
    dense.diagonal(dim1=2, dim2=3)[:, :, 0] = 1.0
    index = slots[:, None, :, :, None].expand_as(values)
    return dense.scatter(3, index, values)


def both_ways(probability: Tensor, log_prior: Tensor, candidates: Tensor) -> Tensor:
    """Undirected: add the evidence of (i, j) and (j, i), counting the prior once.

        log p(k) = log p_ij(k) + log p_ji(k) - log prior(k) + const

    A direction that was no candidate brings no evidence. Shapes: probability [..., receiver, sender, type],
    candidates [..., receiver, sender].
    """
    log_p = torch.where(candidates[..., None], probability.clamp_min(1e-300).log(), log_prior)
    joint = (log_p + log_p.transpose(-2, -3) - log_prior).softmax(-1)
    either = (candidates | candidates.transpose(-1, -2))[..., None]
    return torch.where(either, joint, probability)
