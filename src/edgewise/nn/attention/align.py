"""From logits to weights: who is attended to, one class an alignment.

Every alignment maps (relation, logits, query) to weights in the shape of the logits, [..., *layout, heads]. Absent
edges have weight 0, and a receiver without in-edges gives zeros. `first` is the position of the first receiver, for a
decoder that takes one step at a time.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.nn.widths import check_width
from edgewise.relation import Relation


class Alignment(nn.Module, ABC):
    """An alignment: logits [..., *layout, heads], query [..., n_receivers, query_dim] -> weights as the logits."""

    @abstractmethod
    def forward(self, relation: Relation, logits: Tensor, query: Tensor, *, first: int = 0) -> Tensor: ...


class Softmax(Alignment):
    """w_rs = exp(l_rs) / sum over s' of exp(l_rs')."""

    def forward(self, relation: Relation, logits: Tensor, query: Tensor, *, first: int = 0) -> Tensor:
        return relation.softmax(logits)


class Mean(Alignment):
    """w_rs = l_rs / N with N the number of in-edges of r (Wang et al. 2018, section 3.2, for the dot product)."""

    def forward(self, relation: Relation, logits: Tensor, query: Tensor, *, first: int = 0) -> Tensor:
        count = relation.in_degrees.clamp_min(1)[..., None].to(logits)
        return relation.without_absent(logits / relation.from_receivers(count))


def sender_positions(relation: Relation, like: Tensor) -> Tensor:
    """The position of each edge's sender: [*layout, 1]."""
    places = torch.arange(relation.n_senders, dtype=like.dtype, device=like.device)
    return relation.from_senders(places[:, None])


def within(relation: Relation, positions: Tensor, centre: Tensor, reach: int) -> Relation:
    """The relation without the edges whose sender is further than `reach` from the receiver's centre.

    Args:
        positions: [*layout, 1]; centre: [..., n_receivers, 1].
    """
    near = (positions - relation.from_receivers(centre)).abs() <= reach
    return relation.masked(edges=near[..., 0])


class LocalMonotonic(Alignment):
    """Attention to the neighbours of one's own position (Luong, Pham & Manning 2015, section 3.2, "local-m").

        p_t = t,   softmax over the s in [p_t - D, p_t + D]

    On a `Band` of reach D this is `Softmax`, at a cost that is linear in the length.

    Args:
        reach: D, in positions.

    Raises:
        ConfigError: for a negative reach.
    """

    def __init__(self, reach: int = 10) -> None:
        super().__init__()
        self.reach = checked_reach(reach, 0)

    def forward(self, relation: Relation, logits: Tensor, query: Tensor, *, first: int = 0) -> Tensor:
        places = torch.arange(first, first + relation.n_receivers, dtype=logits.dtype, device=logits.device)
        window = within(relation, sender_positions(relation, logits), places[:, None], self.reach)
        return window.softmax(logits)


class LocalPredictive(Alignment):
    """Attention around a predicted position (Luong, Pham & Manning 2015, eq. 9-10, "local-p").

        p_t = S sigmoid(v^T tanh(W h_t)),   w_ts = softmax(l_t.)_s exp(-(s - p_t)^2 / (2 sigma^2)),   sigma = D / 2

    with S the number of senders of t and the softmax over the s within D of floor(p_t), the real p_t staying the
    centre of the Gaussian. As published, the weights are not normalised again; `RenormalisedLocalPredictive` does so.

    Args:
        query_dim: width of h; hidden: of W; reach: D, in positions.

    Raises:
        ConfigError: for a reach below 1.
    """

    def __init__(self, query_dim: int, hidden: int, reach: int = 10) -> None:
        super().__init__()
        self.reach = checked_reach(reach, 1)
        self.hidden = nn.Linear(query_dim, hidden, bias=False)
        self.vector = nn.Linear(hidden, 1, bias=False)

    def centre(self, relation: Relation, query: Tensor) -> Tensor:
        """p_t: [..., n_receivers, 1]."""
        check_width("the query of LocalPredictive", query, self.hidden.in_features)
        lengths = relation.in_degrees[..., None].to(query)
        return lengths * self.vector(self.hidden(query).tanh()).sigmoid()

    def forward(self, relation: Relation, logits: Tensor, query: Tensor, *, first: int = 0) -> Tensor:
        centre, places = self.centre(relation, query), sender_positions(relation, logits)
        window = within(relation, places, centre.detach().floor(), self.reach)
        away = places - relation.from_receivers(centre)
        return window.softmax(logits) * (-away.square() / (2 * (self.reach / 2) ** 2)).exp()


class RenormalisedLocalPredictive(LocalPredictive):
    """`LocalPredictive` whose weights add up to 1 again: w_ts / sum over s' of w_ts'."""

    def forward(self, relation: Relation, logits: Tensor, query: Tensor, *, first: int = 0) -> Tensor:
        weights = super().forward(relation, logits, query)
        total = relation.sum(weights)
        total = total.masked_fill(
            total == 0, 1.0
        )  # a window without senders: 0 / 1, and no gradient of infinity
        return weights / relation.from_receivers(total)


def checked_reach(reach: int, least: int) -> int:
    if reach < least:
        raise ConfigError(f"a window that reaches {reach} positions", expected=f"{least} or more")
    return reach
