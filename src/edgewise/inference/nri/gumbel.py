"""Samples of edge types that gradients pass through."""

import torch
from torch import Tensor


def gumbel_noise(like: Tensor) -> Tensor:
    """Draws of Gumbel(0, 1), -log E with E exponential, from torch's generator: in the shape of `like`."""
    exponential = torch.empty_like(like).exponential_()
    return -exponential.clamp_min(torch.finfo(like.dtype).tiny).log()


def relaxed_sample(logits: Tensor, noise: Tensor, tau: float, *, hard: bool = False) -> Tensor:
    """A sample of the concrete distribution (Maddison et al. 2017; Jang et al. 2017; Kipf et al. 2018, equation 9):

        z = softmax((logits + g) / tau),   g ~ Gumbel(0, 1)

    Args:
        logits: [..., type]; noise: g, the same shape; tau: the temperature.
        hard: give the one-hot vector of the largest entry, with the gradient of the soft sample (straight-through).

    Shapes: [..., type] -> [..., type], on the simplex.
    """
    soft = ((logits + noise) / tau).softmax(-1)
    if not hard:
        return soft
    one_hot = torch.zeros_like(soft).scatter_(-1, soft.argmax(-1, keepdim=True), 1.0)
    return one_hot + (soft - soft.detach())
