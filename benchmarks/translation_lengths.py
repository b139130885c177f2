"""Draw BLEU against the length of the source sentence, for runs of `edgewise train` on one test set.

    python benchmarks/translation_lengths.py runs/multi30k-{seq2seq,bahdanau,transformer} --plot bleu.png

Each run folder's `metrics.json` has the score of every group of lengths; over several seeds their mean is drawn, with
the range as a bar.
"""

import argparse
import json
from pathlib import Path

FEWEST = 30
"""Pairs below which a group is too small to be drawn; the table shows it."""


def by_length(run: Path) -> dict[tuple[int, int | None], tuple[int, list[float]]]:
    """Pairs, and the score of every seed, of each group of lengths."""
    found: dict[tuple[int, int | None], tuple[int, list[float]]] = {}
    for seed in json.loads((run / "metrics.json").read_text(encoding="utf-8"))["runs"]:
        for group in seed["by_length"]:
            key = group["from"], group["below"]
            found.setdefault(key, (group["n"], []))[1].append(group["score"])
    return found


def label(group: tuple[int, int | None]) -> str:
    first, below = group
    return f"{first} and more" if below is None else f"{first} to {below - 1}"


def table(runs: dict[str, dict[tuple[int, int | None], tuple[int, list[float]]]]) -> str:
    groups = next(iter(runs.values()))
    rows = [
        "| recipe | " + " | ".join(f"{label(g)} ({groups[g][0]} pairs)" for g in groups) + " |",
        "|---" * (len(groups) + 1) + "|",
    ]
    for name, found in runs.items():
        means = (sum(scores) / len(scores) for _, scores in found.values())
        rows.append(f"| `{name}` | " + " | ".join(f"{mean:.1f}" for mean in means) + " |")
    return "\n".join(rows)


def draw(runs: dict[str, dict[tuple[int, int | None], tuple[int, list[float]]]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
    groups = [group for group, (n, _) in next(iter(runs.values())).items() if n >= FEWEST]
    for k, (name, found) in enumerate(runs.items()):
        scores = [found[group][1] for group in groups]
        middle = [sum(each) / len(each) for each in scores]
        spread = [[m - min(s) for m, s in zip(middle, scores, strict=True)],
                  [max(s) - m for m, s in zip(middle, scores, strict=True)]]  # fmt: skip
        several = any(len(each) > 1 for each in scores)
        axes.errorbar(
            range(len(groups)),
            middle,
            spread if several else None,
            marker="osD^vP"[k % 6],
            label=name,
            capsize=3,
        )
    axes.set_xticks(range(len(groups)), [label(group) for group in groups])
    axes.set_xlabel("words of the source")
    axes.set_ylabel("BLEU")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", type=Path, help="run folders")
    parser.add_argument("--plot", type=Path, help="where to write the picture")
    given = parser.parse_args()
    runs = {run.name: by_length(run) for run in given.runs}
    print(table(runs))
    if given.plot:
        draw(runs, given.plot)


if __name__ == "__main__":
    main()
