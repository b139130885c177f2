"""The mean of the weights of several checkpoints (Vaswani et al. 2017, section 6.1)."""

from collections import deque

import torch
from torch import Tensor, nn


class LastWeights:
    """Copies of a module's weights at its last few checkpoints.

    Args:
        most: how many are kept.
    """

    def __init__(self, most: int) -> None:
        self.copies: deque[dict[str, Tensor]] = deque(maxlen=most)

    @torch.no_grad()
    def keep(self, module: nn.Module) -> None:
        """Copy the weights; beyond `most` the oldest copy goes."""
        self.copies.append({name: tensor.clone() for name, tensor in module.state_dict().items()})

    def mean(self) -> dict[str, Tensor]:
        """The mean of the copies, added up in float64; of numbers that are no floats the last one."""
        last = self.copies[-1]
        return {name: self._mean(name) if last[name].is_floating_point() else last[name] for name in last}

    def _mean(self, name: str) -> Tensor:
        total = torch.zeros_like(self.copies[-1][name], dtype=torch.float64)
        for copy in self.copies:  # one sum in float64, not a copy of each in it
            total += copy[name]
        return (total / len(self.copies)).to(self.copies[-1][name].dtype)
