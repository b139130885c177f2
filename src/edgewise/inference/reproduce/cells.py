"""The cells of the tables: which system, how many recordings, what the law is given, what others published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from edgewise.errors import ConfigError
from edgewise.settings import did_you_mean

TABLES = ("nri-table1", "nri-table2")
"""Accuracy of the edges (Kipf et al. 2018, table 1) and error of forecasts (table 2)."""
STEPS = (1, 10, 20)
"""Steps ahead of table 2."""
MOST_ECE = 0.02
"""The calibration error that is aimed at in every cell."""

KIPF_1 = "Kipf et al. 2018, table 1"
KIPF_2 = "Kipf et al. 2018, table 2"
CHEN = "Chen et al. 2021 (NRI-MPM), table of edge accuracy"

BODY_FEATURES = ("x", "y", "vx", "vy")
OSCILLATOR_FEATURES = ("dphi", "sin_phi", "omega")
"""What the authors give their model; the simulator's `phase` is left out."""

KURAMOTO_LAW: Mapping[str, Any] = {"angles": ("sin_phi",), "gain": "profiled", "separable": 8}
"""What the law of the oscillators is told: sin_phi is the sine of an angle, dphi was scaled series by series."""


MANY_ENCOUNTERS: Mapping[str, Any] = {"rotation": True, "min_steps": 6000, "max_steps": 12000}
"""Ten charges: the law is found long after the evidence has settled for the first time, sooner if it turns."""


@dataclass(frozen=True)
class Published:
    """A published figure.

    Attributes:
        method: as the paper names it.
        value: accuracy in %, or the mean squared errors at `STEPS`.
        source: paper and table.
        recalled: the figure was written down from memory of the paper, and not compared with its text.
    """

    method: str
    value: float | tuple[float, ...]
    source: str
    recalled: bool = True


@dataclass(frozen=True)
class Target:
    """What is aimed at with the cell's number of systems and minutes.

    Attributes:
        accuracy: on fresh systems, in %, compared after rounding to one digit.
        undirected: whether the accuracy is that of undirected graphs.
    """

    accuracy: float
    undirected: bool = False


@dataclass(frozen=True)
class Cell:
    """One system at one size.

    Attributes:
        system: a key of `edgewise.physics.SIMULATORS`.
        entities: bodies or oscillators.
        train_systems: recordings that the law is fitted on, unless another number is asked; the most that the target
            allows.
        minutes: limit of the fit, unless another is asked; the most that the target allows.
        features: the columns that are recorded.
        law: settings of `edgewise.infer` beyond its defaults (inductive biases of the law).
        mutual: both ends of a pair have the same label, so graphs may be read as undirected.
        target: what is aimed at.
        accuracies: table 1 of others.
        errors: table 2 of others.
    """

    system: str
    entities: int
    train_systems: int
    minutes: float
    features: tuple[str, ...]
    target: Target
    accuracies: tuple[Published, ...]
    errors: tuple[Published, ...] = ()
    law: Mapping[str, Any] = field(default_factory=dict)
    mutual: bool = True

    @property
    def name(self) -> str:
        return f"{self.system}-{self.entities}"


def _table1(
    correlation: float,
    simulated: float | None,
    learnt: float,
    passing: float,
    supervised: float,
    *,
    read: bool = False,
) -> tuple[Published, ...]:
    """A column of table 1; `read`: the figure of the learnt decoder was compared with the paper."""
    figures = (
        Published("correlation of paths", correlation, KIPF_1),
        None if simulated is None else Published("NRI, simulation decoder", simulated, KIPF_1),
        Published("NRI", learnt, KIPF_1, recalled=not read),
        Published("NRI-MPM", passing, CHEN),
        Published("supervised", supervised, KIPF_1),
    )
    return tuple(figure for figure in figures if figure is not None)


def _table2(*errors: float) -> tuple[Published, ...]:
    return (Published("NRI", errors, KIPF_2),)


_ALL = (
    Cell(
        system="springs",
        entities=5,
        train_systems=500,
        minutes=1,
        features=BODY_FEATURES,
        target=Target(100.0),
        accuracies=_table1(52.4, 99.8, 99.9, 99.9, 99.9, read=True),
        errors=_table2(3.12e-8, 3.29e-6, 2.13e-5),
    ),
    Cell(
        system="springs",
        entities=10,
        train_systems=500,
        minutes=2,
        features=BODY_FEATURES,
        target=Target(100.0),
        accuracies=_table1(50.4, 98.2, 98.4, 99.1, 98.8),
    ),
    Cell(
        system="charged",
        entities=5,
        train_systems=2000,
        minutes=5,
        features=BODY_FEATURES,
        target=Target(99.0, undirected=True),
        accuracies=_table1(55.8, 59.6, 82.1, 93.3, 95.0, read=True),
        errors=_table2(1.05e-3, 3.21e-3, 7.06e-3),
    ),
    Cell(
        system="charged",
        entities=10,
        train_systems=2000,
        minutes=10,
        features=BODY_FEATURES,
        law=MANY_ENCOUNTERS,
        target=Target(98.0, undirected=True),
        accuracies=_table1(51.4, 53.7, 70.8, 81.6, 94.6),
    ),
    Cell(
        system="kuramoto",
        entities=5,
        train_systems=5000,
        minutes=10,
        features=OSCILLATOR_FEATURES,
        law=KURAMOTO_LAW,
        mutual=False,
        target=Target(99.0),
        accuracies=_table1(62.8, None, 96.0, 97.3, 99.7),
        errors=_table2(1.40e-2, 2.01e-2, 3.26e-2),
    ),
    Cell(
        system="kuramoto",
        entities=10,
        train_systems=5000,
        minutes=20,
        features=OSCILLATOR_FEATURES,
        law=KURAMOTO_LAW,
        mutual=False,
        target=Target(95.0),
        accuracies=_table1(59.3, None, 75.7, 80.3, 97.1),
    ),
)
CELLS: Mapping[str, Cell] = {cell.name: cell for cell in _ALL}
"""The six cells of table 1, by name."""
_FORECASTS: Mapping[str, Mapping[str, Any]] = {
    "charged-5": {
        "train_systems": 50_000,
        "minutes": 20,
        "law": {"rotation": True, "refit_steps": 40_000, "refit_horizon": 10},
    },
}
"""What a cell of table 2 has otherwise than in table 1: close encounters are rare, and make up the error of charges, so
that as many systems as in the paper pay.
"""
FORECAST_CELLS: Mapping[str, Cell] = {
    cell.name: replace(cell, **_FORECASTS.get(cell.name, {})) for cell in _ALL if cell.errors
}
"""The three cells of table 2."""


def cells_of(table: str) -> Mapping[str, Cell]:
    """The cells of a table by name.

    Raises:
        ConfigError: for a table that is none of `TABLES`.
    """
    if table not in TABLES:
        raise ConfigError(
            f"unknown table {table!r}{did_you_mean(table, TABLES)}", expected=f"one of {', '.join(TABLES)}"
        )
    return CELLS if table == "nri-table1" else FORECAST_CELLS


def cells_named(names: Sequence[str] | None, table: str) -> list[Cell]:
    """The cells of a table with these names, in the table's order; all of them if none is named.

    Raises:
        ConfigError: for a name that is no cell of the table, or an empty list.
    """
    known = cells_of(table)
    if names is None:
        return list(known.values())
    if not names:
        raise ConfigError("no cell is named", expected=f"some of {', '.join(known)}")
    for name in names:
        if name not in known:
            raise ConfigError(
                f"{table} has no cell {name!r}{did_you_mean(name, list(known))}",
                expected=f"some of {', '.join(known)}",
            )
    return [cell for name, cell in known.items() if name in names]
