"""Training a model of sequences: the loss of tokens, batches of about equal length, the mean of the last weights."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from edgewise.tasks.learning import Learning, Objective
from edgewise.tasks.sequence_tables import SequenceTraining
from edgewise.tasks.sequences import Pairs
from edgewise.tasks.stopping import LowestLoss
from edgewise.tokens import PAD
from edgewise.training import LastWeights, TokenBatches, inverse_sqrt


class TokenObjective:
    """Cross-entropy a token of the target, the labels smoothed; padding does not count.

        -(1 - eps) log p(y) - eps mean over v of log p(v)

    Szegedy et al. (2016), section 7. The validation loss is smoothed too; its metric is the share of tokens, in %, that
    are the likeliest ones given those before them.
    """

    metric = "token accuracy"

    def __init__(self, train: Pairs, validation: Pairs, training: SequenceTraining, seed: int) -> None:
        self.train, self.validation, self.training = train, validation, training
        self.batches = TokenBatches(train.lengths, training.tokens, seed)
        self.held = TokenBatches(validation.lengths, 2 * training.tokens, 0)
        self.steps_an_epoch, self.max_epochs = len(self.batches), training.epochs
        self.clip: float | None = training.clip or None
        self.precision = {"float32": "no", "bfloat16": "bf16"}[training.precision]
        self.rate = inverse_sqrt(training.learning_rate, training.warmup)

    def learning_rate(self, step: int) -> float:
        return self.rate(step)

    def optimizer(self, module: nn.Module) -> torch.optim.Optimizer:
        settings = {"betas": (0.9, 0.98), "eps": 1e-9, "weight_decay": self.training.weight_decay}
        return torch.optim.AdamW(module.parameters(), lr=1.0, fused=True, **settings)

    def loss(self, module: nn.Module, step: int) -> Tensor:
        total, n, _ = self._summed(module, self.train, self.batches(step))
        return total / n

    def _summed(self, module: nn.Module, pairs: Pairs, picked: np.ndarray) -> tuple[Tensor, int, int]:
        """The loss of all tokens, how many there are, and how many are the likeliest ones."""
        source, target_in, target = pairs.batch(picked.tolist())
        logits = module(source, target_in).float()
        smoothing = self.training.label_smoothing
        total = cross_entropy(
            logits.flatten(0, 1),
            target.flatten(),
            ignore_index=PAD,
            label_smoothing=smoothing,
            reduction="sum",
        )
        there = target != PAD
        right = (logits.detach().argmax(-1) == target) & there
        return total, int(there.sum()), int(right.sum())

    def validate(self, module: nn.Module) -> tuple[float, float]:
        parts = [self._summed(module, self.validation, self.held(step)) for step in range(len(self.held))]
        n = sum(count for _, count, _ in parts)
        return sum(float(total.detach()) for total, _, _ in parts) / n, 100 * sum(
            right for *_, right in parts
        ) / n


class AveragedLearning(Learning):
    """Learning that ends with whole epochs, and whose tested weights are the mean of the last epochs' (if asked).

    Vaswani et al. (2017), section 6.1, average the last checkpoints.
    """

    def __init__(
        self, name: str, module: nn.Module, objective: Objective, *, seed: int, patience: int, average: int
    ) -> None:
        super().__init__(name, module, objective, seed=seed, stopping=LowestLoss(patience))
        self.last = LastWeights(average) if average > 1 else None

    def after(self, step: int, loss: float) -> None:
        super().after(step, loss)
        if self.last is not None and (step + 1) % self.objective.steps_an_epoch == 0:
            self.last.keep(self.module)

    def wind_down(self, step: int, steps: int) -> None:
        """Between two epochs, stop if the next one would not fit; an epoch that is begun is finished."""
        whole = self.objective.steps_an_epoch
        if step and step % whole == 0 and steps < whole:
            self.most = step

    def state(self) -> dict[str, Any]:
        copies = [] if self.last is None else list(self.last.copies)
        return (
            super().state() | {f"copy {k}": copy for k, copy in enumerate(copies)} | {"copies": len(copies)}
        )

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        if self.last is not None:
            self.last.copies.extend(dict(state[f"copy {k}"]) for k in range(state["copies"]))

    def finish(self) -> int:
        if self.last is None:
            return super().finish()
        self.module.load_state_dict(self.last.mean())
        self.module.eval()
        return len(self.course)
