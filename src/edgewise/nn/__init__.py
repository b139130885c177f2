"""Weights on relations."""

from edgewise.nn.linear import PairLinear, PairMLP

__all__ = ["PairLinear", "PairMLP"]
