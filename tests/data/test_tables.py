"""Long tables: guesses, gaps, clocks, and errors that name the row."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from edgewise.data import clock, features, fingerprint, from_arrays, from_frame, load, read_table, write_table
from edgewise.errors import DataError

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def found(path: Path, **kwargs: object) -> str:
    with pytest.raises(DataError) as caught:
        read_table(path, **kwargs)
    return caught.value.found


BIRDS = """t,id,x,y,vx,vy,note
0,a,0,1,2,3,first
0,b,1,1,,3,
1,a,0,2,2,3,
1,b,,2,2,3,last
"""


def test_common_names_are_guessed_and_text_is_left_out(tmp_path):
    ds = read_table(write(tmp_path / "birds.csv", BIRDS))
    assert ds["entity"].to_numpy().tolist() == ["a", "b"]
    assert features(ds) == ["x", "y", "vx", "vy"]
    assert (ds.attrs["position"], ds.attrs["velocity"]) == (["x", "y"], ["vx", "vy"])
    np.testing.assert_array_equal(ds["x"][0], [[0, 1], [0, np.nan]])
    assert np.isnan(ds["vx"][0, 0, 1])


def test_no_guess_is_made_against_the_word_of_the_user(tmp_path):
    path = write(tmp_path / "birds.csv", BIRDS)
    assert read_table(path, position=()).attrs["position"] == []
    assert read_table(path, position="y", velocity=["vy"]).attrs["velocity"] == ["vy"]
    assert features(read_table(path, position="y", velocity=(), features="vx")) == ["y", "vx"]
    assert "row 2, column 'note' holds 'first'" in found(path, features="note")


def test_columns_that_cannot_be_guessed_are_asked_for(tmp_path):
    path = write(tmp_path / "odd.csv", "when,who,x\n0,a,1\n0,b,1\n1,a,1\n1,b,2\n")
    assert "no column has a common name for the time; the columns are when, who, x" in found(path)
    assert "no column has a common name for the entity" in found(path, time="when")
    assert features(read_table(path, time="when", entity="who")) == ["x"]


def test_two_columns_for_one_part_are_ambiguous(tmp_path):
    path = write(tmp_path / "two.csv", "frame,time,id,x\n0,0,a,1\n0,0,b,1\n1,1,a,1\n1,1,b,1\n")
    assert "the time could be any of the columns frame, time" in found(path)
    assert features(read_table(path, time="time")) == ["frame", "x"]


def test_columns_cannot_play_two_parts_or_share_a_name(tmp_path):
    path = write(tmp_path / "birds.csv", BIRDS)
    assert "asked to be two of time, entity and sequence: id, id" in found(path, time="id")
    assert "'t' cannot be a feature and also" in found(path, features="t")
    assert "the column 'x' occurs 2 times" in found(write(tmp_path / "twice.csv", "t,id,x, x\n0,a,1,2\n"))


def test_entities_come_and_go_and_a_skipped_frame_is_irregular_time(tmp_path):
    rows = "frame,id,x\n0,a,1\n1,a,2\n2,a,3\n2,b,9\n4,b,8\n5,b,7\n"
    ds = read_table(write(tmp_path / "t.csv", rows))
    assert ds["time"].to_numpy().tolist() == [0, 1, 2, 4, 5]
    np.testing.assert_array_equal(ds["x"][0, :, 0], [1, 2, 3, np.nan, np.nan])
    np.testing.assert_array_equal(ds["x"][0, :, 1], [np.nan, np.nan, 9, 8, 7])


def test_sequences_with_other_stamps_get_clocks_of_their_own(tmp_path):
    rows = "trial,t,id,x\ns,0,a,1\ns,0,b,2\ns,1,a,3\nr,0.5,b,4\nr,0,b,5\nr,2,a,6\n"
    ds = read_table(write(tmp_path / "t.csv", rows))
    assert ds["sequence"].to_numpy().tolist() == ["s", "r"]
    np.testing.assert_array_equal(clock(ds), [[0, 1, np.nan], [0, 0.5, 2]])
    np.testing.assert_array_equal(ds["x"].sel(sequence="r", entity="b"), [5, 4, np.nan])


def test_the_order_of_the_rows_does_not_matter(tmp_path):
    frame = pd.DataFrame({"t": [0, 0, 1, 1, 2], "id": list("ababb"), "x": range(5)})
    shuffled = frame.iloc[[0, 1, 4, 3, 2]]  # entities keep their order of appearance
    assert fingerprint(from_frame(shuffled)) == fingerprint(from_frame(frame))


def test_names_stay_text_and_whole_numbers_lose_their_point(tmp_path):
    ds = read_table(write(tmp_path / "t.csv", "t,id,x\n0,NA,1\n0,007,1\n1,NA,2\n"))
    assert ds["entity"].to_numpy().tolist() == ["NA", "007"]
    ds = read_table(write(tmp_path / "f.csv", "t,id,x\n0,1.0,1\n0,2.0,1\n1,2.0,2\n"))
    assert ds["entity"].to_numpy().tolist() == ["1", "2"]
    ds = from_frame(pd.DataFrame({"t": [0, 0, 1], "id": [1.0, 2.0, 1.0], "x": [1, 2, 3]}))
    assert ds["entity"].to_numpy().tolist() == ["1", "2"]


def test_dates_are_read_as_seconds(tmp_path):
    rows = "timestamp,id,x\n2012-03-01 00:00:00,a,1\n2012-03-01 00:00:00,b,1\n2012-03-01 00:05:00,a,1\n"
    ds = read_table(write(tmp_path / "t.csv", rows))
    assert ds["time"].to_numpy().tolist() == [0, 300]
    assert ds["time"].attrs["units"].startswith("seconds since 2012-03-01")
    frame = pd.read_csv(tmp_path / "t.csv", parse_dates=["timestamp"])
    assert fingerprint(from_frame(frame)) == fingerprint(ds)
    zoned = frame.assign(timestamp=frame["timestamp"].dt.tz_localize("UTC"))
    assert fingerprint(from_frame(zoned)) == fingerprint(ds)


def test_bad_stamps_and_names_are_named_by_row(tmp_path):
    path = write(tmp_path / "t.csv", "t,id,x\n0,a,1\nsoon,b,1\n1,a,1\n")
    assert found(path) == f"{path}: row 3, column 't' holds 'soon'"
    path = write(tmp_path / "u.csv", "t,id,x\n0,a,1\n0,b,1\n,a,1\n")
    assert found(path) == f"{path}: row 4, column 't' holds nothing"
    path = write(tmp_path / "v.csv", "t,id,x\n0,a,1\n0,,1\n1,a,1\n")
    assert found(path) == f"{path}: row 3, column 'id' holds nothing"


def test_row_numbers_count_blank_lines(tmp_path):
    path = write(tmp_path / "t.csv", "t,id,x\n0,a,1\n\n0,b,1\n1,a,oops\n1,b,2\n")
    assert "row 5, column 'x' holds 'oops'" in found(path)
    path = write(tmp_path / "ok.csv", "t,id,x\n0,a,1\n\n0,b,1\n1,a,2\n\n")
    assert read_table(path).sizes["entity"] == 2


def test_rows_of_other_lengths_are_refused(tmp_path):
    path = write(tmp_path / "t.csv", "t,id,x\n0,a,1\n0,b,1,5\n1,a,1\n")
    assert found(path) == f"{path}: row 3 has 4 cells, and the header names 3 columns: 0,b,1,5"
    path = write(tmp_path / "first.csv", "t,id,x\n0,a,1,5\n0,b,2,5\n1,a,1,5\n")  # pandas would cut these
    assert found(path) == f"{path}: row 2 has 4 cells, and the header names 3 columns: 0,a,1,5"
    path = write(tmp_path / "open.csv", 't,id,x\n0,"a,1\n0,b,2\n')
    assert "EOF inside string" in found(path)


def test_other_separators_marks_and_packings(tmp_path):
    expected = read_table(write(tmp_path / "birds.csv", BIRDS))
    semicolons = BIRDS.replace(",", ";")
    (tmp_path / "bom.csv").write_bytes(b"\xef\xbb\xbf" + semicolons.encode())
    with gzip.open(tmp_path / "birds.tsv.gz", "wt") as file:
        file.write(BIRDS.replace(",", "\t"))
    write(tmp_path / "spaced.csv", BIRDS.replace(",", ", "))
    for name in ("bom.csv", "birds.tsv.gz", "spaced.csv"):
        assert fingerprint(read_table(tmp_path / name)) == fingerprint(expected), name


def test_parquet_of_someone_else_is_a_table_like_any_other(tmp_path):
    frame = pd.read_csv(write(tmp_path / "birds.csv", BIRDS))
    frame.set_index("t").to_parquet(tmp_path / "birds.parquet")
    assert fingerprint(read_table(tmp_path / "birds.parquet")) == fingerprint(
        read_table(tmp_path / "birds.csv")
    )
    frame.assign(x=["0", "1", "?", "2"]).to_parquet(tmp_path / "bad.parquet")
    assert "row 3, column 'x' holds '?'" in found(tmp_path / "bad.parquet")


def test_a_frame_nobody_saw_and_an_entity_never_seen_survive(tmp_path):
    x = np.full((2, 4, 3), np.nan)
    x[:, [0, 3], :2] = 1.0
    ds = from_arrays({"x": x}, entity=["a", "b", "ghost"])
    write_table(ds, tmp_path / "t.csv")
    assert fingerprint(read_table(tmp_path / "t.csv")) == fingerprint(ds)
    assert len((tmp_path / "t.csv").read_text().splitlines()) < 1 + 2 * 4 * 3


def test_the_truth_of_another_data_set_is_never_picked_up(tmp_path):
    ds = from_arrays({"x": np.ones((1, 2, 2))})
    (tmp_path / "t.edges.csv").write_text("source,target\n0,1\n")
    with pytest.raises(DataError, match=r"t\.edges\.csv lies beside t\.csv"):
        write_table(ds, tmp_path / "t.csv")
    assert not (tmp_path / "t.csv").exists()


NAMES = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=4)


@st.composite
def data_sets(draw: st.DrawFn) -> xr.Dataset:
    shape = tuple(draw(st.integers(low, 3)) for low in (1, 2, 2))
    cells = st.one_of(st.just(np.nan), st.floats(allow_nan=False, allow_infinity=False))
    values = draw(hnp.arrays(np.float64, shape, elements=cells))
    values[0, 0, 0] = 0.0
    names = [draw(st.lists(NAMES, min_size=n, max_size=n, unique=True)) for n in (shape[0], shape[2])]
    steps = draw(hnp.arrays(np.float64, shape[:2], elements=st.floats(0.01, 100)))
    return from_arrays({"x": values}, time=np.cumsum(steps, axis=1), sequence=names[0], entity=names[1])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ds=data_sets(), suffix=st.sampled_from(["csv", "parquet"]))
def test_any_data_set_survives_a_table(ds, suffix, tmp_path):
    write_table(ds, tmp_path / f"t.{suffix}", overwrite=True)
    assert fingerprint(read_table(tmp_path / f"t.{suffix}")) == fingerprint(ds)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data sets are not beside the project")
def test_pedestrians_come_and_go(tmp_path):
    frame = pd.read_csv(SHARED / "eth_ucy" / "biwi_eth.txt.gz", sep="\t", names=["frame", "id", "x", "y"])
    ds = load(frame)
    assert (ds.sizes["time"], ds.sizes["entity"]) == (876, 360)
    assert int(np.isfinite(ds["x"]).sum()) == len(frame) == 5492
