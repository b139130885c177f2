"""Fitting one law with continuous strengths: Gaussian strengths first, then strengths that may be nothing."""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from edgewise.inference.config import InferenceConfig
from edgewise.inference.encoding import Encoding
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.fit import Course, Fitted, log_prior_of
from edgewise.inference.superposition.model import QuadraticForm, SuperpositionModel
from edgewise.inference.superposition.phases import StrengthsPhase, TypesPhase
from edgewise.inference.superposition.posterior import whole_form
from edgewise.inference.superposition.slab import SUBSETS, SlabMoments, scaled, slab_moments
from edgewise.inference.superposition.slab_search import sampled_slab
from edgewise.inference.superposition.strengths import strengths_of
from edgewise.training import Checkpoints, Deadline, Progress, fit

TRAIN_SUBSETS = 1 << 10
"""Sets of acting senders up to which every training step sums over all of them."""
STEPS, SAMPLED_STEPS = 40, 8
"""Steps of expectation-maximisation after the fit; the same where the sets are sampled."""
RECEIVERS, SAMPLED_RECEIVERS = 1024, 256
"""Receivers, spread over the data, that these look at."""
SHARES = (0.01, 0.99)
"""Ends of the estimated share of pairs that act: a pair must be able to surprise."""


def about_one(form: QuadraticForm, spread: float = 1.0) -> QuadraticForm:
    """The form of z where strengths are 1 + spread z: an effect that everybody has, and what differs between pairs."""
    mean = form.gram.sum(-1)
    return replace(
        form,
        gram=form.gram * spread**2,
        cross=(form.cross - mean) * spread,
        square=form.square - 2 * form.cross.sum(-1) + mean.sum(-1),
    )


class EverybodyPhase(StrengthsPhase):
    """Learn the law with Gaussian strengths about one, w ~ N(1, spread^2), until the evidence has settled.

    A mean above zero gives the law a sign. Without one f and -f are alike, and a law may come out as f in one part of
    the space of states and as -f in another, with strengths of either sign to match. The spread grows from `NARROW` to
    one over the first `WIDEN` steps: what pairs have in common comes first.
    """

    NARROW, WIDEN = 0.1, 60
    LEAST = 90

    def spread(self, step: int) -> float:
        return min(1.0, self.NARROW ** (1 - step / self.WIDEN))

    def loss(self, module: nn.Module, step: int) -> Tensor:
        form, level = self.form(module, step), self.model.level.double()
        found = strengths_of(about_one(form, self.spread(step)), level)
        return self._objective(found, form)


class SlabPhase(TypesPhase):
    """Maximise the marginal likelihood of one law over acting senders and their strengths: learn until settled, decay.

    With more senders than can be summed over, every sender acts, as in the phase before.
    """

    name = "slab"

    def __init__(
        self,
        model: SuperpositionModel,
        data: Observations,
        config: InferenceConfig,
        log_prior: Tensor,
        before: list[float] | None = None,
    ) -> None:
        super().__init__(model, data, config, log_prior, before)
        self.trial = 0  # whether a pair does nothing is asked of every pair
        self.most = self.budget * 2 // 3
        self.summed = 2 ** data.slots.shape[-1] <= TRAIN_SUBSETS

    def temperature(self, step: int) -> float:
        return 1.0

    def loss(self, module: nn.Module, step: int) -> Tensor:
        form, level = self.form(module, step).map(lambda part: part[:, 0]), self.model.level.double()
        found = slab_moments(form, level, self.log_prior) if self.summed else strengths_of(form, level)
        return self._objective(found, form)


def fit_strengths(
    data: Observations,
    encoding: Encoding,
    config: InferenceConfig,
    *,
    deadline: Deadline,
    checkpoints: Checkpoints | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Fitted:
    """Maximise the marginal likelihood of a data set over one law, whose strength is every pair's own.

    As `edgewise.inference.superposition.fit.fit_superposition`, of which it takes the place.
    """
    torch.manual_seed(config.training.seed)
    model = SuperpositionModel(config, encoding, data.n_entities)
    model.null.fill_(True)
    log_prior = log_prior_of(config)
    found = checkpoints.load() if checkpoints is not None and resume else None
    course = Course(on_progress)
    run = {"deadline": deadline, "checkpoints": checkpoints, "on_progress": course}
    everybody = EverybodyPhase(model, data, config)
    if found is None or found.phase == everybody.name:
        fit(everybody, share=0.3, resume=found, **run)
        found = None
    slab = SlabPhase(model, data, config, log_prior, before=everybody.evidence)
    fit(slab, share=0.85, resume=found, **run)
    log_prior = settle_prior(model, data, config, log_prior)
    evidence = slab.before + slab.evidence
    return Fitted(model, log_prior, course.history(evidence), len(evidence))


@torch.no_grad()
def settle_prior(
    model: SuperpositionModel,
    data: Observations,
    config: InferenceConfig,
    log_prior: Tensor,
    *,
    temperature: float | None = None,
) -> Tensor:
    """Empirical Bayes of what the law leaves open: share of pairs that act, variance of the strengths, noise level.

    Expectation-maximisation (Dempster, Laird & Rubin 1977), the law held fixed, over the pairs whose sender is there:

        pi <- mean P(s = 1),    variance <- sum E z^2 / sum P(s = 1),    level <- mean E (r - A^T z)^2

    The law then takes the root of the variance as a factor, so that acting strengths have a mean square of one, and a
    sign with which they are positive on average. A prior that was given stays.

    Args:
        temperature: what the evidence is divided by; the noise level then stays as it is.

    Returns: the log prior [2].
    """
    whole, _ = whole_form(model, data, config.graph)
    form = whole.map(lambda part: part.sum(1))
    summed = 2 ** data.slots.shape[-1] <= SUBSETS
    most = RECEIVERS if summed else SAMPLED_RECEIVERS
    chosen = torch.linspace(0, len(form.count) - 1, min(len(form.count), most)).round().long()
    form = form.map(lambda part: part[chosen] / (temperature or 1.0))
    there = form.gram.diagonal(dim1=-1, dim2=-2) > 0
    level, variance = model.level.double(), torch.ones((), dtype=torch.float64)
    mean = torch.zeros_like(form.cross)
    for _ in range((STEPS if summed else SAMPLED_STEPS) if bool(there.any()) else 0):
        found = _moments(scaled(form, variance), level, log_prior, config.training.seed, summed=summed)
        acting, mean = found.probability[there].sum(), found.mean
        variance = (variance * found.power[there].sum() / acting.clamp_min(1e-12)).clamp_min(1e-12)
        if not config.graph.prior:
            share = (acting / there.sum()).clamp(*SHARES)
            log_prior = torch.stack([1 - share, share]).log()
        if temperature is None:
            level = (found.square.sum() / form.count.sum().clamp_min(1)).clamp_min(1e-8)
    sign = -1.0 if float(mean[there].sum()) < 0 else 1.0
    model.law.combine_heads(torch.tensor([[1.0, 0.0], [0.0, sign * float(variance.sqrt())]]))
    model.level.copy_(level.float())
    return log_prior


def _moments(
    form: QuadraticForm, level: Tensor, log_prior: Tensor, seed: int, *, summed: bool
) -> SlabMoments:
    if summed:
        return slab_moments(form, level, log_prior)
    return sampled_slab(form, level, log_prior, seed)[0]
