"""What every model from a sequence of tokens to another one offers."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import Any, Self

import torch
from torch import Tensor, nn

from edgewise.errors import DataError
from edgewise.tokens import PAD


def _selected(value: Any, rows: Tensor) -> Any:
    if isinstance(value, Tensor):
        return value.index_select(0, rows)
    if isinstance(value, tuple):
        return tuple(_selected(part, rows) for part in value)
    return value.select(rows) if hasattr(value, "select") else value


@dataclass(frozen=True, eq=False)
class Rows:
    """A record whose tensors have the batch in front; tuples and records in it are of the same kind."""

    def select(self, rows: Tensor) -> Self:
        """The record of some rows of the batch, in the order given, perhaps several times: rows [k] int64.

        Fields that are no tensors (a position, say) are the same for all rows and stay.
        """
        return replace(self, **{f.name: _selected(getattr(self, f.name), rows) for f in fields(self)})


class SequenceModel(nn.Module, ABC):
    """A model of target sequences given source sequences; tokens are numbers (`edgewise.tokens`).

    Shapes: source [batch, S] int64, each row ending with EOS and filled up with PAD; target_in [batch, T] beginning
    with BOS, filled up with PAD. Padding changes nothing.

    Attributes:
        n_source, n_target: sizes of the vocabularies.
    """

    n_source: int
    n_target: int

    @abstractmethod
    def encode(self, source: Tensor) -> Rows:
        """What the decoder needs of the source, computed once."""

    @abstractmethod
    def start(self, memory: Any) -> Rows:
        """The decoder's state before the first token."""

    @abstractmethod
    def step(self, memory: Any, state: Any, tokens: Tensor) -> tuple[Tensor, Any]:
        """One step of the decoder: the last tokens [batch] -> logits of the next [batch, n_target], and a new state.

        `memory` has as many rows as `state`. Nothing is kept in the model: states are passed and returned.
        """

    @abstractmethod
    def forward(self, source: Tensor, target_in: Tensor) -> Tensor:
        """Logits of every next token, the target being known (teacher forcing): [batch, T, n_target]."""

    @abstractmethod
    def attention(self, source: Tensor, target_in: Tensor) -> Tensor:
        """Which source position each target step looks at: weights [batch, T, S].

        Raises:
            ConfigError: for a model without attention.
        """

    @property
    def n_parameters(self) -> int:
        """Numbers that are trained; shared ones count once."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)


def lengths_of(source: Tensor) -> Tensor:
    """Number of tokens of each sentence: source [batch, S] -> [batch] int64.

    Raises:
        DataError: for tokens of another shape or type, a row without tokens, or one with padding before a token.
    """
    if source.dim() != 2 or source.dtype != torch.int64:
        raise DataError(
            f"tokens are {source.dtype} of shape {list(source.shape)}",
            expected="torch.int64 of shape [batch, S]",
        )
    there = source != PAD
    lengths = there.sum(1)
    empty = lengths == 0
    if bool(empty.any()):
        row = int(empty.nonzero()[0])
        raise DataError(
            f"sentence {row} of the batch has no tokens", expected="at least EOS in every sentence"
        )
    broken = (there[:, 1:] & ~there[:, :-1]).any(1)
    if bool(broken.any()):
        row = int(broken.nonzero()[0])
        raise DataError(
            f"sentence {row} of the batch has padding before a token", expected="padding at the end only"
        )
    return lengths
