"""Measure the main job: accuracy on fresh systems, calibration and seconds (the table of docs/results/inference.md).

    make bench-inference            (or: python benchmarks/inference.py --json rows.json)
    python benchmarks/inference.py --entities 20 50 100 200 --plot growth.png --json growth.json

No labels enter training. The rows are the cells of `edgewise reproduce nri-table1` with their targets (one definition,
`edgewise.inference.reproduce.cells`) and one with noise and gaps. Each trains on its systems with three seeds and reads
the graphs of 1000 fresh systems of another seed with the law that was learnt, each direction of a pair alone and, where
both ends have one label, with the evidence of both added. `ratio` in the JSON is allowed seconds / measured seconds.
"""

import edgewise.runtime

edgewise.runtime.tune_runtime()  # before anything loads torch

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import platform  # noqa: E402
import resource  # noqa: E402
import statistics  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from dataclasses import dataclass, replace  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import torch  # noqa: E402
from entities import measure_entities, plot  # noqa: E402

from edgewise.inference.reproduce import CELLS, Cell, Trial, shortfalls  # noqa: E402
from edgewise.inference.reproduce.measures import measure_graphs  # noqa: E402

THREADS = 2
FRESH = 1000
HEAD = ("data", "train on", "seed", "accuracy, %", "undirected, %", "asked, %", "AUROC", "ECE", "Brier", "fit, s",
        "allowed", "steps", "best baseline, %", "met")  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One line of the table: a cell with its target, and what is done to its recordings."""

    cell: Cell
    noise: float = 0.0
    missing: float = 0.0

    @property
    def name(self) -> str:
        marks = [
            f"noise {self.noise:g}" if self.noise else "",
            f"missing {self.missing:.0%}" if self.missing else "",
        ]
        return ", ".join([self.cell.name, *filter(None, marks)])


NOISY = replace(CELLS["springs-5"], target=replace(CELLS["springs-5"].target, accuracy=99.0))
ROWS = (*map(Row, CELLS.values()), Row(NOISY, noise=0.01, missing=0.01))


def measure(row: Row, seed: int, fresh: int, train_systems: int) -> dict[str, Any]:
    """Fit on one training set and read the graphs of fresh systems."""
    found = measure_graphs(
        Trial(
            row.cell,
            seed,
            train_systems=train_systems,
            test_systems=fresh,
            noise=row.noise,
            missing=row.missing,
        )
    )
    return found | {"shortfalls": shortfalls(found, row.cell)}


def summary(row: Row, runs: list[dict[str, Any]]) -> dict[str, Any]:
    allowed, seconds = 60 * row.cell.minutes, [run["seconds"] for run in runs]
    return {
        "name": row.name,
        "against": f"{allowed:g} s allowed",
        "ratio": allowed / statistics.median(seconds),
        "memory_ratio": None,
        "spread": [allowed / max(seconds), allowed / min(seconds)],
        "runs": runs,
    }


def show(row: Row, run: dict[str, Any]) -> None:
    target, both = row.cell.target, run["undirected"]
    aimed = both if target.undirected else run["directed"]
    cells = (
        row.name,
        run["train_systems"],
        run["seed"],
        f"{100 * run['directed']['edge_accuracy']:.2f}",
        f"{100 * both['edge_accuracy']:.2f}" if both else "-",
        f"{target.accuracy:.1f}{' undirected' if target.undirected else ''}",
        f"{aimed['auroc']:.4f}",
        f"{aimed['ece']:.4f}",
        f"{aimed['brier']:.4f}",
        f"{run['seconds']:.1f}",
        f"{60 * row.cell.minutes:g}",
        run["fit_steps"],
        f"{100 * max(run['baselines'].values()):.1f}",
        "yes" if not run["shortfalls"] else f"NO: {', '.join(run['shortfalls'])}",
    )
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows as JSON")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", metavar="TEXT", default="", help="rows whose name holds this text")
    parser.add_argument("--fresh", type=int, default=FRESH, help="fresh systems to read")
    parser.add_argument(
        "--train-systems", type=int, default=0, help="systems to fit on; 0: those of the cell"
    )
    growth = parser.add_argument_group("growth with the number of entities, in place of the table")
    growth.add_argument(
        "--entities", type=int, nargs="*", metavar="N", help="sizes; 20 50 100 200 if none is named"
    )
    growth.add_argument("--candidates", type=int, default=10, help="nearest bodies, in the local systems")
    growth.add_argument("--steps", type=int, default=200, help="gradient steps of every fit")
    growth.add_argument("--systems", type=int, default=20, help="training systems of every size")
    growth.add_argument("--tests", type=int, default=2, help="fresh systems of every size")
    growth.add_argument("--plot", type=Path, metavar="FILE", help="draw seconds and memory against the size")
    return parser.parse_args()


def table(given: argparse.Namespace) -> list[dict[str, Any]]:
    print(f"fresh systems: {given.fresh}\n\n| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    rows = []
    for row in ROWS:
        if given.only in row.name:
            runs = []
            for seed in range(given.seeds):
                runs.append(measure(row, seed, given.fresh, given.train_systems))
                show(row, runs[-1])
            rows.append(summary(row, runs))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\npeak memory of the process: {peak:.2f} GiB")
    return rows


def growth(sizes: Sequence[int], given: argparse.Namespace) -> list[dict[str, Any]]:
    amounts = {name: getattr(given, name) for name in ("candidates", "steps", "systems", "tests")}
    rows = measure_entities(sizes or (20, 50, 100, 200), amounts)
    if given.plot:
        plot(rows, given.plot)
    return rows


def main() -> None:
    given = arguments()
    torch.set_num_threads(THREADS)
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {THREADS} threads, Python {platform.python_version()},"
        f" torch {torch.__version__}"
    )
    rows = table(given) if given.entities is None else growth(given.entities, given)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
