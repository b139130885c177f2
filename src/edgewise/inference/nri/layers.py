"""The block that the encoders of Kipf et al. (2018) are made of."""

import torch
from torch import Tensor, nn

from edgewise.nn.dropout import QuickDropout
from edgewise.nn.linear import PairLinear

FIRST_BIAS = 0.1
"""What every bias starts at."""


class MLPBlock(nn.Module):
    """Two layers with ELU and batch normalisation, the MLP of NRI (Kipf et al. 2018, appendix B; the authors' code):

        BatchNorm(ELU(W_2 dropout(ELU(W_1 x + b_1)) + b_2))

    The first map is given, so that one block serves nodes, edges and pairs.

    Args:
        first: W_1: an `nn.Linear`, or a `PairLinear` for what is computed on pairs; its result has `hidden` features.
        hidden: features of the result; dropout: probability of 0 between the layers.

    Shapes: what `first` reads -> [..., hidden]; the batch of the normalisation is everything but the last axis.
    """

    def __init__(self, first: nn.Linear | PairLinear, hidden: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.first, self.second = first, nn.Linear(hidden, hidden)
        self.dropout = QuickDropout(dropout)
        self.norm = nn.BatchNorm1d(hidden)
        for layer in (self.first, self.second):
            start_xavier(layer)

    def forward(self, *inputs: object) -> Tensor:
        hidden = self.dropout(nn.functional.elu_(self.first(*inputs)))
        hidden = nn.functional.elu_(self.second(hidden))
        return normalised(self.norm, hidden)


def normalised(norm: nn.BatchNorm1d, values: Tensor) -> Tensor:
    """Batch normalisation over all axes but the last."""
    return norm(values.flatten(0, -2)).view(values.shape)


@torch.no_grad()
def start_xavier(layer: nn.Linear | PairLinear) -> None:
    """Xavier's normal weights, Var = 2 / (inputs + outputs) (Glorot & Bengio 2010), and biases of 0.1.

    The parts of a `PairLinear` are the columns of one matrix, so they share the variance of the whole.
    """
    parts = [part for name, part in layer.named_parameters() if name != "bias"]
    fan_in = sum(part.shape[1] for part in parts)
    for part in parts:
        part.normal_(0.0, (2.0 / (fan_in + part.shape[0])) ** 0.5)
    layer.bias.fill_(FIRST_BIAS)
