"""The solar system: tables and pictures of a finished run (docs/solar-system.md, docs/results/solar-system.md).

    edgewise train recipes/solar-system.toml --out runs/solar-system
    python benchmarks/recordings/solar_system.py runs/solar-system --out docs/images

Everything is read from the records of the run, but for the picture of the orbits: there its law is rolled on from the
end of the training part to the end of the recording, 45 years later.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "solar_system" / "de421_solar_system.npz"
INNER = ("Mercury", "Venus", "Earth", "Mars")
OUTER = ("Jupiter", "Saturn", "Uranus", "Neptune", "Pluto")
AHEAD = (1, 10, 20, 40, 100)
"""Years; negative ones are before the training part."""


def tables(metrics: dict[str, Any]) -> None:
    run = metrics["runs"][0]
    print(f"exponent {run['exponent']:.10f} +- {run['exponent_standard_error']:.1e}, law {run['law']}")
    print(f"correlation of log masses 1 - {1 - run['log_mass_correlation']:.1e}")
    for name, errors in run["acceleration_error"].items():
        print(f"{name}: relative error of accelerations {errors}")
    free = run["free_law"]
    print(
        "slope of the free law:",
        ", ".join(f"{r:.4g} AU {s:.5f}" for r, s in zip(*free.values(), strict=True)),
    )
    print(
        "\n| body | GM found, km^3/s^2 | GM of DE421 | relative error | standard error |\n|---|---|---|---|---|"
    )
    for row in run["masses"]:
        print(
            f"| {row['entity']} | {row['found']:.9g} | {row['true']:.9g} | {row['relative_error']:+.1e} |"
            f" {row['standard_error']:.1e} |"
        )
    print("\n| body | largest in a year | mean after a year |\n|---|---|---|")
    for name, row in run["forecast"]["entities"].items():
        print(f"| {name} | {row['largest']:.1e} | {row['mean_at_the_end']:.1e} |")
    ahead = run["long_forecast"]
    time = np.array(ahead["time"])
    stops = [2000 - years for years in reversed(AHEAD)] + [2005 + years for years in AHEAD if years <= 40]
    near = [int(np.abs(time - stop).argmin()) for stop in stops]
    print(
        "\n| body | " + " | ".join(f"{time[k]:.0f}" for k in near) + " |\n|---" * 1 + "|---" * len(near) + "|"
    )
    for name, errors in ahead["errors"].items():
        print(f"| {name} | " + " | ".join(f"{errors[k]:.1e}" for k in near) + " |")


def masses_and_law(preview: dict[str, Any], out: Path) -> None:
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
    rows = preview["masses"]
    true, found = (np.array([row[name] for row in rows]) for name in ("true", "found"))
    ends = [true.min() / 3, true.max() * 3]
    left.loglog(ends, ends, color="0.6", lw=1, ls="--")
    left.loglog(true, found, "o", color="tab:blue")
    for row in rows:
        below = row["entity"] in ("Venus", "Mars", "Uranus")
        place = {"xytext": (6, -12) if below else (-6, 6), "ha": "left" if below else "right"}
        left.annotate(
            row["entity"], (row["true"], row["found"]), textcoords="offset points", fontsize=8, **place
        )
    left.set(
        xlabel="GM of DE421, km³/s²", ylabel="GM found, km³/s²", title="strengths: nothing of them was told"
    )
    curves = preview["curves"]
    right.loglog(curves["distance"], curves["power"], color="tab:blue", lw=3, label="power law")
    right.loglog(
        curves["distance"], curves["free"], color="tab:orange", lw=1.5, ls="--", label="free law (network)"
    )
    right.set(
        xlabel="distance, AU", ylabel="pull of a unit strength", title=f"exponent {preview['exponent']:.8f}"
    )
    right.legend()
    figure.savefig(out / "solar-law.png", dpi=110)


def decades(preview: dict[str, Any], out: Path) -> None:
    import matplotlib.pyplot as plt

    figure, axis = plt.subplots(figsize=(10, 4.4), layout="constrained")
    ahead = preview["long_forecast"]
    colours = plt.get_cmap("tab20").colors
    axis.axvspan(2000, 2005, color="0.9")
    axis.text(2002.5, 3e-3, "training", ha="center", fontsize=8)
    for colour, (name, errors) in zip(colours, ahead["errors"].items(), strict=False):
        axis.semilogy(ahead["time"], errors, color=colour, lw=1.3, label=name)
    axis.axhline(0.01, color="0.5", lw=1, ls=":")
    axis.set(xlabel="year", ylabel="distance from DE421, AU", ylim=(1e-10, 2e-2))
    axis.set_title("forecast from both ends of the training part (dotted: 0.01 AU)")
    axis.legend(ncol=6, fontsize=8, loc="lower left")
    figure.savefig(out / "solar-decades.png", dpi=110)


def orbits(run: Path, out: Path) -> None:
    import matplotlib.pyplot as plt

    from edgewise.rollouts import places
    from edgewise.tasks.central_data import ephemeris_table
    from edgewise.tasks.rollout import rolled

    with np.load(DATA) as file:
        table = ephemeris_table({name: file[name] for name in file.files}, "10day", DATA.name)
    begin = int(np.flatnonzero(table["time"].to_numpy() < 2451545 + 5 * 365.25)[-1])
    found = rolled(run, steps=table.sizes["time"] - 1 - begin, data=table, start=begin)
    assert found.truth is not None
    names = list(found.frames["entity"].to_numpy())
    said, true = places(found.frames)[0], places(found.truth)[0]
    figure, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
    for axis, wanted, last in ((axes[0], INNER, 37), (axes[1], OUTER, len(said))):
        for name in wanted:
            k = names.index(name)
            (line,) = axis.plot(*said[-last:, k, :2].T, lw=1.2, label=name)
            axis.plot(
                *true[-last :: 4 if wanted is INNER else 60, k, :2].T, "o", ms=3, color=line.get_color()
            )
        axis.plot(*said[-1, names.index("Sun"), :2], "*", color="orange", ms=12)
        axis.set(aspect="equal", xlabel="x, AU", ylabel="y, AU")
        axis.legend(fontsize=8, loc="upper right")
    axes[0].set_title("45th year of the forecast (line) and DE421 (dots)")
    axes[1].set_title("all 45 years")
    figure.savefig(out / "solar-orbits.png", dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, help="a folder for the pictures")
    given = parser.parse_args()
    metrics, preview = (
        json.loads((given.run / f"{name}.json").read_text("utf-8")) for name in ("metrics", "preview")
    )
    tables(metrics)
    if given.out is not None:
        import matplotlib

        matplotlib.use("Agg")
        masses_and_law(preview, given.out)
        decades(preview, given.out)
        orbits(given.run, given.out)


if __name__ == "__main__":
    main()
