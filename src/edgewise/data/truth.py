"""Tables of known interactions: source, target, type, for a data set that is already there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from edgewise.data.names import plain
from edgewise.data.roles import clock
from edgewise.data.sheets import PARQUET, TEXT, Sheet, kind, read_plain
from edgewise.data.truth_check import with_checked_truth
from edgewise.data.wording import did_you_mean, listing
from edgewise.errors import DataError

_SYNONYMS = {
    "source": ("source", "sender", "from"),
    "target": ("target", "receiver", "to"),
    "type": ("type", "label", "kind"),
    "sequence": ("sequence",),
    "time": ("time",),
}


def read_edges(path: str | Path, ds: xr.Dataset) -> xr.Dataset:
    """The data set with the truth of an edge table: one row for each known interaction.

    Columns: `source` and `target` (entity names; the source acts on the target), `type` (whole number; 1 if
    there is no such column; -1 unknown), `sequence` (the row is about this sequence; without the column,
    about all), `time` (the row is about this frame; without the column, about all). A pair without a row does
    not interact (0). With a `sequence` column, a sequence that the table never names is unknown (-1).

    Args:
        path: CSV, TSV or Parquet.
        ds: a validated data set; its entities and sequences are the ones that rows may name.

    Returns:
        The data set with `edges` int64 [sequence, receiver, sender], or [sequence, time, receiver, sender].

    Raises:
        DataError: a column is missing, or a row names something that the data set does not have.
    """
    path = Path(path)
    if kind(path) not in (*PARQUET, *TEXT):
        raise DataError(f"{path} is not an edge table", expected=f"a file {listing((*TEXT, *PARQUET))}")
    if not path.is_file():
        raise DataError(
            f"{path} does not exist",
            expected="a table with the columns source, target and type",
            fix="check the path",
        )
    sheet = read_plain(path)
    blank = (sheet.frame == "").all(axis=1).to_numpy()
    rows = (np.arange(len(sheet.frame)) + sheet.first_row)[~blank]
    table = _named(sheet, ~blank)
    ends = table[["source", "target"]]
    source, target = _positions(ends, ds["entity"].to_numpy(), "entity", rows, sheet.where)
    _refuse_loops(source, target, table, rows, sheet.where)
    labels = _types(table, rows, sheet.where)
    n_sequences = ds.sizes["sequence"]
    edges = np.full((n_sequences, ds.sizes["entity"], ds.sizes["entity"]), 0, dtype=np.int64)
    if "sequence" in table:
        (sequence,) = _positions(
            table[["sequence"]], ds["sequence"].to_numpy(), "sequence", rows, sheet.where
        )
        edges[np.setdiff1d(np.arange(n_sequences), sequence)] = -1
        index = (sequence, target, source)
    else:  # every row is about every sequence
        index = (np.arange(n_sequences)[:, None], target[None], source[None])
    _refuse_conflicts(table.drop(columns="type", errors="ignore"), labels, rows, sheet.where)
    if "time" in table:
        return _with_moving_edges(ds, edges, index, labels, table["time"], rows, sheet.where)
    edges[index] = labels
    return with_checked_truth(ds.assign(edges=(("sequence", "receiver", "sender"), edges)))


def edge_table(ds: xr.Dataset) -> pd.DataFrame:
    """The edge table of a data set with truth; `read_edges` gives the same truth back.

    Columns sequence, (time,) source, target, type. Pairs of type 0 are left out, except one for a sequence or
    a frame that has no others, so that it does not read as unknown.
    """
    edges = ds["edges"].to_numpy().copy()
    n = edges.shape[-1]
    edges[..., np.arange(n), np.arange(n)] = 0
    listed = edges != 0
    listed[..., 1, 0] |= ~listed.any(axis=(-1, -2))  # receiver 1, sender 0: some pair off the diagonal
    moving = "time" in ds["edges"].dims
    if moving:
        listed &= np.isfinite(clock(ds))[..., None, None]
    where = np.nonzero(listed)
    entity = ds["entity"].to_numpy().astype(object)
    table = pd.DataFrame(
        {
            "sequence": ds["sequence"].to_numpy().astype(object)[where[0]],
            "source": entity[where[-1]],
            "target": entity[where[-2]],
            "type": edges[where],
        }
    )
    if moving:
        table.insert(1, "time", clock(ds)[where[:2]])
    return table


def _named(sheet: Sheet, keep: np.ndarray) -> pd.DataFrame:
    """The columns that matter, under the names that we use."""
    found = {str(name).lower(): str(name) for name in sheet.frame.columns}
    table = {}
    for name, synonyms in _SYNONYMS.items():
        column = next((found[word] for word in synonyms if word in found), None)
        if column is not None:
            table[name] = sheet.frame.loc[keep, column].str.strip().reset_index(drop=True)
        elif name in ("source", "target"):
            raise DataError(
                f"{sheet.where}: there is no column '{name}'; the columns are {listing(sheet.frame.columns)}",
                expected="the columns source, target and type",
                fix=did_you_mean(name, found.values())
                or "a matrix is given as edges of edgewise.from_arrays, [receiver, sender]",
            )
    return pd.DataFrame(table)


def _positions(
    table: pd.DataFrame, known: np.ndarray, what: str, rows: np.ndarray, where: str
) -> list[np.ndarray]:
    """For each column of names, which of the known ones they are: int64 [row]."""
    index, by_plain_name = pd.Index(known.astype(object)), pd.Index(plain(pd.Series(known)).astype(object))
    found: list[np.ndarray] = []
    unknown: dict[str, tuple[int, str]] = {}
    for name in table.columns:
        column = table[name]
        codes = index.get_indexer(pd.Index(column.astype(object)))
        if (codes < 0).any() and by_plain_name.is_unique:
            again = by_plain_name.get_indexer(pd.Index(plain(column).astype(object)))
            codes = np.where(codes < 0, again, codes)
        found.append(codes.astype(np.int64))
        for k in np.flatnonzero(codes < 0):
            unknown.setdefault(str(column.iloc[int(k)]), (int(rows[k]), str(name)))
    if unknown:
        raise _unknown_names(unknown, known, what, where)
    return found


def _unknown_names(
    unknown: dict[str, tuple[int, str]], known: np.ndarray, what: str, where: str
) -> DataError:
    """The error about names that the data do not have; `unknown`: the row and the column where each is first."""
    (name, (row, column)), *others = sorted(unknown.items(), key=lambda entry: entry[1])
    more = listing((f"'{other}' (row {at}, column '{of}')" for other, (at, of) in others), 5)
    near = {other: did_you_mean(other, known) for other in (name, *(other for other, _ in others[:5]))}
    guesses = [f"for '{other}': {guess}" if others else guess for other, guess in near.items() if guess]
    return DataError(
        f"{where}: row {row}, column '{column}' names the {what} '{name}', which the data do not have; they have"
        f" {listing(known)}" + (f". Unknown as well: {more}" if others else ""),
        expected=f"the name of an {what}" if what == "entity" else f"the name of a {what}",
        fix=" ".join(guesses) or "correct the name, or remove the row",
    )


def _refuse_loops(
    source: np.ndarray, target: np.ndarray, table: pd.DataFrame, rows: np.ndarray, where: str
) -> None:
    loops = np.flatnonzero(source == target)
    if loops.size:
        raise DataError(
            f"{where}: row {rows[loops[0]]} lets '{table['source'].iloc[int(loops[0])]}' act on itself",
            expected="a source and a target that differ",
            fix="remove the row",
        )


def _types(table: pd.DataFrame, rows: np.ndarray, where: str) -> np.ndarray:
    if "type" not in table:
        return np.ones(len(table), dtype=np.int64)
    numbers = pd.to_numeric(table["type"], errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~((numbers >= -1) & (numbers % 1 == 0)))
    if bad.size:
        raise DataError(
            f"{where}: row {rows[bad[0]]}, column 'type' holds '{table['type'].iloc[int(bad[0])]}'",
            expected="a whole number: -1 unknown, 0 no interaction, 1, 2, ... the kinds of interaction",
        )
    return numbers.astype(np.int64)


def _refuse_conflicts(keys: pd.DataFrame, labels: np.ndarray, rows: np.ndarray, where: str) -> None:
    group = (
        keys.groupby(list(keys.columns), sort=False).ngroup().to_numpy() if len(keys) else np.zeros(0, int)
    )
    first = pd.Series(np.arange(len(group))).groupby(group).transform("first").to_numpy(dtype=np.int64)
    conflict = np.flatnonzero(labels != labels[first])
    if conflict.size:
        row = int(conflict[0])
        about = ", ".join(f"{name} {keys[name].iloc[row]}" for name in keys.columns)
        raise DataError(
            f"{where}: rows {rows[first[row]]} and {rows[row]} give two types to {about}",
            expected="one type for each pair",
        )


def _with_moving_edges(
    ds: xr.Dataset,
    still: np.ndarray,
    index: tuple[np.ndarray, np.ndarray, np.ndarray],
    labels: np.ndarray,
    stamps: pd.Series,
    rows: np.ndarray,
    where: str,
) -> xr.Dataset:
    """Truth that changes in time: every row is put into the frame with its stamp."""
    times = clock(ds)  # [sequence, time]
    edges = np.repeat(still[:, None], times.shape[1], axis=1)
    numbers = pd.to_numeric(stamps, errors="coerce").to_numpy(dtype=np.float64)
    sequence, target, source = np.broadcast_arrays(*index)  # each [row], or [sequence, row]
    found = np.zeros(len(numbers), dtype=bool)
    for own in np.ndindex(sequence.shape):
        row = own[-1]
        frame = np.flatnonzero(times[sequence[own]] == numbers[row])
        edges[sequence[own], frame, target[own], source[own]] = labels[row]
        found[row] |= frame.size > 0
    if not found.all():
        row = int(np.flatnonzero(~found)[0])
        raise DataError(
            f"{where}: row {rows[row]}, column 'time' holds '{stamps.iloc[row]}', and no frame has this "
            "stamp",
            expected="the time stamps of the data",
        )
    return with_checked_truth(ds.assign(edges=(("sequence", "time", "receiver", "sender"), edges)))
