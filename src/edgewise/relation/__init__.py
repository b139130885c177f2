"""Who may act on whom: directed edges sender -> receiver, and the operations that run on them.

Every relation offers the same operations, so that a layer is written once:

    from_senders(nodes)    [..., n_senders, d]   -> [..., *layout, d]
    from_receivers(nodes)  [..., n_receivers, d] -> [..., *layout, d]
    sum / mean / max       [..., *layout, d]     -> [..., n_receivers, d]   (0 for a receiver without in-edges)
    softmax(logits)        over each receiver's in-edges
    to_dense(edges)        [..., *layout, d]     -> [..., receiver, sender, d]
"""

from edgewise.relation.build import from_slots, nearest
from edgewise.relation.complete import Complete
from edgewise.relation.sparse import Sparse

Relation = Complete | Sparse

__all__ = ["Complete", "Relation", "Sparse", "from_slots", "nearest"]
