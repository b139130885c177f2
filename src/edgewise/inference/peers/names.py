"""Which peers there are, what each needs, and whether that is here. Nothing of them is loaded."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from edgewise.errors import ConfigError


@dataclass(frozen=True)
class Peer:
    """A method of another package.

    Attributes:
        package: what must be importable; module: what of it does the work.
        directed: whether its score tells the sender from the receiver.
    """

    package: str
    module: str
    directed: bool


PEERS: Mapping[str, Peer] = {
    "graphical-lasso": Peer("sklearn", "sklearn.covariance", directed=False),
    "pcmci": Peer("tigramite", "tigramite.pcmci", directed=True),
    "netrd:correlation": Peer("netrd", "netrd.reconstruction", directed=False),
    "netrd:mutual-information": Peer("netrd", "netrd.reconstruction", directed=False),
    "netrd:ou": Peer("netrd", "netrd.reconstruction", directed=False),
    "netrd:granger": Peer("netrd", "netrd.reconstruction", directed=True),
    "netrd:transfer-entropy": Peer("netrd", "netrd.reconstruction", directed=True),
    "netrd:mean-field": Peer("netrd", "netrd.reconstruction", directed=True),
    "netrd:tap": Peer("netrd", "netrd.reconstruction", directed=True),
    "netrd:maximum-likelihood": Peer("netrd", "netrd.reconstruction", directed=True),
}
"""The peers by the name of their method."""


def installed(method: str) -> bool:
    """Whether a method can run here: one of ours always, a peer where its package is installed."""
    return method not in PEERS or find_spec(PEERS[method].package) is not None


def missing(method: str) -> ConfigError:
    """What is said of a peer whose package is not installed."""
    return ConfigError(
        f"the method {method} needs the package {PEERS[method].package}, which is not installed",
        expected="the extra `peers`",
        fix="install it: pip install 'edgewise[peers]'",
    )
