"""Table files: CSV, TSV and Parquet, to and from a data frame."""

from __future__ import annotations

import csv
import gzip
import json
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, cast

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from edgewise.data.columns import Columns
from edgewise.errors import DataError

PARQUET = (".parquet", ".pq")
TEXT = {".csv": ",", ".tsv": "\t", ".tab": "\t"}
_MISSING = ("", "na", "NA", "n/a", "N/A", "nan", "NaN", "NAN", "null", "NULL", "None", "-nan", "#N/A", "<NA>")
# from pandas 3 on the default parses exactly, and asking for it is deprecated
_EXACT = {"float_precision": "round_trip"} if int(pd.__version__.split(".")[0]) < 3 else {}
UNNAMED = "unnamed column "  # what a column without a name is called, with its number; nobody means it
_KEY = b"edgewise"  # our entry in the metadata of a Parquet file


@dataclass(frozen=True)
class Sheet:
    """A table in memory, and how to speak about it.

    Attributes:
        frame: the rows.
        where: the name of the table, for messages.
        first_row: the number that messages give the first row: 2 in a text file, whose line 1 is the header.
        meta: what edgewise itself noted in the file.
    """

    frame: pd.DataFrame
    where: str
    first_row: int = 1
    meta: Mapping[str, Any] = field(default_factory=dict)


def kind(path: Path) -> str:
    """The suffix that says what table a file holds, without a `.gz` behind it."""
    return Path(path.stem).suffix.lower() if path.suffix.lower() == ".gz" else path.suffix.lower()


def read_sheet(
    path: Path, choose: Callable[[list[str], Mapping[str, Any]], Columns]
) -> tuple[Sheet, Columns]:
    """A table file, and its columns as `choose` picks them from the header and our own notes.

    Raises:
        DataError: the file is empty, cut off, or not such a table.
    """
    if kind(path) in PARQUET:
        frame, meta = _read_parquet(path)
        columns = choose([str(name) for name in frame.columns], meta)
        return Sheet(frame, str(path), 1, meta), columns
    separator, header = _read_header(path)
    columns = choose(header, {})
    return Sheet(_read_text(path, separator, header, columns), str(path), 2), columns


def read_plain(path: Path) -> Sheet:
    """A small table file with every cell as text."""
    if kind(path) in PARQUET:
        frame, meta = _read_parquet(path)
        return Sheet(frame.astype(str), str(path), 1, meta)
    separator, header = _read_header(path)
    return Sheet(_parse(path, separator, header, dtype=str, keep_default_na=False).fillna(""), str(path), 2)


def write_sheet(frame: pd.DataFrame, path: Path, like: Path, meta: Mapping[str, Any]) -> None:
    """Write a table to `path`, in the format of the name `like`; `meta` is kept where the format can."""
    if kind(like) in PARQUET:
        table = pa.Table.from_pandas(frame, preserve_index=False)
        notes = {**(table.schema.metadata or {}), _KEY: json.dumps(meta).encode()}
        pq.write_table(table.replace_schema_metadata(notes), path)
    else:
        packed = "gzip" if like.suffix.lower() == ".gz" else None
        frame.to_csv(path, sep=TEXT[kind(like)], index=False, compression=packed, lineterminator="\n")


def _read_parquet(path: Path) -> tuple[pd.DataFrame, Mapping[str, Any]]:
    try:
        table = pq.read_table(path)
        frame = table.to_pandas()
        meta = json.loads((table.schema.metadata or {}).get(_KEY, b"{}"))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unreadable(path, "Parquet table", error) from error
    if frame.index.name is not None or isinstance(frame.index, pd.MultiIndex):
        frame = frame.reset_index()
    return frame.set_axis([str(name) for name in frame.columns], axis=1), meta


def _read_header(path: Path) -> tuple[str, list[str]]:
    """The separator (what the suffix promises, or `;` or a tab if only that occurs) and the columns."""
    try:
        with _opened(path) as lines:
            line = lines.readline()
            separator = next(
                (mark for mark in (TEXT[kind(path)], ";", "\t") if mark in line), TEXT[kind(path)]
            )
            lines.seek(0)
            header = next(csv.reader(lines, delimiter=separator, skipinitialspace=True), [])
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, "text table in UTF-8", error) from error
    names = [name.strip() for name in header]
    if not any(names) or line.startswith("#"):
        what = "starts with '#'" if line.startswith("#") else "has no names of columns"
        raise DataError(
            f"{path}: line 1 {what}" if line else f"{path} is empty",
            expected="a first line with the names of the columns, then rows",
            fix="remove what stands above the names" if line else "check the export",
        )
    return separator, [name or f"{UNNAMED}{k}" for k, name in enumerate(names, 1)]


def _read_text(path: Path, separator: str, header: list[str], columns: Columns) -> pd.DataFrame:
    values = [name for name in header if name not in columns.names]
    # names stay text, whatever they look like: an entity may well be called "NA"
    return _parse(
        path,
        separator,
        header,
        dtype=dict.fromkeys(columns.names, str),
        keep_default_na=False,
        na_values={name: list(_MISSING) for name in values},
        **_EXACT,
        low_memory=False,
    )


def _parse(path: Path, separator: str, header: list[str], **options: Any) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            # pandas cuts rows that are longer than the header, and only warns
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path,
                sep=separator,
                names=header,
                header=0,
                index_col=False,
                skipinitialspace=True,
                skip_blank_lines=False,  # so that a row number is a line number
                encoding="utf-8-sig",
                **options,
            )
    except (pd.errors.ParserWarning, pd.errors.ParserError) as error:
        raise _too_long(path, separator, header, error) from error
    except (OSError, EOFError, ValueError) as error:
        raise _unreadable(path, "text table in UTF-8", error) from error
    return cast(pd.DataFrame, frame)


def _too_long(path: Path, separator: str, header: list[str], error: Exception) -> DataError:
    """What is said of the first row with more cells than the header, or else of the error."""
    if "EOF inside string" in str(error):  # an open quote joins rows
        return _unreadable(path, "text table in UTF-8, its quotes closed", error)
    with _opened(path) as lines:
        rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
        row, cells = next(((k, own) for k, own in enumerate(rows, 1) if len(own) > len(header)), (0, []))
    if not cells:
        return _unreadable(path, "text table in UTF-8", error)
    return DataError(
        f"{path}: row {row} has {len(cells)} cells, and the header names {len(header)} columns:"
        f" {separator.join(cells)[:80]}",
        expected="as many cells in every row as there are columns",
        fix="remove separators at the end of the rows; write numbers with a decimal point, not a comma",
    )


def _opened(path: Path) -> TextIO:
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    return cast(TextIO, opener(path, "rt", encoding="utf-8-sig", newline=""))


def _unreadable(path: Path, what: str, error: Exception) -> DataError:
    return DataError(
        f"{path} cannot be read: {error}",
        expected=f"a complete {what}",
        fix="save the file as UTF-8, or read it with pandas.read_csv(..., encoding='latin-1') and pass the frame"
        if isinstance(error, UnicodeDecodeError)
        else "check that the file is of this format and was copied in full",
    )
