"""The two phases of a fit: continuous strengths first, then types."""

import math
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from edgewise.inference.candidates import CandidateRelation
from edgewise.inference.config import InferenceConfig
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.configurations import (
    Posterior,
    enumerate_configurations,
    posterior_over,
)
from edgewise.inference.superposition.gain import at_gain, without_offset
from edgewise.inference.superposition.model import QuadraticForm, SuperpositionModel
from edgewise.inference.superposition.search import Sampler, likely_table
from edgewise.inference.superposition.strengths import strengths_of, strengths_of_scaled
from edgewise.training import batch_indices, settled

TRAIN_EXACTLY = 1 << 12
"""Configurations a receiver up to which every training step sums over all of them."""
EXACTLY = 1 << 16
"""Configurations a receiver up to which a posterior is summed exactly."""
WARM_UP = 20
CLIP = 1.0
"""Largest norm of the gradient of a step."""
PAIRS = 24_000
"""Pair-frames that a step looks at when the batch size is not given."""
FEWEST, MOST_PAIRS = 4, 200_000
"""So many recordings are looked at in any case, unless that makes too many pair-frames: hundreds of entities."""


def arranged(form: QuadraticForm, scope: str, *, gain: bool = False) -> QuadraticForm:
    """From leading dimensions [stretch, window, entity] to [receiver, window], as the graph's scope has it.

    Shared: the stretches' evidence is added up, a receiver an entity. Otherwise: a receiver an entity and stretch.
    Where gains are profiled, offsets are projected out first, and the stretches of a shared graph stay beside each
    other as windows, each with a gain of its own.
    """
    if gain:
        form = without_offset(form)
    if scope == "shared":
        form = form.map(lambda part: part.flatten(0, 1)[None] if gain else part.sum((0, 1))[None, None])
    return form.map(lambda part: part.transpose(1, 2).flatten(0, 1))


def at_known_gain(form: QuadraticForm, level: Tensor, *, gain: bool) -> QuadraticForm:
    """The form that a search over configurations walks on: [receiver, window] -> [receiver].

    A profiled gain is held at its value under continuous strengths, since a walk needs a quadratic cost.
    """
    if gain:
        form = at_gain(form, strengths_of_scaled(form, level)[1])
    return form.map(lambda part: part.sum(1))


def ridge_types(form: QuadraticForm, level: Tensor, n_types: int) -> Tensor:
    """The configuration nearest to the best continuous one: [receiver, slot] int64, a start for a search.

    A slot takes type k where its ridge coefficient z_k is the largest and above 1/2, halfway from type 0.
    """
    identity = torch.eye(form.gram.shape[-1], dtype=form.gram.dtype)
    best = torch.linalg.solve(form.gram / level + identity, form.cross / level)
    coefficients = best.unflatten(-1, (-1, n_types - 1))
    half = torch.full_like(coefficients[..., :1], 0.5)
    return torch.cat([half, coefficients], -1).argmax(-1)


class Explained(Protocol):
    """What a phase finds of the graphs of a batch: log_evidence and expected squared residual [...]."""

    @property
    def log_evidence(self) -> Tensor: ...

    @property
    def square(self) -> Tensor: ...


class _Phase:
    """What both phases share: data, batches, the profiled noise level and the record of the evidence."""

    name: str
    clip: float | None = CLIP
    precision = "no"
    seed: int | None = None  # nothing is drawn from torch's generator; samplers have their own

    def __init__(self, model: SuperpositionModel, data: Observations, config: InferenceConfig) -> None:
        self.module: nn.Module = model
        self.model, self.data, self.config = model, data, config
        self.scope = config.graph.graph
        self.window = config.graph.window if self.scope == "per-window" else 0
        self.batch_size = config.training.batch_size or self._fitting_batch()
        self.evidence: list[float] = []
        self._level = model.level.clone()

    def _fitting_batch(self) -> int:
        pairs = max(self.data.target.shape[1] * self.data.slots[0].numel(), 1)
        return min(max(PAIRS // pairs, min(FEWEST, max(MOST_PAIRS // pairs, 1))), 256)

    def optimizer(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.module.parameters(), lr=1.0, betas=(0.9, 0.99))

    def batch(self, step: int) -> Observations:
        return self.data[batch_indices(self.config.training.seed, step, len(self.data), self.batch_size)]

    def form(self, module: nn.Module, step: int) -> QuadraticForm:
        """The quadratic forms of a step's batch: leading dimensions [receiver, window]."""
        return arranged(module(self.batch(step), self.window), self.scope, gain=self.model.gain)

    def _profiled(self, square: Tensor, count: Tensor) -> None:
        """The level that maximises the likelihood of the expected residuals; in force from the next step on."""
        self._level = (square.sum() / count.sum().clamp_min(1)).clamp_min(1e-8).float()

    def _objective(self, found: Explained, form: QuadraticForm) -> Tensor:
        """Minus the log evidence a number observed, with the level profiled on what is left over."""
        self._profiled(found.square, form.count)
        return -found.log_evidence.sum() / form.count.sum().clamp_min(1)

    def after(self, step: int, loss: float) -> None:
        self.evidence.append(-loss)
        self.model.level.copy_(self._level)

    def state(self) -> dict[str, Any]:
        return {"evidence": self.evidence}

    def restore(self, state: dict[str, Any]) -> None:
        self.evidence = list(state["evidence"])

    def temperature(self, step: int) -> float:
        return 1.0

    def figures(self) -> dict[str, float]:
        return {"log p": self.evidence[-1], "temperature": self.temperature(len(self.evidence) - 1)}


class StrengthsPhase(_Phase):
    """Learn the law's span with Gaussian strengths on every pair, until the evidence has settled."""

    name = "strengths"
    LEAST, MOST, WINDOW, TOLERANCE = 60, 400, 15, 0.1
    LEAST_WITH_GAIN = 300
    """Where gains are profiled, the evidence first rests on a plateau: nothing explained, every gain small."""

    def __init__(self, model: SuperpositionModel, data: Observations, config: InferenceConfig) -> None:
        super().__init__(model, data, config)
        self.most = min(self.MOST, max(config.training.max_steps // 4, 1))
        self.least = self.LEAST_WITH_GAIN if model.gain else self.LEAST

    def loss(self, module: nn.Module, step: int) -> Tensor:
        form, level = self.form(module, step), self.model.level.double()
        strengths = strengths_of_scaled(form, level)[0] if self.model.gain else strengths_of(form, level)
        return self._objective(strengths, form)

    def learning_rate(self, step: int) -> float:
        return self.config.training.learning_rate * min(1.0, (step + 1) / WARM_UP)

    def steps_left(self, step: int) -> int | None:
        if step >= self.most or (step >= self.least and settled(self.evidence, self.WINDOW, self.TOLERANCE)):
            return 0
        return None

    def wind_down(self, step: int, steps: int) -> None:
        if steps == 0:
            self.most = step


class TypesPhase(_Phase):
    """Maximise the marginal likelihood over graphs with types: warm up and temper, learn until settled, decay.

    With no_interaction = "auto" there is a trial before the decay: if the typical message of the weakest type is below
    a third of the strongest's, that type is silenced and the law learns on for a while. Type 0 stays "no interaction"
    unless this cost more than a nat of marginal likelihood a number observed (a type of a tenth of the strength of the
    others, well above the noise, costs more).
    """

    name = "types"
    TEMPER, WINDOW, TOLERANCE, LEAST_DECAY = 50, 50, 0.1, 80
    TRIAL, IDLE, WORSE = 60, 0.35, 1.0

    def __init__(
        self,
        model: SuperpositionModel,
        data: Observations,
        config: InferenceConfig,
        log_prior: Tensor,
        before: list[float] | None = None,
    ) -> None:
        super().__init__(model, data, config)
        self.log_prior = log_prior
        n_slots, n_types = data.slots.shape[-1], config.graph.edge_types
        # A chain of windows needs the whole table; one graph makes do with its likely part.
        exactly = EXACTLY if self.scope == "per-window" else TRAIN_EXACTLY
        self.table = enumerate_configurations(n_slots, n_types) if n_types**n_slots <= exactly else None
        budget = max(config.training.max_steps * 3 // 4, 1)
        self.budget = budget
        self.trial = min(self.TRIAL, budget // 6)
        self.least_decay = min(self.LEAST_DECAY, budget // 4)
        self.most = (budget - self.trial) * 2 // 3
        self.before = before or []
        self.trial_from: int | None = None
        self.decay_from: int | None = None
        self.decay_steps = 0

    def posterior(self, form: QuadraticForm, step: int, temperature: float) -> Posterior:
        level = self.model.level.double()
        gain, pooled = self.model.gain, self.model.gain and self.scope == "shared"
        if self.table is not None:
            return posterior_over(
                form,
                self.table,
                level,
                self.log_prior,
                temperature=temperature,
                stay=self.config.graph.stay,
                gain=gain,
                pooled=pooled,
            )
        fixed = at_known_gain(form.map(lambda part: part.detach()), level, gain=gain)
        generator = torch.Generator().manual_seed((self.config.training.seed << 24) + step)
        sampler = Sampler(fixed, level * temperature, self.log_prior, generator)
        start = ridge_types(fixed, level, len(self.log_prior))
        table, repeated = likely_table(sampler, start=start)
        return posterior_over(
            form,
            table[:, None],
            level,
            self.log_prior,
            temperature=temperature,
            absent=repeated,
            gain=gain,
            pooled=pooled,
        )

    def loss(self, module: nn.Module, step: int) -> Tensor:
        form = self.form(module, step)
        found = self.posterior(form, step, self.temperature(step))
        return self._objective(found, form)

    def temperature(self, step: int) -> float:
        return max(1.0, self.config.training.temperature ** (1 - step / self.TEMPER))

    def learning_rate(self, step: int) -> float:
        rate = self.config.training.learning_rate * min(1.0, (step + 1) / WARM_UP)
        if self.decay_from is None:
            return rate
        done = (step - self.decay_from) / max(self.decay_steps, 1)
        return rate * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))

    def after(self, step: int, loss: float) -> None:
        super().after(step, loss)
        if self.decay_from is not None:
            return
        done = step + 1
        if self.trial_from is not None:
            if done == self.trial_from + self.trial:
                self._judge(self.trial_from)
                self._decay(done)
        elif self._settled(done) or done >= self.most:
            if self._may_be_idle(done):
                self.model.null.fill_(True)
                self.trial_from = done
            else:
                self._decay(done)

    def _settled(self, done: int) -> bool:
        enough = done >= self.config.training.min_steps
        return enough and settled(self.evidence[self.TEMPER :], self.WINDOW, self.TOLERANCE)

    def _may_be_idle(self, step: int) -> bool:
        if self.config.graph.no_interaction != "auto" or self.trial == 0:
            return False
        if self.config.confidence.fdr:  # asks for a type that means nothing acts: the trial alone decides
            return True
        sizes = type_sizes(self.model, self.batch(step))
        return float(sizes[0]) < self.IDLE * float(sizes.max())

    def _judge(self, start: int) -> None:
        """Give type 0 its law back if the data are explained clearly worse without it, or could not be tried."""
        half = max(self.trial // 2, 1)
        before, since = self.evidence[max(start - half, 0) : start], self.evidence[start:][-half:]
        kept = bool(since) and np.median(since) > np.median(before) - self.WORSE
        self.model.null.fill_(bool(kept))

    def _decay(self, start: int, steps: int | None = None) -> None:
        self.decay_from = start
        third = min(max(self.least_decay, start // 2), max(self.budget - start, 0))
        self.decay_steps = third if steps is None else steps

    def steps_left(self, step: int) -> int | None:
        if self.decay_from is None:
            return None
        return max(self.decay_from + self.decay_steps - step, 0)

    def wind_down(self, step: int, steps: int) -> None:
        if self.decay_from is not None:
            self.decay_steps = step - self.decay_from + steps
        elif steps <= max(self.least_decay, step // 2):
            if self.trial_from is not None:
                self._judge(self.trial_from)
            self._decay(step, steps)

    def state(self) -> dict[str, Any]:
        marks = {name: getattr(self, name) for name in ("before", "trial_from", "decay_from", "decay_steps")}
        return super().state() | marks

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self.before = list(state["before"])
        self.trial_from, self.decay_from = state["trial_from"], state["decay_from"]
        self.decay_steps = state["decay_steps"]


@torch.no_grad()
def type_sizes(model: SuperpositionModel, batch: Observations) -> Tensor:
    """The typical size of each type's message: median over pairs and frames, [n_types]."""
    pairs = CandidateRelation(batch.slots)
    present = batch.present[..., None]
    there = (pairs.senders(present) * pairs.receivers(present))[..., 0] > 0
    sizes = model.terms(batch)[1].norm(dim=-1)[there]
    return sizes.median(0).values if len(sizes) else torch.zeros(model.n_types)
