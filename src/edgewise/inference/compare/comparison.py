"""The record of a comparison: a table to read, files to keep, a picture."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewise.data.atomic import replacing
from edgewise.folders import FORMAT, write_json

if TYPE_CHECKING:
    import pandas as pd

PACKAGES = ("edgewise", "torch", "numpy", "scikit-learn", "tigramite", "netrd")
KNOWN = {
    "auroc": "AUROC",
    "auprc": "AUPRC",
    "f1": "F1",
    "orientation": "orientation",
    "ece": "ECE",
    "edge_accuracy": "accuracy",
}
UNKNOWN = {"graph_error": "error on the graph", "law_error": "error of the law"}
COST = {"n_edges": "edges", "seconds": "seconds", "memory_mb": "MB"}


@dataclass(frozen=True)
class Comparison:
    """Methods side by side.

    Attributes:
        rows: one a method: label, method, graph, status ("done", "failed", "stopped", "not installed"), message, and
            where it is done the figures: auroc, auprc, f1, orientation, ece, edge_accuracy where edges are known;
            graph_error, law_error otherwise; n_edges, seconds, memory_mb.
        known: whether edges are known.
        settings: all settings of each label.
        data: what was compared on, in a few numbers, with its fingerprint.
        time_limit: seconds a method, 0 for none.
    """

    rows: tuple[dict[str, Any], ...]
    known: bool
    settings: dict[str, dict[str, Any]]
    data: dict[str, Any]
    time_limit: float = 0.0

    @property
    def columns(self) -> dict[str, str]:
        """The figures of this comparison, with their headings."""
        return (KNOWN if self.known else UNKNOWN) | COST

    def table(self) -> "pd.DataFrame":
        """One line a method, in the order in which they were run."""
        import pandas as pd

        names = ["label", "method", "graph", "status", *self.columns, "message"]
        return pd.DataFrame([{name: row.get(name) for name in names} for row in self.rows], columns=names)

    def text(self) -> str:
        """The table for a person, the best first; what is not done stands below, with its reason."""
        done = sorted((row for row in self.rows if row["status"] == "done"), key=self.place)
        width = max([len(row["label"]) for row in self.rows] + [len("method")]) + 2
        lines = ["method".ljust(width) + "".join(head.rjust(_wide(head)) for head in self.columns.values())]
        for row in done:
            cells = (_cell(name, row.get(name)).rjust(_wide(head)) for name, head in self.columns.items())
            lines.append(row["label"].ljust(width) + "".join(cells))
        for row in self.rows:
            if row["status"] != "done":
                reason = row["message"].partition("\n")[0]
                lines.append(f"{row['label'].ljust(width)}{row['status']}: {reason}")
        return "\n".join(lines) + "\n"

    def place(self, row: dict[str, Any]) -> float:
        """Where a row stands: by AUROC, or by the error of the forecast on its graph."""
        value = row.get("auroc" if self.known else "graph_error")
        if value is None:
            return float("inf")
        return -value if self.known else value

    def record(self) -> dict[str, Any]:
        """Plain values: what `comparison.json` holds."""
        return {
            "format": FORMAT,
            "known_edges": self.known,
            "data": self.data,
            "time_limit": self.time_limit,
            "versions": {name: found for name in PACKAGES if (found := _version(name))},
            "rows": list(self.rows),
            "settings": self.settings,
        }

    def save(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Write `comparison.csv`, `comparison.json` and `comparison.png` into a new folder, whole or not at all.

        Raises:
            DataError: if the folder exists (unless `overwrite`) or cannot be written.
        """
        from edgewise.inference.compare.picture import draw

        folder = Path(folder)
        with replacing(folder, overwrite=overwrite) as draft:
            draft.mkdir()
            self.table().to_csv(draft / "comparison.csv", index=False)
            write_json(draft / "comparison.json", self.record())
            draw(self, draft / "comparison.png")
        return folder


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _wide(head: str) -> int:
    return max(len(head), 7) + 3


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if name == "n_edges":
        return str(value)
    return f"{value:.1f}" if name in COST else f"{value:.3f}"
