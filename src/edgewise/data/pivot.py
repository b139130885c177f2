"""From a long table, one row a (sequence, time, entity), to a trajectory data set, and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from edgewise.data.columns import Columns
from edgewise.data.names import as_names
from edgewise.data.roles import clock, features
from edgewise.data.schema import from_arrays
from edgewise.data.sheets import UNNAMED, Sheet
from edgewise.data.stamps import as_numbers
from edgewise.data.wording import listing
from edgewise.errors import DataError

_OTHER_NUMBER = r"[+-]?\d{1,3}([., ]\d{3})*,\d+|[+-]?\d*,\d+|[+-]?\d{1,3}(,\d{3})+(\.\d*)?|[+-]?[\d.]+ ?%"
"""Numbers with a decimal comma, with marks between the thousands, or in percent."""
_ZONE = r"(?:Z|[+-]\d\d:?\d\d)$"
_NUMBERS = (
    "write a decimal point, no marks between thousands and no sign of percent (pandas.read_csv(..., decimal=',') reads"
    " decimal commas: pass the frame), or name the columns that you want with features=..."
)
_STAMPS = (
    "correct or remove the row; other dates and clock times become numbers by pandas.to_datetime or"
    " pandas.to_timedelta: pass the frame"
)


def to_dataset(sheet: Sheet, columns: Columns) -> xr.Dataset:
    """Spread the rows of a long table over sequence, time and entity.

    The frames of a sequence are the time stamps that occur in it. Where all sequences have the same stamps,
    they become `time`; otherwise every sequence keeps its own in `clock`. Sequences and entities come in the
    order in which they first occur; a (sequence, time, entity) without a row is NaN.

    Raises:
        DataError: the table is empty, a cell is not what its column should hold, or two rows are about the
            same.
    """
    frame, rows = _without_blank_rows(sheet)
    if frame.empty:
        raise DataError(
            f"{sheet.where} has no rows", expected="one row for each time and entity", fix="check the export"
        )
    stamps, units = _stamps(frame[columns.time], rows, sheet.where)
    entity_of, entities = _names(frame[columns.entity], rows, sheet.where)
    if columns.sequence is None:
        sequence_of, sequences = np.zeros(len(frame), dtype=np.int64), ["0"]
    else:
        sequence_of, sequences = _names(frame[columns.sequence], rows, sheet.where)
    frame_of, own_clock = _frames(sequence_of, stamps, len(sequences))
    shape = (*own_clock.shape, len(entities))
    cell = np.ravel_multi_index((sequence_of, frame_of, entity_of), shape)
    _check_unique(cell, rows, frame, columns, sheet.where)
    arrays = {}
    for name in _feature_columns(frame, columns):
        values = _numbers(frame[name], rows, sheet.where, wanted=name in columns.wanted)
        if values is not None:
            arrays[name] = _spread(values, cell, shape)
    if not arrays:
        raise DataError(
            f"{sheet.where} has no column of numbers beside time, entity and sequence; it has "
            f"{listing(frame.columns)}",
            expected="at least one feature",
        )
    return from_arrays(
        arrays,
        position=columns.position,
        velocity=columns.velocity,
        time=_whole(own_clock) if stamps.dtype.kind in "iu" else own_clock,
        entity=entities,
        sequence=sequences,
        units={} if units is None else {"time": units},
    )


def to_frame(ds: xr.Dataset) -> pd.DataFrame:
    """The long table of a data set: columns sequence, time, entity, then the features.

    A row in which nothing was observed is left out, except where it alone tells of something: the first frame
    names every entity, and a frame that nobody saw keeps one row.
    """
    names = features(ds)
    stamps = clock(ds)  # [sequence, time]
    values = {name: ds[name].to_numpy() for name in names}  # [sequence, time, entity]
    keep = np.any([~np.isnan(own) for own in values.values()], axis=0)
    keep[0, 0] = True
    keep[..., 0] |= ~keep.any(axis=-1)
    keep &= np.isfinite(stamps)[..., None]
    sequence, frame, entity = np.nonzero(keep)
    exact = stamps if "clock" in ds.coords else np.repeat(ds["time"].to_numpy()[None], len(stamps), axis=0)
    return pd.DataFrame(
        {
            "sequence": ds["sequence"].to_numpy().astype(object)[sequence],
            "time": exact[sequence, frame],
            "entity": ds["entity"].to_numpy().astype(object)[entity],
            **{name: own[keep] for name, own in values.items()},
        }
    )


def _without_blank_rows(sheet: Sheet) -> tuple[pd.DataFrame, np.ndarray]:
    rows = np.arange(len(sheet.frame)) + sheet.first_row
    blank = (sheet.frame.isna() | (sheet.frame == "")).all(axis=1).to_numpy(dtype=bool)
    return sheet.frame.loc[~blank], rows[~blank]


def _stamps(column: pd.Series, rows: np.ndarray, where: str) -> tuple[np.ndarray, str | None]:
    """Time stamps as numbers [row], and their unit where the column holds dates or durations."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    if not pd.api.types.is_numeric_dtype(column) and column.dtype.kind not in "mM":
        numbers = pd.to_numeric(column, errors="coerce")
        if numbers.isna().any():
            dates = pd.to_datetime(column, errors="coerce", format="ISO8601", utc=True).dt.tz_localize(None)
            if dates.notna().sum() > numbers.notna().sum():
                numbers = dates
                _check_zones(column, rows, where)
        fix = _NUMBERS if _other_numbers(column, numbers.isna()).any() else _STAMPS
        _check_all(numbers.notna(), column, rows, where, "a number or an ISO 8601 date", fix)
        column = numbers
    values, units = as_numbers(column.to_numpy(dtype=None if column.dtype.kind in "iumM" else np.float64))
    _check_all(np.isfinite(values), column, rows, where, "a finite time stamp in every row", _STAMPS)
    if values.dtype.kind in "iu":
        kept = values.astype(np.float64).astype(values.dtype) == values
        fix = "subtract the first stamp from all, or give dates"
        _check_all(kept, column, rows, where, "a time stamp of 15 digits at most", fix)
    return values, units


def _check_zones(column: pd.Series, rows: np.ndarray, where: str) -> None:
    """Refuse dates of which only some have a time zone: how far they are from the others is not known."""
    zoned = column.astype("string").str.strip().str.contains(_ZONE).fillna(False).to_numpy(dtype=bool)
    if zoned.any() and not zoned.all():
        _, some = np.unique(zoned, return_index=True)
        bare, with_zone = int(some[0]), int(some[1])
        raise DataError(
            f"{where}: column '{column.name}' holds '{column.iloc[bare]}' in row {rows[bare]}, without a time zone, and"
            f" '{column.iloc[with_zone]}' in row {rows[with_zone]}, with one",
            expected="a time zone in all rows or in none",
            fix="add the zone (Z, +01:00) where it is missing",
        )


def _names(column: pd.Series, rows: np.ndarray, where: str) -> tuple[np.ndarray, list[str]]:
    """The code of every row [row] and the names that the codes stand for."""
    text = as_names(column)
    _check_all(text != "", column, rows, where, "a name in every row")
    codes, names = pd.factorize(text)
    return codes.astype(np.int64), [str(name) for name in names]


def _frames(sequence_of: np.ndarray, stamps: np.ndarray, n_sequences: int) -> tuple[np.ndarray, np.ndarray]:
    """The frame number of every row [row], and the stamps of all frames [sequence, time], NaN as padding."""
    order = np.lexsort((stamps, sequence_of))
    sorted_sequence, sorted_stamps = sequence_of[order], stamps[order]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (np.diff(sorted_sequence) != 0) | (np.diff(sorted_stamps) != 0)
    n_frames = np.bincount(sorted_sequence[is_new], minlength=n_sequences)
    first = np.concatenate(([0], np.cumsum(n_frames)[:-1]))
    sorted_frame = np.cumsum(is_new) - 1 - first[sorted_sequence]
    own_clock = np.full((n_sequences, int(n_frames.max())), np.nan)
    own_clock[sorted_sequence, sorted_frame] = sorted_stamps
    frame_of = np.empty(len(order), dtype=np.int64)
    frame_of[order] = sorted_frame
    return frame_of, own_clock


def _check_unique(
    cell: np.ndarray, rows: np.ndarray, frame: pd.DataFrame, columns: Columns, where: str
) -> None:
    repeated = pd.Series(cell).duplicated().to_numpy()
    if not repeated.any():
        return
    second = int(np.flatnonzero(repeated)[0])
    first = int(np.flatnonzero(cell == cell[second])[0])
    keys = (*columns.names[:-1], columns.time, columns.entity)
    about = ", ".join(f"{name} {frame[name].iloc[second]}" for name in keys)
    raise DataError(
        f"{where}: rows {rows[first]} and {rows[second]} are both about {about}",
        expected="one row for each sequence, time and entity",
        fix="name the column that tells the recordings apart with sequence=..., or remove the repeated rows",
    )


def _feature_columns(frame: pd.DataFrame, columns: Columns) -> Sequence[str]:
    if columns.features is not None:
        return columns.wanted
    keys = (columns.time, *columns.names)
    return [str(name) for name in frame.columns if name not in keys and not str(name).startswith(UNNAMED)]


def _numbers(column: pd.Series, rows: np.ndarray, where: str, *, wanted: bool) -> np.ndarray | None:
    """The numbers of a feature column [row], or None for a column of text that nobody asked for."""
    if column.dtype.kind in "mM" or isinstance(column.dtype, pd.DatetimeTZDtype):
        if not wanted:
            return None
        _check_all(np.zeros(len(column), dtype=bool), column, rows, where, "a number")
    numbers = pd.to_numeric(column, errors="coerce")
    is_text = numbers.isna() & column.notna()
    odd = _other_numbers(column, is_text)
    many = is_text.sum() * 2 > column.notna().sum()
    if many and not wanted and not odd.any():
        return None
    expected = "a number, or nothing where there was no observation"
    if odd.any():
        _check_all(~odd, column, rows, where, "numbers like 1234.5", _NUMBERS)
    _check_all(~is_text, column, rows, where, expected)
    values = numbers.to_numpy(
        dtype=np.float32 if numbers.dtype == np.float32 else np.float64, na_value=np.nan
    )
    _check_all(~np.isinf(values), column, rows, where, f"a finite {expected.removeprefix('a ')}")
    return values


def _other_numbers(column: pd.Series, is_text: pd.Series) -> pd.Series:
    """Which of the cells of text are numbers in another way of writing: bool [row]."""
    text = column.where(is_text).astype("string").str.strip()
    return text.str.fullmatch(_OTHER_NUMBER).fillna(False).astype(bool)


def _check_all(
    good: pd.Series | np.ndarray,
    column: pd.Series,
    rows: np.ndarray,
    where: str,
    expected: str,
    fix: str = "correct or remove the row, or leave the column out",
) -> None:
    bad = np.flatnonzero(~np.asarray(good, dtype=bool))
    if bad.size:
        value = column.iloc[int(bad[0])]
        shown = "nothing" if pd.isna(value) or value == "" else f"'{value}'"
        more = f" ({bad.size - 1} more rows like it)" if bad.size > 1 else ""
        raise DataError(
            f"{where}: row {rows[bad[0]]}, column '{column.name}' holds {shown}{more}",
            expected=expected,
            fix=fix,
        )


def _spread(values: np.ndarray, cell: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    out = np.full(shape, np.nan, dtype=values.dtype)
    out.reshape(-1)[cell] = values
    return out


def _whole(own_clock: np.ndarray) -> np.ndarray:
    return own_clock if np.isnan(own_clock).any() else own_clock.astype(np.int64)
