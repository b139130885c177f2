"""Predicting a number a molecule: message passing networks on the random split of MoleculeNet."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from edgewise.data.molecules import Molecules, load_molecule_rows, load_molecules
from edgewise.errors import DataError
from edgewise.tasks.baselines import regressions, rmse
from edgewise.tasks.experiment import Measured, Metric
from edgewise.tasks.fingerprints import fingerprint
from edgewise.tasks.learning import Learning
from edgewise.tasks.networks import molecule_network
from edgewise.tasks.recipe import Recipe
from edgewise.tasks.regression import Regression, predict, random_split, scale_of
from edgewise.tasks.stopping import LowestError
from edgewise.tasks.tables import MoleculeTableData, MoleculeTraining, MPNNModel


def read_molecules(recipe: Recipe, *, skip_invalid: bool) -> tuple[Molecules, Tensor]:
    """The molecules of a recipe and their targets.

    Raises:
        DataError: see `load_molecules`; also for a table without targets, or too few molecules to be split.
    """
    data = cast(MoleculeTableData, recipe.data)
    found = load_molecules(data.path, smiles=data.smiles, target=data.target, skip_invalid=skip_invalid)
    if found.targets is None:
        raise DataError(
            f"{data.path} has no column whose name says that it is to be predicted",
            expected="a column of numbers, a target a molecule",
            fix="name it in the recipe: target = ..., in the table [data]",
        )
    parts = random_split(len(found.graphs), 0, data.validation, data.test)
    if min(len(part) for part in parts) == 0:
        raise DataError(
            f"{data.path} has {len(found.graphs)} molecules",
            expected="at least one in each part of the split",
            fix="take more molecules, or raise validation and test in the table [data]",
        )
    return found, found.targets


def read_rows(recipe: Recipe, path: Path, *, skip_invalid: bool) -> tuple[Molecules, dict[str, list[str]]]:
    """Molecules whose numbers are to be predicted, and the columns of their table.

    Raises:
        DataError: see `load_molecule_rows`.
    """
    data = cast(MoleculeTableData, recipe.data)
    return load_molecule_rows(path, smiles=data.smiles, skip_invalid=skip_invalid)


class MoleculeExperiment:
    """A recipe of the task "molecules" on its data; see `edgewise.tasks.experiment.Experiment`."""

    random_split = True

    def __init__(self, recipe: Recipe, data: Molecules, targets: Tensor) -> None:
        self.recipe, self.data, self.targets = recipe, data, targets
        self.metric = Metric("RMSE", data.unit or "", higher_is_better=False)
        graphs = [part for graph in data.graphs for part in (graph.nodes, graph.edges) if part is not None]
        self.fingerprint = fingerprint([*data.smiles, targets, *graphs])

    @property
    def training(self) -> MoleculeTraining:
        return cast(MoleculeTraining, self.recipe.training)

    def seeds(self, run: int) -> tuple[int, ...]:
        count = self.training.ensemble
        return tuple(range(run * count, (run + 1) * count))

    def network(self) -> nn.Module:
        nodes, edges = self._widths
        return molecule_network(cast(MPNNModel, self.recipe.model), nodes, edges)

    @property
    def _widths(self) -> tuple[int, int]:
        """Features of an atom and of a bond."""
        graph = self.data.graphs[0]
        return tuple(0 if part is None else part.shape[-1] for part in (graph.nodes, graph.edges))  # pyright: ignore[reportReturnType]

    def parts(self, run: int) -> tuple[np.ndarray, ...]:
        data = cast(MoleculeTableData, self.recipe.data)
        return random_split(len(self.data.graphs), run, data.validation, data.test)

    def learning(self, name: str, module: nn.Module, run: int, seed: int) -> Learning:
        objective = Regression(self.data.graphs, self.targets, self.parts(run), self.training, seed)
        return Learning(name, module, objective, seed=seed, stopping=LowestError(self.training.patience))

    def measure(self, run: int, members: Sequence[nn.Module]) -> Measured:
        parts = self.parts(run)
        mean, sd = scale_of(self.targets[torch.from_numpy(parts[0])])
        every = torch.stack([predict(member, self.data.graphs) for member in members]).double() * sd + mean
        true = self.targets.numpy()
        together, alone = every.mean(0).numpy(), every.numpy()
        train, validation, tested = (rmse(together[part], true[part]) for part in parts)
        test = parts[2]
        table: dict[str, list[Any]] = {
            "split": [run] * len(test),
            "smiles": [self.data.smiles[k] for k in test],
            "true": true[test].tolist(),
            "predicted": np.round(together[test], 6).tolist(),
        }
        if len(members) > 1:
            table["sd"] = np.round(alone[:, test].std(0), 6).tolist()
        members_alone = tuple(rmse(member[test], true[test]) for member in alone)
        return Measured(run, train, validation, tested, members_alone, table)

    def baselines(self) -> list[dict[str, Any]]:
        summed = [cast(Tensor, graph.nodes).sum(0) for graph in self.data.graphs]
        features = torch.stack(summed).double().numpy()
        runs = range(self.training.seeds)
        found = [regressions(features, self.targets.numpy(), self.parts(run)) for run in runs]
        return [{"name": name, "value": float(np.mean([one[name] for one in found]))} for name in found[0]]

    def preview(self, measured: Sequence[Measured]) -> dict[str, Any]:
        names = {"name": "smiles", "true": "true", "predicted": "predicted", "split": "split"}
        points = [
            dict(zip(names, row, strict=True))
            for one in measured
            for row in zip(*(one.predictions[column] for column in names.values()), strict=True)
        ]
        return {"kind": "regression", "target": self._target, "unit": self.metric.unit, "points": points}

    @property
    def _target(self) -> str:
        return self.data.target or "target"

    def facts(self) -> list[list[Any]]:
        train, validation, test = self.parts(0)
        atoms = [graph.n_nodes for graph in self.data.graphs]
        return [
            ["molecules", len(atoms)],
            ["rows left out (invalid SMILES)", len(self.data.skipped)],
            ["atoms a molecule, median and largest", f"{int(np.median(atoms))}, {max(atoms)}"],
            ["features an atom", self._widths[0]],
            ["features a bond", self._widths[1]],
            ["training, validation, test", f"{len(train)}, {len(validation)}, {len(test)}"],
        ]

    def protocol(self) -> list[str]:
        training = self.training
        splits = f"{training.seeds} random splits of the molecules, numbers 0 to {training.seeds - 1}"
        averaged = (
            f"The predictions of {training.ensemble} networks of different seeds are averaged in each split; "
            "`alone` in metrics.json is what one of them is worth."
            if training.ensemble > 1
            else "One network a split."
        )
        waits = f", at most {training.patience} epochs after the last better one" if training.patience else ""
        return [
            f"{splits}; the test part of a split is looked at once, after the last network was trained.",
            averaged,
            "Targets are standardised by the mean and standard deviation of the training molecules; errors are in the"
            " target's own unit.",
            f"AdamW, learning rate {training.learning_rate:g} falling to 0 along half a cosine over {training.epochs}"
            f" epochs, weight decay {training.weight_decay:g} on matrices, batches of {training.batch_size} molecules.",
            f"The weights of the lowest validation RMSE are kept{waits}.",
        ]

    def files(self) -> Mapping[str, bytes]:
        return {}

    def shape(self) -> dict[str, Any]:
        scales = [
            scale_of(self.targets[torch.from_numpy(self.parts(run)[0])]) for run in range(self.training.seeds)
        ]
        nodes, edges = self._widths
        return {
            "n_atom_features": nodes,
            "n_bond_features": edges,
            "scales": [{"mean": mean, "sd": sd} for mean, sd in scales],
            "target": self._target,
            "unit": self.metric.unit,
        }
