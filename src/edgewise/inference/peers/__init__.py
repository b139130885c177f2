"""Methods of other packages behind the interface of ours: a score of every ordered pair, and so an ordinary result.

Importing this loads none of them, and none is needed by anything else.
"""

from edgewise.inference.peers.names import PEERS, Peer, installed, missing

__all__ = ["PEERS", "Peer", "installed", "missing"]
