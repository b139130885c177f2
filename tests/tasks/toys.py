"""A small experiment: fit a noisy line with dropout, three seeds."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from edgewise.tasks.experiment import Measured, Metric
from edgewise.tasks.learning import Learning
from edgewise.tasks.recipe import Recipe
from edgewise.tasks.stopping import LowestError
from edgewise.tasks.tables import MoleculeTableData, MoleculeTraining, MPNNModel, Published
from edgewise.training import batch_indices, cosine


class Fit:
    """Least squares by batches of four points, of which the first 20 are for training and the next 8 for validation."""

    metric, clip, precision = "RMSE", None, "no"
    steps_an_epoch, max_epochs = 5, 6

    def __init__(self, seed: int) -> None:
        draw = torch.Generator().manual_seed(1)
        self.x = torch.randn(40, 3, generator=draw)
        self.y = self.x @ torch.tensor([1.0, -2.0, 0.5]) + 0.1 * torch.randn(40, generator=draw)
        self.seed = seed
        self.rate = cosine(0.1, self.steps_an_epoch * self.max_epochs)

    def optimizer(self, module):
        return torch.optim.Adam(module.parameters(), lr=1.0)

    def learning_rate(self, step):
        return self.rate(step)

    def loss(self, module, step):
        picked = batch_indices(self.seed, step, 20, 4)
        return (module(self.x[picked])[:, 0] - self.y[picked]).square().mean()

    def validate(self, module):
        loss = float((module(self.x[20:28])[:, 0] - self.y[20:28]).square().mean())
        return loss, loss**0.5


class ToyExperiment:
    """What `TrainingRun` needs, without any graph."""

    metric, random_split = Metric("RMSE", "m", higher_is_better=False), True

    def __init__(self, seeds: int = 3, ensemble: int = 2, fingerprint: str = "abc") -> None:
        self.recipe = Recipe(
            "toy",
            "molecules",
            MoleculeTableData(str(Path("toy.csv").resolve())),
            MPNNModel(),
            MoleculeTraining(seeds=seeds, ensemble=ensemble),
            Published(0.2, "Nobody 2020, table 1"),
        )
        self.fingerprint = fingerprint
        self.data = Fit(0)

    def seeds(self, run):
        count = self.recipe.training.ensemble
        return tuple(range(run * count, run * count + count))

    def network(self) -> nn.Module:
        return nn.Sequential(nn.Dropout(0.2), nn.Linear(3, 1))

    def learning(self, name, module, run, seed):
        return Learning(name, module, Fit(seed), seed=seed, stopping=LowestError(0))

    def measure(self, run, members):
        assert not any(member.training for member in members)
        every = torch.stack([member(self.data.x)[:, 0] for member in members])
        errors = (every - self.data.y)[:, 28:]
        alone = tuple(float(one.square().mean().sqrt()) for one in errors)
        together = float(errors.mean(0).square().mean().sqrt())
        table = {
            "run": [run] * 12,
            "true": self.data.y[28:].tolist(),
            "predicted": every.mean(0)[28:].tolist(),
        }
        return Measured(run, 0.1, 0.2, together, alone, table)

    def baselines(self):
        return [{"name": "zero", "value": float(np.sqrt(np.mean(self.data.y[28:].numpy() ** 2)))}]

    def preview(self, measured):
        return {"kind": "regression", "target": "y", "unit": "m", "points": []}

    def facts(self):
        return [["points", 40]]

    def protocol(self):
        return ["A line is fitted."]

    def files(self):
        return {}

    def shape(self):
        return {"width": 3}
