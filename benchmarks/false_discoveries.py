"""How often anything is reported where nothing acts, and how much is found where something does.

    make bench-fdr                  100 runs of noise and of random walks, 20 of a planted graph (about 25 minutes)
    python benchmarks/false_discoveries.py --runs 10 --only walks

One recording of 20 entities with one feature, one shared graph of 380 pairs, `fdr = 0.05`. Every discovery in noise and
in independent random walks is false, so that the false-discovery rate is the share of runs with any reported edge; it
should lie within the binomial 95 % interval around 0.05. The planted graph tells the power at that rate.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from edgewise.runtime import tune_runtime

ENTITIES, FRAMES, RATE = 20, 400, 0.05
EDGES, COUPLING, MEMORY = 30, 0.35, 0.5
SETTINGS: dict[str, Any] = {
    "graph": "shared",
    "no_interaction": "yes",
    "additive": True,
    "prior": [0.9, 0.1],
    "noise": "profiled",
    "hidden": 16,
    "max_steps": 120,
    "learning_rate": 1e-2,
    "fdr": RATE,
}
Made = tuple[np.ndarray, np.ndarray]
"""Series [time, entity], and who acts [receiver, sender]."""


def noise(rng: np.random.Generator) -> Made:
    """Independent standard normal numbers."""
    return rng.normal(size=(FRAMES, ENTITIES)), np.zeros((ENTITIES, ENTITIES), dtype=bool)


def walks(rng: np.random.Generator) -> Made:
    """Independent random walks, whose levels wander alike by chance."""
    series, nobody = noise(rng)
    return series.cumsum(0), nobody


def planted(rng: np.random.Generator) -> Made:
    """x(t+1) = 0.5 x(t) + 0.35 sum over senders of x_j(t) / sqrt(senders) + noise, on 30 random edges."""
    pairs = np.flatnonzero(~np.eye(ENTITIES, dtype=bool))
    acts = np.zeros(ENTITIES**2, dtype=bool)
    acts[rng.choice(pairs, EDGES, replace=False)] = True
    acts = acts.reshape(ENTITIES, ENTITIES)
    weight = COUPLING * acts / np.sqrt(np.maximum(acts.sum(1, keepdims=True), 1))
    series = np.zeros((FRAMES + 50, ENTITIES))
    for t in range(1, len(series)):
        series[t] = MEMORY * series[t - 1] + weight @ series[t - 1] + rng.normal(size=ENTITIES)
    return series[50:], acts


WORLDS: dict[str, Callable[[np.random.Generator], Made]] = {
    "noise": noise,
    "walks": walks,
    "planted": planted,
}


def run(world: str, seed: int) -> dict[str, float]:
    """One data set: how many edges were reported, how many of them are false, how many true ones there are."""
    from edgewise.data import from_arrays
    from edgewise.inference import infer

    series, acts = WORLDS[world](np.random.default_rng(seed))
    began = time.process_time()
    result = infer(from_arrays({"x": series[None]}), **SETTINGS, seed=seed)
    off = ~np.eye(ENTITIES, dtype=bool)
    q = result.confidence["q_value"].isel(sequence=0).to_numpy()
    kept = np.zeros_like(acts)
    table = result.edges()
    names = {name: k for k, name in enumerate(result.entities)}
    kept[[names[t] for t in table["target"]], [names[s] for s in table["source"]]] = True
    reported, false = int(kept.sum()), int((kept & ~acts).sum())
    return {
        "seed": seed,
        "reported": reported,
        "false": false,
        "true": int(acts.sum()),
        "found": reported - false,
        "smallest_q": float(np.nanmin(q[off])),
        "posterior_alone": len(result.edges(every=True)),
        "cpu_seconds": round(time.process_time() - began, 2),
    }


def summary(world: str, rows: list[dict[str, float]]) -> str:
    """The share of runs with any false edge, the mean false-discovery proportion, the power."""
    from scipy.stats import binom

    n = len(rows)
    any_false = sum(row["false"] > 0 for row in rows)
    low, high = binom.ppf(0.025, n, RATE), binom.ppf(0.975, n, RATE)
    proportion = np.mean([row["false"] / max(row["reported"], 1) for row in rows])
    said = (
        f"{world}: {n} runs, any false edge in {any_false} (95 % interval around {RATE:g}: {low:.0f} to {high:.0f});"
        f" mean false-discovery proportion {proportion:.3f}; the posterior alone would report"
        f" {np.mean([row['posterior_alone'] for row in rows]):.1f} edges"
    )
    if rows[0]["true"]:
        power = np.mean([row["found"] / row["true"] for row in rows])
        said += f"; {power:.0%} of the true edges found"
    return f"{said}; {np.mean([row['cpu_seconds'] for row in rows]):.1f} s of CPU a run"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=100, help="data sets of each kind in which nothing acts")
    parser.add_argument("--planted-runs", type=int, default=20, help="data sets of a planted graph")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--only", choices=tuple(WORLDS))
    parser.add_argument("--json", type=Path, help="write the rows here")
    given = parser.parse_args()
    tune_runtime()
    import torch

    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {torch.get_num_threads()} threads,"
        f" Python {platform.python_version()}, torch {torch.__version__}; {ENTITIES} entities, {FRAMES} frames;"
        f" {', '.join(f'{name}={value}' for name, value in SETTINGS.items())}",
        flush=True,
    )
    counts = {world: given.planted_runs if world == "planted" else given.runs for world in WORLDS}
    worlds = [world for world in WORLDS if given.only in (None, world)]
    found: dict[str, list[dict[str, float]]] = {world: [] for world in worlds}
    for number in range(
        max(counts.values())
    ):  # in turn, so that a run that is stopped says something of each
        for world in worlds:
            if number < counts[world]:
                found[world].append(run(world, given.first_seed + number))
                print(f"  {world} {found[world][-1]}", flush=True)
                if given.json:
                    given.json.write_text(json.dumps(found, indent=1) + "\n")
    for world in worlds:
        print(summary(world, found[world]), flush=True)


if __name__ == "__main__":
    main()
