"""Edge tables: who acts on whom, row by row."""

from pathlib import Path

import numpy as np
import pytest

from edgewise.data import from_arrays, load, read_edges, save
from edgewise.errors import DataError


@pytest.fixture
def ds():
    return from_arrays({"x": np.arange(18.0).reshape(2, 3, 3)}, entity=["a", "b", "c"], sequence=["s", "r"])


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def found(path: Path, ds) -> str:
    with pytest.raises(DataError) as caught:
        read_edges(path, ds)
    return caught.value.found


def test_the_source_acts_on_the_target_in_every_sequence(ds, tmp_path):
    edges = read_edges(write(tmp_path / "e.csv", "source,target,type\na,b,2\nc,a,1\n"), ds)[
        "edges"
    ].to_numpy()
    assert edges[0].tolist() == [[0, 0, 1], [2, 0, 0], [0, 0, 0]]  # [receiver, sender]
    np.testing.assert_array_equal(edges[0], edges[1])


def test_without_a_type_there_is_one_kind(ds, tmp_path):
    edges = read_edges(write(tmp_path / "e.tsv", "from\tto\nb\tc\n"), ds)["edges"]
    assert edges.to_numpy()[1].tolist() == [[0, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_a_sequence_that_is_never_named_is_unknown(ds, tmp_path):
    edges = read_edges(write(tmp_path / "e.csv", "sequence,source,target\nr,a,b\n"), ds)["edges"].to_numpy()
    assert edges[0].tolist() == [[-1] * 3] * 3
    assert edges[1].tolist() == [[0, 0, 0], [1, 0, 0], [0, 0, 0]]


def test_a_row_with_a_time_is_about_that_frame(ds, tmp_path):
    edges = read_edges(write(tmp_path / "e.csv", "time,source,target\n1,a,b\n"), ds)["edges"]
    assert edges.dims == ("sequence", "time", "receiver", "sender")
    assert edges.to_numpy().sum() == 2
    assert edges.to_numpy()[:, 1, 1, 0].tolist() == [1, 1]
    path = write(tmp_path / "late.csv", "time,source,target\n1,a,b\n9,a,b\n")
    assert found(path, ds) == f"{path}: row 3, column 'time' holds '9', and no frame has this stamp"


def test_an_unknown_entity_or_sequence_is_named_with_its_row(ds, tmp_path):
    path = write(tmp_path / "e.csv", "source,target\na,b\n\na,B\n")
    assert found(path, ds).startswith(f"{path}: row 4, column 'target' names the entity 'B'")
    path = write(tmp_path / "many.csv", "source,target\na,bb\nq,a\nc,bb\nb,A\n")
    with pytest.raises(DataError) as caught:
        read_edges(path, ds)
    assert caught.value.found.endswith(
        "row 2, column 'target' names the entity 'bb', which the data do not have; they have a, b, c. Unknown as"
        " well: 'q' (row 3, column 'source'), 'A' (row 5, column 'target')"
    )
    assert caught.value.fix == "for 'bb': did you mean 'b'? for 'A': did you mean 'a'?"
    path = write(tmp_path / "s.csv", "sequence,source,target\nq,a,b\n")
    assert (
        "row 2, column 'sequence' names the sequence 'q', which the data do not have; they have s, r"
        in found(path, ds)
    )


def test_rows_that_mean_nothing_are_refused(ds, tmp_path):
    path = write(tmp_path / "loop.csv", "source,target\na,b\nc,c\n")
    assert found(path, ds) == f"{path}: row 3 lets 'c' act on itself"
    path = write(tmp_path / "type.csv", "source,target,type\na,b,strong\n")
    assert found(path, ds) == f"{path}: row 2, column 'type' holds 'strong'"
    path = write(tmp_path / "two.csv", "source,target,type\na,b,1\na,b,1\na,b,2\n")
    assert found(path, ds) == f"{path}: rows 2 and 4 give two types to source a, target b"
    path = write(tmp_path / "no.csv", "start,target\na,b\n")
    assert "no column 'source'; the columns are start, target" in found(path, ds)
    assert "gone.csv does not exist" in found(tmp_path / "gone.csv", ds)


def test_the_truth_of_a_table_is_found_beside_it_or_where_it_is_said_to_be(ds, tmp_path):
    save(ds, tmp_path / "t.csv")
    assert "edges" not in load(tmp_path / "t.csv")
    write(tmp_path / "t.edges.csv", "source,target\na,b\n")
    assert load(tmp_path / "t.csv")["edges"].to_numpy().sum() == 2
    other = write(tmp_path / "other.csv", "source,target\na,b\na,c\n")
    assert load(tmp_path / "t.csv", truth=other)["edges"].to_numpy().sum() == 4
    save(ds, tmp_path / "t.nc")
    assert load(tmp_path / "t.nc", truth=other)["edges"].to_numpy().sum() == 4


def test_a_data_set_without_any_edge_is_not_unknown(ds, tmp_path):
    save(ds.assign(edges=(("sequence", "receiver", "sender"), np.zeros((2, 3, 3), int))), tmp_path / "t.csv")
    assert not load(tmp_path / "t.csv")["edges"].to_numpy().any()
