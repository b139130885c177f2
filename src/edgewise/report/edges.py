"""The inferred edges: one pass over a table of any length that keeps a count and the strongest rows."""

import csv
import heapq
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgewise.errors import RunError

COLUMNS = ("source", "target", "type", "probability")
STRENGTH = ("strength", "strength_low", "strength_high")
"""Columns of runs whose strengths are continuous."""
KEPT = 300
"""How many of the strongest edges the page embeds; all of them stay in edges.csv."""


@dataclass(frozen=True)
class Edge:
    source: str
    target: str
    type: str
    probability: float
    sequence: str | None = None
    window: str | None = None
    strength: float | None = None
    strength_low: float | None = None
    strength_high: float | None = None


@dataclass(frozen=True)
class EdgeSummary:
    """The edges of a run in brief.

    Args:
        count: inferred edges over all sequences and windows; an undirected pair counts once.
        mean_probability: of those edges; None where there is none.
        strongest: at most `KEPT` edges, the most probable first, ties in the order of the file.
        per_sequence: whether every sequence has its own graph.
        n_windows: how many windows of time have their own graph (1 where none has).
    """

    count: int
    mean_probability: float | None
    strongest: tuple[Edge, ...]
    per_sequence: bool
    n_windows: int


def read_edges(path: Path, *, type_names: Sequence[str], undirected: bool) -> EdgeSummary:
    """Read `edges.csv`.

    Raises:
        RunError: a column is missing or a probability is not a number in [0, 1].
    """
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or ()
        missing = [name for name in COLUMNS if name not in columns]
        if missing:
            raise RunError(
                f"{path} has no column {missing[0]!r} (found: {', '.join(columns) or 'nothing'})",
                expected=", ".join(COLUMNS),
                fix="run `edgewise infer` again into a new folder",
            )
        edges = _parse(reader, path, type_names)
        tally = _Tally(undirected)
        strongest = heapq.nlargest(KEPT, tally.count(edges), key=lambda edge: edge.probability)
    return EdgeSummary(
        count=tally.n_edges,
        mean_probability=tally.total / tally.n_edges if tally.n_edges else None,
        strongest=tuple(strongest),
        per_sequence="sequence" in columns,
        n_windows=max(1, len(tally.windows)),
    )


class _Tally:
    """Counts the edges that pass through, dropping the second direction of an undirected pair."""

    def __init__(self, undirected: bool) -> None:
        self.undirected = undirected
        self.seen: set[tuple[str, str, str | None, str | None]] = set()
        self.windows: set[str] = set()
        self.n_edges, self.total = 0, 0.0

    def count(self, edges: Iterable[Edge]) -> Iterator[Edge]:
        for edge in edges:
            if self.undirected and self._already_seen(edge):
                continue
            if edge.window is not None:
                self.windows.add(edge.window)
            self.n_edges += 1
            self.total += edge.probability
            yield edge

    def _already_seen(self, edge: Edge) -> bool:
        first, second = sorted((edge.source, edge.target))
        key = (first, second, edge.sequence, edge.window)
        seen = key in self.seen
        self.seen.add(key)
        return seen


def _parse(reader: "csv.DictReader[str]", path: Path, type_names: Sequence[str]) -> Iterator[Edge]:
    for row in reader:
        yield Edge(
            source=row["source"],
            target=row["target"],
            type=_type_name(row["type"], type_names),
            probability=_probability(row["probability"], path, reader.line_num),
            sequence=row.get("sequence"),
            window=row.get("window"),
            **{name: _number(row[name], path, reader.line_num, name) for name in STRENGTH if name in row},
        )


def _number(text: str, path: Path, line: int, column: str) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        raise RunError(
            f"{path}, line {line}, column {column!r}: {text!r}",
            expected="a number",
            fix="run `edgewise infer` again into a new folder",
        ) from None


def _probability(text: str, path: Path, line: int) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = math.nan
    if 0 <= value <= 1:
        return value
    raise RunError(
        f"{path}, line {line}, column 'probability': {text!r}",
        expected="a number between 0 and 1",
        fix="run `edgewise infer` again into a new folder",
    )


def _type_name(text: str, type_names: Sequence[str]) -> str:
    """The table may give a type by its number or by its name."""
    return type_names[int(text)] if text.isdecimal() and int(text) < len(type_names) else text
