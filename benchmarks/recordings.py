"""Real recordings: walking people (31 joints) and simulated fMRI (15 regions), for docs/results/recordings.md.

    make bench-recordings           (data: ../shared/data; nothing is run without them)

Walking: the law and one shared graph are fitted on trials 01-16 at 30 Hz; trials 31-34 are forecast from three
moments each with that graph. Two seeds say how far the edges can be trusted. NetSim: directed AUROC beside the simple
scores, the truth being used for that alone.
"""

import argparse
import os
import platform
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from edgewise.runtime import tune_runtime

THREADS = 2
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
STRONGEST = 40
WALK = {"graph": "shared", "identity": 8, "lags": 2, "no_interaction": "yes", "prior": [0.8, 0.2]}
BRAIN = (
    {"graph": "shared"},
    {"graph": "shared", "no_interaction": "yes", "additive": True, "prior": [0.9, 0.1]},
    {"graph": "per-sequence", "no_interaction": "yes", "additive": True, "prior": [0.9, 0.1]},
)


def walking() -> None:
    from edgewise.data import load, thin
    from edgewise.inference.config import InferenceConfig
    from edgewise.inference.infer import infer

    path = DATA / "cmu_mocap35" / "cmu35_walk_joints_120hz.npz"
    trials = thin(load(path), 4)
    train, held_out = trials.isel(sequence=slice(0, 16)), trials.isel(sequence=slice(19, 23))
    skeleton = _skeleton(np.load(path, allow_pickle=False)["parents"])
    strongest = []
    for seed in range(2):
        start = time.perf_counter()
        result = infer(train, InferenceConfig.from_dict(WALK | {"seed": seed}))
        print(f"\nseed {seed}: {time.perf_counter() - start:.0f} s, {result}")
        _print_forecasts(result, held_out)
        edges = result.edges().head(STRONGEST)
        strongest.append(set(zip(edges["source"], edges["target"], strict=True)))
        _print_edges(result, edges, skeleton)
    shared = len(strongest[0] & strongest[1])
    chance = STRONGEST**2 / (31 * 30)
    print(
        f"\nof the {STRONGEST} strongest edges {shared} are the same with both seeds ({chance:.1f} by chance)"
    )


def _skeleton(parents: np.ndarray) -> np.ndarray:
    """Bones between each pair of joints along the skeleton: [joint, joint]."""
    import networkx as nx

    bones = [(child, int(parent)) for child, parent in enumerate(parents) if parent >= 0]
    lengths = dict(nx.all_pairs_shortest_path_length(nx.Graph(bones)))
    n = len(parents)
    return np.array([[lengths[i][j] for j in range(n)] for i in range(n)])


def _print_forecasts(result: Any, held_out: Any) -> None:
    from edgewise.inference.evaluate import before_the_end, forecast_metrics

    frames, encoding, rows = 20, result.fitted.encoding, []
    for end in (40, 55, 75):
        part = held_out.isel(time=slice(0, end))
        ahead = result.forecast(frames, data=before_the_end(part, frames))
        rows.append(forecast_metrics(ahead, part, encoding, frames))
    print(
        "| held-out trials 31-34, normalised MSE | "
        + " | ".join(f"{s} frames" for s in rows[0]["steps"])
        + " |"
    )
    print("|---|" + "---|" * len(rows[0]["steps"]))
    for name in ("ours", "nothing moves", "constant velocity"):
        means = np.mean([row[name] for row in rows], axis=0)
        print(f"| {name} | " + " | ".join(f"{value:.2e}" for value in means) + " |")


def _print_edges(result: Any, edges: Any, skeleton: np.ndarray) -> None:
    names = result.entities
    bones = [
        skeleton[names.index(s), names.index(t)]
        for s, t in zip(edges["source"], edges["target"], strict=True)
    ]
    off = ~np.eye(len(names), dtype=bool)
    print(
        f"bones between the ends of the {len(edges)} strongest edges: mean {np.mean(bones):.2f},"
        f" over all pairs {skeleton[off].mean():.2f}; joined by one bone: {np.mean(np.array(bones) == 1):.0%},"
        f" over all pairs {(skeleton[off] == 1).mean():.0%}"
    )
    for row in edges.head(15).itertuples():
        print(f"  {row.source} -> {row.target}  p {row.probability:.3f}  influence {row.influence:.2f}")


def brain() -> None:
    from scipy.io import loadmat

    from edgewise.data import from_arrays
    from edgewise.inference.config import InferenceConfig
    from edgewise.inference.infer import infer

    raw = loadmat(DATA / "netsim" / "sim3.mat")
    truth = (raw["net"].transpose(0, 2, 1) != 0) & ~np.eye(15, dtype=bool)  # net[s, i, j]: i -> j
    data = from_arrays({"bold": raw["ts"].reshape(50, 200, 15)}, edges=truth.astype(int))
    print("\n| NetSim sim3 | AUROC | AUPRC | F1 | ECE | seconds |\n|---|---|---|---|---|---|")
    for settings in BRAIN:
        result = infer(data, InferenceConfig.from_dict(settings))
        m = result.metrics
        print(
            f"| superposition, {', '.join(f'{k}={v}' for k, v in settings.items())} | {m['auroc']:.3f} |"
            f" {m['auprc']:.3f} | {m['f1']:.3f} | {m['ece']:.3f} | {m['seconds']:.0f} |",
            flush=True,
        )
    for graph in ("shared", "per-sequence"):
        baselines = infer(data, method="correlation", graph=graph).metrics["baselines"]
        for name, m in baselines.items():
            print(
                f"| {name}, {graph} | {m['auroc']:.3f} | {m['auprc']:.3f} | {m['f1']:.3f} | {m['ece']:.3f} | |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("walking", "brain"))
    given = parser.parse_args()
    if not DATA.is_dir():
        parser.exit(1, f"the recordings are not here: {DATA}\n")
    tune_runtime()
    import torch

    torch.set_num_threads(THREADS)
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {THREADS} threads, Python {platform.python_version()},"
        f" torch {torch.__version__}"
    )
    if given.only != "brain":
        walking()
    if given.only != "walking":
        brain()


if __name__ == "__main__":
    main()
