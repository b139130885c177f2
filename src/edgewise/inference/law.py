"""The learnt pairwise law f_k(sender, receiver): what each type of relation does, and its inductive biases."""

import torch
from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.inference.candidates import CandidateRelation
from edgewise.inference.config import LawConfig
from edgewise.inference.layers import combination
from edgewise.nn.geometry import COVARIANT, INVARIANT, pair_geometry, tangent, transverse_velocity
from edgewise.nn.linear import PairMLP, PairProduct
from edgewise.relation.complete import off_diagonal, with_diagonal


def geometry(position: Tensor, velocity: Tensor, pairs: CandidateRelation) -> dict[str, Tensor]:
    """The pair seen from its receiver, in the data's length and speed scales (`edgewise.nn.geometry`).

    Shapes: position, velocity [stretch, time, entity, d] -> values [stretch, time, receiver, slot, d or 1].
    """
    r = pairs.senders(position) - pairs.receivers(position)
    w = pairs.senders(velocity) - pairs.receivers(velocity)
    return pair_geometry(r, w)


def antisymmetric(messages: Tensor) -> Tensor:
    """Action equals reaction: (f(j, i) - f(i, j)) / 2 for [stretch, time, receiver, n - 1, d]."""
    dense = with_diagonal(messages)
    return off_diagonal(dense - dense.transpose(-2, -3)) / 2


class PairwiseLaw(nn.Module):
    """Messages of every candidate sender to every receiver, one a type of relation:

        f_k(s_j, s_i),  k = 0 .. n_types - 1,   one shared network with a linear head a type

    With `rotation` the spatial part of a message is a_k u + b_k t, with t the tangent and coefficients that depend only
    on what a rotation leaves alone (|r|, the radial velocity w . u and the transverse one w . t); with `symmetric`,
    f_k(j, i) = -f_k(i, j); with `additive` only the sender is read; without `translation` both positions enter as they
    are; with `separable`, f_k = sum_r w_kr a_r(s_j) b_r(s_i), where nothing of the pair but its ends is read. With
    `instantaneous` the sender's state at the next frame is read beside that at this one; with `layers` the heads of
    joint types are tied (`edgewise.inference.layers`).

    Args:
        config: the inductive biases.
        n_types: number of types, and of heads unless they are tied.
        space_dim: dimensions of space, 0 for data without positions.
        context_dim: features of a node beside position and velocity.
        n_targets: numbers that a message adds to (velocity increments first).
        after_dim: features of a sender at the next frame, 0 unless effects are instantaneous.
        layers: types of each of several relations whose product are the types.
    """

    combined: Tensor | None

    def __init__(
        self,
        config: LawConfig,
        n_types: int,
        *,
        space_dim: int,
        context_dim: int,
        n_targets: int,
        after_dim: int = 0,
        layers: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        self.register_buffer("combined", combination(layers) if layers else None, persistent=False)
        self.n_heads = n_types if self.combined is None else self.combined.shape[1]
        self.config, self.n_types, self.space_dim, self.n_targets = config, n_types, space_dim, n_targets
        node_dim = context_dim
        if space_dim and not config.translation:
            node_dim += space_dim
        if space_dim and (config.additive or config.separable):
            node_dim += space_dim
        edge_dim = 0
        if space_dim and not (config.additive or config.separable):
            edge_dim = len(INVARIANT) if config.rotation else 3 * space_dim + 3
        if config.rotation and space_dim < 2:
            raise ConfigError(
                f"rotation asked for data with {space_dim} position columns",
                expected="positions in 2 or 3 dimensions",
                fix="name the position columns, or drop rotation",
            )
        if node_dim + edge_dim == 0:
            raise ConfigError(
                "the law has nothing to read: additive and translation-invariant, without other features",
                fix="drop additive, or set translation = false",
            )
        spatial = 2 if config.rotation else space_dim
        self.n_outputs = spatial + n_targets - space_dim
        heads, sender_dim = self.n_heads * self.n_outputs, node_dim + after_dim
        if config.separable:
            self.network: PairMLP | PairProduct = PairProduct(
                heads,
                receiver_dim=node_dim,
                sender_dim=sender_dim,
                rank=config.separable,
                hidden=config.hidden,
            )
        else:
            self.network = PairMLP(
                (config.hidden, config.hidden, heads),
                receiver_dim=0 if config.additive else node_dim,
                sender_dim=sender_dim,
                edge_dim=edge_dim,
            )

    def forward(
        self,
        position: Tensor,
        velocity: Tensor,
        context: Tensor,
        pairs: CandidateRelation,
        pair: dict[str, Tensor],
        after: Tensor | None = None,
    ) -> Tensor:
        """-> messages [stretch, time, receiver, slot, type, target]; `pair` is what `geometry` gives.

        `after`: the state at the next frame [stretch, time, entity, after_dim], for instantaneous effects.
        """
        known = [context]
        if self.space_dim and not self.config.translation:
            known.append(position)
        ends_only = self.config.additive or bool(self.config.separable)
        if self.space_dim and ends_only:
            known.append(velocity)
        nodes = pairs.nodes(torch.cat(known, -1))
        senders = nodes if after is None else pairs.nodes(torch.cat([*known, after], -1))
        edges = None
        if pair and self.config.rotation:
            pair = pair | {"transverse_velocity": transverse_velocity(pair)}
        if pair and not ends_only:
            seen = torch.cat([pair[name] for name in (INVARIANT if self.config.rotation else COVARIANT)], -1)
            edges = seen if pairs.complete else seen.transpose(0, 1).flatten(1, 3)
        out = pairs.by_slot(self.network(pairs.relation, nodes, senders, edges))
        if self.config.rotation:
            out = self._turned(out, pair)
        if self.config.symmetric:
            out = antisymmetric(out)
        return self.by_type(out)

    def by_type(self, out: Tensor) -> Tensor:
        """What the heads say [..., n_heads * n_targets] as messages of the types [..., n_types, n_targets]."""
        heads = out.unflatten(-1, (self.n_heads, self.n_targets))
        return heads if self.combined is None else torch.einsum("kh,...ht->...kt", self.combined, heads)

    def _turned(self, out: Tensor, pair: dict[str, Tensor]) -> Tensor:
        """Coefficients (radial, tangential, scalars...) a type -> components in space."""
        parts = out.unflatten(-1, (self.n_heads, self.n_outputs))
        spatial = (
            parts[..., :1] * pair["direction"][..., None, :] + parts[..., 1:2] * tangent(pair)[..., None, :]
        )
        return torch.cat([spatial, parts[..., 2:]], -1).flatten(-2)

    @torch.no_grad()
    def combine_heads(self, mix: Tensor) -> None:
        """Replace the types' laws by linear combinations: f_k <- sum_r mix[k, r] f_r. mix: [n_types, n_types].

        Where heads are tied, by the nearest tied ones: heads <- C^+ mix C heads, with C as in `combination`.
        """
        if self.combined is not None:
            tied = self.combined.double()
            mix = torch.linalg.pinv(tied) @ mix.to(tied) @ tied
        last = self.network.layers[-1]
        assert isinstance(last, nn.Linear)
        for parameter in (last.weight, last.bias):
            heads = parameter.unflatten(0, (self.n_heads, self.n_outputs))
            parameter.copy_(torch.einsum("kr,r...->k...", mix.to(heads), heads).flatten(0, 1))


def mlp(fan_in: int, hidden: int, fan_out: int) -> nn.Sequential:
    """Two hidden layers with the activation of `PairMLP`."""
    return nn.Sequential(
        nn.Linear(fan_in, hidden),
        nn.Hardswish(),
        nn.Linear(hidden, hidden),
        nn.Hardswish(),
        nn.Linear(hidden, fan_out),
    )


class OwnMotion(nn.Module):
    """What an entity does by itself: f_own(s_i), from its position (walls, fields), velocity and context."""

    def __init__(self, hidden: int, *, space_dim: int, context_dim: int, n_targets: int) -> None:
        super().__init__()
        fan_in = 2 * space_dim + context_dim
        self.network = mlp(fan_in, hidden // 2, n_targets)

    def forward(self, position: Tensor, velocity: Tensor, context: Tensor) -> Tensor:
        """-> [stretch, time, entity, target]."""
        return self.network(torch.cat([position, velocity, context], -1))


class NoiseShape(nn.Module):
    """How uncertain a receiver's increment is, up to one common level: log sigma_i = g(s_i, pooled neighbours).

    Pooled over the present candidates: mean and maximum of 1/|r|, log of that maximum, and the fastest approach
    weighted by 1/|r|: a close encounter is where an increment cannot be predicted. It never sees the graph.
    """

    POOLED = 4
    LIMIT = 8.0

    def __init__(self, hidden: int, *, space_dim: int, context_dim: int, n_targets: int) -> None:
        super().__init__()
        self.pooled = self.POOLED if space_dim else 0
        self.network = mlp(2 * space_dim + context_dim + self.pooled, hidden // 2, n_targets)
        last = self.network[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(
        self, position: Tensor, velocity: Tensor, context: Tensor, pair: dict[str, Tensor], there: Tensor
    ) -> Tensor:
        """`there`: [stretch, time, receiver, slot, 1], 1 where present -> [stretch, time, entity, target]."""
        known = [position, velocity, context]
        if self.pooled:
            close = pair["closeness"] * there
            nearest = close.amax(-2)
            approach = (pair["radial_velocity"] * close).amax(-2)
            known += [close.mean(-2), nearest, nearest.clamp_min(1e-3).log(), approach]
        return self.network(torch.cat(known, -1)).clamp(-self.LIMIT, self.LIMIT)
