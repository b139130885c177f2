"""Running the methods of a comparison one after the other."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from edgewise.data import save, validate
from edgewise.data.describe import fingerprint, summary
from edgewise.errors import ConfigError
from edgewise.folders import write_json
from edgewise.inference.compare.comparison import Comparison
from edgewise.inference.compare.entries import Entry, planned
from edgewise.inference.compare.measure import measured_row, named_row
from edgewise.inference.compare.worker import DATA, ENTRY, ROW

WORKER = (
    "-c",
    "import sys, pathlib, edgewise; edgewise.tune_runtime();"  # before anything loads torch, as the command does
    "from edgewise.inference.compare.worker import main; main(pathlib.Path(sys.argv[1]))",
)
STARTING = 20.0
"""Seconds beyond the limit in which a process may start, load the data, and write its row."""


def compare(
    data: xr.Dataset,
    methods: Sequence[str] | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    time_limit: float = 0.0,
    isolated: bool = True,
    on_row: Callable[[dict[str, Any]], None] | None = None,
) -> Comparison:
    """Run methods side by side on one data set.

    Where the data hold known edges, these are what graphs are compared with, and no method sees them. Otherwise the
    last fifth of the frames is held out, and graphs are compared by what they foretell.

    Args:
        data: a data set in the trajectory schema.
        methods: names, or labels of tables of the settings; "all"; None for what is always there (see `planned`).
        settings: for all, and in tables for each (see `planned`).
        time_limit: seconds a method; 0 for none.
        isolated: each method in a process of its own, so that its memory is its own, a crash ends only it, and the
            limit holds. Off: all in this process, without a limit, and with figures of memory that share one peak.
        on_row: given every row when it is done.

    Raises:
        DataError: for data that do not follow the schema.
        ConfigError: for a method or a setting that is wrong, or a limit without isolation.
    """
    if time_limit < 0:
        raise ConfigError(f"time_limit is {time_limit}", expected="seconds, or 0 for none")
    if time_limit and not isolated:
        raise ConfigError(
            "a time limit for methods in this process",
            expected="isolated methods: only a process can be ended",
            fix="drop time_limit, or isolated=False",
        )
    entries = planned(methods, settings)
    ds = validate(data)
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if isolated:
            save(ds, folder / DATA)
        for entry in entries:
            row = _process(folder, entry, time_limit) if isolated else measured_row(ds, entry)
            rows.append(row)
            if on_row is not None:
                on_row(row)
    return Comparison(
        rows=tuple(rows),
        known="edges" in ds,
        settings={entry.label: entry.config.to_dict() for entry in entries},
        data=summary(ds) | {"fingerprint": fingerprint(ds)},
        time_limit=time_limit,
    )


def _process(folder: Path, entry: Entry, time_limit: float) -> dict[str, Any]:
    """The row of a method, made by a process that ends with it."""
    (folder / ROW).unlink(missing_ok=True)
    asked = {"label": entry.label, "config": entry.config.to_dict(), "time_limit": time_limit}
    write_json(folder / ENTRY, asked)
    command = [sys.executable, *WORKER, str(folder)]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=time_limit + STARTING if time_limit else None,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return named_row(entry) | {
            "status": "stopped",
            "message": f"not done after {time_limit:g} s",
            "seconds": time_limit,
        }
    if done.returncode == 0:
        return json.loads((folder / ROW).read_text(encoding="utf-8"))
    return named_row(entry) | {"status": "failed", "message": _ending(done.returncode, done.stderr)}


def _ending(code: int, said: str) -> str:
    if code < 0:
        return f"the process was ended by signal {-code}, which is how systems answer a want of memory"
    last = said.strip().splitlines()
    return f"the process ended with code {code}{f': {last[-1]}' if last else ''}"
