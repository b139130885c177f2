"""The cells of the tables: complete, and what is said of wrong names."""

import pytest

from edgewise.errors import ConfigError
from edgewise.inference.config import InferenceConfig
from edgewise.inference.records import overruled
from edgewise.inference.reproduce.cells import CELLS, FORECAST_CELLS, STEPS, cells_named, cells_of
from edgewise.physics import SIMULATORS, simulate


def test_the_cells_are_those_of_the_paper():
    systems = ("springs", "charged", "kuramoto")
    assert list(CELLS) == [f"{system}-{n}" for system in systems for n in (5, 10)]
    assert list(FORECAST_CELLS) == [f"{system}-5" for system in systems]


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_a_cell_can_be_simulated_and_inferred(cell):
    ds = simulate(cell.system, entities=cell.entities, sequences=1, steps=2)
    assert set(cell.features) <= set(ds.data_vars)
    assert set(SIMULATORS[cell.system].measured) <= set(cell.features)
    edges = ds["edges"].to_numpy()
    if cell.mutual:
        assert (edges == edges.swapaxes(1, 2)).all()
    overruled(InferenceConfig(), dict(cell.law))  # raises for a setting that does not exist
    assert not cell.target.undirected or cell.mutual


def test_only_the_figures_that_were_read_are_not_marked_as_recalled():
    read = {
        (name, figure.value)
        for name, cell in CELLS.items()
        for figure in (*cell.accuracies, *cell.errors)
        if not figure.recalled
    }
    assert read == {("springs-5", 99.9), ("charged-5", 82.1)}
    for cell in FORECAST_CELLS.values():
        (figure,) = cell.errors
        assert len(figure.value) == len(STEPS)


def test_cells_are_named_in_the_order_of_the_table():
    found = cells_named(["kuramoto-5", "springs-10"], "nri-table1")
    assert [cell.name for cell in found] == ["springs-10", "kuramoto-5"]
    assert len(cells_named(None, "nri-table1")) == 6
    assert len(cells_named(None, "nri-table2")) == 3


@pytest.mark.parametrize(
    ("names", "table", "found"),
    [
        (["spring-5"], "nri-table1", "nri-table1 has no cell 'spring-5' (did you mean 'springs-5'?)"),
        (["springs-10"], "nri-table2", "nri-table2 has no cell 'springs-10'"),
        ([], "nri-table1", "no cell is named"),
        (None, "nri-table3", "unknown table 'nri-table3'"),
    ],
)
def test_wrong_names_are_refused(names, table, found):
    with pytest.raises(ConfigError) as error:
        cells_named(names, table)
    assert str(error.value).startswith(found)
    assert "expected: " in str(error.value)


def test_the_cells_of_a_table():
    assert cells_of("nri-table1") is CELLS
    assert cells_of("nri-table2") is FORECAST_CELLS
