"""One row of a table: a cell, a seed, and how much of everything; its systems, and the law that is fitted to them."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from edgewise.data.isomorphism import split_by_isomorphism
from edgewise.errors import ConfigError
from edgewise.inference.config import LEARNED, METHODS, InferenceConfig
from edgewise.inference.infer import infer
from edgewise.inference.records import overruled
from edgewise.inference.reproduce.cells import Cell
from edgewise.inference.result import Inference
from edgewise.physics import simulate
from edgewise.settings import one_of, require
from edgewise.training import Progress

FRAMES = 49
"""Frames of a training recording, and those that a graph is inferred from (Kipf et al. 2018, section 5.1)."""
TRAIN_SEED, TEST_SEED = 1000, 2000
"""Seed s trains on the systems of seed 1000 + s and is tested on those of 2000 + s."""
POOLS = 6
"""How often the pool of systems is doubled until a split by isomorphism class fills both parts."""
Listener = Callable[[Progress], None]


@dataclass(frozen=True)
class Trial:
    """What one row is made of.

    Attributes:
        cell: the system.
        seed: of the systems and of the fit.
        method: a method of `edgewise.infer`.
        train_systems: recordings to fit on; 0 is the cell's number.
        test_systems: fresh recordings to read.
        budget: minutes that the fit may take; 0 is the cell's.
        isomorphism: no test graph is isomorphic to a training graph.
        noise: standard deviation of observation noise on training and test recordings.
        missing: share of values that are not observed, in both.
    """

    cell: Cell
    seed: int = 0
    method: str = "superposition"
    train_systems: int = 0
    test_systems: int = 1000
    budget: float = 0.0
    isomorphism: bool = False
    noise: float = 0.0
    missing: float = 0.0

    def __post_init__(self) -> None:
        one_of("method", self.method, METHODS)
        require(self.seed >= 0, "seed", self.seed, "0 or a positive whole number")
        require(
            self.train_systems >= 0,
            "train_systems",
            self.train_systems,
            "0 (the cell's) or a positive number",
        )
        require(self.test_systems >= 1, "test_systems", self.test_systems, "at least 1 system")
        require(self.budget >= 0, "budget", self.budget, "0 (the cell's) or a positive number of minutes")
        train = 0 if self.method not in LEARNED else self.train_systems or self.cell.train_systems
        if self.isomorphism and not train:
            raise ConfigError(
                f"isomorphism together with {self.method}",
                expected="a method that is trained: there are no training graphs to differ from",
                fix="drop one of the two",
            )
        object.__setattr__(self, "train_systems", train)
        object.__setattr__(self, "budget", float(self.budget or self.cell.minutes))

    def key(self) -> dict[str, Any]:
        """Plain values that tell this row from every other."""
        names = (
            "seed",
            "method",
            "train_systems",
            "test_systems",
            "budget",
            "isomorphism",
            "noise",
            "missing",
        )
        return {"cell": self.cell.name} | {name: getattr(self, name) for name in names}

    def config(self) -> InferenceConfig:
        """The settings of the fit."""
        given: dict[str, Any] = {"method": self.method, "seed": self.seed, "time_limit": 60 * self.budget}
        return overruled(InferenceConfig(), given | self.law())

    def law(self) -> dict[str, Any]:
        """The cell's settings of the law, where the method takes them."""
        return dict(self.cell.law) if self.method in ("superposition", "hybrid") else {}


@dataclass(frozen=True)
class Fit:
    """A law, or None for a method that learns none, and how long it took in seconds."""

    result: Inference | None
    seconds: float


def fit_trial(trial: Trial, train: xr.Dataset | None, on_progress: Listener | None = None) -> Fit:
    """Fit the law of a trial. The truth is taken away first.

    Args:
        trial: a row; train: its training systems, None for a method that learns no law.
    """
    if train is None:
        return Fit(None, 0.0)
    start = time.perf_counter()
    result = infer(without_truth(train), trial.config(), on_progress=on_progress)
    return Fit(result, time.perf_counter() - start)


def without_truth(ds: xr.Dataset) -> xr.Dataset:
    """The recordings alone."""
    return ds.drop_dims(["receiver", "sender"])


def read_graphs(trial: Trial, fit: Fit, test: xr.Dataset, *, undirected: bool) -> Inference:
    """The graphs of test systems, with the truth beside them in the metrics."""
    if fit.result is None:
        return infer(test, overruled(trial.config(), {"undirected": undirected}))
    config = overruled(fit.result.config, {"undirected": undirected})
    return replace(fit.result, config=config).apply(test)


def draw_systems(trial: Trial, test_frames: int = FRAMES) -> tuple[xr.Dataset | None, xr.Dataset]:
    """The training systems (None if the method learns no law) and the test systems of a trial.

    Args:
        trial: a row; test_frames: frames of a test recording, of which the first are those of a shorter one.

    Raises:
        ConfigError: where the test graphs shall be of other isomorphism classes and there are too few classes.
    """
    if trial.isomorphism and trial.train_systems:
        return _apart(trial, test_frames)
    train = None
    if trial.train_systems:
        train = _simulated(trial, trial.train_systems, FRAMES, TRAIN_SEED + trial.seed)
    return train, _simulated(trial, trial.test_systems, test_frames, TEST_SEED + trial.seed)


def _simulated(trial: Trial, sequences: int, frames: int, seed: int) -> xr.Dataset:
    cell = trial.cell
    ds = simulate(
        cell.system,
        entities=cell.entities,
        sequences=sequences,
        steps=frames,
        seed=seed,
        noise=trial.noise,
        missing=trial.missing,
    )
    return ds[[*cell.features, "edges"]]


def _apart(trial: Trial, test_frames: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Training and test systems that share no isomorphism class, from one pool of systems."""
    wanted = trial.train_systems + trial.test_systems
    sizes = []
    for doubled in range(POOLS):
        pool = _simulated(trial, wanted * 2**doubled, test_frames, TRAIN_SEED + trial.seed)
        share = trial.test_systems / wanted
        kept, aside = split_by_isomorphism(pool["edges"].to_numpy(), share, trial.seed)
        sizes.append((len(kept), len(aside)))
        if len(kept) >= trial.train_systems and len(aside) >= trial.test_systems:
            train = pool.isel(sequence=np.sort(kept)[: trial.train_systems], time=slice(0, FRAMES))
            return train, pool.isel(sequence=aside[: trial.test_systems])
    raise ConfigError(
        f"{trial.cell.name}: splits by isomorphism class of up to {wanted * 2 ** (POOLS - 1)} systems left"
        f" {max(kept for kept, _ in sizes)} to train on and {max(aside for _, aside in sizes)} to test on",
        expected=f"{trial.train_systems} and {trial.test_systems}",
        fix="ask for fewer systems, or take larger ones, whose graphs are of more classes",
    )
