"""What a result says: its edges, graphs and law, from a posterior that is known."""

from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
import xarray as xr

from edgewise.errors import ConfigError, DataError
from edgewise.inference import infer

from .worlds import QUICK, planted, springs

NAMES = ["a", "b", "c"]


def posterior(values, dims, **coords):
    names = {"receiver": NAMES, "sender": NAMES, "type": range(np.shape(values)[-1])}
    return xr.DataArray(np.asarray(values, float), dims=dims, coords=names | coords, name="probability")


@pytest.fixture
def known(quick):
    """Two recordings, [receiver, sender]: b and c act on a, a acts on c; then only b on c."""
    p = np.zeros((2, 3, 3, 2))
    p[0, 0, 1, 1], p[0, 0, 2, 1], p[0, 2, 0, 1] = 0.7, 0.9, 0.9
    p[0, 1, 2, 1] = 0.5  # undecided: no edge
    p[1, 2, 1, 1] = 0.8
    p[..., 0] = 1 - p[..., 1]
    influence = np.zeros((2, 3, 3))
    influence[0, 0, 1], influence[0, 0, 2], influence[0, 2, 0], influence[1, 2, 1] = 0.4, 0.1, 0.3, 0.2
    _, result = quick
    return replace(
        result,
        probability=posterior(p, ("sequence", "receiver", "sender", "type"), sequence=["one", "two"]),
        influence=xr.DataArray(influence, dims=("sequence", "receiver", "sender")),
    )


def rows(table):
    return list(table.itertuples(index=False, name=None))


def test_edges_are_listed_by_recording_and_the_surest_and_strongest_first(known):
    table = known.edges()
    assert list(table.columns) == ["source", "target", "type", "probability", "influence", "sequence"]
    assert rows(table) == [
        ("a", "c", 1, 0.9, 0.3, "one"),
        ("c", "a", 1, 0.9, 0.1, "one"),
        ("b", "a", 1, 0.7, 0.4, "one"),
        ("b", "c", 1, 0.8, 0.2, "two"),
    ]


def test_one_graph_needs_no_column_for_its_recording(known):
    alone = replace(
        known, probability=known.probability.isel(sequence=[1]), influence=known.influence.isel(sequence=[1])
    )
    assert list(alone.edges().columns) == ["source", "target", "type", "probability", "influence"]
    assert rows(alone.edges()) == [("b", "c", 1, 0.8, 0.2)]


def test_an_undirected_pair_is_one_row_with_the_larger_influence(known):
    p = known.probability.copy()
    p[:] = np.maximum(p, p.to_numpy().swapaxes(1, 2))
    p[..., 0] = 1 - p[..., 1]
    graph = replace(known.config.graph, undirected=True)
    result = replace(known, probability=p, config=replace(known.config, graph=graph))
    found = [(frozenset(row[:2]), row[3:]) for row in rows(result.edges()) if row[-1] == "one"]
    assert found == [(frozenset("ac"), (0.9, 0.3, "one")), (frozenset("ab"), (0.7, 0.4, "one"))]
    assert isinstance(result.graph("one"), nx.Graph)
    assert not result.graph("one").is_directed()
    assert result.graph("one").edges["a", "c"]["probability"] == 0.9


def test_where_every_type_acts_every_pair_is_an_edge(known):
    result = replace(known, no_interaction=False)
    table = result.edges()
    assert len(table) == 2 * 6
    assert (table["source"] != table["target"]).all()
    assert set(table["type"]) == {0, 1}
    np.testing.assert_allclose(result.interaction(), known.probability.max("type"))


def test_interaction_is_what_type_0_leaves(known):
    np.testing.assert_allclose(known.interaction().to_numpy(), known.probability.to_numpy()[..., 1])


def test_edges_of_windows_name_their_window(known):
    p = known.probability.to_numpy()
    windows = np.stack([p[0], p[1], p[0]])[None]
    result = replace(
        known,
        probability=posterior(
            windows,
            ("sequence", "window", "receiver", "sender", "type"),
            sequence=["one"],
            window=range(3),
        ),
        influence=known.influence.isel(sequence=[0]),
    )
    table = result.edges()
    assert list(table.columns)[-1] == "window"
    assert table["window"].tolist() == [0, 0, 0, 1, 2, 2, 2]
    assert table["probability"].tolist() == [0.9, 0.9, 0.7, 0.8, 0.9, 0.9, 0.7]
    assert set(result.graph(window=1).edges) == {("b", "c")}
    assert set(result.graph(window=2).edges) == {("b", "a"), ("c", "a"), ("a", "c")}


def test_a_graph_goes_from_source_to_target(known):
    graph = known.graph("one")
    assert isinstance(graph, nx.DiGraph)
    assert list(graph.nodes) == NAMES
    assert dict(graph.edges) == {
        ("a", "c"): {"type": 1, "probability": 0.9},
        ("c", "a"): {"type": 1, "probability": 0.9},
        ("b", "a"): {"type": 1, "probability": 0.7},
    }
    assert graph.graph["sequence"] == "one"


def test_a_graph_is_asked_for_by_name_or_position(known):
    for asked in ("two", 1, -1):
        assert set(known.graph(asked).edges) == {("b", "c")}
    for missing in ("three", 2, -3):
        with pytest.raises(DataError) as error:
            known.graph(missing)
        assert f"there is no recording {missing!r}" in str(error.value)
        assert "among 2: one, two" in str(error.value)


def test_the_law_of_springs_is_hookes(learnt):
    _, result = learnt
    table = result.law(1)
    assert list(table.columns) == ["distance", "force", "low", "high", "density"]
    assert table["density"].sum() == pytest.approx(1)
    assert (table["low"] <= table["force"]).all()
    assert (table["force"] <= table["high"]).all()
    assert table["distance"].is_monotonic_increasing
    middle = table[4:-4]
    # the simulator's spring constant is 0.1
    np.testing.assert_allclose(middle["force"] / middle["distance"], 0.1, rtol=0.1)
    assert (result.law(0)["force"] == 0).all()


def test_a_type_that_is_not_there_has_no_law(quick):
    with pytest.raises(ConfigError) as error:
        quick[1].law(2)
    assert "there is no type 2" in str(error.value)
    assert "one of 0, 1" in str(error.value)


def test_influence_of_springs_is_that_of_their_forces(learnt):
    """A pair with a spring moves each other; one without does not."""
    ds, result = learnt
    size, off = result.influence.to_numpy(), ~np.eye(5, dtype=bool)
    joined = ds["edges"].to_numpy() > 0
    assert np.median(size[:, off][joined[:, off]]) > 0.2
    assert np.median(size[:, off][~joined[:, off]]) < 0.01


def test_pairs_that_were_no_candidates_are_no_edges_where_every_type_acts():
    result = infer(springs(entities=5), **(QUICK | {"no_interaction": "no"}), neighbours=2)
    assert len(result.edges()) == 3 * 5 * 2
    assert result.graph(1).number_of_edges() == 5 * 2
    candidates = result.probability.sum("type").to_numpy()[:, ~np.eye(5, dtype=bool)]
    assert set(candidates.round(9).flatten()) == {0.0, 1.0}
    assert result.metrics["n_pairs"] == 3 * 5 * 2


def test_a_table_of_effects_names_targets_and_features():
    ds, _ = planted()
    second = ds["level"].to_numpy()[:, ::-1].copy()
    result = infer(ds.assign(other=(ds["level"].dims, second)), **QUICK, edge_types=3)
    for kind in (0, 1, 2):
        table = result.law(kind)
        assert table.index.tolist() == table.columns.tolist() == ["level", "other"]
    assert (result.law(0) == 0).all(axis=None)
    assert (result.law(1) != 0).all(axis=None)
