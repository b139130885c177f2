"""The verdicts on the zoo as tables of a page, written between two marks of it, and read back."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgewise.audit.audit import SAMPLES, Audit
from edgewise.audit.axes import GRID, TIME
from edgewise.audit.symmetry import Symmetry
from edgewise.audit.verdict import Verdict, main_axis, verdict
from edgewise.audit.zoo import ZOO, Architecture
from edgewise.errors import DataError

BEGIN, END = "<!-- audit: begin -->", "<!-- audit: end -->"
ARCHITECTURE = "architecture"
VERDICTS = (ARCHITECTURE, "entities", "relations", "relational inductive bias", "invariance")
MEASURED = (
    ARCHITECTURE,
    "input",
    "permutation",
    "shift",
    "shift, inside",
    "pairs",
    "parameters, size doubled",
)
NUMBERS = MEASURED[2:]
"""Columns of numbers; the others are words."""


@dataclass(frozen=True, eq=False)
class Row:
    """A member of the zoo as it was measured."""

    name: str
    found: Audit
    verdict: Verdict

    def words(self) -> dict[str, str]:
        """Both tables' cells by column."""
        found = self.found
        shifted = _shift(found)
        sizes = list(found.sharing.sizes.values())
        pattern = found.influence.pattern(main_axis(found))
        return {
            ARCHITECTURE: self.name,
            **self.verdict.words(),
            "input": found.axes.described(),
            "permutation": _error(found.symmetries["permutation"].overall),
            "shift": "-" if shifted is None else _error(shifted.overall),
            "shift, inside": "-" if shifted is None else _error(shifted.interior),
            "pairs": f"{100 * float(pattern.mean()):.0f} %",
            "parameters, size doubled": f"x {sizes[1] / sizes[0]:.1f}" if len(sizes) > 1 else "refused",
        }

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {ARCHITECTURE: self.name, **self.verdict.record(), "measured": self.words()}


def _shift(found: Audit) -> Symmetry | None:
    """That along the main axis, if places have an order there."""
    return found.symmetries.get({GRID: "translation", TIME: "time_shift"}.get(main_axis(found), ""))


def _error(estimate: Any) -> str:
    """An error to two digits; 0 to rounding."""
    if estimate is None:
        return "-"
    return "0" if estimate.verdict == "exact" else f"{estimate.error:.2g}"


def row_of(member: Architecture, *, samples: int = SAMPLES, seed: int = 0) -> Row:
    """Measure a member of the zoo."""
    found = member.audited(samples=samples, seed=seed)
    said = verdict(found)
    assert said is not None  # nothing in the zoo is random
    return Row(member.name, found, said)


def rows(zoo: Sequence[Architecture] = ZOO, *, samples: int = SAMPLES, seed: int = 0) -> list[Row]:
    """Measure all of them."""
    return [row_of(member, samples=samples, seed=seed) for member in zoo]


def tables(measured: Sequence[Row]) -> str:
    """Two tables in Markdown: the verdicts, then the numbers that they are read off."""
    cells = [row.words() for row in measured]
    return "\n\n".join(_table(columns, cells) for columns in (VERDICTS, MEASURED))


def _table(columns: Sequence[str], cells: Sequence[dict[str, str]]) -> str:
    lines = [columns, ["---"] * len(columns), *([row[name] for name in columns] for row in cells)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def placed(page: str, text: str) -> str:
    """The page with a text between its marks.

    Raises:
        DataError: for a page without the two marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise DataError(
            "the page has no place for the table",
            expected=f"the lines {BEGIN} and {END}, one after the other",
            fix="put both lines where the table is to stand",
        )
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


def read_back(page: str) -> dict[str, dict[str, str]]:
    """The cells of both tables of a page, by architecture and column."""
    found: dict[str, dict[str, str]] = {}
    inside = page.partition(BEGIN)[2].partition(END)[0]
    for table in inside.strip().split("\n\n"):
        header, _, *lines = [
            [cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()
        ]
        for line in lines:
            found.setdefault(line[0], {}).update(zip(header, line, strict=True))
    return found


def number_in(cell: str) -> float | None:
    """The number of a cell, None for one without."""
    match = re.search(r"\d+(\.\d+)?(e-?\d+)?", cell)
    return float(match.group()) if match else None
