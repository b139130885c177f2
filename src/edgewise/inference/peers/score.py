"""The score of every ordered pair by a peer, in the form of the baselines'."""

import contextlib
import io
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from edgewise.errors import ConfigError, DataError
from edgewise.inference.baselines import BASELINES, Scope
from edgewise.inference.peers.lasso import graphical_lasso
from edgewise.inference.peers.names import PEERS, installed, missing
from edgewise.inference.peers.pcmci import pcmci
from edgewise.inference.peers.reconstructors import RECONSTRUCTORS
from edgewise.inference.peers.recordings import Group, groups

if TYPE_CHECKING:
    from edgewise.inference.config import InferenceConfig, PeersConfig

ADAPTERS: Mapping[str, Callable[[Group, "PeersConfig"], NDArray[np.float64]]] = {
    "graphical-lasso": graphical_lasso,
    "pcmci": pcmci,
    **RECONSTRUCTORS,
}
"""(the recordings of a graph, settings) -> a score [receiving column, sending column], by the name of the method."""


def scores(ds: xr.Dataset, config: "InferenceConfig") -> NDArray[np.float64]:
    """What a method that learns no law (a baseline or a peer) says of every ordered pair.

    Args:
        ds: a validated data set.

    Returns:
        [sequence, receiver, sender], [1, receiver, sender] for a shared graph: higher = rather an interaction.

    Raises:
        ConfigError: for more than two types, graphs a window, or a peer that is not installed.
        DataError: where the peer gives no answer.
    """
    if config.graph.edge_types != 2:
        raise ConfigError(
            f"{config.method} with {config.graph.edge_types} edge types",
            expected="2: a score tells edge from no edge",
        )
    if config.graph.graph == "per-window":
        raise ConfigError(f"{config.method} has no per-window graphs", fix="use method='superposition'")
    scope: Scope = "shared" if config.graph.graph == "shared" else "per-sequence"
    if config.method in BASELINES:
        return BASELINES[config.method](ds, scope)
    return peer_scores(config.method, ds, scope, config.peers)


def peer_scores(method: str, ds: xr.Dataset, scope: Scope, settings: "PeersConfig") -> NDArray[np.float64]:
    """A peer's score: of several features, the strongest over the features of both ends.

    Args, returns and raises as `scores`.
    """
    if method not in PEERS:
        raise ConfigError(f"{method!r} is no peer", expected=f"one of {', '.join(PEERS)}")
    if not installed(method):
        raise missing(method)
    return np.stack(
        [_answer(method, group, settings, k) for k, group in enumerate(groups(ds, scope, settings.series))]
    )


def _answer(method: str, group: Group, settings: "PeersConfig", position: int) -> NDArray[np.float64]:
    """The score of one graph; what the peer prints and warns of is its own business."""
    if len(group.entity) < 2:  # nothing, or one thing alone, moves
        return np.zeros((group.n_entities, group.n_entities))
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            found = np.array(ADAPTERS[method](group, settings))
        except Exception as error:
            raise DataError(
                f"{method} gave no answer for recording {position}"
                f" ({sum(map(len, group.recordings))} frames, {len(group.entity)} series that change):"
                f" {type(error).__name__}: {error}",
                expected="data that the package can read; this error is its own",
                fix="give it fewer entities or longer recordings, share one graph, or leave the method out",
            ) from error
    np.fill_diagonal(found, 0.0)
    if not np.isfinite(found).all():
        raise DataError(
            f"{method} gave no finite answer for recording {position}",
            expected="a number a pair",
            fix="give it longer recordings, share one graph, or leave the method out",
        )
    return group.pairs(found)
