"""Reconstructors of netrd (McCabe et al. 2021, "netrd: A library for network reconstruction and graph distances")."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from edgewise.inference.peers.recordings import Group

if TYPE_CHECKING:
    from edgewise.inference.config import PeersConfig


def _nothing(settings: "PeersConfig") -> dict[str, Any]:
    del settings
    return {}


@dataclass(frozen=True)
class Reconstructor:
    """One of netrd's classes, and how its answer is read.

    Attributes:
        kind: the name of the class in `netrd.reconstruction`.
        rows: what the rows of its matrix stand for; a symmetric one may be read either way.
        options: what `fit` is told beside the series.
    """

    kind: str
    rows: Literal["sender", "receiver"] = "receiver"
    options: Callable[["PeersConfig"], dict[str, Any]] = _nothing

    def __call__(self, group: Group, settings: "PeersConfig") -> NDArray[np.float64]:
        """Its matrix, [receiving column, sending column], of the recordings one after the other."""
        import netrd.reconstruction  # pyright: ignore[reportMissingImports]

        reconstructor = getattr(netrd.reconstruction, self.kind)()
        reconstructor.fit(np.ascontiguousarray(group.joined.T), **self.options(settings))
        found = np.asarray(reconstructor.results["weights_matrix"], dtype=np.float64)
        return found.T if self.rows == "sender" else found


RECONSTRUCTORS: Mapping[str, Reconstructor] = {
    "netrd:correlation": Reconstructor("CorrelationMatrix"),
    "netrd:mutual-information": Reconstructor("MutualInformationMatrix"),
    "netrd:ou": Reconstructor("OUInference"),
    "netrd:granger": Reconstructor("GrangerCausality", "sender", lambda s: {"lag": s.longest_delay}),
    "netrd:transfer-entropy": Reconstructor(
        "NaiveTransferEntropy", "sender", lambda s: {"delay_max": s.longest_delay}
    ),
    "netrd:mean-field": Reconstructor("MeanField", options=lambda _: {"exact": False}),
    "netrd:tap": Reconstructor("ThoulessAndersonPalmer"),
    "netrd:maximum-likelihood": Reconstructor("MaximumLikelihoodEstimation"),
}
"""netrd's methods by our names.

Left out are those of version 0.3.0 that fail with today's NumPy and NetworkX (partial correlation and its influence,
the exact mean field, spanning trees) or on series that are functions of each other (graphical lasso: ours is
scikit-learn's), those without a weight a pair, and cross mapping, whose infinite weights rank nothing.
"""
