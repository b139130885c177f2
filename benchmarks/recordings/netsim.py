"""NetSim simulation 3: 15 brain regions, 50 subjects (docs/results/netsim.md).

    python benchmarks/recordings/netsim.py --out docs/images/netsim.png

Scores against the known wiring over all ordered pairs; the truth enters nowhere else. Settings are those of
recipes/inference/netsim.toml (one graph for all) and netsim-subjects.toml (one a subject). Orientation is the share of
the true edges whose own direction is likelier than the reverse. Seeds only shuffle the superposition fit: the linear
method has none.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
from _begin import arguments, begin

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "netsim" / "sim3.mat"
RECIPES = ROOT / "recipes" / "inference"
REGIONS, SUBJECTS, SCANS = 15, 50, 200
BASELINES = ("correlation", "partial-correlation", "lag-regression")


def data_set() -> Any:
    from scipy.io import loadmat

    from edgewise.data import from_arrays

    raw = loadmat(DATA)
    acts = (raw["net"] != 0).transpose(0, 2, 1) & ~np.eye(REGIONS, dtype=bool)  # net[s, i, j]: i acts on j
    return from_arrays({"bold": raw["ts"].reshape(SUBJECTS, SCANS, REGIONS)}, edges=acts.astype(int))


def orientation(result: Any, truth: np.ndarray) -> float:
    p = result.interaction().to_numpy()
    true = truth[: len(p)].astype(bool)
    one_way = true & ~true.swapaxes(1, 2)
    return float((p > p.swapaxes(1, 2))[one_way].mean())


def show(name: str, result: Any, truth: np.ndarray, seconds: float) -> None:
    m = result.metrics
    print(
        f"| {name} | {m['auroc']:.3f} | {m['auprc']:.3f} | {100 * orientation(result, truth):.0f} % | {m['f1']:.3f} |"
        f" {m['ece']:.3f} | {seconds:.0f} |",
        flush=True,
    )


def measured(data: Any, name: str, **settings: Any) -> Any:
    from edgewise.inference.infer import infer

    start = time.perf_counter()
    result = infer(data, **settings)
    show(name, result, data["edges"].to_numpy(), time.perf_counter() - start)
    return result


def picture(result: Any, data: Any, path: Path) -> None:
    """The known wiring and the posterior, as matrices."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    truth = data["edges"].to_numpy()[0]
    p = result.interaction().to_numpy()[0]
    figure, axes = plt.subplots(1, 2, figsize=(9, 4.3), layout="constrained")
    for axis, values, title in zip(
        axes, (truth, p), ("known wiring", "probability, 50 subjects"), strict=True
    ):
        image = axis.imshow(values, cmap="Blues", vmin=0, vmax=1)
        axis.set(title=title, xlabel="region that acts", ylabel="region that is acted on")
    missed = np.argwhere((truth > 0) & (p <= 0.5))
    false = np.argwhere((truth == 0) & (p > 0.5))
    for marks, colour, label in ((missed, "tab:red", "missed"), (false, "tab:orange", "not in the wiring")):
        axes[1].scatter(marks[:, 1], marks[:, 0], s=60, facecolors="none", edgecolors=colour, label=label)
    axes[1].legend(loc="lower left", fontsize="small")
    figure.colorbar(image, ax=axes, shrink=0.8)
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = arguments(__doc__, seeds=3, threads=2)
    given = parser.parse_args()
    begin(parser, DATA, given.threads)
    from edgewise.inference.records import merged_config

    data = data_set()
    print(
        "| one graph for all | AUROC | AUPRC | orientation | F1 | ECE | seconds |\n|---|---|---|---|---|---|---|"
    )
    shared = merged_config(RECIPES / "netsim.toml", {})
    best = measured(data, "linear, instantaneous, acyclic", config=shared)
    measured(data, "linear, instantaneous", config=merged_config(RECIPES / "netsim.toml", {"acyclic": False}))
    measured(data, "linear", method="linear", graph="shared")
    for name in BASELINES:
        measured(data, name, method=name, graph="shared")
    print(
        "\n| one graph a subject | AUROC | AUPRC | orientation | F1 | ECE | seconds |\n|---|---|---|---|---|---|---|"
    )
    for seed in range(given.seeds):
        config = merged_config(RECIPES / "netsim-subjects.toml", {"seed": seed})
        measured(data, f"superposition, instantaneous, additive, seed {seed}", config=config)
    measured(data, "linear, instantaneous", method="linear", instantaneous=True)
    for name in BASELINES:
        measured(data, name, method=name)
    if given.out is not None:
        picture(best, data, given.out)


if __name__ == "__main__":
    main()
