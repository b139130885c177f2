"""The run folder of a recipe: what a training leaves behind, written whole or not at all, and read back."""

import csv
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from edgewise.errors import RunError
from edgewise.folders import FORMAT, STARTED, check_format, complete_folder, read_json, write_json
from edgewise.tasks.experiment import Experiment, Measured, Network
from edgewise.tasks.recipe import TASKS, Recipe, read_recipe, write_recipe

KIND = "training"
AGAIN = "edgewise train"
CHECKPOINTS = "checkpoints"
RECIPE = "recipe.toml"
MOST_EPOCHS = 500
"""Points of a learning curve that are kept."""


@dataclass(frozen=True)
class Outcome:
    """A finished training: its networks, what they are worth, and the simple answers beside them."""

    experiment: Experiment
    networks: tuple[Network, ...]
    measured: tuple[Measured, ...]
    baselines: tuple[dict[str, Any], ...]
    argv: list[str]
    seconds: float

    def members(self, run: int) -> list[Network]:
        """The networks of a run."""
        seeds = self.experiment.seeds(run)
        return [network for network in self.networks if network.seed in seeds]

    def metrics(self) -> dict[str, Any]:
        """The record `metrics.json`: mean, standard deviation (ddof 1) and standard error over the runs."""
        values = np.array([measured.test for measured in self.measured])
        sd = float(values.std(ddof=1)) if len(values) > 1 else None
        metric, published = self.experiment.metric, self.experiment.recipe.published
        return {
            "metric": metric.name,
            "unit": metric.unit,
            "higher_is_better": metric.higher_is_better,
            "mean": float(values.mean()),
            "sd": sd,
            "standard_error": None if sd is None else sd / len(values) ** 0.5,
            "n": len(values),
            "published": None
            if published is None
            else {"value": published.value, "sd": published.sd or None, "source": published.source},
            "baselines": list(self.baselines),
            "runs": [self._run(measured) for measured in self.measured],
        }

    def _run(self, measured: Measured) -> dict[str, Any]:
        members = self.members(measured.run)
        record = {
            "seed": members[0].seed,
            "split": measured.run if self.experiment.random_split else 0,
            "test": measured.test,
            "validation": measured.validation,
            "train": measured.train,
            "epochs": max(network.epochs for network in members),
            "best_epoch": members[0].best_epoch,
            "seconds": round(sum(network.seconds for network in members), 3),
        }
        if len(members) > 1:  # an ensemble: what its networks are worth alone
            record |= {"networks": len(members), "alone": sum(measured.members) / len(members)}
        return record | dict(measured.more)


def write_outcome(outcome: Outcome, folder: Path) -> None:
    """Write all records into a prepared folder, `run.json` last.

    Raises:
        RunError: if it cannot be written.
    """
    complete_folder(folder, lambda draft: _write(outcome, draft))


def _write(outcome: Outcome, folder: Path) -> None:
    experiment = outcome.experiment
    write_recipe(experiment.recipe, folder / RECIPE)
    (folder / "models").mkdir()
    for network in outcome.networks:
        weights = {name: t.detach().cpu().contiguous() for name, t in network.weights.items()}
        (folder / "models" / f"seed-{network.seed}.safetensors").write_bytes(save(weights))
    for name, content in experiment.files().items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    seeds = [list(experiment.seeds(measured.run)) for measured in outcome.measured]
    write_json(folder / "config.json", {"format": FORMAT, "seeds": seeds, **experiment.shape()})
    write_json(folder / "metrics.json", outcome.metrics())
    courses = [{"seed": n.seed, **n.course.thinned(MOST_EPOCHS)} for n in outcome.networks]
    write_json(folder / "history.json", {"runs": courses})
    write_json(folder / "preview.json", experiment.preview(outcome.measured))
    write_table(folder / "predictions.csv", _predictions(outcome.measured))
    write_json(folder / "run.json", _about(outcome))


def _about(outcome: Outcome) -> dict[str, Any]:
    experiment = outcome.experiment
    recipe = experiment.recipe
    optional = [name for name in TASKS[recipe.task].packages if find_spec(name) is not None]
    names = ("torch", "numpy", "scikit-learn", *optional)
    return {
        "format": FORMAT,
        "edgewise": version("edgewise"),
        "kind": KIND,
        "method": "train",
        "name": recipe.name,
        "command": "train",
        "argv": outcome.argv,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(outcome.seconds, 3),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in names}},
        "data": {
            "path": recipe.data.path,
            "fingerprint": experiment.fingerprint,
            "facts": experiment.facts(),
        },
        "settings": recipe.settings(),
        "protocol": experiment.protocol(),
    }


def _predictions(measured: Sequence[Measured]) -> dict[str, list[Any]]:
    """The predictions of all runs below each other."""
    names = list(measured[0].predictions)
    return {name: [value for one in measured for value in one.predictions[name]] for name in names}


def write_table(path: Path, columns: dict[str, list[Any]]) -> None:
    """Write columns of equal length as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


@dataclass(frozen=True)
class TrainedRun:
    """A run folder, read back: the recipe, the record `config.json`, and the weights of every network by seed."""

    folder: Path
    recipe: Recipe
    shape: dict[str, Any]
    weights: dict[int, dict[str, Tensor]]

    @property
    def seeds(self) -> list[list[int]]:
        """The seeds of the networks, a list a run."""
        return self.shape["seeds"]

    def damaged(self, reason: str) -> RunError:
        """What is said of records that do not fit together."""
        return _damaged(self.folder, reason)


def read_trained(folder: Path) -> TrainedRun:
    """Read the run folder of a recipe.

    Raises:
        RunError: if it is none, is unfinished, of another kind or version, or damaged.
    """
    if not (folder / "run.json").is_file():
        begun = (folder / STARTED).is_file()
        raise RunError(
            f"{folder} holds an unfinished run"
            if begun
            else f"{folder} is not a run folder: it has no run.json",
            expected=f"the folder that `{AGAIN} --out` wrote",
            fix=f"finish it with `{AGAIN} RECIPE --out RUN --resume`" if begun else "check the path",
        )
    about = read_json(folder / "run.json", AGAIN)
    check_format(folder / "run.json", about, AGAIN)
    if about.get("kind") != KIND:
        raise RunError(
            f"{folder} holds a run of another kind: it was not trained by a recipe",
            expected=f"the folder that `{AGAIN} --out` wrote",
            fix="use `edgewise apply RUN DATA` for the law of an inference",
        )
    recipe = read_recipe(folder / RECIPE)
    shape = read_json(folder / "config.json", AGAIN)
    try:
        seeds = [seed for run in shape["seeds"] for seed in run]
        weights = {seed: load_file(folder / "models" / f"seed-{seed}.safetensors") for seed in seeds}
    except (OSError, LookupError, TypeError, SafetensorError) as error:
        reason = f"there is no {error}" if isinstance(error, KeyError) else str(error).partition("\n")[0]
        raise _damaged(folder, reason) from error
    return TrainedRun(folder, recipe, shape, weights)


M = TypeVar("M", bound=nn.Module)


def with_weights(module: M, run: TrainedRun, seed: int) -> M:
    """The module with the weights of a network, in evaluation mode.

    Raises:
        RunError: if they do not fit.
    """
    try:
        module.load_state_dict(run.weights[seed])
    except RuntimeError as error:
        raise run.damaged(f"seed-{seed}.safetensors does not fit the recipe") from error
    return module.eval()


def _damaged(folder: Path, reason: str) -> RunError:
    return RunError(
        f"{folder} is damaged: {reason}",
        expected="the records that a run leaves",
        fix=f"run `{AGAIN}` again",
    )
