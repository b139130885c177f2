"""A protein that closes: who moves with whom, and how far 98 frames can tell (docs/results/protein.md).

    python benchmarks/recordings/protein.py --runs runs/protein --out docs/images/protein.png

Needs the extra `md` and the package MDAnalysisTests, whose trajectory of adenylate kinase it reads. The settings are
those of recipes/inference/protein.toml. Two levels: 214 alpha carbons with the 12 nearest as candidates, and 21 runs
of ten residues with all pairs. Each is fitted with two seeds, and on each half of the frames.
"""

import argparse
import os
import platform
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from edgewise.runtime import tune_runtime

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "inference" / "protein.toml"
STRONGEST = 40
FAR_IN_SPACE = 15.0
FAR_IN_SEQUENCE = 10
FITS = ("seed 0", "seed 1", "first half", "second half")


@dataclass(frozen=True)
class Level:
    """One level of description: the data set, and where its entities are along the chain and in space.

    A pair is far if it is more than `along` places apart in the chain and `beyond` angstrom apart on average.
    positions [time, entity, 3]; distance [entity, entity] in angstrom.
    """

    name: str
    data: xr.Dataset
    along: int
    beyond: float

    @property
    def positions(self) -> np.ndarray:
        return np.stack([self.data[axis].to_numpy()[0] for axis in "xyz"], -1)

    @property
    def distance(self) -> np.ndarray:
        x = self.positions
        return np.linalg.norm(x[:, :, None] - x[:, None], axis=-1).mean(0)

    @property
    def far(self) -> np.ndarray:
        place = np.arange(len(self.names))
        return (np.abs(np.subtract.outer(place, place)) > self.along) & (self.distance > self.beyond)

    @property
    def names(self) -> list[str]:
        return [str(name) for name in self.data["entity"].to_numpy()]


def cross_correlation(x: np.ndarray) -> np.ndarray:
    """DCCM: mean of dr_i . dr_j over sqrt(mean |dr_i|^2 mean |dr_j|^2), dr about the mean. x: [time, entity, 3]."""
    moved = x - x.mean(0)
    products = np.einsum("tid,tjd->ij", moved, moved)
    scale = np.sqrt(np.diag(products))
    return products / np.outer(scale, scale)


def plain_answers(level: Level) -> dict[str, np.ndarray]:
    """|DCCM| of the positions, and of the steps from frame to frame, which knows nothing of slow motion."""
    x = level.positions
    return {
        "|DCCM|": np.abs(cross_correlation(x)),
        "|DCCM| of steps": np.abs(cross_correlation(np.diff(x, axis=0))),
    }


def fits(level: Level, time_limit: float, runs: Path) -> dict[str, Any]:
    """One result a name of `FITS`, kept in a run folder each and read from it where it is already there."""
    from edgewise import Inference
    from edgewise.data import select_frames
    from edgewise.inference.infer import infer
    from edgewise.inference.records import merged_config

    n_frames = level.data.sizes["time"]
    half = n_frames // 2
    parts = {
        "first half": select_frames(level.data, 0, half),
        "second half": select_frames(level.data, half, n_frames),
    }
    found = {}
    for name in FITS:
        given = {
            "seed": int(name == "seed 1"),
            "time_limit": time_limit,
        }
        folder = runs / level.name.replace(" ", "-") / name.replace(" ", "-")
        if not (folder / "run.json").is_file():
            infer(parts.get(name, level.data), merged_config(RECIPE, given)).save(folder)
        found[name] = Inference.load(folder)
        print(f"  {name}: {found[name].metrics['seconds']:.0f} s, {found[name]}", flush=True)
    return found


def strengths(result: Any) -> np.ndarray:
    """How strongly each pair acts on each other, whatever the direction: [entity, entity], 0 for no candidates."""
    size = np.abs(result.strength.isel(sequence=0).transpose("receiver", "sender").to_numpy())
    return (size + size.T) / 2


def candidates(result: Any) -> np.ndarray:
    """Pairs that were candidates in at least one direction: [entity, entity]."""
    deviation = result.confidence["strength_std"].isel(sequence=0).transpose("receiver", "sender").to_numpy()
    return np.triu((deviation > 0) | (deviation.T > 0), 1)


def strongest(size: np.ndarray, pairs: np.ndarray, count: int) -> list[tuple[int, int]]:
    """The strongest of some pairs, first the strongest."""
    where = np.argwhere(pairs)
    order = np.argsort(-size[pairs], kind="stable")[:count]
    return [(int(i), int(j)) for i, j in where[order]]


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    from scipy.stats import spearmanr

    return float(spearmanr(a, b).statistic)


def describe(level: Level, found: dict[str, Any]) -> None:
    """How stable the map is, and what it has in common with contacts and with plain correlation."""
    from sklearn.metrics import roc_auc_score

    first = found["seed 0"]
    size, pairs, distance = strengths(first), candidates(first), level.distance
    for name in FITS[1:]:
        both = pairs & candidates(found[name])
        agreement = rank_correlation(size[both], strengths(found[name])[both])
        print(f"  rank correlation of strengths, seed 0 and {name}: {agreement:.2f}")
    halves = [found[name] for name in FITS[2:]]
    both = candidates(halves[0]) & candidates(halves[1])
    print(f"  of the two halves: {rank_correlation(*(strengths(half)[both] for half in halves)):.2f}")
    overlap(pairs, found)
    contact = distance[pairs] < np.median(distance[pairs])
    area = roc_auc_score(contact, size[pairs])
    print(f"  AUROC of the nearer half of the candidates: strength {area:.2f}")
    half = level.positions.shape[0] // 2
    parts = [
        plain_answers(replace(level, data=level.data.isel(time=at)))
        for at in (slice(half), slice(half, None))
    ]
    for name, whole in plain_answers(level).items():
        print(
            f"  {name}: halves {rank_correlation(*(part[name][pairs] for part in parts)):.2f}, AUROC of the nearer half"
            f" {roc_auc_score(contact, whole[pairs]):.2f}, rank correlation with strength"
            f" {rank_correlation(size[pairs], whole[pairs]):.2f}; of the {STRONGEST} strongest"
            f" {sum(j - i == 1 for i, j in strongest(whole, pairs, STRONGEST))} are next to each other in the chain"
        )
    sure(first, pairs)


def overlap(pairs: np.ndarray, found: dict[str, Any]) -> None:
    tops = {name: set(strongest(strengths(found[name]), pairs, STRONGEST)) for name in FITS}
    chance = STRONGEST**2 / int(pairs.sum())
    steps = [abs(i - j) for i, j in tops["seed 0"]]
    near = f"{steps.count(1)} are next to each other in the chain, {steps.count(2)} next but one"
    print(f"  of the {STRONGEST} strongest {near}")
    print(
        f"  of the {STRONGEST} strongest pairs seed 0 shares {len(tops['seed 0'] & tops['seed 1'])} with seed 1; the"
        f" halves share {len(tops['first half'] & tops['second half'])} ({chance:.1f} by chance)"
    )


def sure(result: Any, pairs: np.ndarray) -> None:
    low, high = (
        value.isel(sequence=0).transpose("receiver", "sender").to_numpy()
        for value in (result.strength_low, result.strength_high)
    )
    apart = (low > 0) | (high < 0)
    n = int((pairs | pairs.T).sum())
    print(f"  directed pairs whose 95 % interval leaves 0 out: {int(apart.sum())} of {n}")


def long_range(level: Level, found: dict[str, Any]) -> None:
    """The strongest of the far pairs, with their strength in every fit."""
    first = found["seed 0"]
    top = strongest(strengths(first), candidates(first) & level.far, 10)
    space = f" and {level.beyond:g} A in space" if level.beyond else ""
    what = f"{level.name}, more than {level.along} apart in the chain{space}"
    print(f"\n| {what} | distance, A | {' | '.join(FITS)} |\n|---|---|{'---|' * len(FITS)}")
    for i, j in top:
        row = " | ".join(f"{strengths(found[name])[i, j]:.2f}" for name in FITS)
        print(f"| {level.names[i]} - {level.names[j]} | {level.distance[i, j]:.1f} | {row} |")


def strands(level: Level, found: dict[str, Any]) -> None:
    """How many of the strongest far pairs join two beta strands, by the hydrogen bonds of the backbone (DSSP).

    Kabsch & Sander 1983, as MDAnalysis has it: the kind that a residue has in most frames. The positions of alpha
    carbons, which are all that the law saw, do not hold these bonds.
    """
    import MDAnalysis
    from MDAnalysis.analysis.dssp import DSSP
    from MDAnalysisTests.datafiles import DCD, PSF

    kinds = DSSP(MDAnalysis.Universe(PSF, DCD), guess_hydrogens=True).run().results.dssp  # [time, residue]
    in_strand = (np.asarray(kinds) == "E").mean(0) > 0.5
    both = np.outer(in_strand, in_strand)
    pairs = candidates(found["seed 0"]) & level.far
    print(
        f"\nof {int(pairs.sum())} far candidate pairs {both[pairs].mean():.0%} join two strands; of the strongest"
    )
    for name, size in [(name, strengths(found[name])) for name in FITS] + list(plain_answers(level).items()):
        shares = (np.mean([both[pair] for pair in strongest(size, pairs, count)]) for count in (10, 20, 40))
        print(f"  {name}: 10 {next(shares):.0%}, 20 {next(shares):.0%}, 40 {next(shares):.0%}")


def draw_map(axis: Any, level: Level, result: Any, ticks: int) -> Any:
    """Below the diagonal strengths of candidates, above it the correlation of all pairs."""
    size, motion = strengths(result), np.abs(cross_correlation(level.positions))
    top = np.quantile(size[size > 0], 0.99)
    above = np.where(np.triu(np.ones_like(motion), 1) > 0, motion, np.nan)
    image = axis.imshow(above, cmap="viridis", vmin=0, vmax=1, interpolation="nearest")
    i, j = np.array(strongest(size, candidates(result), size.size)[::-1]).T  # the strongest on top
    side = max((220 / len(size)) ** 2, 4.0)  # as large as a cell, and never too small to be seen
    axis.scatter(i, j, c=size[i, j] / top, s=side, marker="s", cmap="viridis", vmin=0, vmax=1, linewidths=0)
    labels = [name.partition(":")[0] for name in level.names[::ticks]]
    axis.set_xticks(range(0, len(level.names), ticks), labels, rotation=90, fontsize=7)
    axis.set_yticks(range(0, len(level.names), ticks), labels, fontsize=7)
    axis.set_title(f"{level.name}\nbelow: strength of candidates; above: |DCCM|", fontsize=10)
    return image


def draw(residues: Level, segments: Level, maps: dict[str, Any], path: Path) -> None:
    """Left: 214 residues, strength below and correlation above the diagonal; middle: 21 runs; right: the halves."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(15, 4.8), layout="constrained")
    for axis, level, ticks in ((axes[0], residues, 20), (axes[1], segments, 2)):
        image = draw_map(axis, level, maps[level.name]["seed 0"], ticks)
        figure.colorbar(image, ax=axis, shrink=0.8, label="|DCCM|, strength / its 99 % quantile")
    for level, colour in ((residues, "tab:blue"), (segments, "tab:orange")):
        first, second = (maps[level.name][name] for name in FITS[2:])
        both = candidates(first) & candidates(second)
        a, b = strengths(first)[both], strengths(second)[both]
        axes[2].plot(
            a,
            b,
            ".",
            ms=3,
            color=colour,
            label=f"{level.name}: rank correlation {rank_correlation(a, b):.2f}",
        )
    axes[2].set_xlabel("strength in frames 1 to 49")
    axes[2].set_ylabel("strength in frames 50 to 98")
    axes[2].set_title("The same pair in the two halves", fontsize=10)
    axes[2].legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--runs", type=Path, default=Path("runs/protein"), help="folder of the eight run folders"
    )
    parser.add_argument("--out", type=Path, help="the picture")
    parser.add_argument("--time-limit", type=float, default=120.0, help="seconds a fit")
    given = parser.parse_args()
    try:
        from MDAnalysisTests.datafiles import DCD, PSF
    except ImportError:
        parser.exit(1, "MDAnalysisTests is not installed: make install-dev\n")
    tune_runtime()
    import torch

    from edgewise.data import load

    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, Python"
        f" {platform.python_version()}, torch {torch.__version__}, MDAnalysis {version('MDAnalysis')}"
    )
    levels = (
        Level("residues", load(DCD, topology=PSF, align=True), FAR_IN_SEQUENCE, 0.0),
        Level("runs of ten residues", load(DCD, topology=PSF, residues=10, align=True), 1, FAR_IN_SPACE),
    )
    maps = {}
    for level in levels:
        print(f"\n{level.name}: {len(level.names)} entities")
        maps[level.name] = fits(level, given.time_limit, given.runs)
        describe(level, maps[level.name])
        long_range(level, maps[level.name])
    strands(levels[0], maps[levels[0].name])
    if given.out is not None:
        draw(*levels, maps, given.out)


if __name__ == "__main__":
    main()
