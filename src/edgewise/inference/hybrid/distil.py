"""Teaching the encoder the exact posterior: by graphs that were dreamt, and by posteriors of recordings."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgewise.inference.hybrid.dreams import Dreamer
from edgewise.inference.hybrid.network import Evidence
from edgewise.inference.nri.fit import Split, WindowsTask
from edgewise.training import batch_indices, step_seed

PHASE = "encoder"
"""The name of the phase, in checkpoints and progress."""
BATCH = 256
"""Receivers a step."""
LEAST = 1e-30


def divergence(belief: Tensor, log_q: Tensor) -> Tensor:
    """sum_k p_k (log p_k - log q_k), in nats: [..., type] each -> [...]."""
    return (belief * (belief.clamp_min(LEAST).log() - log_q)).sum(-1)


@dataclass(frozen=True)
class Lessons:
    """Evidence and what is to be answered: an `Objective` of `WindowsTask`, a receiver an item.

        loss = mean over rounds of the encoder, receivers and candidates of sum_k p_k (log p_k - log q_k)

    For a dream p is the graph that it was drawn from, one-hot, and the loss is the cross-entropy: a proper score, in
    the mean least where q is the posterior under the law (Gneiting & Raftery 2007). For a recording p is its exact
    posterior.

    Attributes:
        evidence: of k receivers; beliefs: p [k, slot, type]; log_prior: [type].
    """

    evidence: Evidence
    beliefs: Tensor
    log_prior: Tensor

    def loss(self, module: nn.Module, index: Tensor) -> Tensor:
        """The mean divergence of some receivers; [m] int64 -> []."""
        return divergence(self.beliefs[index], module(self.evidence[index], self.log_prior)).mean()


class DistilTask(WindowsTask):
    """The training of the encoder: fresh dreams at every step, recordings beside them; the best weights are kept.

    Args:
        module: the encoder; dreamer: draws lessons.
        lessons: of recordings, and dreams to validate by; split: which receivers teach, which choose the weights.
        dreams: share of a batch that is dreamt.
        seed, steps, learning_rate: of the training.
    """

    def __init__(
        self,
        module: nn.Module,
        dreamer: Dreamer,
        lessons: Lessons,
        split: Split,
        *,
        dreams: float,
        seed: int,
        steps: int,
        learning_rate: float,
    ) -> None:
        super().__init__(
            PHASE,
            module,
            lessons,
            split,
            seed=seed,
            steps=steps,
            batch_size=BATCH,
            learning_rate=learning_rate,
        )
        self.every = max(-(-steps // VALIDATIONS), 1)
        self.lessons, self.dreamer = lessons, dreamer
        recorded = min(round((1 - dreams) * BATCH), len(split.train))
        self.recorded, self.dreamt = recorded, round(dreams * BATCH)

    def loss(self, module: nn.Module, step: int) -> Tensor:
        module.train()
        evidence, beliefs = [], []
        if self.dreamt:
            generator = torch.Generator().manual_seed(step_seed(self._shuffle, step))
            dreams = self.dreamer.draw(self.dreamt, generator)
            evidence.append(dreams.evidence)
            beliefs.append(certain(dreams.types, len(self.lessons.log_prior)))
        if self.recorded:
            index = self.split.train[batch_indices(self._shuffle, step, len(self.split.train), self.recorded)]
            evidence.append(self.lessons.evidence[index])
            beliefs.append(self.lessons.beliefs[index])
        batch = Lessons(Evidence.cat(evidence), torch.cat(beliefs), self.lessons.log_prior)
        return batch.loss(module, torch.arange(len(batch.evidence)))


VALIDATIONS = 20
"""Evaluations of what was held out in a training."""


def certain(types: Tensor, n_types: int) -> Tensor:
    """A graph that is known as probabilities: [..., slot] -> [..., slot, type] float64."""
    return torch.nn.functional.one_hot(types, n_types).double()
