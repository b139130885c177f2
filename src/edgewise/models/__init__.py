"""Whole named systems, as their papers have them."""

from edgewise.models.gat import GAT, gat_on_bags
from edgewise.models.gcn import GCN, dense_input, gcn_on_bags
from edgewise.models.mpnn import MPNN, GraphRegressor

__all__ = ["GAT", "GCN", "MPNN", "GraphRegressor", "dense_input", "gat_on_bags", "gcn_on_bags"]
