"""Fitting a superposition law: strengths, hand-over, types."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.cluster import KMeans
from torch import Tensor, nn

from edgewise.inference.candidates import CandidateRelation
from edgewise.inference.config import InferenceConfig
from edgewise.inference.encoding import Encoding
from edgewise.inference.layers import arranged as arranged_in
from edgewise.inference.layers import combination, from_origin
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.gain import at_gain
from edgewise.inference.superposition.model import SuperpositionModel
from edgewise.inference.superposition.phases import StrengthsPhase, TypesPhase, arranged, type_sizes
from edgewise.inference.superposition.strengths import strengths_of, strengths_of_scaled
from edgewise.training import Checkpoints, Deadline, Progress, fit

HAND_OVER_STRETCHES = 256


@dataclass(frozen=True)
class History:
    """The course of a fit, one entry a step: log marginal likelihood a number observed, tempering, seconds."""

    step: list[int]
    seconds: list[float]
    evidence: list[float]
    temperature: list[float]


class Course:
    """Notes when each step of this process was, and under which tempering; tells `on_progress`."""

    def __init__(self, on_progress: Callable[[Progress], None] | None) -> None:
        self.on_progress = on_progress
        self.noted: list[tuple[float, float]] = []

    def __call__(self, progress: Progress) -> None:
        self.noted.append((progress.seconds, progress.figures["temperature"]))
        if self.on_progress is not None:
            self.on_progress(progress)

    def history(self, evidence: list[float]) -> History:
        """The steps of this process; those before an interruption are counted, but when they were is not known."""
        count = min(len(evidence), len(self.noted))
        first = len(evidence) - count
        known = self.noted[len(self.noted) - count :]
        return History(
            step=list(range(first, len(evidence))),
            seconds=[seconds for seconds, _ in known],
            evidence=evidence[first:],
            temperature=[temperature for _, temperature in known],
        )


@dataclass(frozen=True)
class Fitted:
    """A fitted law. `steps` counts both phases."""

    model: SuperpositionModel
    log_prior: Tensor
    history: History
    steps: int


def log_prior_of(config: InferenceConfig) -> Tensor:
    """[n_types] log prior probability of each type."""
    n_types = config.graph.edge_types
    prior = config.graph.prior or (1 / n_types,) * n_types
    return torch.tensor(prior, dtype=torch.float64).log()


@torch.no_grad()
def name_types(model: SuperpositionModel, data: Observations, config: InferenceConfig) -> None:
    """Hand over from strengths to types: cluster the strengths and make each cluster's centre a head.

    The k-means centres c_k of the posterior mean strengths turn the span f_0, f_r - f_0 into the types' laws

        f_k <- f_0 + sum_r c_kr (f_r - f_0)

    ordered by the size of their messages, the weakest first. Where layers tie the laws, strengths are clustered in the
    coordinates of the tied laws, and the centres arranged so that they are nearest to tied ones.
    """
    n_types, layers = config.graph.edge_types, config.graph.layers
    combined = combination(layers).double()
    window = config.graph.window if config.graph.graph == "per-window" else 0
    some = data[torch.linspace(0, len(data) - 1, min(len(data), HAND_OVER_STRETCHES)).long()]
    points = []
    for at in range(0, len(some), 32):
        form = model(some[torch.arange(at, min(at + 32, len(some)))], window)
        form, level = arranged(form, config.graph.graph, gain=model.gain), model.level.double()
        if model.gain:
            form = at_gain(form, strengths_of_scaled(form, level)[1])
        strengths = strengths_of(form, level).mean.unflatten(-1, (-1, n_types - 1))
        power = form.gram.diagonal(dim1=-1, dim2=-2).unflatten(-1, (-1, n_types - 1)).sum(-1)
        strengths = strengths[power > 0]  # a candidate that is not there has no strength
        points.append(strengths @ combined[1:, 1:] if layers else strengths)
    cloud = torch.cat(points).numpy()
    clusters = KMeans(
        n_types,
        n_init=10,  # pyright: ignore[reportArgumentType]
        random_state=config.training.seed,
    ).fit(cloud)
    centres = torch.from_numpy(np.asarray(clusters.cluster_centers_))
    if layers:
        centres = centres[arranged_in(centres.numpy(), layers, config.training.seed)]
        rows = torch.cat([torch.ones_like(centres[:, :1]), centres], 1)
        centres = (rows @ torch.linalg.pinv(combined))[:, 1:]
    base = 0 * centres[:, :1] if bool(model.null) else 1 - centres.sum(1, keepdim=True)
    model.law.combine_heads(torch.cat([base, centres], 1))
    idle = config.graph.no_interaction == "yes"
    if idle and not (layers or model.gain or model.law.space_dim):
        centre_effects(model, some[torch.arange(min(len(some), 16))])
    model.null.fill_(False)
    order_types(model, some[torch.arange(min(len(some), 16))], layers)
    model.null.fill_(idle)


@torch.no_grad()
def centre_effects(model: SuperpositionModel, batch: Observations) -> None:
    """Take the mean over a batch out of the messages of every type.

    While strengths were continuous, a constant in the effect could cancel between senders. With an idle type it would
    count the senders that act, and the best graph might be the one in which nothing does, from which nothing is learnt.
    For laws without positions, whose heads are the messages themselves.
    """
    messages = model.terms(batch)[1]
    there = CandidateRelation(batch.slots).senders(batch.present[..., None])[..., None] > 0
    mean = (messages * there).sum((0, 1, 2, 3)) / there.sum().clamp_min(1)  # [type, target]
    last = model.law.network.layers[-1]
    assert isinstance(last, nn.Linear)
    last.bias.sub_(mean.flatten())


@torch.no_grad()
def order_types(model: SuperpositionModel, batch: Observations, layers: tuple[int, ...] = ()) -> None:
    """Put the types in order of the size of their messages, the weakest first; an idle type 0 stays.

    With layers, types are renamed within each so that the weakest joint type is the first.
    """
    sizes = type_sizes(model, batch)
    if bool(model.null):
        sizes[0] = -1.0
    order = from_origin(int(sizes.argmin()), layers) if layers else sizes.argsort(dim=0, stable=True).tolist()
    model.law.combine_heads(torch.eye(len(sizes))[order])


def fit_superposition(
    data: Observations,
    encoding: Encoding,
    config: InferenceConfig,
    *,
    deadline: Deadline,
    checkpoints: Checkpoints | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Fitted:
    """Maximise the marginal likelihood of a data set over laws.

    The result depends on the data, the configuration and the number of threads alone, as long as no time limit cuts
    the fit short; an interrupted fit that resumes gives the same bytes as one that was never stopped.
    """
    torch.manual_seed(config.training.seed)
    model = SuperpositionModel(config, encoding, data.n_entities)
    model.null.fill_(model.gain)  # a gain cannot be told from a base law that is always on
    log_prior = log_prior_of(config)
    found = checkpoints.load() if checkpoints is not None and resume else None
    course = Course(on_progress)
    run = {"deadline": deadline, "checkpoints": checkpoints, "on_progress": course}
    strengths = StrengthsPhase(model, data, config)
    if found is None or found.phase == strengths.name:
        fit(strengths, share=0.3, resume=found, **run)
        name_types(model, data, config)
        found = None
    types = TypesPhase(model, data, config, log_prior, before=strengths.evidence)
    fit(types, share=0.85, resume=found, **run)
    with torch.no_grad():
        order_types(model, data[torch.arange(min(len(data), 16))], config.graph.layers)
    evidence = types.before + types.evidence
    return Fitted(model, log_prior, course.history(evidence), len(evidence))
