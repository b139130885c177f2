"""The records of an inference run."""

from dataclasses import dataclass
from pathlib import Path

from edgewise.report.edges import EdgeSummary, read_edges
from edgewise.report.folder import Json, RunFolder


@dataclass(frozen=True)
class Records:
    """What an inference run left behind. `law` and `history` are None where the method has none."""

    folder: Path
    run: Json
    metrics: Json
    preview: Json
    edges: EdgeSummary
    law: Json | None
    history: Json | None

    @property
    def has_truth(self) -> bool:
        return self.metrics.get("edge_accuracy") is not None

    @property
    def undirected(self) -> bool:
        return bool(self.run.get("settings", {}).get("undirected", False))


def read_records(folder: RunFolder) -> Records:
    """Read the records of an inference run.

    Raises:
        RunError: a record is missing or damaged.
    """
    metrics = folder.required("metrics.json")
    preview = folder.required("preview.json", "entities", "types", "sequences")
    undirected = bool(folder.run.get("settings", {}).get("undirected", False))
    return Records(
        folder=folder.path,
        run=folder.run,
        metrics=metrics,
        preview=preview,
        edges=read_edges(folder.file("edges.csv"), type_names=preview["types"], undirected=undirected),
        law=folder.optional("law.json"),
        history=folder.optional("history.json"),
    )
