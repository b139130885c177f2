"""Hard attention: each receiver looks at one sender (Xu et al. 2015, section 4.1)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.nn.attention.align import Alignment
from edgewise.relation import Relation


def gumbel(like: Tensor) -> Tensor:
    """Gumbel noise -log(-log u), in the shape of a tensor."""
    return -torch.empty_like(like).exponential_().log()


def chosen(relation: Relation, logits: Tensor) -> Tensor:
    """1 at the largest logit of each receiver and head, 0 elsewhere; of equal ones, at the first in the layout."""
    logits = logits.detach()
    largest = logits == relation.from_receivers(relation.max(logits))
    backwards = (
        -torch.arange(relation.n_edges, dtype=torch.float64).view(*relation.layout, 1).to(logits.device)
    )
    first = torch.where(largest, backwards, -float(relation.n_edges))
    first = first == relation.from_receivers(relation.max(first))
    return relation.without_absent((largest & first).to(logits))


class HardSample(Alignment):
    """One sender drawn from the softmax of the logits (Xu et al. 2015, section 4.1); the likeliest one in evaluation.

    The draw has no gradient: train with `reinforce_loss`.
    """

    def forward(self, relation: Relation, logits: Tensor, query: Tensor, *, first: int = 0) -> Tensor:
        return chosen(relation, logits + gumbel(logits) if self.training else logits)


class StraightThroughGumbel(Alignment):
    """One sender drawn as in `HardSample`, with the gradient of a softmax (Jang, Gu & Poole 2017, section 2.2).

        forward: one-hot argmax of l + g;   backward: that of softmax((l + g) / temperature),   g ~ Gumbel(0, 1)

    Args:
        temperature: above 0.

    Raises:
        ConfigError: for a temperature of 0 or less.
    """

    def __init__(self, temperature: float = 1.0) -> None:
        super().__init__()
        if temperature <= 0:
            raise ConfigError(f"a temperature of {temperature}", expected="a number above 0")
        self.temperature = temperature

    def forward(self, relation: Relation, logits: Tensor, query: Tensor, *, first: int = 0) -> Tensor:
        noisy = logits + gumbel(logits) if self.training else logits
        soft = relation.softmax(noisy / self.temperature)
        return chosen(relation, noisy) + (soft - soft.detach())  # in this order, 0 and 1 stay what they are


# ---- learning from samples -----------------------------------------------------------------------------------------


def log_probability(relation: Relation, logits: Tensor, weights: Tensor) -> Tensor:
    """log p of drawn alignments: sum over s of w_rs log softmax(l_r.)_s, [..., n_receivers, heads].

    Args:
        logits: [..., *layout, heads]; weights: one-hot, as `HardSample` gives them.
    """
    top = relation.max(logits)
    shifted = logits - relation.from_receivers(top)
    shifted = relation.without_absent(shifted)
    normaliser = relation.sum(shifted.exp()).clamp_min(torch.finfo(logits.dtype).tiny).log()
    return relation.sum(weights * shifted) - relation.sum(weights) * normaliser


def entropy(relation: Relation, logits: Tensor) -> Tensor:
    """The entropy of the softmax of the logits, in nats: [..., n_receivers, heads]."""
    weights = relation.softmax(logits)
    return -log_probability(relation, logits, weights)


@dataclass(frozen=True)
class MovingBaseline:
    """What reward is expected: b <- decay b + (1 - decay) log p(y) (Xu et al. 2015, section 4.1, decay 0.9)."""

    value: float = 0.0
    decay: float = 0.9

    def after(self, log_likelihood: Tensor) -> "MovingBaseline":
        """The baseline after a batch of log-likelihoods."""
        seen = float(log_likelihood.detach().mean())
        return MovingBaseline(self.decay * self.value + (1 - self.decay) * seen, self.decay)


def reinforce_loss(
    log_likelihood: Tensor,
    log_alignment: Tensor,
    spread: Tensor,
    baseline: MovingBaseline,
    *,
    reward_weight: float = 1.0,
    entropy_weight: float = 0.0,
) -> Tensor:
    """The loss whose gradient is that of hard attention (Xu et al. 2015, section 4.1, its last gradient):

        -mean of [ log p(y | s) + lambda_r (log p(y | s) - b) log p(s) + lambda_e H(s) ],   the reward held constant

    Args:
        log_likelihood: log p(y | s) of each sentence under its drawn alignments: [batch].
        log_alignment: log p(s), summed over the steps: [batch]; spread: their entropy H, summed: [batch].
        baseline: b; reward_weight: lambda_r; entropy_weight: lambda_e.
    """
    reward = log_likelihood.detach() - baseline.value
    gain = log_likelihood + reward_weight * reward * log_alignment + entropy_weight * spread
    return -gain.mean()
