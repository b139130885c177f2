"""Tables as people have them: what is read all the same, and what a message says of the rest."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from edgewise.data import features, from_arrays, from_frame, load, read_edges
from edgewise.errors import DataError

GOOD = "t,id,x\n0,a,1\n0,b,2\n1,a,2\n1,b,3\n"


def refused(path: Path, content: str | bytes) -> DataError:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        load(path)
    assert str(path) in caught.value.found
    return caught.value


BAD = {
    "nothing": ("", "t.csv is empty", "check the export"),
    "blank lines above": (
        "\n\n" + GOOD,
        "line 1 has no names of columns",
        "remove what stands above the names",
    ),
    "a comment above": ("# by me\n" + GOOD, "line 1 starts with '#'", "remove what stands above the names"),
    "a header alone": ("t,id,x\n", "has no rows", "check the export"),
    "no header": ("0,a,1\n0,b,2\n", "the columns are 0, a, 1", "line 1 seems to hold values"),
    "blanks between columns": ("t id x\n0 a 1\n", "the columns are t id x", "separate the columns by commas"),
    "a wide table": (
        "t,a,b\n0,1,2\n1,2,3\n",
        "for the entity; the columns are t, a, b",
        "edgewise.data.as_dataset",
    ),
    "a row of units": ("t,id,x\ns,,m\n0,a,1\n", "row 2, column 't' holds 's'", "correct or remove the row"),
    "one entity": ("t,id,x\n0,a,1\n1,a,2\n", "the data set has one entity", "holds the entity"),
    "one frame": ("t,id,x\n0,a,1\n0,b,2\n", "the data set has one frame", "holds the time"),
    "a row twice": ("t,id,x\n0,a,1\n0,b,2\n0,a,2\n", "rows 2 and 4 are both about t 0, id a", "sequence=..."),
    "text in numbers": (
        "t,id,x\n0,a,1\n0,b,two\n1,a,2\n",
        "row 3, column 'x' holds 'two'",
        "leave the column out",
    ),
    "infinity": ("t,id,x\n0,a,1\n0,b,-Infinity\n", "row 3, column 'x' holds '-inf'", "leave the column out"),
    "another mark for nothing": ("t,id,x\n0,a,-\n0,b,2\n1,a,1\n", "row 2, column 'x' holds '-'", "correct"),
    "percent": (
        "t,id,x\n0,a,1%\n0,b,2%\n",
        "row 2, column 'x' holds '1%' (1 more rows like it)",
        "no sign of",
    ),
    "decimal commas": ("t;id;x;y\n0;a;1,5;1\n0;b;2,5;2\n", "row 2, column 'x' holds '1,5'", "decimal=','"),
    "decimal commas in time": ("t;id;x\n0,1;a;1\n0,1;b;2\n", "row 2, column 't' holds '0,1'", "decimal=','"),
    "decimal commas cut in two": ("t,id,x\n0,a,1,5\n0,b,2,5\n", "row 2 has 4 cells", "not a comma"),
    "marks between thousands": (
        't,id,x\n0,a,"1,234.5"\n0,b,2\n',
        "column 'x' holds '1,234.5'",
        "decimal point",
    ),
    "days first": (
        "t,id,x\n31/12/2020,a,1\n31/12/2020,b,2\n",
        "'t' holds '31/12/2020'",
        "pandas.to_datetime",
    ),
    "clock times": ("t,id,x\n00:00:01,a,1\n00:00:01,b,2\n", "'t' holds '00:00:01'", "pandas.to_timedelta"),
    "no stamp": ("t,id,x\n0,a,1\nNA,b,2\n", "row 3, column 't' holds nothing", "correct or remove the row"),
    "zones here and there": (
        "t,id,x\n2020-01-01T00:00,a,1\n2020-01-01T00:00Z,b,2\n",
        "'2020-01-01T00:00' in row 2, without a time zone, and '2020-01-01T00:00Z' in row 3",
        "add the zone",
    ),
    "stamps of nanoseconds": (
        "t,id,x\n1700000000000000001,a,1\n1700000000000000002,b,2\n",
        "row 2, column 't' holds '1700000000000000001'",
        "subtract the first stamp",
    ),
    "two columns of one name": ("t,id,x,x\n0,a,1,2\n", "the column 'x' occurs 2 times", ""),
    "another encoding": (
        GOOD.replace("a", "é").encode("latin-1"),
        "t.csv cannot be read",
        "encoding='latin-1'",
    ),
    "UTF-16": (GOOD.encode("utf-16"), "t.csv cannot be read", "save the file as UTF-8"),
}


@pytest.mark.parametrize("case", BAD)
def test_one_message_says_where_and_what_to_do(case, tmp_path):
    content, found, fix = BAD[case]
    error = refused(tmp_path / "t.csv", content)
    assert found in error.found
    assert fix in str(error.fix)


READ = {
    "BOM": ("\ufeff" + GOOD, ["a", "b"]),
    "CRLF": (GOOD.replace("\n", "\r\n"), ["a", "b"]),
    "unicode": (GOOD.replace("a", "Ärger 🐦").replace("b", "日本"), ["Ärger 🐦", "日本"]),
    "one letter or two": ("t,id,x\n0,é,1\n0,b,2\n1,e\u0301,2\n1,b,3\n", ["é", "b"]),
    "ids with and without a point": ("t,id,x\n0,1.0,1\n0,2,2\n1,1,2\n1,2.0,3\n", ["1", "2"]),
    "long ids": (
        "t,id,x\n0,9007199254740993,1\n0,9007199254740992,2\n1,9007199254740993,2\n",
        ["9007199254740993", "9007199254740992"],
    ),
    "the index that pandas writes": (",t,id,x\n0,0,a,1\n1,0,b,2\n2,1,a,2\n3,1,b,3\n", ["a", "b"]),
    "separators at the end": ("t,id,x,\n0,a,1,\n0,b,2,\n1,a,2,\n1,b,2,\n", ["a", "b"]),
    "marks of nothing": ("t,id,x\n0,a,<NA>\n0,b,NA\n1,a,2\n1,b,#N/A\n", ["a", "b"]),
}


@pytest.mark.parametrize("case", READ)
def test_what_can_only_mean_one_thing_is_read(case, tmp_path):
    content, names = READ[case]
    path = tmp_path / "t.csv"
    path.write_bytes(content.encode())
    ds = load(path)
    assert ds["entity"].to_numpy().tolist() == names
    assert features(ds) == ["x"]


def test_time_zones_are_brought_together(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("t,id,x\n2020-01-01T00:00+01:00,a,1\n2019-12-31T23:00Z,b,2\n2020-01-01T00:30+01:00,a,3\n")
    assert load(path)["time"].to_numpy().tolist() == [0, 1800]


def test_columns_in_capitals_are_positions_as_well():
    frame = pd.read_csv(io.StringIO("T,ID,X,Y,VX,VY\n0,a,1,1,0,0\n0,b,2,1,0,0\n1,a,2,1,0,0\n"))
    ds = from_frame(frame)
    assert (ds.attrs["position"], ds.attrs["velocity"]) == (["X", "Y"], ["VX", "VY"])


def test_a_damaged_file_of_any_kind_is_named(tmp_path):
    table = pd.read_csv(io.StringIO(GOOD))
    table.to_parquet(tmp_path / "whole.parquet")
    np.savez(tmp_path / "whole.npz", x=np.zeros((2, 10, 3)))
    for suffix in ("parquet", "npz"):
        whole = (tmp_path / f"whole.{suffix}").read_bytes()
        for content in (b"", whole[:-30]):
            error = refused(tmp_path / f"part.{suffix}", content)
            assert "cannot be read" in error.found
            assert "copied in full" in str(error.fix)


def test_arrays_of_other_shapes_and_kinds_are_named(tmp_path):
    positions = np.random.default_rng(0).random((2, 10, 3, 2))
    path = tmp_path / "a.npz"
    np.savez(path, positions=positions, edges=np.zeros((2, 4, 4), dtype=int))
    error = refused(path, path.read_bytes())
    assert "'edges' has the shape (2, 4, 4)" in error.found
    assert error.expected == "one of the shapes (3, 3), (2, 3, 3), (2, 10, 3, 3)"
    np.savez(path, positions=positions + 1j)
    assert "positions (2, 10, 3, 2) of complex128" in refused(path, path.read_bytes()).found


def test_truth_given_as_a_matrix_is_told_what_to_do(tmp_path):
    (tmp_path / "e.csv").write_text("0,1\n1,0\n")
    with pytest.raises(DataError, match="there is no column 'source'") as caught:
        read_edges(tmp_path / "e.csv", from_arrays({"x": np.zeros((1, 3, 2))}))
    assert "edges of edgewise.from_arrays, [receiver, sender]" in str(caught.value.fix)


def test_truth_with_ids_as_floats_names_the_same_entities(tmp_path):
    ds = from_frame(pd.DataFrame({"t": [0, 0, 1, 1], "id": [1, 2, 1, 2], "x": [1.0, 2, 2, 3]}))
    (tmp_path / "e.csv").write_text("source,target\n1.0,2\n")
    assert read_edges(tmp_path / "e.csv", ds)["edges"].to_numpy().tolist() == [[[0, 0], [1, 0]]]
