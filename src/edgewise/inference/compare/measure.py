"""One line of a comparison: what a method found, how good it is, and what it cost."""

import sys
import time
import warnings
from dataclasses import replace
from importlib import import_module
from typing import Any

import xarray as xr

from edgewise.errors import EdgewiseError
from edgewise.inference.compare.answers import answer, blind
from edgewise.inference.compare.entries import Entry
from edgewise.inference.compare.foretold import graph_error, law_error, task_of
from edgewise.inference.compare.truth_figures import truth_figures
from edgewise.inference.config import LEARNED
from edgewise.inference.peers import PEERS, installed, missing

SHARE = 0.7
"""Of a time limit, what a fit may take: its posterior and its figures come after it."""


def measured_row(ds: xr.Dataset, entry: Entry, time_limit: float = 0.0) -> dict[str, Any]:
    """The line of one method; a method that fails has its message there.

    Args:
        ds: a validated data set.
        time_limit: seconds; a fit that can be brought to its end is, at a share of them.
    """
    row = named_row(entry)
    if not installed(entry.config.method):
        return row | {"status": "not installed", "message": str(missing(entry.config.method))}
    if time_limit and not entry.config.training.time_limit:
        training = replace(entry.config.training, time_limit=SHARE * time_limit)
        entry = replace(entry, config=replace(entry.config, training=training))
    try:
        return row | {"status": "done", "message": ""} | _figures(ds, entry)
    except EdgewiseError as error:
        message = str(error)
    except MemoryError as error:
        message = f"not enough memory: {error}"
    except Exception as error:  # the others go on
        message = f"{type(error).__name__}: {error}"
    return row | {"status": "failed", "message": message}


def named_row(entry: Entry) -> dict[str, Any]:
    """What is known of a line before it is made."""
    return {"label": entry.label, "method": entry.config.method, "graph": entry.config.graph.graph}


def _figures(ds: xr.Dataset, entry: Entry) -> dict[str, Any]:
    known = "edges" in ds
    task, earlier = (None, ds) if known else task_of(ds)
    _loaded(entry.config.method)
    before = _peak()
    began = time.perf_counter()
    found = answer(earlier, entry.config)
    cost = {"seconds": time.perf_counter() - began, "memory_mb": _grown(before)}
    about = {"n_edges": int(found.linked.sum())}
    if task is None:
        return about | truth_figures(found, ds) | cost
    law = None if found.inference is None else law_error(found.inference, blind(ds), task)
    return about | {"graph_error": graph_error(found.linked, task), "law_error": law} | cost


def _loaded(method: str) -> None:
    """Load what a method runs on, so that this counts neither as its time nor as its memory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of other packages, which a user can do nothing about
        if method in LEARNED:
            import_module("edgewise.inference.infer")
        elif method in PEERS:
            import_module(PEERS[method].module)


def _peak() -> int | None:
    """The most memory that this process has held, in bytes; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _grown(before: int | None) -> float | None:
    """By how much the peak has risen since, in MB (10^6 bytes)."""
    after = _peak()
    return None if before is None or after is None else (after - before) / 1e6
