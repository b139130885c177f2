"""How well an encoder agrees with the exact posterior that it was taught by."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import torch

from edgewise.inference.hybrid.distil import LEAST, divergence


@dataclass(frozen=True)
class Agreement:
    """Over all pairs of recordings that the encoder was not taught with.

    Attributes:
        same: share of the pairs of which both name the same likeliest type.
        difference: mean absolute difference of the probability of a type.
        divergence: mean of sum_k p_k (log p_k - log q_k) in nats a pair, with p the exact posterior.
        n_recordings: how many they were; 0 where they were dreamt, the recordings being too few to hold some out.
    """

    same: float
    difference: float
    divergence: float
    n_recordings: int

    @classmethod
    def unknown(cls) -> Self:
        """Before it is measured."""
        return cls(float("nan"), float("nan"), float("nan"), 0)

    def sentence(self) -> str:
        """For a reader of a result."""
        where = (
            f"On {self.n_recordings:,} recording{'s' if self.n_recordings > 1 else ''} that it was not taught with"
            if self.n_recordings
            else "On dreamt evidence (there were too few recordings to hold some out)"
        )
        return (
            f"{where} the encoder names the same likeliest type as the exact posterior for {self.same:.2%} of the"
            f" pairs; their probabilities differ by {self.difference:.2g} on average, and the divergence is"
            f" {self.divergence:.2g} nats a pair."
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Self:
        return cls(**plain)


def agreement_of(exact: np.ndarray, encoder: np.ndarray, *, n_recordings: int) -> Agreement:
    """Compare two posteriors of the same pairs, [..., type] each; pairs of no type at all (no candidates) do not count.

    Args:
        n_recordings: see `Agreement`.
    """
    known = exact.sum(-1) > 0
    p, q = exact[known], encoder[known]
    apart = divergence(torch.from_numpy(p), torch.from_numpy(q).clamp_min(LEAST).log())
    return Agreement(
        same=float((p.argmax(-1) == q.argmax(-1)).mean()),
        difference=float(np.abs(p - q).mean()),
        divergence=float(apart.mean()),
        n_recordings=n_recordings,
    )
