"""The folder of a table: its rows as they are done, the table made from them, and a log."""

from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edgewise.errors import RunError
from edgewise.folders import FORMAT, check_format, read_json, to_json, unwritable
from edgewise.inference.reproduce.cells import CELLS
from edgewise.inference.reproduce.table import GROUP, table_text

ROWS, TABLE, LOG = "rows.json", "table.md", "log.txt"
AGAIN = "edgewise reproduce"


class TableRecord:
    """Keeps the rows of a table in a folder; each is on the disk as soon as it is done.

    Args:
        folder: where `rows.json`, `table.md` and `log.txt` are written; it must be empty or not exist.
        table: which table; resume: go on with the rows that the folder holds.

    Raises:
        RunError: if the folder holds something else, or another table, or cannot be written.
    """

    def __init__(self, folder: Path, table: str, *, resume: bool = False) -> None:
        self.folder, self.table = folder, table
        self.rows: list[dict[str, Any]] = _rows_of(folder, table) if resume else []
        if not resume:
            _check_free(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._write()
        except OSError as error:
            raise unwritable(folder, error) from error

    def has(self, key: dict[str, Any]) -> bool:
        """Whether the row with this key (see `Trial.key`) is done."""
        return any(all(row.get(name) == value for name, value in key.items()) for row in self.rows)

    def add(self, row: dict[str, Any]) -> None:
        """Keep a row that is done."""
        self.rows.append(row)
        try:
            self._write()
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def note(self, text: str) -> None:
        """A line of the log, with the time in front."""
        stamp = datetime.now(UTC).isoformat(timespec="seconds")
        try:
            with (self.folder / LOG).open("a", encoding="utf-8") as log:
                log.write(f"{stamp} {text}\n")
        except OSError as error:
            raise unwritable(self.folder, error) from error

    def _write(self) -> None:
        record = {"format": FORMAT, "edgewise": version("edgewise"), "table": self.table, "rows": self.rows}
        for name, text in (
            (ROWS, to_json(record, indent=1) + "\n"),
            (TABLE, table_text(self.table, self.rows)),
        ):
            draft = self.folder / f".{name}"
            draft.write_text(text, encoding="utf-8")
            draft.replace(self.folder / name)


def _check_free(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise RunError(
            f"{folder} is a file", expected="a folder, or a name that is free", fix="choose another --out"
        )
    held = sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []
    if held:
        begun = ROWS in held
        raise RunError(
            f"{folder} is not empty: it holds {', '.join(held[:5])}{', ...' if len(held) > 5 else ''}",
            expected="an empty folder, or a name that is free",
            fix="pass --resume to go on with its table" if begun else "choose another --out",
        )


def _rows_of(folder: Path, table: str) -> list[dict[str, Any]]:
    """The rows that a folder holds.

    Raises:
        RunError: if it holds none, those of another table, or of another version.
    """
    path = folder / ROWS
    if not path.is_file():
        raise RunError(
            f"no table was begun in {folder}",
            expected=f"the folder of an interrupted `{AGAIN}`",
            fix="start anew without --resume",
        )
    record = read_json(path, AGAIN)
    check_format(path, record, AGAIN)
    if record.get("table") != table:
        raise RunError(
            f"{folder} holds {record.get('table')}", expected=table, fix="choose another --out for this table"
        )
    rows = record.get("rows")
    if not isinstance(rows, list) or not all(_is_row(row) for row in rows):
        raise RunError(
            f"{path} is damaged: what it holds are no rows of this table",
            expected="the record that the command left",
            fix="start anew in another folder",
        )
    return rows


def _is_row(row: Any) -> bool:
    return isinstance(row, dict) and {*GROUP, "seed", "directed"} <= row.keys() and row["cell"] in CELLS
