"""Control of false discoveries: how often would a sender that cannot act look like one that does?

The score of a pair is its posterior log-odds of "some interaction", less those of the best decoy of the receiver's
other senders if these are positive: some receivers are explained badly, and anything that is offered to them looks like
an edge. The scores of decoys (`edgewise.inference.confidence.decoys`), made in the same way, say how scores are
distributed where nothing acts, whatever is wrong with the noise model. With M decoys and m pairs, the p-value of a
score s and the q-value of the pair are

    p(s) = ( 1 + #{decoys with a score >= s} ) / ( 1 + M )
    q(s) = min over s' <= s of  m p(s') / #{pairs with a score >= s'}

the empirical p-value (Davison & Hinkley 1997, equation 4.11) and the procedure of Benjamini & Hochberg (1995): the
pairs with q <= alpha have an expected share of false ones of at most alpha. With as many decoys as pairs this is the
target-decoy estimate of Elias & Gygi (2007) with one decoy more, which keeps it valid for few discoveries. More
decoys than pairs are drawn where there are few pairs: with as many decoys as pairs, no q-value could be below 1 / m.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.inference.confidence.decoys import DecoyedObservations, Draw, draw_decoys, with_decoys
from edgewise.inference.confidence.folds import FoldedObservations
from edgewise.inference.confidence.held_out import CrossFitted
from edgewise.inference.config import GraphConfig
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.configurations import enumerate_configurations, posterior_over
from edgewise.inference.superposition.model import QuadraticForm
from edgewise.inference.superposition.phases import EXACTLY, at_known_gain
from edgewise.inference.superposition.posterior import (
    both_ways,
    candidate_pairs,
    dense_posterior,
    sampled_marginals,
    whole_form,
)
from edgewise.inference.superposition.search import SHORT

DECOYS = 5000
"""Decoys that are scored, if the data have so many: decides how small a q-value can be."""
MOST_SETS, MOST_SAMPLED_SETS = 40, 20
"""Most decoys of one pair; the same where posteriors are sampled, which takes longer."""
LEVEL = torch.ones((), dtype=torch.float64)
"""Noise level of forms in units of the noise."""
LEAST = 1e-300
"""Probabilities below this count as this."""


@dataclass(frozen=True)
class Judge:
    """Who judges: laws that have not seen what they judge, and how graphs are read.

    log_prior: [type].
    """

    laws: CrossFitted
    graph: GraphConfig
    log_prior: Tensor


@dataclass(frozen=True)
class Scores:
    """Log-odds of "some interaction".

    Attributes:
        pairs: [graph, window, receiver, sender], NaN where there is nothing to judge: no candidate, or the mirror image
            (receiver above sender) of an undirected pair.
        decoys: [number], of all decoys.
    """

    pairs: np.ndarray
    decoys: np.ndarray


def q_values(pairs: np.ndarray, decoys: np.ndarray) -> np.ndarray:
    """The q-value of each pair from the scores of pairs and of decoys, see the module; NaN where a score is."""
    q = np.full(pairs.shape, np.nan)
    judged = np.isfinite(pairs)
    scores = pairs[judged]
    known, place = np.unique(scores, return_inverse=True)  # ascending: equal scores stand or fall together
    p = (1 + len(decoys) - np.searchsorted(np.sort(decoys), known, side="left")) / (1 + len(decoys))
    at_least = len(scores) - np.searchsorted(np.sort(scores), known, side="left")
    q[judged] = np.minimum.accumulate(np.minimum(len(scores) * p / at_least, 1.0))[place]
    return q


def interaction_odds(probability: Tensor) -> Tensor:
    """log p(some interaction) - log p(none): [..., type] -> [...]."""
    some = probability[..., 1:].sum(-1).clamp_min(LEAST)
    return some.log() - probability[..., 0].clamp_min(LEAST).log()


@torch.no_grad()
def evidence_scores(judge: Judge, data: FoldedObservations, *, seed: int = 0) -> Scores:
    """Scores of all pairs of a data set and of their decoys.

    A pair and its decoy are scored in each other's company, so that under the hypothesis that neither acts they may be
    exchanged: what any sender could explain (a flaw of the receiver's own motion, say) goes to either of them. Where
    all configurations of the candidates and one decoy can be summed, one decoy at a time joins the candidates;
    elsewhere all do at once. With several sets of decoys a pair's score is its mean over the sets.

    Of an undirected pair both ends see one and the same path between them, and are judged by one law. So are both ends
    of its decoy: i hears the decoy of j, and where that comes from, in the same fold, j hears the decoy of i.

    Raises:
        ConfigError: where no type means "no interaction", or windows have too many candidates.
    """
    _check_judge(judge, data)
    n_graphs = 1 if judge.graph.graph == "shared" else int(data.sequence.max()) + 1
    wanted = _judged_once(judge.graph, data, n_graphs)  # [graph, 1, receiver, sender]
    most = MOST_SETS if _fits_one_more(judge, data) else MOST_SAMPLED_SETS
    sets = int(np.clip(np.ceil(DECOYS / max(float(wanted.sum()), 1)), 1, most))
    group = _fold_of_recordings(data) if judge.graph.undirected else None
    pairs, decoys = [], []
    for draw in draw_decoys(data, sets, seed, group=group):
        real, decoy, there = _odds(judge, data, draw, seed)
        rival = best_other(decoy, wanted, undirected=judge.graph.undirected)
        pairs.append(real - rival)
        decoys.append((decoy - rival)[there.expand_as(decoy)].numpy())
    scores = torch.where(wanted, torch.stack(pairs).mean(0), torch.nan)
    return Scores(scores.numpy(), np.concatenate(decoys))


def _fold_of_recordings(data: FoldedObservations) -> np.ndarray:
    first = torch.searchsorted(data.sequence, torch.arange(int(data.sequence.max()) + 1))
    return data.fold[first, 0].numpy()


def _odds(judge: Judge, data: FoldedObservations, draw: Draw, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Log-odds of the pairs and of a set of decoys: [graph, window, receiver, sender] each; and where decoys are."""
    real, decoy = _in_company(judge, with_decoys(data, draw.source, draw.shift), seed)
    candidates = candidate_pairs(data, len(real))
    if not judge.graph.undirected:
        return interaction_odds(real), interaction_odds(decoy), candidates
    mirror = draw.mirrored()
    _, back = _in_company(judge, with_decoys(data, mirror.source, mirror.shift), seed)
    at = draw.source if len(real) > 1 else np.zeros(1, dtype=np.int64)
    real = both_ways(real, judge.log_prior, candidates)
    decoy = both_ends(decoy, back[at], judge.log_prior, candidates, candidates[at])
    there = candidates | candidates[at].transpose(-1, -2)
    return interaction_odds(real), interaction_odds(decoy), there


def both_ends(here: Tensor, there: Tensor, log_prior: Tensor, heard: Tensor, heard_there: Tensor) -> Tensor:
    """The posterior of undirected decoys, from what i hears of the decoy of j here and j of the decoy of i there.

    The same sum as `both_ways`. Shapes: here, there [graph, window, receiver, sender, type]; heard, heard_there
    [graph, 1, receiver, sender] True where the sender was a candidate.
    """
    log_p = torch.where(heard[..., None], here.clamp_min(LEAST).log(), log_prior)
    log_q = torch.where(heard_there[..., None], there.clamp_min(LEAST).log(), log_prior)
    return (log_p + log_q.transpose(-2, -3) - log_prior).softmax(-1)


def best_other(decoy: Tensor, wanted: Tensor, *, undirected: bool) -> Tensor:
    """The largest score of the decoys of a receiver's other senders, at least 0: [graph, window, receiver, sender].

    `wanted`: [graph, 1, receiver, sender] True where there is a decoy. An undirected pair has two receivers, its ends.
    """
    there = (wanted | wanted.transpose(-1, -2)) if undirected else wanted
    scores = decoy.masked_fill(~there, 0.0)
    top = scores.topk(min(2, scores.shape[-1]), dim=-1)
    best, second = top.values[..., :1], top.values[..., -1:]
    is_best = torch.zeros_like(scores, dtype=torch.bool).scatter(-1, top.indices[..., :1], True)
    other = torch.where(is_best, second, best).clamp_min(0.0)
    return torch.maximum(other, other.transpose(-1, -2)) if undirected else other


def _check_judge(judge: Judge, data: Observations) -> None:
    if not judge.laws.null:
        raise ConfigError(
            "fdr for a law of which every type acts",
            expected="a type that means 'no interaction', for an edge to be compared with",
            fix="set no_interaction = 'yes' if some pairs do not interact, or switch fdr off",
        )
    if judge.graph.graph == "per-window" and not _fits_one_more(judge, data):
        n_slots, n_types = data.slots.shape[-1], judge.graph.edge_types
        raise ConfigError(
            f"fdr for per-window graphs of {n_slots} candidates and {n_types} types: with a decoy they have"
            f" {n_types}^{n_slots + 1} configurations",
            expected=f"at most {EXACTLY}",
            fix="name fewer candidates with neighbours, or infer one graph a sequence",
        )


def _fits_one_more(judge: Judge, data: Observations) -> bool:
    return judge.graph.edge_types ** (data.slots.shape[-1] + 1) <= EXACTLY


def _judged_once(graph: GraphConfig, data: Observations, n_graphs: int) -> Tensor:
    """[graph, 1, receiver, sender] True for candidates; of undirected pairs, above the diagonal."""
    candidates = candidate_pairs(data, n_graphs)
    if graph.undirected:
        return (candidates | candidates.transpose(-1, -2)).triu(1)
    return candidates


def _in_company(judge: Judge, data: DecoyedObservations, seed: int) -> tuple[Tensor, Tensor]:
    """Posterior of the directed pairs and of their decoys: [graph, window, receiver, sender, type] each."""
    form, n_graphs = whole_form(judge.laws, data, judge.graph)
    n_slots = data.slots.shape[-1]
    if _fits_one_more(judge, data):
        real, decoys = one_by_one(judge, form, n_slots)
    else:
        walked = at_known_gain(form, LEVEL, gain=judge.laws.gain)
        both = sampled_marginals(walked, LEVEL, judge.log_prior, seed, lengths=SHORT)[:, None]
        real, decoys = both[..., :n_slots, :], both[..., n_slots:, :]
    return (
        dense_posterior(real, data, n_graphs, null=True),
        dense_posterior(decoys, data, n_graphs, null=True),
    )


def one_by_one(judge: Judge, form: QuadraticForm, n_slots: int) -> tuple[Tensor, Tensor]:
    """Exact posterior of each candidate, and of its decoy as one more candidate: [receiver, window, slot, type] each.

    `form`: leading dimensions [receiver, window], columns of the candidates, then of the decoys in the same order.
    """
    graph, gain = judge.graph, judge.laws.gain
    per_slot = graph.edge_types - 1
    table = enumerate_configurations(n_slots + 1, graph.edge_types)
    candidates = torch.arange(int(gain) + n_slots * per_slot)
    real, decoys = [], []
    for slot in range(n_slots):
        columns = torch.cat([candidates, len(candidates) + slot * per_slot + torch.arange(per_slot)])
        one_more = replace(
            form, gram=form.gram[..., columns[:, None], columns], cross=form.cross[..., columns]
        )
        pooled = gain and graph.graph == "shared"
        found = posterior_over(
            one_more, table, LEVEL, judge.log_prior, stay=graph.stay, gain=gain, pooled=pooled
        )
        real.append(found.probability[..., slot, :])
        decoys.append(found.probability[..., -1, :])
    return torch.stack(real, 2), torch.stack(decoys, 2)
