"""The picture of a comparison: a bar a method and figure, the best on top."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewise.inference.config import LEARNED

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from edgewise.inference.compare.comparison import Comparison

OURS, THEIRS = "#1f6f8b", "#b8b8b8"
PANELS = ("auroc", "auprc", "orientation", "graph_error", "law_error", "seconds")
CHANCE = {"auroc": 0.5, "orientation": 0.5, "graph_error": 1.0, "law_error": 1.0}
"""What answers without any knowledge reach: a dashed line."""


def draw(comparison: "Comparison", path: Path) -> None:
    """Draw the methods that are done: learnt laws in colour, scores of pairs in grey."""
    from matplotlib.figure import Figure

    done = [row for row in comparison.rows if row["status"] == "done"]
    done.sort(key=comparison.place, reverse=True)  # bars grow from below
    names = [
        name
        for name in PANELS
        if name in comparison.columns and any(row.get(name) is not None for row in done)
    ]
    figure = Figure(
        figsize=(2.2 + 2.6 * max(len(names), 1), 1.2 + 0.3 * max(len(done), 2)), layout="constrained"
    )
    for k, name in enumerate(names):
        axis = figure.add_subplot(1, len(names), k + 1)
        _panel(axis, name, comparison.columns[name], done)
        if k:
            axis.set_yticklabels([])
    if not names:
        figure.text(0.5, 0.5, "no method is done", ha="center")
    figure.savefig(path, dpi=150)


def _panel(axis: "Axes", name: str, title: str, rows: list[dict[str, Any]]) -> None:
    values = [row.get(name) for row in rows]
    colours = [OURS if row["method"] in LEARNED else THEIRS for row in rows]
    axis.barh(range(len(rows)), [value or 0.0 for value in values], color=colours)
    axis.set_yticks(range(len(rows)), [row["label"] for row in rows])
    axis.set_title(title, fontsize="medium")
    if name == "seconds":
        axis.set_xscale("log")
    elif name in CHANCE:
        axis.axvline(CHANCE[name], color="black", linewidth=0.8, linestyle="--")
    for k, value in enumerate(values):
        text = "-" if value is None else f"{value:.3g}" if name == "seconds" else f"{value:.3f}"
        axis.annotate(
            text, (value or 0.0, k), (3, 0), textcoords="offset points", va="center", fontsize="small"
        )
    axis.margins(x=0.25)
    axis.spines[["top", "right"]].set_visible(False)
