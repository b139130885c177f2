"""A walking person, 31 joints: forecasts to 48 frames and the joints' graph (docs/results/walking.md).

    python benchmarks/recordings/walking.py --seeds 3 --out docs/images/walking.png

CMU motion capture, subject 35, 120 frames a second as in the papers: fitted on trials 01-16, settings chosen on trials
28-30 (`--validation`), tested on trials 31-34. From every 25th frame on, of which 49 at least lie behind, 48 are
foretold. Mean squared error of positions, divided by their squared spread in the training data. Beside it constant
velocity, and this project's NRI and LSTMs, which also see velocities (steps from the frame before).
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from _begin import arguments, begin

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "cmu_mocap35" / "cmu35_walk_joints_120hz.npz"
RECIPE = ROOT / "recipes" / "inference" / "walking.toml"
AXES = ("x", "y", "z")
SEEN, AHEAD, EVERY, STEPS = 49, 48, 25, (1, 10, 20, 48)
TRAIN, VALIDATION, TEST = slice(0, 16), slice(16, 19), slice(19, 23)
STRONGEST = 40
NRI = {"hidden": 64, "no_interaction": "yes", "learning_rate": 2e-3, "max_steps": 20_000, "batch_size": 8}
LSTM = {"hidden": 128, "steps": 6000, "batch_size": 16}


def trials() -> Any:
    from edgewise.data import load

    return load(DATA)


def with_steps(data: Any) -> Any:
    """Velocities as steps from the frame before, inches a frame; the first frame is lost."""
    out = data.isel(time=slice(1, None)).copy()
    for axis in AXES:
        out[f"v{axis}"] = (data[axis].dims, np.diff(data[axis].to_numpy(), axis=1))
    out.attrs["velocity"] = [f"v{axis}" for axis in AXES]
    return out


def stacked(data: Any) -> np.ndarray:
    return np.stack([data[axis].to_numpy() for axis in AXES], -1)


def constant_velocity(past: Any) -> np.ndarray:
    x = stacked(past)
    return x[:, -1:] + (x[:, -1:] - x[:, -2:-1]) * np.arange(1, AHEAD + 1)[:, None, None]


def errors(foretell: Callable[[Any], np.ndarray], data: Any, spread: float) -> np.ndarray:
    """Normalised mean squared error of each step ahead, over all starts, trials, joints and axes: [AHEAD]."""
    true, found = stacked(data), []
    for start in range(SEEN, data.sizes["time"] - AHEAD + 1, EVERY):
        guess = foretell(data.isel(time=slice(0, start)))
        found.append(((guess - true[:, start : start + AHEAD]) ** 2).mean((0, 2, 3)))
    return np.mean(found, 0) / spread


def show(name: str, values: np.ndarray, seconds: float | None = None) -> None:
    fit = "" if seconds is None else f"{seconds:.0f}"
    print(f"| {name} | " + " | ".join(f"{values[k - 1]:.2e}" for k in STEPS) + f" | {fit} |", flush=True)


def networks(train: Any, held_out: Any, spread: float, limit: float) -> None:
    """NRI and the two LSTMs on positions and velocities, each within the time limit."""
    from edgewise.inference.infer import infer
    from edgewise.inference.nri.lstm import learn_lstm
    from edgewise.training import Deadline

    def judged(name: str, forecast: Callable[[Any], Any], start: float) -> None:
        seconds = time.perf_counter() - start
        show(name, errors(lambda past: stacked(forecast(with_steps(past))), held_out, spread), seconds)

    moving = with_steps(train)
    start = time.perf_counter()
    nri = infer(moving, method="nri", frames=SEEN - 1, time_limit=limit, **NRI)
    judged("NRI", lambda past: nri.apply(past).forecast(AHEAD), start)
    anew = replace(nri, fitted=replace(nri.fitted, dynamic=True))
    judged("NRI, graph inferred at every frame", lambda past: anew.apply(past).forecast(AHEAD), start)
    for kind in ("single", "joint"):
        start = time.perf_counter()
        lstm = learn_lstm(moving, kind=kind, frames=SEEN - 1, deadline=Deadline(limit), **LSTM)
        judged(f"LSTM, {kind}", lambda past, lstm=lstm: lstm.forecast(past, AHEAD), start)


def skeleton() -> np.ndarray:
    """Bones between each pair of joints along the skeleton: [joint, joint]."""
    import networkx as nx

    parents = np.load(DATA, allow_pickle=False)["parents"]
    bones = nx.Graph((child, int(parent)) for child, parent in enumerate(parents) if parent >= 0)
    lengths = dict(nx.all_pairs_shortest_path_length(bones))
    return np.array([[lengths[i][j] for j in range(len(parents))] for i in range(len(parents))])


def print_edges(result: Any, seed: int) -> set[tuple[str, str]]:
    """How far apart the ends of the strongest edges are, and the first of them."""
    bones, names = skeleton(), list(result.entities)
    rows = result.edges().head(STRONGEST)
    pairs = list(zip(rows["source"], rows["target"], strict=True))
    apart = np.array([bones[names.index(a), names.index(b)] for a, b in pairs])
    off = ~np.eye(len(names), dtype=bool)
    first = ", ".join(f"{a} -> {b}" for a, b in pairs[:8])
    print(
        f"seed {seed}: ends of the {len(pairs)} strongest edges {apart.mean():.1f} bones apart (all pairs"
        f" {bones[off].mean():.1f}); joined by one bone {np.mean(apart == 1):.0%} (all pairs"
        f" {np.mean(bones[off] == 1):.0%}). {first}",
        flush=True,
    )
    return set(pairs)


def picture(curves: dict[str, np.ndarray], path: Path) -> None:
    """Error against frames ahead."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
    for name, values in curves.items():
        axis.plot(np.arange(1, AHEAD + 1), values, label=name)
    axis.set(
        yscale="log",
        xlabel="frames ahead (120 a second)",
        ylabel="normalised MSE",
        title="walking, trials 31-34",
    )
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = arguments(__doc__, seeds=3, threads=2)
    parser.add_argument("--limit", type=float, default=600.0, help="seconds for each network")
    parser.add_argument("--validation", action="store_true", help="trials 28-30 in place of the test trials")
    parser.add_argument("--only", choices=("superposition", "networks"))
    given = parser.parse_args()
    begin(parser, DATA, given.threads)
    from edgewise.inference.infer import infer
    from edgewise.inference.records import merged_config

    data = trials()
    train, held_out = data.isel(sequence=TRAIN), data.isel(sequence=VALIDATION if given.validation else TEST)
    spread = float(stacked(train).var((0, 1, 2)).mean())
    print(
        "| held-out trials | "
        + " | ".join(f"{k} frames" for k in STEPS)
        + " | fit, s |\n|---|---|---|---|---|---|"
    )
    curves = {"constant velocity": errors(constant_velocity, held_out, spread)}
    show("constant velocity", curves["constant velocity"])
    strongest = []
    for seed in range(given.seeds if given.only != "networks" else 0):
        start = time.perf_counter()
        result = infer(train, merged_config(RECIPE, {"seed": seed}))
        seconds = time.perf_counter() - start
        found = errors(
            lambda past, result=result: stacked(result.forecast(AHEAD, data=past)), held_out, spread
        )
        show(f"edgewise, seed {seed}", found, seconds)
        curves[f"edgewise, seed {seed}"] = found
        strongest.append((seed, result))
    if given.only != "superposition":
        networks(train, held_out, spread, given.limit)
    print()
    edges = [print_edges(result, seed) for seed, result in strongest]
    if len(edges) > 1:
        print(f"of the {STRONGEST} strongest {len(edges[0] & edges[1])} are the same with seeds 0 and 1")
    if given.out is not None:
        picture(curves, given.out)


if __name__ == "__main__":
    main()
