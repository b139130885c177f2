"""How fit and posterior grow with the number of entities; each size in a process of its own, for its peak memory.

Two series: the paper's springs with every other body as a candidate, and bodies of which only near ones are joined,
with the nearest as candidates. Every fit takes the same number of steps, so that times compare. Part of inference.py.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

Row = dict[str, Any]
FRAMES = 49
JOINED = 4
"""In the local systems a body is joined, with probability 1/2, to each of so many that are nearest at the start."""
LOCAL_SPEED, LOCAL_STRENGTH = 0.1, 1.0
"""At density 1 and this speed neighbours stay neighbours over 49 frames of 0.1, in which a pair on such a spring swings
about once; on the paper's (0.1) it hardly moves, and which neighbour pulls cannot be told.
"""
HEAD = ("systems", "entities", "candidates", "fit, s", "steps", "posterior, s a system", "peak, GiB", "accuracy, %",
        "exact")  # fmt: skip
SERIES = {False: "springs, all pairs", True: "local springs, nearest candidates"}


def local_springs(entities: int, sequences: int, seed: int) -> xr.Dataset:
    """Bodies spread evenly over a box, one a unit of area, of which near ones are joined by springs."""
    from edgewise.data import from_arrays
    from edgewise.physics.box import Bodies
    from edgewise.physics.springs import simulate_springs

    rng = np.random.default_rng(seed)
    half = max(np.sqrt(entities) / 2, 1.0)
    positions = rng.uniform(-half, half, (sequences, entities, 2))
    angles = rng.uniform(0, 2 * np.pi, (sequences, entities))
    velocities = LOCAL_SPEED * np.stack([np.cos(angles), np.sin(angles)], -1)
    distance = np.linalg.norm(positions[:, :, None] - positions[:, None], axis=-1)
    rank = distance.argsort(-1).argsort(-1)  # 0 is the body itself
    near = (rank <= JOINED) & (rank > 0)
    chosen = np.triu(rng.random(near.shape) < 0.5, 1)
    springs = ((near | near.swapaxes(1, 2)) & (chosen | chosen.swapaxes(1, 2))).astype(np.float64)
    bodies = Bodies(strength=LOCAL_STRENGTH, position_std=1.0, speed=LOCAL_SPEED, half_width=half)
    where, speed = simulate_springs(springs, positions, velocities, FRAMES, bodies)
    return from_arrays(
        {"x": where[..., 0], "y": where[..., 1], "vx": speed[..., 0], "vy": speed[..., 1]},
        position=["x", "y"],
        velocity=["vx", "vy"],
        time=0.1 * np.arange(1, FRAMES + 1),
        edges=springs.astype(np.int64),
    )


def systems(entities: int, sequences: int, seed: int, *, local: bool) -> xr.Dataset:
    from edgewise.physics import simulate

    if local:
        return local_springs(entities, sequences, seed)
    return simulate("springs", entities=entities, sequences=sequences, steps=FRAMES, seed=seed)


def measure_size(given: argparse.Namespace) -> Row:
    """Fit a law to systems of one size and read the graphs of fresh ones, in this process.

    The parts of `edgewise.infer` are called one by one, so that each has its own time.
    """
    from edgewise.inference.config import InferenceConfig
    from edgewise.inference.encoding import fit_encoding
    from edgewise.inference.fitted_law import observed
    from edgewise.inference.metrics import edge_metrics
    from edgewise.inference.reproduce.trial import without_truth
    from edgewise.inference.superposition import fit_superposition, graph_posterior
    from edgewise.training import Deadline

    train = without_truth(systems(given.size, given.systems, 1000, local=given.local))
    test = systems(given.size, given.tests, 2000, local=given.local)
    neighbours = min(given.candidates, given.size - 1) if given.local else 0
    config = InferenceConfig.from_dict({"neighbours": neighbours, "max_steps": given.steps})
    start = time.perf_counter()
    encoding = fit_encoding(train, lags=config.law.lags, bridge=config.graph.fill_gaps)
    fitted = fit_superposition(observed(train, encoding, config), encoding, config, deadline=Deadline())
    fit_seconds = time.perf_counter() - start
    start = time.perf_counter()
    found = graph_posterior(fitted.model, observed(test, encoding, config), config.graph, fitted.log_prior)
    posterior_seconds = (time.perf_counter() - start) / given.tests
    p = found.probability[:, 0].numpy()
    candidate = p.sum(-1) > 0
    np.einsum("...ii->...i", candidate)[:] = False
    truth = test["edges"].to_numpy()
    return {
        "name": f"{SERIES[given.local]}, {given.size} entities",
        "series": SERIES[given.local],
        "entities": given.size,
        "candidates": neighbours or given.size - 1,
        "systems": given.systems,
        "steps": fitted.steps,
        "fit_seconds": fit_seconds,
        "posterior_seconds": posterior_seconds,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "edge_accuracy": edge_metrics(np.where(candidate[..., None], p, np.nan), truth).edge_accuracy,
        "edges_among_candidates": float(candidate[truth > 0].mean()),
        "exact_posterior": found.exact,
    }


def measure_entities(sizes: Sequence[int], amounts: dict[str, int]) -> list[Row]:
    """Both series, the one with candidates first, smallest size first.

    A size that fails (out of memory, say) leaves a row that says so.

    `amounts`: candidates of the local systems, steps of a fit, training systems and test systems (`tests`).
    """
    print(
        "| systems | entities | candidates | fit, s | steps | posterior, s a system | peak, GiB | accuracy, % | exact |"
    )
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    rows = []
    for local in (True, False):
        for size in sorted(sizes):
            row = _in_a_process({"size": size} | amounts, local=local)
            _show(row)
            rows.append(row)
    return rows


def _in_a_process(amounts: dict[str, int], *, local: bool) -> Row:
    words = [word for name, value in amounts.items() for word in (f"--{name}", str(value))]
    command = [sys.executable, __file__, *words, *(["--local"] if local else [])]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode == 0:
        return json.loads(answer.stdout)
    said = answer.stderr.strip().splitlines()
    reason = said[-1] if said else f"it ended with code {answer.returncode}"
    name = f"{SERIES[local]}, {amounts['size']} entities"
    return {"name": name, "series": SERIES[local], "entities": amounts["size"], "failed": reason}


def _show(row: Row) -> None:
    if "failed" in row:
        print(f"| {row['series']} | {row['entities']} | failed: {row['failed']} |", flush=True)
        return
    print(
        f"| {row['series']} | {row['entities']} | {row['candidates']} | {row['fit_seconds']:.1f} | {row['steps']} |"
        f" {row['posterior_seconds']:.2f} | {row['peak_gib']:.2f} | {100 * row['edge_accuracy']:.2f} |"
        f" {'yes' if row['exact_posterior'] else 'sampled'} |",
        flush=True,
    )


def plot(rows: Sequence[Row], path: Path) -> None:
    """Seconds of the fit and of the posterior, and peak memory, against the number of entities."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    panels = {
        "fit, seconds": "fit_seconds",
        "posterior of a system, seconds": "posterior_seconds",
        "peak memory, GiB": "peak_gib",
    }
    figure, axes = plt.subplots(1, len(panels), figsize=(12, 3.6), layout="constrained")
    for axis, (title, key) in zip(axes, panels.items(), strict=True):
        for series in SERIES.values():
            done = [row for row in rows if row["series"] == series and "failed" not in row]
            axis.plot([row["entities"] for row in done], [row[key] for row in done], "o-", label=series)
        sizes = sorted({row["entities"] for row in rows})
        axis.set(xscale="log", yscale="log", xlabel="entities", title=title, xticks=sizes)
        axis.set_xticklabels([str(size) for size in sizes])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


def main() -> None:
    """One size, as a JSON object on stdout: what `measure_entities` starts."""
    from edgewise.runtime import tune_runtime

    tune_runtime()
    parser = argparse.ArgumentParser(description=main.__doc__)
    for name in ("size", "candidates", "steps", "systems", "tests"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--local", action="store_true")
    print(json.dumps(measure_size(parser.parse_args())))


if __name__ == "__main__":
    main()
