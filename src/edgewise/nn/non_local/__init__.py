"""Non-local blocks (Wang et al. 2018): every position of a grid hears every other one."""

from edgewise.nn.non_local.block import NonLocalBlock, Strongest
from edgewise.nn.non_local.pairwise import (
    Normalisation,
    Pairwise,
    RectifiedConcatScore,
    ScaledSoftmax,
)

__all__ = [
    "NonLocalBlock",
    "Normalisation",
    "Pairwise",
    "RectifiedConcatScore",
    "ScaledSoftmax",
    "Strongest",
]
