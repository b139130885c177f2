"""Relative positions as attributes of the edges (Shaw, Uszkoreit & Vaswani 2018)."""

import torch
from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.nn.attention import clipped
from edgewise.relation import Complete, Relation
from edgewise.relation.heads import four_dimensional, join_heads, split_heads


class RelativePositions(nn.Module):
    """Vectors for the clipped distance of sender and receiver, added to keys and values.

        label_rs = clip(s - r, -k, k)
        logit_rs = q_r . (k_s + a^K_label) / sqrt(d),   out_r = sum_s w_rs (v_s + a^V_label)

    Shaw, Uszkoreit & Vaswani (2018), eq. 3-5. Nothing of the size n^2 d is built: q . a^K is a product with the table,
    from which each edge reads its own; for the values, weights are added up label by label and multiplied with the
    table once. On `Complete` a blockwise kernel keeps nothing of the size n^2 either (`edgewise.nn.attention.clipped`).

    Receivers are the last of the senders, as in decoding with a cache; with as many of both, receiver r is sender r.

    Args:
        head_dim: d of a head; reach: k, the distance from which on all are alike.
        heads: tables a head, or None for one that all heads share (as in the paper).
        values: whether the values get vectors too (without, see the paper's table 3).

    Shapes: query [..., n_receivers, heads * d], key and value [..., n_senders, heads * d].

    Raises:
        ConfigError: for a reach below 1.
    """

    def __init__(self, head_dim: int, reach: int, heads: int | None = None, *, values: bool = True) -> None:
        super().__init__()
        if reach < 1:
            raise ConfigError(f"relative positions up to a distance of {reach}", expected="at least 1")
        self.reach = reach
        shape = (heads or 1, 2 * reach + 1, head_dim)
        self.key = nn.Parameter(torch.empty(shape))
        self.value = nn.Parameter(torch.empty(shape)) if values else None
        for table in self.parameters():
            nn.init.xavier_uniform_(table.detach().flatten(0, 1))

    def check_heads(self, heads: int, head_dim: int) -> None:
        """Refuse to serve other heads than these tables were made for.

        Raises:
            ConfigError: naming both.
        """
        tables, _, width = self.key.shape
        if tables not in (1, heads) or width != head_dim:
            made_for = "heads" if tables == 1 else f"{tables} heads"
            raise ConfigError(
                f"relative positions for {made_for} of {width} features",
                expected=f"{heads} heads of {head_dim} features, as the attention has them",
            )

    def labels(self, relation: Relation) -> Tensor:
        """clip(s - r, -k, k) + k of every edge: [*layout] int64."""
        device = self.key.device
        receivers = (
            torch.arange(relation.n_receivers, device=device) + relation.n_senders - relation.n_receivers
        )
        senders = torch.arange(relation.n_senders, device=device)
        away = relation.from_senders(senders[:, None]) - relation.from_receivers(receivers[:, None])
        return away[..., 0].clamp(-self.reach, self.reach) + self.reach

    def _places(self, relation: Relation) -> Tensor:
        """Where each edge finds its number in a table [receiver, label]: [n_edges] int64."""
        rows = torch.arange(relation.n_receivers, device=self.key.device)
        rows = relation.from_receivers(rows[:, None])[..., 0]
        return (rows * (2 * self.reach + 1) + self.labels(relation)).flatten()

    def logits(self, relation: Relation, query: Tensor, heads: int) -> Tensor:
        """q_r . a^K_label: [..., *layout, heads]."""
        near = (split_heads(query, heads) @ self.key.mT).movedim(-3, -1)  # [..., receiver, label, head]
        edges = near.flatten(-3, -2).index_select(-2, self._places(relation))
        return edges.unflatten(-2, relation.layout)

    def context(self, relation: Relation, weights: Tensor) -> Tensor:
        """sum_s w_rs a^V_label: weights [..., *layout, heads] -> [..., n_receivers, heads * d]."""
        assert self.value is not None  # asked for only where there are tables
        heads, n_labels = weights.shape[-1], 2 * self.reach + 1
        edges = relation.without_absent(weights).flatten(-1 - len(relation.layout), -2)
        bins = edges.new_zeros(*edges.shape[:-2], relation.n_receivers * n_labels, heads)
        bins = bins.index_add(-2, self._places(relation), edges)
        by_head = bins.unflatten(-2, (relation.n_receivers, n_labels)).movedim(-1, -3)
        return join_heads(by_head @ self.value)

    def attend(
        self, relation: Relation, query: Tensor, key: Tensor, value: Tensor, *, heads: int, scale: float
    ) -> Tensor:
        """The whole attention: [..., n_receivers, heads * d]."""
        if not (isinstance(relation, Complete) and relation.loops):
            weights = self.weights(relation, query, key, heads=heads, scale=scale)
            return self.sum_senders(relation, weights, value)
        lead, (q, k, v) = four_dimensional(*(split_heads(part, heads) for part in (query, key, value)))
        mask = relation.present
        if mask is not None:
            mask = mask.expand(*lead, *mask.shape[-2:]).reshape(-1, *mask.shape[-2:])
        causal = relation.causal and relation.n_receivers > 1
        out = clipped.attention(q * scale, k, v, self.key, self.value, mask, causal)
        return join_heads(out.reshape(*lead, *out.shape[1:]))

    def weights(self, relation: Relation, query: Tensor, key: Tensor, *, heads: int, scale: float) -> Tensor:
        """The attention, an edge attribute: [..., *layout, heads]."""
        query = query * scale
        return relation.softmax(relation.dot(query, key, heads) + self.logits(relation, query, heads))

    def sum_senders(self, relation: Relation, weights: Tensor, value: Tensor) -> Tensor:
        """sum_s w_rs (v_s + a^V_label)."""
        out = relation.sum_senders(value, weights)
        return out if self.value is None else out + self.context(relation, weights)
