"""What sequence models share: records whose rows can be chosen, and sources that are checked."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from edgewise.errors import DataError
from edgewise.models.sequence import Rows, lengths_of
from edgewise.tokens import EOS


@dataclass(frozen=True, eq=False)
class Inner(Rows):
    values: Tensor


@dataclass(frozen=True, eq=False)
class Outer(Rows):
    values: Tensor
    layers: tuple[tuple[Tensor, Tensor], ...]
    inner: Inner
    nothing: Tensor | None
    position: int


def test_rows_are_chosen_in_every_field_and_what_has_none_stays():
    first, second = torch.arange(6).view(3, 2), torch.arange(3)
    record = Outer(first, ((first, second), (second, first)), Inner(second), None, 4)
    rows = torch.tensor([2, 0, 2, 1])
    chosen = record.select(rows)
    assert torch.equal(chosen.values, first[rows])
    for layer, own in zip(chosen.layers, record.layers, strict=True):
        for part, whole in zip(layer, own, strict=True):
            assert torch.equal(part, whole[rows])
    assert torch.equal(chosen.inner.values, second[rows])
    assert chosen.nothing is None
    assert chosen.position == 4
    assert torch.equal(record.values, first)


def test_lengths_are_those_without_padding():
    source = torch.tensor([[5, 6, EOS], [EOS, 0, 0], [7, EOS, 0]])
    assert lengths_of(source).tolist() == [3, 1, 2]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([[5, EOS], [0, 0]], "sentence 1 of the batch has no tokens\n  expected: at least EOS"),
        (
            [[5, EOS], [0, EOS]],
            "sentence 1 of the batch has padding before a token\n  expected: padding at the end",
        ),
        ([5, EOS], r"tokens are torch.int64 of shape \[2\]\n  expected: torch.int64 of shape \[batch, S\]"),
        ([[5.0, EOS]], r"tokens are torch.float32 of shape \[1, 2\]"),
    ],
    ids=["empty", "padding in front", "one dimension", "floats"],
)
def test_a_source_that_cannot_be_read_is_refused(source, message):
    with pytest.raises(DataError, match=message):
        lengths_of(torch.tensor(source))
