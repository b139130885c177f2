"""Names in the columns of tables."""

from __future__ import annotations

import pandas as pd


def as_names(column: pd.Series) -> pd.Series:
    """The cells of a column as names: text without blanks around it, "" where there is nothing.

    Names that only a program's way of writing tells apart (see `plain`) become one, and numbers that all have the point
    of a float lose it.
    """
    if column.dtype.kind == "f" and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")  # entity 7, not 7.0
    text = column.astype("string").fillna("").str.strip()
    one = plain(text)
    same = one.nunique() < text.nunique() or text.str.fullmatch(r"-?\d+\.0+").all()
    return one if same else text


def plain(text: pd.Series) -> pd.Series:
    """Whole numbers without a point ("7.0" is "7") where all are whole numbers, and letters with their accents as one
    character each (Unicode NFC)."""
    text = text.astype("string").str.normalize("NFC")
    if text.str.fullmatch(r"-?\d+(\.0+)?").all():
        text = text.str.replace(r"\.0+$", "", regex=True)
    return text
