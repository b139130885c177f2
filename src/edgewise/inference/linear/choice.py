"""Candidates where there are too many senders to sum over all sets of them, one by one the next best."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.inference.linear.rows import Regressions
from edgewise.inference.linear.sets import LEAST_NOISE


@dataclass(frozen=True)
class Candidates:
    """Attributes:
    senders: [receiver, m] int64; gain: [receiver, sender] what each other sender would add to the log evidence if all
        candidates acted, -inf for the candidates and the receiver itself.
    """

    senders: Tensor
    gain: Tensor

    @property
    def every(self) -> bool:
        """Whether every other entity is a candidate."""
        return self.senders.shape[1] == len(self.senders) - 1


def all_others(n: int) -> Candidates:
    """Every other entity as a candidate."""
    others = torch.tensor([[j for j in range(n) if j != i] for i in range(n)], dtype=torch.int64)
    return Candidates(others.reshape(n, n - 1), torch.full((n, n), -math.inf, dtype=torch.float64))


def choose(found: list[Regressions], variance: Tensor, count: int) -> Candidates:
    """Forward selection: again and again the sender with the largest gain in evidence beside those chosen before.

    Args:
        found: recordings of one graph, whose evidence adds up.
        variance: [column] of a coefficient, as in `log_evidence`; count: candidates of each receiver.
    """
    states = [_State(one.scaled(variance.sqrt())) for one in found]
    n = len(found[0].square)
    closed = torch.eye(n, dtype=torch.bool)
    chosen = []
    for _ in range(count):
        gain = torch.stack([state.gain() for state in states]).sum(0).masked_fill(closed, -math.inf)
        best = gain.argmax(1)
        chosen.append(best)
        closed[torch.arange(n), best] = True
        for state in states:
            state.eliminate(best)
    last = torch.stack([state.gain() for state in states]).sum(0).masked_fill(closed, -math.inf)
    return Candidates(torch.stack(chosen, 1), last)


class _State:
    """Elimination of one recording.

    precision: [receiver, sender, q, sender, q]; linear: [receiver, sender, q, feature].
    """

    def __init__(self, found: Regressions) -> None:
        n, q = found.gram.shape[0], found.gram.shape[2]
        unit = torch.eye(n * q, dtype=found.gram.dtype).view(n, q, n, q)
        self.precision = found.gram + unit
        self.linear = found.cross
        self.square = found.square.clone()
        self.floor = LEAST_NOISE * found.square + 1e-300
        self.count = found.count

    def _solved(self) -> tuple[Tensor, Tensor]:
        """Log determinant [receiver, sender] of each block, and what it explains [receiver, sender, feature]."""
        block = self.precision.diagonal(dim1=1, dim2=3).permute(0, 3, 1, 2)  # [receiver, sender, q, q]
        pivot = torch.linalg.cholesky(block)
        explained = torch.linalg.solve_triangular(pivot, self.linear, upper=False).square().sum(-2)
        return 2 * pivot.diagonal(dim1=-1, dim2=-2).log().sum(-1), explained

    def gain(self) -> Tensor:
        """What each sender adds to the log evidence: [receiver, sender]."""
        log_det, explained = self._solved()
        before = torch.maximum(self.square, self.floor).log()[:, None]
        after = torch.maximum(self.square[:, None] - explained, self.floor[:, None]).log()
        log_det = log_det * (self.count > 0).sum(1, keepdim=True)
        return -0.5 * log_det + 0.5 * ((before - after) * self.count[:, None]).sum(-1)

    def eliminate(self, best: Tensor) -> None:
        """Let a sender [receiver] act."""
        rows = torch.arange(len(best))
        pivot = torch.linalg.cholesky(self.precision[rows, best, :, best])
        n, q = self.precision.shape[1:3]
        across = self.precision[rows, best].flatten(2)  # [receiver, q, sender * q]
        solved = torch.linalg.solve_triangular(pivot, across, upper=False)
        explained = torch.linalg.solve_triangular(pivot, self.linear[rows, best], upper=False)
        less = (solved.mT @ solved).view(-1, n, q, n, q)
        self.square = self.square - explained.square().sum(1)
        self.linear = self.linear - (solved.mT @ explained).view(self.linear.shape)
        precision = self.precision - less
        precision[rows, best] = 0.0
        precision[rows, :, :, best] = 0.0
        unit = torch.eye(q, dtype=precision.dtype)
        precision[rows, best, :, best] = unit
        self.linear[rows, best] = 0.0
        self.precision = precision
