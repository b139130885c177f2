"""PCMCI with partial correlation, by tigramite (GPL; called where it is installed)."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from edgewise.inference.peers.recordings import Group

if TYPE_CHECKING:
    from edgewise.inference.config import PeersConfig


def pcmci(group: Group, settings: "PeersConfig") -> NDArray[np.float64]:
    """The largest |momentary conditional independence statistic| over the delays of a link.

        |ParCorr(x_j(t - d), x_i(t) | parents of x_i(t), parents of x_j(t - d))|,    d = shortest_delay .. longest_delay

    (Runge et al. 2019, "Detecting and quantifying causal associations in large nonlinear time series datasets"), with
    tigramite's own choice of all else. Several recordings of one graph go in as its "multiple" data sets.

    Returns:
        [receiving column, sending column].
    """
    from tigramite.data_processing import DataFrame  # pyright: ignore[reportMissingImports]
    from tigramite.independence_tests.parcorr import ParCorr  # pyright: ignore[reportMissingImports]
    from tigramite.pcmci import PCMCI  # pyright: ignore[reportMissingImports]

    frames = DataFrame(dict(enumerate(group.recordings)), analysis_mode="multiple")
    search = PCMCI(dataframe=frames, cond_ind_test=ParCorr(significance="analytic"), verbosity=0)
    found = search.run_pcmci(tau_min=settings.shortest_delay, tau_max=settings.longest_delay)
    values = np.abs(found["val_matrix"])[:, :, settings.shortest_delay :]  # [sender, receiver, delay]
    return values.max(axis=-1).T
