"""The picture of sample efficiency: error against data, a curve a network."""

from pathlib import Path

from edgewise.audit.learn import SampleEfficiency


def draw_learning(found: SampleEfficiency, path: Path) -> None:
    """Means over seeds with the range of the seeds behind them, both axes logarithmic."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter, NullLocator, ScalarFormatter

    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    panel = figure.add_subplot()
    colours = colormaps["viridis"]
    for k, curve in enumerate(found.curves):
        colour = colours(0.92 * k / max(len(found.curves) - 1, 1))
        seeds = [curve.errors[n] for n in found.systems]
        means = [curve.mean(n) for n in found.systems]
        panel.plot(found.systems, means, marker="o", markersize=4, color=colour, label=curve.model)
        panel.fill_between(
            found.systems,
            [min(s) for s in seeds],
            [max(s) for s in seeds],
            color=colour,
            alpha=0.2,
            linewidth=0,
        )
    panel.axhline(1.0, color="black", linewidth=0.8, linestyle="--", label="constant velocity")
    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.set_xticks(found.systems, [str(n) for n in found.systems])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_yticks([0.1, 0.2, 0.5, 1.0])
    panel.yaxis.set_major_formatter(ScalarFormatter())
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.set_xlabel("systems to learn from")
    panel.set_ylabel("error of the next velocities\n(1: that of constant velocity)")
    panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize="small")
    panel.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)
