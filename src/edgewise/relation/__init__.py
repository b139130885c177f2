"""Who may act on whom: directed edges sender -> receiver, and the operations that run on them.

Every relation offers the same operations (`Relation`), so that a layer is written once:

    from_senders(nodes)           [..., n_senders, d]   -> [..., *layout, d]
    from_receivers(nodes)         [..., n_receivers, d] -> [..., *layout, d]
    sum / mean / max              [..., *layout, d]     -> [..., n_receivers, d]   (0 for a receiver without in-edges)
    softmax(logits)               over each receiver's in-edges
    sum_senders(nodes, weights)   sum(weights * from_senders(nodes)), nothing the size of the edges in between
    attend / additive_attention   softmax of a score, then sum_senders
    to_dense(edges)               [..., *layout, d]     -> [..., receiver, sender, d]

`Complete` (layout [receiver, sender]) broadcasts, `Band` ([receiver, offset]) slides, `Sparse` ([edge]) walks rows.
"""

import torch

from edgewise.relation.band import Band
from edgewise.relation.base import Relation
from edgewise.relation.build import (
    between,
    chain,
    from_adjacency,
    from_edge_index,
    from_networkx,
    from_slots,
    grid,
    nearest,
    nearest_slots,
    radius,
)
from edgewise.relation.complete import Complete
from edgewise.relation.sparse import Sparse
from edgewise.relation.union import batch, unbatch

for _form in (
    Band,
    Complete,
    Sparse,
):  # so that a relation may be an input of `torch.export` and `torch.compile`
    torch.export.register_dataclass(_form, serialized_type_name=f"edgewise.{_form.__name__}")

__all__ = [
    "Band",
    "Complete",
    "Relation",
    "Sparse",
    "batch",
    "between",
    "chain",
    "from_adjacency",
    "from_edge_index",
    "from_networkx",
    "from_slots",
    "grid",
    "nearest",
    "nearest_slots",
    "radius",
    "unbatch",
]
