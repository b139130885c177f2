"""Training a network to predict a number a graph: splits, scales, loss and validation."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from edgewise.graph import Graph, batch
from edgewise.tasks.baselines import rmse
from edgewise.tasks.learning import adamw
from edgewise.tasks.tables import MoleculeTraining
from edgewise.training import batch_indices, cosine

AT_ONCE = 256
"""Molecules that are evaluated together."""


def random_split(n: int, split: int, validation: float, test: float) -> tuple[np.ndarray, ...]:
    """Training, validation and test indices: a permutation that depends on the split's number, cut in three.

    The cuts are those of MoleculeNet's random splitter (Wu et al. 2018, section 3.2; 80/10/10).
    """
    order = np.random.default_rng([split]).permutation(n)
    cuts = int((1 - validation - test) * n + 1e-9), int((1 - test) * n + 1e-9)
    return tuple(np.split(order, cuts))


class Regression:
    """Mean squared error of the standardised target; the validation is the RMSE in the target's unit.

    Args:
        graphs, targets: the molecules and their numbers, in the target's unit.
        parts: indices of training and validation. Mean and standard deviation are those of the training part.
        seed: of the batches.
    """

    metric, precision = "RMSE", "no"

    def __init__(
        self,
        graphs: Sequence[Graph],
        targets: Tensor,
        parts: tuple[np.ndarray, ...],
        training: MoleculeTraining,
        seed: int,
    ) -> None:
        self.graphs, self.parts, self.training, self.seed = graphs, parts, training, seed
        self.mean, self.sd = scale_of(targets[torch.from_numpy(parts[0])])
        self.targets = targets
        self.scaled = ((targets - self.mean) / self.sd).float()
        self.clip = training.clip or None
        size = min(training.batch_size, len(parts[0]))
        self.steps_an_epoch = max(round(len(parts[0]) / size), 1)
        self.max_epochs = training.epochs
        self.rate = cosine(training.learning_rate, training.epochs * self.steps_an_epoch)

    def optimizer(self, module: nn.Module) -> torch.optim.Optimizer:
        return adamw(module, self.training.weight_decay)

    def learning_rate(self, step: int) -> float:
        return self.rate(step)

    def loss(self, module: nn.Module, step: int) -> Tensor:
        picked = batch_indices(self.seed, step, len(self.parts[0]), self.training.batch_size)
        molecules = self.parts[0][picked.numpy()]
        predicted = module(batch([self.graphs[k] for k in molecules]))[:, 0]
        return (predicted - self.scaled[torch.from_numpy(molecules)]).square().mean()

    def validate(self, module: nn.Module) -> tuple[float, float]:
        picked = self.parts[1]
        predicted = predict(module, [self.graphs[k] for k in picked]).double() * self.sd + self.mean
        error = rmse(predicted.numpy(), self.targets[torch.from_numpy(picked)].numpy())
        return (error / self.sd) ** 2, error


def scale_of(targets: Tensor) -> tuple[float, float]:
    """Mean and standard deviation by which targets are standardised; a deviation of 0 becomes 1."""
    return float(targets.mean()), float(targets.std(correction=0)) or 1.0


def predict(module: nn.Module, graphs: Sequence[Graph]) -> Tensor:
    """The module's first output for each graph: [n_graphs]."""
    parts = [graphs[at : at + AT_ONCE] for at in range(0, len(graphs), AT_ONCE)]
    return torch.cat([module(batch(part))[:, 0] for part in parts])
