"""Three particles that push each other when they are close: graphs that change (docs/results/particles.md).

    python benchmarks/recordings/particles.py --seeds 3 --out docs/images/particles.png

The synthetic data of dynamic NRI (Graber & Schwing 2020; github.com/cgraber/cvpr_dNRI): 100 recordings to train on, 100
for validation, 100 to test, of 50 frames. Edges: F1 over all frames and ordered pairs of the test recordings, by
recipes/inference/particles.toml. The file's edges of frame t are those that acted between frames t - 1 and t; the
authors' code compares the edges that it uses to foretell frame t + 1 with those of frame t, one frame early, which is
given too ("as the authors align them"), beside the true edges in that alignment.

Forecasts: 10 frames are seen, 40 foretold; mean squared error of positions and velocities scaled to [-1, 1] by the
training data, after 1, 15 and 25 steps, as the authors' code prints. One graph for all recordings and a copy of the law
that is refitted over several steps; beside the true simulator's law on the true graph, constant velocity and NRI.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
from _begin import arguments, begin

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "dnri_synth" / "dnri_synth.npz"
RECIPE = ROOT / "recipes" / "inference" / "particles.toml"
FEATURES = ("x", "y", "vx", "vy")
PAIRS = [(sender, receiver) for sender in range(3) for receiver in range(3) if sender != receiver]
SEEN, AHEAD, STEPS = 10, 40, (1, 15, 25)
FORECAST = {
    "graph": "shared", "rotation": True, "no_interaction": "yes", "noise": "profiled", "max_steps": 3000,
    "refit_steps": 4000, "refit_horizon": 10,
}  # fmt: skip
"""One graph for all, whose law fades with the distance by itself: what a forecast needs."""
NRI = {"hidden": 64, "frames": 49, "max_steps": 20_000, "time_limit": 600.0}


def data_set(split: str) -> tuple[Any, np.ndarray]:
    """The recordings, and who acted between each frame and the one before: [recording, frame, receiver, sender]."""
    from edgewise.data import from_arrays

    raw = np.load(DATA)
    values, edges = raw[f"{split}_feats"].astype(np.float64), raw[f"{split}_edges"]
    acts = np.zeros((*edges.shape[:2], 3, 3), dtype=int)
    for column, (sender, receiver) in enumerate(PAIRS):
        acts[:, :, receiver, sender] = edges[:, :, column]
    features = {name: values[..., k] for k, name in enumerate(FEATURES)}
    return from_arrays(features, position=["x", "y"], velocity=["vx", "vy"]), acts


def f1(found: np.ndarray, true: np.ndarray) -> tuple[float, float, float]:
    """F1, precision and recall of 0/1 arrays."""
    hits = float((found & (true == 1)).sum())
    precision, recall = hits / max(found.sum(), 1), hits / (true == 1).sum()
    return 2 * precision * recall / max(precision + recall, 1e-12), precision, recall


def measure_edges(seed: int) -> Any:
    from edgewise.inference.infer import infer
    from edgewise.inference.records import merged_config

    train, _ = data_set("train")
    start = time.perf_counter()
    result = infer(train, merged_config(RECIPE, {"seed": seed}))
    seconds = time.perf_counter() - start
    for split in ("val", "test"):
        data, acts = data_set(split)
        found = result.apply(data)
        begins = found.probability["start"].to_numpy()
        p = found.interaction().to_numpy() > 0.5
        row = [f"{value:.3f}" for value in (*f1(p, acts[:, begins + 1]), f1(p, acts[:, begins])[0])]
        oracle = f1(acts[:, begins + 1] == 1, acts[:, begins])[0]
        print(f"| {split}, seed {seed} | {' | '.join(row)} | {oracle:.3f} | {seconds:.0f} |", flush=True)
    return found


def scales() -> tuple[np.ndarray, np.ndarray]:
    """Middle and half of the range of positions and velocities in the training data: [feature] each."""
    raw = np.load(DATA)["train_feats"].astype(np.float64)
    parts = (raw[..., :2], raw[..., 2:])
    low, high = (
        np.array([getattr(part, end)() for part in parts for _ in range(2)]) for end in ("min", "max")
    )
    return (low + high) / 2, (high - low) / 2


def stacked(data: Any) -> np.ndarray:
    return np.stack([data[name].to_numpy() for name in FEATURES], -1)


def print_errors(name: str, guess: np.ndarray, true: np.ndarray) -> None:
    errors = (((guess - true) / scales()[1]) ** 2).mean((0, 2, 3))
    print(f"| {name} | " + " | ".join(f"{errors[k - 1]:.2e}" for k in STEPS) + " |", flush=True)


def simulated(last: np.ndarray) -> np.ndarray:
    """The authors' simulator, rolled on from one frame: [recording, particle, feature] -> [recording, step, ...]."""
    x, v = last[..., :2].copy(), last[..., 2:].copy()
    frames = []
    for _ in range(AHEAD):
        for sender in (0, 1):
            away = x[:, 2] - x[:, sender]
            distance = np.linalg.norm(away, axis=-1, keepdims=True)
            v[:, 2] += np.where(distance < 1, 0.05 * (1 - distance) * away / distance, 0.0)
        x = x + v
        frames.append(np.concatenate([x, v], -1))
    return np.stack(frames, 1)


def measure_forecasts(seeds: int) -> None:
    from edgewise.inference.infer import infer

    train, _ = data_set("train")
    test, _ = data_set("test")
    past, true = test.isel(time=slice(0, SEEN)), stacked(test)[:, SEEN:]
    last = stacked(past)[:, -1]
    print(
        "\n| forecasts from 10 frames, MSE | "
        + " | ".join(f"{k} steps" for k in STEPS)
        + " |\n|---|---|---|---|"
    )
    for seed in range(seeds):
        result = infer(train, **FORECAST, seed=seed)
        print_errors(f"superposition, seed {seed}", stacked(result.forecast(AHEAD, data=past)), true)
    rolled = (
        last[:, None]
        + np.arange(1, AHEAD + 1)[:, None, None]
        * np.concatenate([last[..., 2:], np.zeros_like(last[..., 2:])], -1)[:, None]
    )
    nri = infer(train, method="nri", **(NRI | {"frames": SEEN, "seed": 0}))
    print_errors("NRI of this project, windows of 10 frames", stacked(nri.apply(past).forecast(AHEAD)), true)
    print_errors("constant velocity", rolled, true)
    print_errors("the simulator itself", simulated(last), true)


def picture(found: Any, path: Path) -> None:
    """One test recording: paths, and over time the distance, the true edge and its probability."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    data, acts = data_set("test")
    chosen = int(acts[:, :, 2].sum((1, 2)).argmax())
    x = stacked(data)[chosen, :, :, :2]
    p = found.interaction().to_numpy()[chosen]
    frames = found.probability["start"].to_numpy() + 1
    figure, axes = plt.subplots(1, 2, figsize=(11, 3.8), layout="constrained", width_ratios=(1, 1.6))
    for k, colour in enumerate(("tab:blue", "tab:orange", "tab:green")):
        axes[0].plot(*x[:, k].T, color=colour, label=f"particle {k}")
        axes[0].plot(*x[-1, k], "o", color=colour)
    axes[0].set(aspect="equal", title="paths", xlabel="x", ylabel="y")
    axes[0].legend(fontsize="small")
    for sender, colour in ((0, "tab:blue"), (1, "tab:orange")):
        distance = np.linalg.norm(x[:, 2] - x[:, sender], axis=-1)
        axes[1].plot(distance, ":", color=colour, label=f"distance of {sender} and 2")
        axes[1].fill_between(
            np.arange(len(x)), acts[chosen, :, 2, sender], step="mid", alpha=0.2, color=colour, lw=0
        )
        axes[1].plot(frames, p[:, 2, sender], color=colour, label=f"probability of {sender} -> 2")
    axes[1].set(title="edges over time (shaded: true)", xlabel="frame", ylim=(0, 1.6))
    axes[1].legend(fontsize="small")
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = arguments(__doc__, seeds=3, threads=2)
    parser.add_argument("--only", choices=("edges", "forecasts"))
    given = parser.parse_args()
    begin(parser, DATA, given.threads)
    if given.only != "forecasts":
        print(
            "| edges | F1 | precision | recall | as the authors align them | the truth, aligned so | fit, s |"
        )
        print("|---|---|---|---|---|---|---|")
        found = [measure_edges(seed) for seed in range(given.seeds)]
        if given.out is not None:
            picture(found[0], given.out)
    if given.only != "edges":
        measure_forecasts(given.seeds)


if __name__ == "__main__":
    main()
