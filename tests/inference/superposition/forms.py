"""Small problems with everything in sight: residuals, messages, and the likelihood of a configuration by the book."""

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.inference.superposition.model import QuadraticForm

NUMBERS = 12
"""Numbers observed a receiver and window."""
LEVEL = torch.tensor(0.7, dtype=torch.float64)


@dataclass(frozen=True)
class Problem:
    """residual [receiver, window, number]; messages [receiver, window, slot, type 1 ..., number];
    log_scale [receiver, window]; log_prior [type].
    """

    residual: Tensor
    messages: Tensor
    log_scale: Tensor
    log_prior: Tensor

    @property
    def n_types(self) -> int:
        return len(self.log_prior)

    @property
    def n_slots(self) -> int:
        return self.messages.shape[2]

    @property
    def columns(self) -> Tensor:
        return self.messages.flatten(2, 3)

    @property
    def form(self) -> QuadraticForm:
        a, r = self.columns, self.residual
        return QuadraticForm(
            gram=a @ a.transpose(-1, -2),
            cross=(a @ r[..., None])[..., 0],
            square=(r * r).sum(-1),
            log_scale=self.log_scale,
            count=torch.full_like(self.log_scale, float(NUMBERS)),
        )

    def configurations(self) -> list[tuple[int, ...]]:
        """The types of all slots, in the order of `enumerate_configurations`."""
        return list(itertools.product(range(self.n_types), repeat=self.n_slots))

    def left_over(self, receiver: int, window: int, types: tuple[int, ...]) -> Tensor:
        """The residual of a configuration, by adding up the messages of its edges."""
        left = self.residual[receiver, window].clone()
        for slot, kind in enumerate(types):
            if kind:
                left -= self.messages[receiver, window, slot, kind - 1]
        return left

    def log_likelihood(
        self, receiver: int, window: int, types: tuple[int, ...], level: Tensor = LEVEL
    ) -> Tensor:
        noise = torch.distributions.Normal(torch.zeros((), dtype=torch.float64), level.sqrt())
        left = self.left_over(receiver, window, types)
        return noise.log_prob(left).sum() - self.log_scale[receiver, window]

    def log_prior_of(self, types: tuple[int, ...]) -> Tensor:
        return self.log_prior[list(types)].sum()

    def joint(self, receiver: int, level: Tensor = LEVEL) -> Tensor:
        """log p(y, o) of every configuration, for one window."""
        rows = [
            self.log_likelihood(receiver, 0, types, level) + self.log_prior_of(types)
            for types in self.configurations()
        ]
        return torch.stack(rows)


def problem(n_slots=3, n_types=2, receivers=2, windows=1, prior=None, strength=0.6, seed=0) -> Problem:
    """Messages at random, and a residual made of some of them and noise."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*size):
        return torch.randn(*size, generator=generator, dtype=torch.float64)

    messages = strength * normal(receivers, windows, n_slots, n_types - 1, NUMBERS)
    chosen = torch.randint(0, n_types, (receivers, windows, n_slots), generator=generator)
    active = torch.nn.functional.one_hot(chosen, n_types)[..., 1:, None] * messages
    residual = active.sum((2, 3)) + LEVEL.sqrt() * normal(receivers, windows, NUMBERS)
    prior = torch.tensor(prior or [1 / n_types] * n_types, dtype=torch.float64)
    return Problem(residual, messages, normal(receivers, windows), prior.log())


PRIORS = {2: [0.8, 0.2], 3: [0.5, 0.2, 0.3]}
SIZES = [(4, 2), (3, 3)]
"""Slots and types that a test can list."""


def marginals(problem: Problem, weights: Tensor) -> Tensor:
    """Weights of all configurations -> [slot, type] probability of each type of each slot."""
    out = torch.zeros(problem.n_slots, problem.n_types, dtype=torch.float64)
    for types, weight in zip(problem.configurations(), weights, strict=True):
        for slot, kind in enumerate(types):
            out[slot, kind] += weight
    return out
