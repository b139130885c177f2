"""Sparse inverse covariance, by scikit-learn."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgewise.inference.peers.recordings import Group

if TYPE_CHECKING:
    from edgewise.inference.config import PeersConfig


def graphical_lasso(group: Group, settings: "PeersConfig") -> NDArray[np.float64]:
    """|Partial correlation| from the precision matrix P of Friedman, Hastie & Tibshirani (2008).

        P = argmin -log det P + tr(S P) + a |P|_1,    rho_ij = -P_ij / sqrt(P_ii P_jj)

    with the penalty a of the highest likelihood in cross-validation (`sklearn.covariance.GraphicalLassoCV`).

    Returns:
        [column, column], symmetric.
    """
    from sklearn.covariance import GraphicalLassoCV

    del settings  # it looks at one frame at a time
    precision = np.asarray(GraphicalLassoCV(assume_centered=True).fit(group.joined).precision_)
    scale = np.sqrt(np.diagonal(precision))
    return np.abs(precision) / (scale[:, None] * scale)
