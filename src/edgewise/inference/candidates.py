"""The relation of a batch: everybody to everybody, or to each entity its candidates."""

from torch import Tensor

from edgewise.relation import Complete, Relation, from_slots


class CandidateRelation:
    """One relation for all graphs of a batch, and the way between its layout and [stretch, time, receiver, slot].

    Everybody with everybody is a `Complete` relation under leading dimensions; candidates are a `Sparse` relation
    on the disjoint union of the batch's graphs.

    Args:
        slots: [stretch, entity, n_candidates] int64, who may act on each entity.
    """

    def __init__(self, slots: Tensor) -> None:
        self.n_stretches, self.n_entities, self.n_candidates = slots.shape
        self.complete = self.n_candidates == self.n_entities - 1
        self.relation: Relation = (
            Complete(self.n_entities, loops=False) if self.complete else from_slots(slots)
        )

    def nodes(self, values: Tensor) -> Tensor:
        """[stretch, time, entity, f] -> the node layout of the relation."""
        return values if self.complete else values.transpose(0, 1).flatten(1, 2)

    def by_slot(self, edges: Tensor) -> Tensor:
        """Edges in the relation's layout -> [stretch, time, receiver, slot, f]."""
        if self.complete:
            return edges
        sizes = (self.n_stretches, self.n_entities, self.n_candidates)
        return edges.unflatten(1, sizes).transpose(0, 1)

    def senders(self, values: Tensor) -> Tensor:
        """[stretch, time, entity, f] -> what each in-edge's sender has: [stretch, time, receiver, slot, f]."""
        return self.by_slot(self.relation.from_senders(self.nodes(values)))

    def receivers(self, values: Tensor) -> Tensor:
        """[stretch, time, entity, f] -> what each in-edge's receiver has: [stretch, time, receiver, slot, f]."""
        return self.by_slot(self.relation.from_receivers(self.nodes(values)))
