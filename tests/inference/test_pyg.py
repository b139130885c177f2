"""Inferred graphs for PyTorch Geometric."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from edgewise.errors import ConfigError

pytest.importorskip("torch_geometric")


def test_edges_are_those_of_the_table_sender_first(quick):
    _, result = quick
    data, table = result.to_pyg(1), result.edges_of(1)
    names = np.asarray(data.names)
    source, target = data.edge_index.numpy()
    assert names[source].tolist() == table["source"].tolist()
    assert names[target].tolist() == table["target"].tolist()
    column = data.edge_attr_names.index("probability")
    np.testing.assert_allclose(data.edge_attr[:, column], table["probability"], rtol=1e-6)
    assert data.edge_type.tolist() == table["type"].tolist()
    assert data.num_nodes == len(result.entities)
    assert data.validate()


def test_an_undirected_edge_goes_both_ways(quick):
    _, result = quick
    graph = replace(result.config.graph, undirected=True)
    data = replace(result, config=replace(result.config, graph=graph)).to_pyg()
    assert data.is_undirected()
    assert data.num_edges % 2 == 0


def test_without_the_package_the_extra_is_named(quick, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_geometric.data", None)
    with pytest.raises(ConfigError, match="PyTorch Geometric, which is not installed"):
        quick[1].to_pyg()
