"""Fit a law, then teach an encoder to answer like its exact posterior."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.inference.config import InferenceConfig
from edgewise.inference.fitted_law import FittedLaw, observed
from edgewise.inference.hybrid.agreement import Agreement, agreement_of
from edgewise.inference.hybrid.distil import PHASE, DistilTask, Lessons, certain
from edgewise.inference.hybrid.dreams import Dreamer
from edgewise.inference.hybrid.fitted import FittedHybrid, evidence_of, untaught
from edgewise.inference.hybrid.kept import keep_law, kept_law
from edgewise.inference.hybrid.network import Evidence, PosteriorNetwork
from edgewise.inference.nri.fit import Split
from edgewise.inference.superposition.configurations import enumerate_configurations, posterior_over
from edgewise.inference.superposition.model import QuadraticForm
from edgewise.inference.superposition.phases import EXACTLY
from edgewise.inference.superposition.posterior import sampled_marginals
from edgewise.training import Checkpoints, Deadline, Progress, fit

LearnLaw = Callable[..., tuple[FittedLaw, dict[str, Any]]]
"""(data, configuration, and what `edgewise.training.fit` is told) -> a law, and the course of its fit."""

LAW_SHARE, TAUGHT_SHARE = 0.6, 0.95
"""Parts of the time limit that are spent when the law is fitted, and when the encoder is taught."""
HELD_OUT = 0.1
"""Share of the recordings that chooses the weights, and as large a share on which the agreement is measured."""
MOST, MOST_MEASURED = 1024, 256
"""Most recordings that are taught with, and most that the agreement is measured on."""
SEARCHED = 20_000
"""Most pairs of each of these where their posteriors have to be searched for."""
NUMBERS = 1 << 25
"""Most numbers of all evidence together: bounds memory."""
VALIDATED = 1024
"""Dreams that choose the weights, beside recordings."""
SUBSETS = 256
"""Sets of recordings whose evidence is added up to dream of a shared graph."""


def learn_hybrid(
    ds: xr.Dataset,
    config: InferenceConfig,
    *,
    learn_law: LearnLaw,
    deadline: Deadline,
    checkpoints: Checkpoints | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[FittedHybrid, dict[str, Any]]:
    """Fit a law to validated data as `learn_law` does, and teach an encoder; both, and the course of the fit.

    The same data, settings and number of threads give the same weights as long as no time limit cuts the fit short,
    also after an interruption.

    Raises:
        ConfigError: for graphs that an encoder does not read, and what `learn_law` raises.
    """
    check_settings(config)
    run = {"checkpoints": checkpoints, "resume": resume, "on_progress": on_progress}
    law, history = None, {}
    if checkpoints is not None:
        law, history = kept_law(checkpoints, ds, config, resume=resume, on_progress=on_progress)
    if law is None:
        limit = Deadline(LAW_SHARE * deadline.limit, deadline.spent)
        law, history = learn_law(ds, config, deadline=limit, **run)
        keep_law(checkpoints, law, history, deadline.spent)
    school = school_of(law, ds, config)
    torch.manual_seed(config.training.seed)
    encoder = untaught(config)
    losses = teach(encoder, school, config, deadline=deadline, **run)
    fitted = FittedHybrid(law, encoder, Agreement.unknown())
    return replace(fitted, agreement=measured(fitted, school, ds, config)), history | {"encoder_loss": losses}


def check_settings(config: InferenceConfig) -> None:
    """Refuse graphs that are more than a type for each pair.

    Raises:
        ConfigError: with the setting.
    """
    graph = config.graph
    for unfit, what in (
        (graph.graph == "per-window", "per-window graphs"),
        (graph.strengths == "continuous", "continuous strengths"),
    ):
        if unfit:
            raise ConfigError(
                f"hybrid with {what}",
                expected="one graph a recording, or a shared one, whose pairs have types",
                fix="use method='superposition'",
            )


@dataclass(frozen=True)
class School:
    """What an encoder is taught with.

    Attributes:
        dreamer: draws lessons; evidence: of the receivers of recordings, [recording * entity].
        taught, validated, measured: positions among the recordings; those of the first two are what `evidence` is of,
            one after the other.
        n_entities: of a recording; log_prior: [type].
    """

    dreamer: Dreamer
    evidence: Evidence
    taught: np.ndarray
    validated: np.ndarray
    measured: np.ndarray
    n_entities: int
    log_prior: Tensor


def school_of(law: FittedLaw, ds: xr.Dataset, config: InferenceConfig) -> School:
    """Deal the recordings out, and see what the law says of them, each by itself."""
    n_recordings, n = ds.sizes["sequence"], ds.sizes["entity"]
    columns = min(config.graph.neighbours or n - 1, n - 1) * (config.graph.edge_types - 1)
    most = min(MOST, max(NUMBERS // (n * columns**2), 3))
    order = np.random.default_rng([config.training.seed, 3]).permutation(n_recordings)
    held = max(round(HELD_OUT * n_recordings), 1)
    if n_recordings - 2 * held < 1:  # too few: dreams choose the weights, and are measured on
        taught, validated, measuring = order[:most], order[:0], order[:0]
    else:
        affordable = most_exactly(n, columns // (config.graph.edge_types - 1), config.graph.edge_types)
        validated = order[: min(held, most // 4)]
        measuring = order[held:][: min(held, MOST_MEASURED, affordable)]
        taught = order[2 * held :][:most]
    some = ds.isel(sequence=np.concatenate([taught, validated]))
    evidence, _ = evidence_of(law, observed(some, law.encoding, config), alone(config))
    of_taught = evidence[: len(taught) * n]
    gram = of_taught.gram
    if config.graph.graph == "shared":
        gram = torch.cat([gram, _added_up(gram.unflatten(0, (-1, n)), config.training.seed).flatten(0, 1)])
    heard = gram.diagonal(dim1=-1, dim2=-2).sum(-1) > 0  # not of a receiver that was never observed
    dreamer = Dreamer(gram[heard] if bool(heard.any()) else gram, law.log_prior)
    return School(dreamer, evidence, taught, validated, measuring, n, law.log_prior)


def most_exactly(n_entities: int, n_slots: int, n_types: int) -> int:
    """Of how many recordings, at most, the exact posterior is asked for."""
    return MOST if n_types**n_slots <= EXACTLY else max(SEARCHED // (n_entities * n_slots), 1)


def alone(config: InferenceConfig) -> InferenceConfig:
    """The settings with every recording read by itself."""
    return replace(config, graph=replace(config.graph, graph="per-sequence"))


def _added_up(gram: Tensor, seed: int) -> Tensor:
    """Evidence of random sets of recordings that share a graph, of all sizes: [recording, ...] -> [set, ...]."""
    n_recordings = len(gram)
    rng = np.random.default_rng([seed, 4])
    sizes = np.exp(rng.uniform(0, np.log(n_recordings), SUBSETS)).round().astype(int)
    chosen = np.stack([np.isin(np.arange(n_recordings), rng.permutation(n_recordings)[:k]) for k in sizes])
    return torch.einsum("kq,q...->k...", torch.from_numpy(chosen).to(gram), gram)


def exact_answer(evidence: Evidence, log_prior: Tensor, seed: int) -> Tensor:
    """The posterior of every candidate, summed over configurations or else searched: [receiver, slot, type]."""
    nothing = torch.zeros(len(evidence), dtype=evidence.linear.dtype)
    square = 2 * evidence.linear.abs().sum(-1)  # any constant under which no cost is negative
    form = QuadraticForm(evidence.gram, evidence.linear, square, nothing, nothing)
    level, n_slots = torch.ones_like(nothing[0]), form.cross.shape[-1] // (len(log_prior) - 1)
    if len(log_prior) ** n_slots > EXACTLY:
        return sampled_marginals(form, level, log_prior, seed)
    table = enumerate_configurations(n_slots, len(log_prior))
    found = posterior_over(form.map(lambda part: part[:, None]), table, level, log_prior)
    return found.probability[:, 0]


def _lessons(school: School, config: InferenceConfig) -> tuple[Lessons, Split]:
    """Recordings with their exact posteriors, then dreams to validate by; and which teach, which validate."""
    seed, n, n_types = config.training.seed, school.n_entities, len(school.log_prior)
    n_slots = school.evidence.linear.shape[-1] // (n_types - 1)
    most = most_exactly(n, n_slots, n_types)
    taught = torch.arange(min(len(school.taught), most) * n)
    validated = len(school.taught) * n + torch.arange(min(len(school.validated), most) * n)
    if config.hybrid.dreams == 1:
        taught = taught[:0]
    chosen = school.evidence[torch.cat([taught, validated])]
    dreams = school.dreamer.draw(VALIDATED, torch.Generator().manual_seed(seed))
    beliefs = exact_answer(chosen, school.log_prior, seed) if len(chosen) else None
    parts = [certain(dreams.types, n_types)] if beliefs is None else [beliefs, certain(dreams.types, n_types)]
    lessons = Lessons(Evidence.cat([chosen, dreams.evidence]), torch.cat(parts), school.log_prior)
    split = Split(
        train=torch.arange(len(taught)), validation=torch.arange(len(taught), len(lessons.evidence))
    )
    return lessons, split


def teach(
    encoder: PosteriorNetwork,
    school: School,
    config: InferenceConfig,
    *,
    deadline: Deadline,
    checkpoints: Checkpoints | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> list[float]:
    """Train an encoder in place; the loss of every step."""
    lessons, split = _lessons(school, config)
    task = DistilTask(
        encoder,
        school.dreamer,
        lessons,
        split,
        dreams=config.hybrid.dreams,
        seed=config.training.seed,
        steps=config.hybrid.encoder_steps,
        learning_rate=config.training.learning_rate,
    )
    found = checkpoints.load() if checkpoints is not None and resume else None
    if found is not None and found.phase != PHASE:
        found = None
    fit(
        task,
        deadline=deadline,
        share=TAUGHT_SHARE,
        checkpoints=checkpoints,
        resume=found,
        on_progress=on_progress,
    )
    task.finish()
    return task.losses


@torch.no_grad()
def measured(fitted: FittedHybrid, school: School, ds: xr.Dataset, config: InferenceConfig) -> Agreement:
    """Of both answers on recordings that did not teach, or on dreams where there are too few of those."""
    if len(school.measured):
        some, by_itself = ds.isel(sequence=school.measured), alone(config)
        pairs = ~np.eye(school.n_entities, dtype=bool)
        exact = fitted.answering(exact=True).posterior(some, by_itself)[:, 0][:, pairs]
        at_once = fitted.answering(exact=False).posterior(some, by_itself)[:, 0][:, pairs]
        return agreement_of(exact, at_once, n_recordings=len(school.measured))
    seed = config.training.seed
    dreams = school.dreamer.draw(MOST_MEASURED, torch.Generator().manual_seed(seed + 1)).evidence
    exact = exact_answer(dreams, school.log_prior, seed).numpy()
    return agreement_of(
        exact, fitted.encoder.log_posterior(dreams, school.log_prior).exp().numpy(), n_recordings=0
    )
