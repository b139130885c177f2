"""Several networks that answer as one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.models.sequence import Rows, SequenceModel


@dataclass(frozen=True, eq=False)
class Members(Rows):
    """The memory or the state of every network, in the order of the networks."""

    parts: tuple[Any, ...]


class SequenceEnsemble(SequenceModel):
    """Networks of the same vocabularies whose next-token probabilities are averaged (as Sutskever et al. 2014 do).

        p(y_t | y_<t, x) = 1/M sum_m p_m(y_t | y_<t, x)

    The logits of the ensemble are log p. One search runs over all networks at once, so that they agree on a prefix at
    every step; the attention is the mean of theirs.

    Args:
        networks: one or more models.

    Raises:
        ConfigError: for no network, or vocabularies of different sizes.
    """

    def __init__(self, networks: Sequence[SequenceModel]) -> None:
        super().__init__()
        sizes = sorted({(network.n_source, network.n_target) for network in networks})
        if len(sizes) != 1:
            raise ConfigError(
                f"an ensemble of networks with vocabularies of {sizes}",
                expected="one or more networks with the same vocabularies",
            )
        self.networks = nn.ModuleList(networks)
        self.n_source, self.n_target = sizes[0]

    @property
    def _members(self) -> list[SequenceModel]:
        return list(self.networks)  # pyright: ignore[reportReturnType]

    def encode(self, source: Tensor) -> Members:
        return Members(tuple(network.encode(source) for network in self._members))

    def start(self, memory: Members) -> Members:
        pairs = zip(self._members, memory.parts, strict=True)
        return Members(tuple(network.start(part) for network, part in pairs))

    def step(self, memory: Members, state: Members, tokens: Tensor) -> tuple[Tensor, Members]:
        threes = zip(self._members, memory.parts, state.parts, strict=True)
        steps = [network.step(part, now, tokens) for network, part, now in threes]
        return _log_mean([logits for logits, _ in steps]), Members(tuple(after for _, after in steps))

    def forward(self, source: Tensor, target_in: Tensor) -> Tensor:
        return _log_mean([network(source, target_in) for network in self._members])

    def attention(self, source: Tensor, target_in: Tensor) -> Tensor:
        return torch.stack([network.attention(source, target_in) for network in self._members]).mean(0)


def together(networks: Sequence[SequenceModel]) -> SequenceModel:
    """The ensemble of some networks; of one network, that itself."""
    return networks[0] if len(networks) == 1 else SequenceEnsemble(networks)


def _log_mean(logits: Sequence[Tensor]) -> Tensor:
    """log of the mean probability: logits [..., n_target] of each network -> [..., n_target]."""
    together = torch.stack([one.log_softmax(-1) for one in logits])
    return together.logsumexp(0) - math.log(len(logits))
