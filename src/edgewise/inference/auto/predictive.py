"""How well settings foretell what their fit did not see: the predictive log-likelihood of held-out frames.

With D what tells the graph z (the frames before, of all recordings that share it) and Y what decides,

    log p(Y | D, law) = log sum_z p(D, Y | z) p(z)  -  log sum_z p(D | z) p(z)

is a proper score of the law, the scope of the graph and the prior together, in nats. It is comparable between settings
since Y are the same increments, in the same units, whatever the settings. For each receiver both sums run over all
configurations of its senders while these are at most 65,536, and over the likely ones, the same in both, beyond.

(Settings with effects within a frame are given the senders' next state as well: theirs is a pseudo-likelihood, and
`edgewise.inference.auto.choose` only compares them where residuals speak for such effects.)
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edgewise.inference.config import GraphConfig
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.configurations import enumerate_configurations, posterior_over
from edgewise.inference.superposition.model import QuadraticForm, SuperpositionModel
from edgewise.inference.superposition.phases import EXACTLY, ridge_types
from edgewise.inference.superposition.posterior import whole_form
from edgewise.inference.superposition.search import Sampler, likely_table

SWEEPS = 16


@dataclass(frozen=True)
class Score:
    """Predictive log-likelihood by receiver: nats [entity] and the numbers that decide, count [entity]."""

    nats: np.ndarray
    count: np.ndarray

    @property
    def mean(self) -> float:
        """Nats a number."""
        return float(self.nats.sum() / max(self.count.sum(), 1))

    def above(self, other: "Score") -> tuple[float, float]:
        """How much better this is than another score of the same numbers, and the standard error over receivers."""
        difference = self.mean - other.mean
        share = self.count / max(self.count.mean(), 1)
        by_receiver = self.nats / np.maximum(self.count, 1) - other.nats / np.maximum(other.count, 1)
        spread = share * (by_receiver - difference)
        return difference, float(spread.std(ddof=1) / np.sqrt(len(spread)))


@dataclass(frozen=True)
class Forms:
    """Quadratic forms of every graph and receiver, [graph * receiver, 1].

    Attributes:
        before: of what tells the graph; after: of that and of what decides.
    """

    before: QuadraticForm
    after: QuadraticForm
    n_graphs: int


@torch.no_grad()
def forms_of(
    model: SuperpositionModel, tell: Observations, decide: Observations, graph: GraphConfig
) -> Forms:
    """The forms under a law; both parts hold all recordings, with weight 0 at other frames."""
    before, n_graphs = whole_form(model, tell, graph)
    new, _ = whole_form(model, decide, graph)
    parts = {name: getattr(before, name) + getattr(new, name) for name in QuadraticForm.__annotations__}
    return Forms(before, QuadraticForm(**parts), n_graphs)


@torch.no_grad()
def evidence_before_and_after(
    forms: Forms, level: Tensor, log_prior: Tensor, seed: int
) -> tuple[Tensor, Tensor]:
    """log p(D) and log p(D, Y) of each graph and receiver: [graph * receiver] each."""
    n_types = len(log_prior)
    n_slots = forms.before.cross.shape[-1] // (n_types - 1)
    level = level.double()
    if n_types**n_slots <= EXACTLY:
        table, absent = enumerate_configurations(n_slots, n_types), None
    else:
        tables = [_likely(form, level, log_prior, seed) for form in (forms.before, forms.after)]
        table, absent = (torch.cat(parts, 1) for parts in zip(*tables, strict=True))
        table = table[:, None]
    before, after = (
        posterior_over(form, table, level, log_prior, absent=absent).log_evidence
        for form in (forms.before, forms.after)
    )
    return before, after


def _likely(form: QuadraticForm, level: Tensor, log_prior: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """Likely configurations of each receiver, see `likely_table`."""
    fixed = form.map(lambda part: part.sum(1))
    sampler = Sampler(fixed, level, log_prior, torch.Generator().manual_seed(seed))
    return likely_table(sampler, sweeps=SWEEPS, start=ridge_types(fixed, level, len(log_prior)))


def score(forms: Forms, level: Tensor, log_prior: Tensor, seed: int = 0) -> Score:
    """The predictive log-likelihood of what decides."""
    before, after = evidence_before_and_after(forms, level, log_prior, seed)
    shape = (forms.n_graphs, -1)
    nats = (after - before).unflatten(0, shape).sum(0)
    count = (forms.after.count - forms.before.count).sum(1).unflatten(0, shape).sum(0)
    return Score(nats.numpy(), count.numpy())


PRIORS = ((0.5, 0.5), (0.8, 0.2), (0.9, 0.1), (0.95, 0.05))
"""Probabilities of not acting and of acting that are compared."""


def likeliest_prior(forms: Forms, level: Tensor, seed: int = 0) -> tuple[float, float]:
    """The prior under which all the data are the most probable (empirical Bayes; Robbins 1956), of `PRIORS`."""

    def evidence(prior: tuple[float, float]) -> float:
        log_prior = torch.tensor(prior, dtype=torch.float64).log()
        return float(evidence_before_and_after(forms, level, log_prior, seed)[1].sum())

    return max(PRIORS, key=evidence)
