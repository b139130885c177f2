"""Linear maps of bags of words: rows with few numbers that are not 0, as a weighted relation word -> document."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.nn.dropout import QuickDropout
from edgewise.relation import Sparse


@dataclass(frozen=True, eq=False)
class Bag:
    """A sparse matrix as a relation: which words stand in which document, and how often.

    Args:
        words: sender a word, receiver a document.
        values: [n_edges, 1], the matrix's entries in the relation's layout.
    """

    words: Sparse
    values: Tensor


class BagLinear(nn.Module):
    """X W + b for a sparse X [n_documents, in_dim]: each document sums the rows of W of its words.

    Dropout acts on the entries of X, as on the sparse input of Kipf & Welling (2017). With several heads each head
    draws its own, as in the code of Velickovic et al. (2018).

    Args:
        in_dim: number of words; out_dim: features a head; heads: parts of the result with dropout of their own.
        dropout: probability to drop an entry.
        bias: whether b is there.
    """

    def __init__(
        self, in_dim: int, out_dim: int, *, heads: int = 1, dropout: float = 0.0, bias: bool = False
    ) -> None:
        super().__init__()
        self.heads = heads
        self.weight = nn.Parameter(torch.empty(in_dim, heads * out_dim))
        self.bias = nn.Parameter(torch.zeros(heads * out_dim)) if bias else None
        self.dropout = QuickDropout(dropout)
        for part in self.weight.detach().split(out_dim, -1):
            nn.init.xavier_uniform_(part)

    def forward(self, bag: Bag) -> Tensor:
        """-> [n_documents, heads * out_dim]."""
        if bag.words.n_senders != self.weight.shape[0]:
            raise ConfigError(
                f"a bag of {bag.words.n_senders} words",
                expected=f"{self.weight.shape[0]}, as the layer was made for",
            )
        values = bag.values
        if self.training and self.dropout.p:
            values = self.dropout(values.expand(-1, self.heads))
        out = bag.words.sum_senders(self.weight, values)
        return out if self.bias is None else out + self.bias
