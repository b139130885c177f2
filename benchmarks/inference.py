"""Measure the main job: accuracy on fresh systems, calibration and seconds (the table of docs/results/inference.md).

    make bench-inference            (or: python benchmarks/inference.py --json rows.json)

No labels enter training. Each row trains on its systems with three seeds and reads the graphs of 500 fresh systems of
another seed with the law that was learnt. `ratio` in the JSON is allowed seconds / measured seconds.
"""

import argparse
import json
import os
import platform
import resource
import statistics
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edgewise.runtime import tune_runtime

THREADS = 2
FRESH = 500


@dataclass(frozen=True)
class Row:
    """One line of the table: the data, the flags, and what is asked."""

    name: str
    system: str
    entities: int
    sequences: int
    accuracy: float
    seconds: float
    noise: float = 0.0
    missing: float = 0.0
    settings: dict[str, Any] = field(default_factory=dict)


ROWS = (
    Row("springs 5", "springs", 5, 500, 0.999, 30),
    Row("springs 10", "springs", 10, 300, 0.999, 90),
    Row("charged 5, undirected", "charged", 5, 1000, 0.985, 150, settings={"undirected": True}),
    Row("springs 5, noise 0.01, missing 1 %", "springs", 5, 500, 0.99, 60, noise=0.01, missing=0.01),
)


def measure(row: Row, seed: int) -> dict[str, Any]:
    """Fit on one training set and read the graphs of fresh systems."""
    from edgewise.inference.infer import infer
    from edgewise.physics import simulate

    options = {"entities": row.entities, "steps": 49, "noise": row.noise, "missing": row.missing}
    train = simulate(row.system, sequences=row.sequences, seed=1000 + seed, **options)
    fresh = simulate(row.system, sequences=FRESH, seed=2000 + seed, **options)
    start = time.perf_counter()
    result = infer(train, seed=seed, **row.settings)
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    unseen = result.apply(fresh)
    figures = {key: unseen.metrics[key] for key in ("edge_accuracy", "auroc", "auprc", "f1", "ece", "brier")}
    best = max(b["edge_accuracy"] for b in unseen.metrics["baselines"].values())
    return figures | {
        "seed": seed,
        "seconds": seconds,
        "apply_seconds": time.perf_counter() - start,
        "steps": result.history["steps"] if result.history else 0,
        "types": list(result.types),
        "best_baseline": best,
        "forecast": unseen.metrics["forecast"],
    }


def summary(row: Row, runs: list[dict[str, Any]]) -> dict[str, Any]:
    seconds = [run["seconds"] for run in runs]
    return {
        "name": row.name,
        "against": f"{row.seconds:g} s allowed",
        "ratio": row.seconds / statistics.median(seconds),
        "memory_ratio": None,
        "spread": [row.seconds / max(seconds), row.seconds / min(seconds)],
        "runs": runs,
    }


def show(row: Row, runs: list[dict[str, Any]]) -> None:
    for run in runs:
        met = run["edge_accuracy"] >= row.accuracy and run["seconds"] <= row.seconds
        print(
            f"| {row.name} | {row.sequences} | {run['seed']} | {100 * run['edge_accuracy']:.2f} |"
            f" {100 * row.accuracy:g} | {run['auroc']:.4f} | {run['ece']:.4f} | {run['brier']:.4f} |"
            f" {run['seconds']:.1f} | {row.seconds:g} | {run['steps']} | {100 * run['best_baseline']:.1f} |"
            f" {'yes' if met else 'NO'} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", metavar="FILE", help="write the rows as JSON")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", metavar="TEXT", default="", help="rows whose name holds this text")
    given = parser.parse_args()
    tune_runtime()
    import torch

    torch.set_num_threads(THREADS)
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {THREADS} threads, Python {platform.python_version()},"
        f" torch {torch.__version__}; fresh systems: {FRESH}\n"
    )
    print(
        "| data | train on | seed | accuracy, % | asked | AUROC | ECE | Brier | fit, s | allowed | steps |"
        " best baseline, % | met |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|"
    )
    rows = []
    for row in ROWS:
        if given.only in row.name:
            runs = [measure(row, seed) for seed in range(given.seeds)]
            show(row, runs)
            rows.append(summary(row, runs))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"\npeak memory of the process: {peak:.2f} GiB")
    if given.json:
        Path(given.json).write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
