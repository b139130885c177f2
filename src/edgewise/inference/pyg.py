"""An inferred graph for PyTorch Geometric."""

from typing import TYPE_CHECKING

import numpy as np
import torch

from edgewise.errors import ConfigError
from edgewise.inference.confidence.arrays import STRENGTH

if TYPE_CHECKING:
    from torch_geometric.data import Data

    from edgewise.inference.result import Inference

ATTRIBUTES = ("probability", "influence", *STRENGTH)
"""Columns of `Inference.edges` that become attributes, where they are there."""


def pyg_graph(result: "Inference", sequence: str | int, window: int) -> "Data":
    """See `Inference.to_pyg`."""
    try:
        from torch_geometric.data import Data
    except ImportError as error:
        raise ConfigError(
            "a graph for PyG needs PyTorch Geometric, which is not installed",
            expected="the extra `pyg`",
            fix="pip install 'edgewise[pyg]'",
        ) from error
    table = result.edges_of(sequence, window)
    place = {name: k for k, name in enumerate(result.entities)}
    ends = np.array([[place[name] for name in table[end]] for end in ("source", "target")], dtype=np.int64)
    names = [name for name in ATTRIBUTES if name in table]
    attributes = torch.from_numpy(table[names].to_numpy(dtype=np.float32, copy=True))
    types = torch.from_numpy(table["type"].to_numpy(dtype=np.int64, copy=True))
    edges = torch.from_numpy(ends.reshape(2, len(table)))
    if result.config.graph.undirected:
        edges, attributes, types = (
            torch.cat([edges, edges.flip(0)], 1),
            attributes.repeat(2, 1),
            types.repeat(2),
        )
    return Data(
        edge_index=edges,
        edge_attr=attributes,
        edge_type=types,
        num_nodes=len(place),
        edge_attr_names=names,
        names=list(place),
    )
