"""Instant against exact answers: accuracy and seconds on fresh systems, and how well the two agree.

    make bench-hybrid            (or: python benchmarks/hybrid.py --only springs-5)

A row is a number of bodies on springs. A hybrid is fitted without labels, and the graphs of fresh systems of another
seed are read by its encoder and by the exact posterior (beyond 65,536 configurations: parallel tempering that starts at
the encoder's graphs), in turn, without metrics or a page. `ratio` in the JSON is exact seconds / instant seconds.
"""

import edgewise.runtime

edgewise.runtime.tune_runtime()  # before anything loads torch

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import statistics  # noqa: E402
import time  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
import xarray as xr  # noqa: E402

from edgewise.inference.hybrid.agreement import agreement_of  # noqa: E402
from edgewise.inference.infer import infer  # noqa: E402
from edgewise.inference.metrics import edge_metrics  # noqa: E402
from edgewise.inference.result import Inference  # noqa: E402
from edgewise.physics import simulate  # noqa: E402

FRAMES, FRESH = 49, 1000
HEAD = ("bodies", "fitted on", "fit, s", "fresh", "instant, %", "exact, %", "instant, s", "exact, s", "times faster",
        "same, %", "divergence, nats")  # fmt: skip


@dataclass(frozen=True)
class Row:
    """Bodies on springs, systems to fit on, and the part of the fresh systems that is read exactly."""

    bodies: int
    systems: int
    exactly: float = 1.0

    @property
    def name(self) -> str:
        return f"springs-{self.bodies}"


ROWS = (Row(5, 500), Row(10, 500), Row(15, 200, exactly=0.1), Row(20, 100, exactly=0.1))


def seconds_of(result: Inference, fresh: xr.Dataset, *, exact: bool) -> tuple[np.ndarray, float]:
    """The posterior of fresh systems [system, receiver, sender, type] and how long it took."""
    assert result.fitted is not None
    reader = result.fitted.answering(exact=exact)
    start = time.perf_counter()
    found = reader.posterior(fresh, result.config)
    return found[:, 0], time.perf_counter() - start


def measure(row: Row, given: argparse.Namespace) -> dict[str, Any]:
    """Fit, read in turn, compare; seconds are for all fresh systems."""
    systems, fresh_count = given.systems or row.systems, given.fresh
    data = simulate("springs", sequences=systems, entities=row.bodies, steps=FRAMES, seed=1000)
    fresh = simulate("springs", sequences=fresh_count, entities=row.bodies, steps=FRAMES, seed=2000)
    truth, motion = fresh["edges"].to_numpy(), fresh.drop_dims(["receiver", "sender"])
    start = time.perf_counter()
    settings = {"time_limit": given.time_limit}
    result = infer(data.drop_dims(["receiver", "sender"]), method="hybrid", **settings)
    fit_seconds = time.perf_counter() - start
    count = max(round(row.exactly * fresh_count), 1)
    some = motion.isel(sequence=slice(0, count))
    times: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(given.repeats):
        at_once, instant_seconds = seconds_of(result, motion, exact=False)
        exact, exact_seconds = seconds_of(result, some, exact=True)
        times[False].append(instant_seconds)
        times[True].append(exact_seconds * fresh_count / count)
    ratios = [slow / fast for fast, slow in zip(times[False], times[True], strict=True)]
    pairs = ~np.eye(row.bodies, dtype=bool)
    agreement = agreement_of(exact[:, pairs], at_once[:count][:, pairs], n_recordings=count)
    return {
        "name": row.name,
        "against": "exact posterior",
        "ratio": statistics.median(ratios),
        "memory_ratio": None,
        "spread": [min(ratios), max(ratios)],
        "systems": systems,
        "fit_seconds": fit_seconds,
        "fresh": fresh_count,
        "read_exactly": count,
        "instant_accuracy": edge_metrics(at_once, truth).edge_accuracy,
        "exact_accuracy": edge_metrics(exact, truth[:count]).edge_accuracy,
        "instant_seconds": statistics.median(times[False]),
        "exact_seconds": statistics.median(times[True]),
        "agreement": agreement.to_dict(),
    }


def show(row: Row, found: dict[str, Any]) -> None:
    star = "" if found["read_exactly"] == found["fresh"] else f" (of {found['read_exactly']})"
    cells = (
        row.bodies,
        found["systems"],
        f"{found['fit_seconds']:.0f}",
        found["fresh"],
        f"{100 * found['instant_accuracy']:.2f}",
        f"{100 * found['exact_accuracy']:.2f}{star}",
        f"{found['instant_seconds']:.2f}",
        f"{found['exact_seconds']:.2f}",
        f"{found['ratio']:.1f}",
        f"{100 * found['agreement']['same']:.2f}",
        f"{found['agreement']['divergence']:.2g}",
    )
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose name holds this text")
    parser.add_argument("--systems", type=int, default=0, help="systems to fit on; 0: those of the row")
    parser.add_argument("--fresh", type=int, default=FRESH, help="fresh systems to read")
    parser.add_argument("--repeats", type=int, default=3, help="rounds; seconds are medians over them")
    parser.add_argument("--time-limit", type=float, default=0.0, help="seconds of a fit; 0: none")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    print(
        f"torch {torch.__version__}, {given.threads} threads of {os.cpu_count()} cores\n\n| {' | '.join(HEAD)} |"
    )
    print(f"|{'---|' * len(HEAD)}")
    rows = []
    for row in ROWS:
        if given.only in row.name:
            rows.append(measure(row, given))
            show(row, rows[-1])
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
