"""Making the rows of a table one after the other."""

import os
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import torch

from edgewise.errors import ConfigError
from edgewise.inference.reproduce.cells import cells_named, cells_of
from edgewise.inference.reproduce.measures import MEASURES, no_law
from edgewise.inference.reproduce.record import TableRecord
from edgewise.inference.reproduce.trial import Listener, Trial


def planned(
    table: str, cells: Sequence[str] | None, *, seeds: int, method: str, **amounts: Any
) -> list[Trial]:
    """The trials of some cells of a table, seed after seed for each cell.

    Args:
        table: one of `TABLES`; cells: names of its cells, None for all.
        seeds: how many, from 0 on.
        method: of the inference.
        amounts: other fields of `Trial`.

    Raises:
        ConfigError: for a cell, method or amount that is none, and for a method that the table does not take.
    """
    if seeds < 1:
        raise ConfigError(f"seeds is {seeds}", expected="at least 1")
    chosen = cells_named(cells, table)
    trials = [Trial(cell, seed, method, **amounts) for cell in chosen for seed in range(seeds)]
    if table == "nri-table2" and not trials[0].train_systems:
        raise no_law(method)
    return trials


def reproduce(
    table: str,
    trials: Sequence[Trial],
    *,
    record: TableRecord | None = None,
    on_trial: Callable[[str], None] | None = None,
    on_row: Callable[[dict[str, Any]], None] | None = None,
    on_progress: Listener | None = None,
) -> list[dict[str, Any]]:
    """Make the rows of a table.

    Args:
        table: one of `TABLES`.
        trials: what the rows are made of.
        record: keeps the rows; those that it has already are not made again.
        on_trial: told in a sentence what is begun; on_row: given every new row; on_progress: told after every step of
            a fit.

    Returns:
        All rows, those of the record first.

    Raises:
        ConfigError: for a table that does not exist; what the measures raise.
    """
    cells_of(table)
    rows = [] if record is None else record.rows
    for trial in trials:
        if record is not None and record.has(trial.key()):
            continue
        _tell(_sentence(trial), record, on_trial)
        try:
            row = MEASURES[table](trial, on_progress) | _machine()
        except BaseException as error:
            _tell(f"stopped: {type(error).__name__}", record, None)
            raise
        if record is None:
            rows.append(row)
        else:
            record.add(row)
            record.note(f"done: {_result(row)}")
        if on_row is not None:
            on_row(row)
    return rows


def _tell(text: str, record: TableRecord | None, on_trial: Callable[[str], None] | None) -> None:
    if record is not None:
        record.note(text)
    if on_trial is not None:
        on_trial(text)


def _sentence(trial: Trial) -> str:
    """ "springs-5, seed 0: superposition from 500 systems within 1 min, tested on 1000"."""
    trained = (
        f" from {trial.train_systems} systems within {trial.budget:g} min" if trial.train_systems else ""
    )
    classes = " of other isomorphism classes" if trial.isomorphism else ""
    return f"{trial.cell.name}, seed {trial.seed}: {trial.method}{trained}, tested on {trial.test_systems}{classes}"


def _result(row: dict[str, Any]) -> str:
    """What the log says of a finished row."""
    figures = [
        f"{way} {name} {', '.join(f'{v:.6g}' for v in (value if isinstance(value, list) else [value]))}"
        for way in ("directed", "undirected")
        for name, value in (row[way] or {}).items()
        if value is not None
    ]
    return f"{row['cell']}, seed {row['seed']}: {'; '.join(figures)}; fit {row['seconds']:.1f} s"


def _machine() -> dict[str, Any]:
    return {
        "made": {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "edgewise": version("edgewise"),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
        }
    }
