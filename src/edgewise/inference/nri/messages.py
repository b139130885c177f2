"""Messages of each type of edge, and the sum of what arrives: what a decoder spends its time on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from edgewise.nn.dropout import QuickDropout
from edgewise.nn.linear import PairLinear
from edgewise.relation import Complete
from edgewise.relation.complete import with_diagonal

BLOCK_BYTES = 2 << 20
"""Size of the messages that are computed at once: about what a core keeps in its cache."""


@dataclass(frozen=True)
class Activation:
    """An activation in place, and the gradient before it from that after it and its result."""

    apply: Callable[[Tensor], Tensor]
    backward: Callable[[Tensor, Tensor], Tensor]


RELU = Activation(torch.relu_, lambda gradient, out: torch.ops.aten.threshold_backward(gradient, out, 0))
TANH = Activation(torch.tanh_, torch.ops.aten.tanh_backward)


class TypedMessages(nn.Module):
    """A two-layer network of messages for each type of edge, and the sum of what arrives:

        m_i = sum_j sum_k z_ijk f_k([h_i; h_j]),    f_k(h) = s(W_k2 s(W_k1 h + b_k1) + b_k2)

    The first layers of all types are one `PairLinear`, the second ones one batch of products. Systems are taken in
    blocks that fit into the cache, with a gradient of its own (`SummedMessages`): beside the products, the time goes
    into moving messages to and from the memory.

    Args:
        node_dim: features of a node; hidden: of both layers; n_types: types that act.
        activation: s; dropout: between the layers.

    Shapes: nodes [..., n, node_dim], weights z [..., n, n - 1, type] -> [..., n, hidden].
    """

    def __init__(
        self, node_dim: int, *, hidden: int, n_types: int, activation: Activation, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.activation, self.n_types = activation, n_types
        self.pair = PairLinear(n_types * hidden, receiver_dim=node_dim, sender_dim=node_dim)
        self.dropout = QuickDropout(dropout)
        bound = hidden**-0.5  # as `nn.Linear`
        self.weight = nn.Parameter(torch.empty(n_types, hidden, hidden).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(n_types, 1, hidden).uniform_(-bound, bound))

    def forward(self, relation: Complete, nodes: Tensor, weights: Tensor) -> Tensor:
        lead, n = nodes.shape[:-2], relation.n_receivers
        flat = nodes.reshape(-1, n, nodes.shape[-1])
        weights = weights.expand(*lead, *relation.layout, self.n_types).flatten(0, -4)
        receivers = self._typed(nn.functional.linear(flat, self._part("receiver"), self.pair.bias))
        senders = self._typed(nn.functional.linear(flat, self._part("sender")))
        inputs = (receivers, senders, self.weight, self.bias, weights.movedim(-1, 0).unsqueeze(-1))
        if self.training and self.dropout.p:
            total = self._in_steps(relation, *inputs)
        else:
            total = SummedMessages.apply(relation, self.activation, *inputs)
        return total.view(*lead, n, -1)

    def _part(self, end: str) -> Tensor:
        weight = getattr(self.pair, end)
        assert isinstance(weight, Tensor)
        return weight

    def _typed(self, projected: Tensor) -> Tensor:
        """[system, n, type * hidden] -> [type, system, n, hidden], contiguous."""
        return projected.unflatten(-1, (self.n_types, -1)).movedim(-2, 0).contiguous()

    def _in_steps(
        self, relation: Complete, receivers: Tensor, senders: Tensor, weight: Tensor, bias: Tensor, z: Tensor
    ) -> Tensor:
        """The same where units are dropped between the layers."""
        first = self.activation.apply(relation.from_receivers(receivers) + relation.from_senders(senders))
        rows = self.dropout(first).flatten(1, 3)
        second = self.activation.apply(torch.baddbmm(bias, rows, weight)).view(first.shape)
        return (z * second).sum((0, 3))


class SummedMessages(torch.autograd.Function):
    """sum_k sum_j z_ijk s(W_k s(r_ik + s_jk) + b_k), a block of systems after the other.

    Shapes: receivers r and senders s [type, system, n, hidden], weight [type, hidden, hidden], bias [type, 1, hidden],
    z [type, system, n, n - 1, 1] -> [system, n, hidden]. Under autocast all of it is in bfloat16.
    """

    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.bfloat16)
    def forward(
        ctx: Any,
        relation: Complete,
        activation: Activation,
        receivers: Tensor,
        senders: Tensor,
        weight: Tensor,
        bias: Tensor,
        z: Tensor,
    ) -> Tensor:
        n_types, hidden = len(receivers), receivers.shape[-1]
        a_system = n_types * relation.n_edges * hidden * receivers.element_size()
        size = max(BLOCK_BYTES // max(a_system, 1), 1)
        layers, sums = [], []
        for r, s, part in zip(*(x.split(size, 1) for x in (receivers, senders, z)), strict=True):
            first = activation.apply(relation.from_receivers(r) + relation.from_senders(s))
            rows = torch.baddbmm(bias, first.view(n_types, -1, hidden), weight)
            second = activation.apply(rows).view(first.shape)
            sums.append((part * second).sum((0, 3)))
            layers += [first, second]
        ctx.save_for_backward(weight, z, *layers)
        ctx.activation, ctx.size = activation, size
        return torch.cat(sums)

    @staticmethod
    @once_differentiable
    @torch.amp.custom_bwd(device_type="cpu")
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, arriving: Tensor
    ) -> tuple[Tensor | None, ...]:
        weight, z, *layers = ctx.saved_tensors
        hidden, back = weight.shape[-1], ctx.activation.backward
        summed = torch.promote_types(weight.dtype, torch.float32)  # many blocks add up
        to_weight = torch.zeros_like(weight, dtype=summed)
        to_bias = to_weight.new_zeros(len(weight), 1, hidden)
        to_receivers, to_senders, to_z = [], [], []
        blocks = zip(arriving.split(ctx.size), z.split(ctx.size, 1), layers[::2], layers[1::2], strict=True)
        for arrived, part, first, second in blocks:
            arrived = arrived[None, :, :, None]  # [1, system, n, 1, hidden]
            to_z.append((arrived * second).sum(-1, keepdim=True))
            rows = back(arrived * part, second).flatten(1, 3)
            to_weight += torch.bmm(first.flatten(1, 3).mT, rows)
            to_bias += rows.sum(1, keepdim=True, dtype=summed)
            pairs = back(torch.bmm(rows, weight.mT).view(first.shape), first)
            to_receivers.append(pairs.sum(-2))
            to_senders.append(with_diagonal(pairs).sum(-3))
        found = (torch.cat(parts, 1) for parts in (to_receivers, to_senders, to_z))
        receivers, senders, weights = found
        return None, None, receivers, senders, to_weight, to_bias, weights
