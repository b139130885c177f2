"""One long recording, one graph: twelve coupled series whose graph is known, and a week of twenty loop detectors.

    python benchmarks/long_recording.py --out docs/images/long-recording.png    (for docs/long-recording.md)

The detectors are those of ../shared/data/traffic_los that lie closest together by the road graph; without the data only
the series are run.
"""

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np

from edgewise.runtime import tune_runtime

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "traffic_los"
ASKED: dict[str, Any] = {
    "graph": "shared",
    "no_interaction": "yes",
    "additive": True,
    "prior": [0.9, 0.1],
    "hidden": 16,
    "max_steps": 400,
    "learning_rate": 1e-2,
    "fdr": 0.05,
    "bootstrap": 200,
}


def coupled(frames: int = 500, n: int = 12, edges: int = 18, seed: int = 0) -> Any:
    """x(t+1) = 0.5 x(t) + 0.35 / sqrt(senders) sum of senders + noise, on a random graph."""
    from edgewise.data import from_arrays

    rng = np.random.default_rng(seed)
    acts = np.zeros(n * n, dtype=bool)
    acts[rng.choice(np.flatnonzero(~np.eye(n, dtype=bool)), edges, replace=False)] = True
    acts = acts.reshape(n, n)
    weight = 0.35 * acts / np.sqrt(np.maximum(acts.sum(1, keepdims=True), 1))
    x = np.zeros((1, frames, n))
    for t in range(1, frames):
        x[:, t] = 0.5 * x[:, t - 1] + x[:, t - 1] @ weight.T + rng.normal(size=(1, n))
    return from_arrays({"level": x}, edges=acts[None].astype(int))


def detectors(n: int = 20) -> Any:
    """A week of the detectors that have the most weight in the road graph among each other; the truth is that graph."""
    import pandas as pd

    from edgewise.data import from_arrays

    speed = pd.read_csv(DATA / "los_speed.csv.gz").to_numpy(float)
    roads = pd.read_csv(DATA / "los_adj.csv.gz", header=None).to_numpy(float)
    np.fill_diagonal(roads, 0)
    chosen = [int(roads.sum(1).argmax())]
    while len(chosen) < n:
        near = roads[:, chosen].sum(1)
        near[chosen] = -1
        chosen.append(int(near.argmax()))
    return from_arrays(
        {"speed": speed[None][..., chosen]}, edges=(roads[np.ix_(chosen, chosen)] > 0)[None].astype(int)
    )


def draw(results: dict[str, Any], path: Path) -> None:
    """For each data set, every reported edge with its interval, true ones apart from others."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(results), figsize=(5.5 * len(results), 4.5), squeeze=False)
    for axis, (name, (result, true)) in zip(axes[0], results.items(), strict=True):
        table = result.edges(every=True).sort_values("influence").reset_index(drop=True)
        names = {entity: k for k, entity in enumerate(result.entities)}
        for row in table.itertuples():
            right = true[names[row.target], names[row.source]]
            kept = row.q_value <= result.config.confidence.fdr
            axis.plot(
                [row.influence_low, row.influence_high],
                [row.Index, row.Index],
                color="tab:blue" if right else "tab:orange",
                alpha=1.0 if kept else 0.3,
                lw=2,
            )
            axis.plot(row.influence, row.Index, "o" if kept else "x", ms=4, color="black")
        axis.set(title=name, xlabel="influence, with its 90 % interval", yticks=[])
        axis.set_ylabel("edges")
    axes[0][0].plot([], [], color="tab:blue", lw=2, label="in the known graph")
    axes[0][0].plot([], [], color="tab:orange", lw=2, label="not in it")
    axes[0][0].plot([], [], "o", ms=4, color="black", label="reported")
    axes[0][0].plot([], [], "x", ms=4, color="black", label="does not stand out")
    axes[0][0].legend(loc="upper left")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="where to draw the intervals")
    given = parser.parse_args()
    tune_runtime()
    from edgewise.inference import infer

    worlds = {"12 coupled series, 500 frames": coupled}
    if DATA.is_dir():
        worlds["20 loop detectors, one week"] = detectors
    results = {}
    for name, made in worlds.items():
        ds = made()
        began = time.process_time()
        result = infer(ds, **ASKED)
        true = ds["edges"].isel(sequence=0).to_numpy() > 0
        results[name] = (result, true)
        table, names = result.edges(), {entity: k for k, entity in enumerate(result.entities)}
        right = sum(bool(true[names[row.target], names[row.source]]) for row in table.itertuples())
        print(f"{name}: {len(table)} edges reported, {right} of them known; {int(true.sum())} known edges;")
        print(f"  AUROC {result.metrics['auroc']:.3f}; {time.process_time() - began:.0f} s of CPU")
        for note in result.about["notes"]:
            print(f"  {note}")
    if given.out:
        draw(results, given.out)


if __name__ == "__main__":
    main()
