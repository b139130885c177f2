"""A pattern of influence beside a relation: within how many of its edges everybody who acts on a node is."""

import numpy as np

from edgewise.relation import Sparse


def hops(pattern: np.ndarray, relation: Sparse) -> int | None:
    """The smallest k such that all influence comes over paths of at most k edges; a node reaches itself in none.

    Args:
        pattern: who influences whom, bool [receiver, sender]; relation: the edges.

    Returns:
        None where no number of hops is enough, or the pattern is not one between the nodes.
    """
    n = relation.n_receivers
    if pattern.shape != (n, n):
        return None
    one = np.zeros((n, n), dtype=bool)
    one[relation.receivers.numpy(), relation.senders.numpy()] = True
    reached = np.eye(n, dtype=bool)
    for k in range(n + 1):
        if not (pattern & ~reached).any():
            return k
        reached = reached | (one.astype(int) @ reached.astype(int) > 0)
    return None
