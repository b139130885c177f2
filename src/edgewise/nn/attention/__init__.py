"""Attention as an edge attribute: a score, an alignment, a sum over the senders."""

from edgewise.nn.attention.align import (
    Alignment,
    LocalMonotonic,
    LocalPredictive,
    Mean,
    RenormalisedLocalPredictive,
    Softmax,
)
from edgewise.nn.attention.attention import Attention
from edgewise.nn.attention.coverage import coverage_penalty
from edgewise.nn.attention.hard import (
    HardSample,
    MovingBaseline,
    StraightThroughGumbel,
    entropy,
    log_probability,
    reinforce_loss,
)
from edgewise.nn.attention.multihead import KeysValues, MultiHeadAttention
from edgewise.nn.attention.relative import RelativePositions
from edgewise.nn.attention.score import (
    AdditiveScore,
    ConcatScore,
    DotScore,
    EmbeddedGaussianScore,
    GaussianScore,
    GeneralScore,
    LocationScore,
    ScaledDotScore,
    Score,
)

__all__ = [
    "AdditiveScore",
    "Alignment",
    "Attention",
    "ConcatScore",
    "DotScore",
    "EmbeddedGaussianScore",
    "GaussianScore",
    "GeneralScore",
    "HardSample",
    "KeysValues",
    "LocalMonotonic",
    "LocalPredictive",
    "LocationScore",
    "Mean",
    "MovingBaseline",
    "MultiHeadAttention",
    "RelativePositions",
    "RenormalisedLocalPredictive",
    "ScaledDotScore",
    "Score",
    "Softmax",
    "StraightThroughGumbel",
    "coverage_penalty",
    "entropy",
    "log_probability",
    "reinforce_loss",
]
