"""Edge tables of runs whose strengths are continuous."""

import pytest

from edgewise.errors import RunError
from edgewise.report.edges import read_edges

HEAD = "source,target,type,probability,strength,strength_low,strength_high\n"


def read(tmp_path, row):
    table = tmp_path / "edges.csv"
    table.write_text(HEAD + row + "\n", encoding="utf-8")
    return read_edges(table, type_names=["no interaction", "acts"], undirected=False)


def test_strengths_and_their_intervals_are_read(tmp_path):
    (edge,) = read(tmp_path, "a,b,1,0.75,-1.25,-2.5,0.0").strongest
    assert (edge.type, edge.strength, edge.strength_low, edge.strength_high) == ("acts", -1.25, -2.5, 0.0)


def test_a_table_without_strengths_has_none(tmp_path):
    table = tmp_path / "edges.csv"
    table.write_text("source,target,type,probability\na,b,1,0.75\n", encoding="utf-8")
    (edge,) = read_edges(table, type_names=["no interaction", "acts"], undirected=False).strongest
    assert edge.strength is None


def test_a_strength_that_is_no_number_is_refused_with_its_place(tmp_path):
    with pytest.raises(RunError) as caught:
        read(tmp_path, "a,b,1,0.75,strong,0,1")
    assert "line 2, column 'strength': 'strong'" in str(caught.value)
