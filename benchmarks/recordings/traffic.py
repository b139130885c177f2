"""Loop detectors in Los Angeles: the next quarter of an hour, and the road graph (docs/results/traffic.md).

    python benchmarks/recordings/traffic.py --seeds 3 --out docs/images/traffic.png

The protocol is that of T-GCN (Zhao et al. 2019) as its authors' code has it (lehaifeng/T-GCN on GitHub): the first
80 % of the 2016 frames train, the rest test; 12 frames are seen and 3 foretold; the root mean squared error is over all
windows, detectors and the three steps together, in miles an hour, of every value in the file (gaps were filled there).
The settings are those of recipes/inference/traffic.toml; they were chosen on `--validation`: fitted on the first 64 %,
measured on the following 16 %. The road graph is read for the evaluation alone.
"""

import gzip
import time
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
from _begin import arguments, begin

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "traffic_los"
RECIPE = ROOT / "recipes" / "inference" / "traffic.toml"
SEEN, AHEAD, MINUTES = 12, 3, 5
FITTED, VALIDATION = 1612, 1290
"""Frames of the training part: int(0.8 * 2016); and of it, those that settings are chosen on."""
PUBLISHED = {"rmse": 5.1264, "mae": 3.1802}
SHOWN = slice(3 * 12 + 7, 9 * 12)
"""Test windows that are drawn."""


def table(name: str, header: int) -> np.ndarray:
    with gzip.open(DATA / name, "rt") as file:
        return np.loadtxt(file, delimiter=",", skiprows=header)


def data_set(speeds: np.ndarray) -> Any:
    """[sequence, time, detector] in miles an hour -> a data set."""
    from edgewise.data import from_arrays

    minutes = np.arange(speeds.shape[1]) * MINUTES
    return from_arrays({"speed": speeds}, time=minutes, units={"speed": "mph", "time": "min"})


def windows(speeds: np.ndarray, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """What is seen and what follows, as the authors cut it: [window, frame, detector] each."""
    starts = start + np.arange(stop - start - SEEN - AHEAD)
    whole = speeds[starts[:, None] + np.arange(SEEN + AHEAD)]
    return whole[:, :SEEN], whole[:, SEEN:]


def errors(guess: np.ndarray, true: np.ndarray) -> str:
    """A row: RMSE over all three steps, of each, and MAE."""
    missed = guess - true
    by_step = np.sqrt((missed**2).mean((0, 2)))
    steps = " | ".join(f"{value:.3f}" for value in by_step)
    return f"{np.sqrt((missed**2).mean()):.3f} | {steps} | {np.abs(missed).mean():.3f}"


def print_forecasts(result: Any, seen: np.ndarray, true: np.ndarray, seed: int, seconds: float) -> np.ndarray:
    guess = result.forecast(AHEAD, data=data_set(seen))["speed"].to_numpy()
    print(f"| edgewise, seed {seed} | {errors(guess, true)} | {seconds:.0f} s |", flush=True)
    return guess


def road_scores(result: Any, speeds: np.ndarray) -> dict[str, np.ndarray]:
    """Scores of ordered pairs [receiver, sender]: what is inferred, and the lagged correlation of the fit's data."""
    from edgewise.inference.nearness import lagged_correlations

    return {
        "|strength|": np.abs(result.strength[0].to_numpy()),
        "probability": result.probability[0].isel(type=1).to_numpy(),
        "influence": result.influence[0].to_numpy(),
        "lagged correlation": lagged_correlations(speeds[None, ..., None])[0],
    }


def print_roads(scores: dict[str, np.ndarray], roads: np.ndarray) -> None:
    """AUROC of the scores against the road graph, over all ordered pairs and over the candidates."""
    from sklearn.metrics import roc_auc_score

    off = ~np.eye(len(roads), dtype=bool)
    candidate = off & (scores["influence"] > 0)
    print(
        f"\nlinked by road: {roads[off].mean():.1%} of all ordered pairs, {roads[candidate].mean():.1%} of the"
        f" {candidate.sum():,} candidates\n"
    )
    print("| score | AUROC, all pairs | AUROC, candidates | linked among the 500 highest |")
    print("|---|---|---|---|")
    for name, score in scores.items():
        highest = np.argsort(-np.where(off, score, -np.inf), axis=None)[:500]
        areas = [roc_auc_score(roads[pairs], score[pairs]) for pairs in (off, candidate)]
        print(f"| {name} | {areas[0]:.3f} | {areas[1]:.3f} | {roads.ravel()[highest].mean():.1%} |")


def draw(
    path: Path, guess: np.ndarray, seen: np.ndarray, true: np.ndarray, scores: Any, roads: np.ndarray
) -> None:
    """A forecast of the detector that changes most, and how many of the strongest pairs are linked by road."""
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    which = int(true[SHOWN, -1].std(0).argmax())
    hours = np.arange(len(true))[SHOWN] * MINUTES / 60
    left.plot(hours, true[SHOWN, -1, which], color="#333333", lw=1.2, label="measured")
    left.plot(hours, guess[SHOWN, -1, which], color="#b5532c", lw=1.2, label="foretold 15 min before")
    left.plot(hours, seen[SHOWN, -1, which], color="#8aa9b5", lw=1, ls=":", label="speed 15 min before")
    left.set(xlabel="hours into the test part", ylabel="speed (mph)", title=f"detector {which}")
    left.legend(fontsize=8)
    off, ranks = ~np.eye(len(roads), dtype=bool), np.arange(1, 2001)
    for name, colour in (("influence", "#b5532c"), ("lagged correlation", "#1f6f8b")):
        order = np.argsort(-np.where(off, scores[name], -np.inf), axis=None)[: len(ranks)]
        right.plot(ranks, roads.ravel()[order].cumsum() / ranks, color=colour, label=name)
    right.axhline(roads[off].mean(), color="#999999", lw=1, ls="--", label="all pairs")
    right.set(xlabel="so many highest pairs", ylabel="share linked by road", ylim=(0, 1))
    right.legend(fontsize=8)
    figure.savefig(path, dpi=130)
    plt.close(figure)


def main() -> None:
    parser = arguments(__doc__, seeds=1, threads=1)
    parser.add_argument("--validation", action="store_true", help="measure on the end of the training part")
    given = parser.parse_args()
    begin(parser, DATA, given.threads)
    from edgewise import InferenceConfig, infer

    speeds, roads = table("los_speed.csv.gz", 1), table("los_adj.csv.gz", 0) > 0
    stop = VALIDATION if given.validation else FITTED
    seen, true = windows(speeds, stop, FITTED if given.validation else len(speeds))
    print("| | RMSE (mph), 3 steps | 5 min | 10 min | 15 min | MAE | fit |\n|---|---|---|---|---|---|---|")
    print(f"| persistence | {errors(np.repeat(seen[:, -1:], AHEAD, 1), true)} | |")
    plain, found = tomllib.loads(RECIPE.read_text()), []
    for seed in range(given.seeds):
        start = time.monotonic()
        config = InferenceConfig.from_dict(plain | {"seed": seed})
        result = infer(data_set(speeds[None, :stop]), config)
        guess = print_forecasts(result, seen, true, seed, time.monotonic() - start)
        found.append((guess, road_scores(result, speeds[:stop])))
    print(f"| T-GCN (published) | {PUBLISHED['rmse']:.3f} | | | | {PUBLISHED['mae']:.3f} | |")
    guess, scores = found[0]
    print_roads(scores, roads)
    if given.out:
        draw(given.out, guess, seen, true, scores, roads)


if __name__ == "__main__":
    main()
