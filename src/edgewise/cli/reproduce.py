"""edgewise reproduce nri-table1 --out FOLDER"""

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from edgewise.cli.options import Flag, names
from edgewise.cli.out import print_json, say
from edgewise.cli.progress import ProgressLine
from edgewise.cli.words import how_to_go_on
from edgewise.errors import ConfigError
from edgewise.inference.config import METHODS


def reproduce(
    table: Literal["nri-table1", "nri-table2"],
    /,
    *,
    cells: str | None = None,
    seeds: int = 1,
    budget: float = 0.0,
    method: Literal[METHODS] = METHODS[0],  # pyright: ignore[reportInvalidTypeForm]
    train_systems: int = 0,
    test_systems: int = 1000,
    isomorphism: Flag = False,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    resume: Flag = False,
    json: Flag = False,
    quiet: Flag = False,
) -> None:
    """Make a table of Kipf et al. 2018 (NRI) anew, ours beside the published figures. No labels enter training.

    Every row simulates systems, fits a law to them within a limit of time, and is measured on fresh systems.

    Args:
        table: The accuracy of inferred edges (nri-table1), or the error of forecasts (nri-table2).
        cells: Cells of the table, e.g. springs-5,charged-10; all of them if not given.
        seeds: Rows a cell, each with systems and a fit of its own.
        budget: Minutes for a fit; 0 takes those of the cell, 1 to 20.
        method: Method of inference.
        train_systems: Systems to fit the law on; 0 takes the number of the cell, 500 to 50000.
        test_systems: Fresh systems to measure on.
        isomorphism: Test only on graphs that are isomorphic to no graph of the training systems.
        out: A folder for table.md, rows.json and log.txt, written after every row; it must be empty or not exist.
        resume: Go on with the table in the folder; rows that are done stay.
        json: Print one JSON object (the rows) on stdout in place of the table.
        quiet: Show no progress on stderr.
    """
    if resume and out is None:
        raise ConfigError(
            "--resume without --out", expected="the folder of an interrupted table", fix="name it with --out"
        )
    from edgewise.inference.reproduce import TableRecord, planned
    from edgewise.inference.reproduce import reproduce as make_rows

    trials = planned(
        table,
        names(cells),
        seeds=seeds,
        method=method,
        train_systems=train_systems,
        test_systems=test_systems,
        budget=budget,
        isomorphism=isomorphism,
    )
    record = None if out is None else TableRecord(out, table, resume=resume)
    done: list[dict[str, Any]] = [] if record is None else record.rows
    try:
        with ProgressLine(quiet=quiet) as line:
            make_rows(
                table,
                trials,
                record=record,
                on_trial=None if quiet else say,
                on_row=done.append if record is None else None,
                on_progress=line,
            )
    except KeyboardInterrupt:
        fix = "the rows that are done are above; with --out they are kept, and the table can be resumed"
        raise KeyboardInterrupt(how_to_go_on() if record is not None else fix) from None
    finally:
        if done:
            _show(table, done, out, json=json)


def _show(table: str, rows: list[dict[str, Any]], out: Path | None, *, json: bool) -> None:
    """The rows that are done, also where a later one failed."""
    from edgewise.inference.reproduce import table_text

    if json:
        print_json({"table": table, "rows": rows, "out": None if out is None else str(out)})
        return
    print(table_text(table, rows), end="")
    if out is not None:
        print(f"\ntable: {out / 'table.md'}")
