"""The networks of a run on new data."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from edgewise.errors import ConfigError, DataError
from edgewise.tasks.images_tables import NonLocalModel
from edgewise.tasks.networks import molecule_network, node_classifier
from edgewise.tasks.physics_tables import EnergyModel
from edgewise.tasks.recipe import CitationData, CitationModel
from edgewise.tasks.records import TrainedRun, with_weights
from edgewise.tasks.tables import MPNNModel

Columns = dict[str, list[Any]]
ELSEWHERE = {
    "sequences": ("a model of sequences", "translate"),
    "physics": ("a simulator", "rollout"),
    "central-forces": ("a law of forces", "rollout"),
}
"""Tasks whose runs are used by another command: what they hold, and which."""


def predictions(run: TrainedRun, data: Path, *, skip_invalid: bool = False) -> Columns:
    """What the networks of a run say of new data: a table, columns by name.

    Nodes: the class of the largest probability, and the probability of each class, the mean over the networks.
    Pictures: the same, by the networks with non-local blocks. Molecules: the columns of their table, the mean over the
    networks and, if there are several, its uncertainty: their standard deviation. Recordings of objects: the potential
    energy of each frame, the mean over the networks, and its uncertainty likewise.

    Raises:
        DataError: if the data cannot be read, or have other features than the networks were trained on.
        RunError: if the networks are not those of the recipe.
        ConfigError: for a run of another task.
    """
    if isinstance(run.recipe.model, EnergyModel):
        return _energies(run, data)
    elsewhere = ELSEWHERE.get(run.recipe.task)
    if elsewhere is not None:
        holds, command = elsewhere
        raise ConfigError(
            f"{run.folder} holds {holds}",
            expected="nodes, molecules, pictures or energies",
            fix=f"use `edgewise {command}`",
        )
    if run.recipe.task == "citation":
        return _classified(run, data)
    if run.recipe.task == "images":
        return _pictured(run, data)
    return _regressed(run, data, skip_invalid=skip_invalid)


def _refuse_other_width(data: Path, what: str, found: int, expected: int) -> None:
    if found != expected:
        raise DataError(
            f"{data} has {found} features {what}",
            expected=f"{expected}, as the data that the networks were trained on",
            fix="predict data of the same kind, or train on these",
        )


@torch.no_grad()
def _classified(run: TrainedRun, data: Path) -> Columns:
    from edgewise.tasks.nodes import read_nodes

    shape, settings = run.shape, cast(CitationData, run.recipe.data)
    classes: Sequence[str] = shape["classes"]
    nodes = read_nodes(data, settings, shape["features"])
    _refuse_other_width(data, "a node", nodes.n_features, shape["n_features"])
    module = node_classifier(cast(CitationModel, run.recipe.model), shape["n_features"], len(classes))
    every = [
        with_weights(module, run, seed)(nodes.relation, nodes.features).softmax(-1)
        for seeds in run.seeds
        for seed in seeds
    ]
    return {"node": list(nodes.names)} | _voted(every, classes)


@torch.no_grad()
def _pictured(run: TrainedRun, data: Path) -> Columns:
    from edgewise.data.images import load_digits, load_pictures
    from edgewise.tasks.images import networks_of
    from edgewise.tasks.images_learning import logits_of

    shape = run.shape
    pictures = load_pictures(data) if data.suffix == ".npz" else load_digits(data)
    found, expected = tuple(pictures.pixels.shape[1:]), (shape["n_channels"], *shape["grid"])
    if found != expected:
        raise DataError(
            f"{data} holds pictures of {found} (channels, then the grid)",
            expected=f"{expected}, as the data that the networks were trained on",
            fix="predict data of the same kind, or train on these",
        )
    both = networks_of(cast(NonLocalModel, run.recipe.model), shape)
    every = [
        logits_of(with_weights(both, run, seed).network, pictures).softmax(-1)
        for seeds in run.seeds
        for seed in seeds
    ]
    return {"picture": list(range(len(pictures)))} | _voted(every, shape["classes"])


def _voted(every: Sequence[Tensor], classes: Sequence[str]) -> Columns:
    """The class of the largest mean probability [n, n_classes], and the probability of each."""
    probability = torch.stack(tuple(every)).double().mean(0)
    best = probability.argmax(-1)
    columns: Columns = {"predicted": [classes[k] for k in best.tolist()]}
    return columns | {f"p({name})": _rounded(probability[:, k]) for k, name in enumerate(classes)}


@torch.no_grad()
def _regressed(run: TrainedRun, data: Path, *, skip_invalid: bool) -> Columns:
    from edgewise.tasks.molecule import read_rows
    from edgewise.tasks.regression import predict

    shape = run.shape
    molecules, given = read_rows(run.recipe, data, skip_invalid=skip_invalid)
    widths = {"an atom": shape["n_atom_features"], "a bond": shape["n_bond_features"]}
    for what, part in zip(widths, (molecules.graphs[0].nodes, molecules.graphs[0].edges), strict=True):
        _refuse_other_width(data, what, 0 if part is None else part.shape[-1], widths[what])
    module = molecule_network(cast(MPNNModel, run.recipe.model), *widths.values())
    every = [
        predict(with_weights(module, run, seed), molecules.graphs).double() * scale["sd"] + scale["mean"]
        for seeds, scale in zip(run.seeds, shape["scales"], strict=True)
        for seed in seeds
    ]
    values = torch.stack(every)
    found: Columns = {"predicted": _rounded(values.mean(0))}
    if len(values) > 1:
        found["sd"] = _rounded(values.std(0, correction=0))
    return _beside(given, found)


@torch.no_grad()
def _energies(run: TrainedRun, data: Path) -> Columns:
    from edgewise.data.io import load
    from edgewise.data.roles import clock
    from edgewise.data.schema import validate
    from edgewise.tasks.energy import foretold, restored
    from edgewise.tasks.motions import Described, read_motions
    from edgewise.tasks.rollout import check_described

    ds = validate(load(data))
    motions = read_motions(ds, Described.from_dict(run.shape["described"]))
    check_described(run, motions)
    system = torch.arange(motions.n_systems).repeat_interleave(motions.n_frames)
    frame = torch.arange(motions.n_frames).repeat(motions.n_systems)
    module = restored(run.recipe, run.shape)
    every = [
        foretold(with_weights(module, run, seed), motions, system, frame)
        for seeds in run.seeds
        for seed in seeds
    ]
    values = torch.stack(every)
    columns: Columns = {
        "sequence": ds["sequence"].to_numpy()[system.numpy()].tolist(),
        "time": clock(ds).ravel().tolist(),
        "potential_energy": [float(f"{value:.6g}") for value in values.mean(0).tolist()],
    }
    if len(values) > 1:
        columns["sd"] = [float(f"{value:.3g}") for value in values.std(0, correction=0).tolist()]
    return columns


def _beside(given: dict[str, list[str]], found: Columns) -> Columns:
    """The columns of the table, then those that are new; one that is there already gets a longer name."""
    return given | {
        (f"{name} (edgewise)" if name in given else name): values for name, values in found.items()
    }


def _rounded(values: Tensor) -> list[float]:
    return [round(value, 6) for value in values.tolist()]
