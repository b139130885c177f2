"""Can the data tell? A plain statement of which edges they speak for, and of what would make more of them sure."""

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise.inference.observations import Observations

if TYPE_CHECKING:
    from edgewise.inference.result import Inference

HALF = 0.5
"""An interval of an edge's probability that reaches below holds "no edge" as well."""


@dataclass(frozen=True)
class Verdict:
    """What control of false discoveries, and the bootstrap, leave of the pairs.

    Attributes:
        judged: pairs (of all graphs and windows, an undirected one once) that could have been edges.
        reported: edges in `edges.csv`.
        fdr: the false-discovery rate that was asked for, None without control.
        unsure: reported edges whose interval reaches below 1/2, None without intervals.
    """

    judged: int
    reported: int
    fdr: float | None
    unsure: int | None

    def to_dict(self) -> dict[str, Any]:
        """For `run.json`."""
        return asdict(self)

    def sentences(self) -> list[str]:
        """The verdict in one or two sentences."""
        said = []
        if self.fdr is not None:
            said.append(self._of_discoveries(self.fdr))
        if self.unsure is not None and self.reported:
            said.append(self._of_intervals(self.unsure))
        return said

    def _of_discoveries(self, fdr: float) -> str:
        rate = f"at a false-discovery rate of {fdr:g}"
        if not self.reported:
            return (
                f"The data cannot tell who acts on whom: none of the {self.judged:,} pairs stands out from decoys,"
                f" senders that cannot act, {rate}. All probabilities are in posterior.nc."
            )
        left = self.judged - self.reported
        rest = f"; for the other {left:,} the data cannot tell" if left else ""
        return f"{self.reported:,} of {self.judged:,} pairs are reported as edges {rate}{rest}."

    def _of_intervals(self, unsure: int) -> str:
        one = self.reported == 1
        if not unsure:
            whose = "The reported edge keeps" if one else f"All {self.reported:,} reported edges keep"
            return f"{whose} a probability above 0.5 throughout the 90 % interval over blocks of time."
        which = (
            "The reported edge has an interval that reaches"
            if one
            else f"{unsure:,} of the {self.reported:,} reported edges have intervals that reach"
        )
        return f"{which} below 0.5 (90 %, over blocks of time): more frames are needed."


def verdict_of(result: "Inference") -> Verdict | None:
    """The verdict on a result; None where neither `fdr` nor `bootstrap` was asked for."""
    controlled, resampled = "q_value" in result.confidence, "low" in result.confidence
    if not controlled and not resampled:
        return None
    edges = result.edges()
    unsure = int((edges["low"] < HALF).sum()) if resampled else None
    fdr = result.config.confidence.fdr if controlled else None
    return Verdict(_n_judged(result, controlled=controlled), len(edges), fdr, unsure)


def _n_judged(result: "Inference", *, controlled: bool) -> int:
    """Pairs with a q-value, or all pairs."""
    if controlled:
        judged = np.isfinite(result.confidence["q_value"].transpose(..., "receiver", "sender").to_numpy())
    else:
        judged = (result.probability.sum("type") > 0).transpose(..., "receiver", "sender").to_numpy()
    off_diagonal = ~np.eye(judged.shape[-1], dtype=bool)
    if result.config.graph.undirected:
        off_diagonal = np.triu(off_diagonal)
    return int((judged & off_diagonal).sum())


def scope_note(data: Observations, scope: str) -> list[str]:
    """What a reader of one long recording should know if each stretch of it was fitted with a graph of its own."""
    if scope != "per-sequence" or len(data) == 1 or int(data.sequence.max()):
        return []
    return [
        f"This one recording was fitted as {len(data):,} stretches of {data.target.shape[1]} frames, each with a graph"
        " of its own; the posterior adds all of them up. With graph = 'shared' the fit, too, is of one graph."
    ]
