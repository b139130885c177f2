"""The verdict in the survey's terms, on modules whose bias is known."""

import pytest
import torch
from torch import nn

from audit.modules import Attention, Recurrent, Row, seeded
from edgewise.audit import Axes, audit
from edgewise.audit.report import record
from edgewise.audit.verdict import verdict
from edgewise.nn.attention import MultiHeadAttention
from edgewise.relation import Complete, Sparse

SEQUENCE = Axes(features=8, steps=16)


def judged(module, axes, **kwargs):
    found = verdict(audit(module, axes, samples=16, **kwargs))
    assert found is not None
    return found


def terms(module, axes, **kwargs):
    found = judged(module, axes, **kwargs)
    return found.entities, found.relations, found.bias, found.invariance


def test_an_mlp_assumes_nothing():
    assert terms(seeded(Row), Axes(entities=5, features=4)) == ("units", "all-to-all", "weak", ())


def test_layers_of_the_survey():
    circular = seeded(nn.Conv1d, 2, 3, 3, padding=1, padding_mode="circular")
    padded = seeded(nn.Conv2d, 2, 3, 3, padding=1)
    assert terms(circular, Axes(features=2, grid=(8,))) == (
        "grid elements",
        "local",
        "locality",
        ("spatial translation",),
    )
    assert terms(padded, Axes(features=2, grid=(8, 8))) == (
        "grid elements",
        "local",
        "locality",
        ("spatial translation (away from the ends)",),
    )
    entities, relations, bias, _ = terms(seeded(Recurrent), Axes(features=3, steps=16))
    assert (entities, relations, bias) == ("timesteps", "sequential", "sequentiality")


def test_attention_with_and_without_positions():
    assert terms(seeded(Attention), SEQUENCE) == ("nodes", "all-to-all", "arbitrary", ("node permutations",))
    assert terms(seeded(Attention, positions=True), SEQUENCE) == ("timesteps", "all-to-all", "weak", ())


def test_relative_positions_in_a_window_are_local_and_shift():
    found = terms(seeded(Attention, relative=2, reach=3), SEQUENCE)
    assert found == ("timesteps", "local", "locality", ("time translation (away from the ends)",))


class Masked(nn.Module):
    """Attention to the steps before."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(8, 2)

    def forward(self, x):
        return self.attention(Complete(x.shape[1], causal=True), x)


def test_causal_attention_is_sequential():
    entities, relations, bias, _ = terms(seeded(Masked), SEQUENCE)
    assert (entities, relations, bias) == ("timesteps", "sequential", "sequentiality")


class Summed(nn.Module):
    """Sums over senders, `layers` times."""

    def __init__(self, layers: int) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x, relation):
        for _ in range(self.layers):
            x = relation.sum(relation.from_senders(x.sin()))
        return x


@pytest.mark.parametrize("layers", [1, 3])
def test_edges_that_are_given_are_followed_so_many_hops(layers):
    ring = Sparse(torch.arange(8), torch.arange(8).roll(-1), 8)
    found = judged(Summed(layers), Axes(entities=8, features=2), relation=ring)
    assert (found.entities, found.relations, found.hops, found.bias) == (
        "nodes",
        "edges",
        layers,
        "arbitrary",
    )
    assert found.invariance == ("node permutations", "edge permutations")
    hops = "hop" if layers == 1 else "hops"
    assert found.words()["relations"] == f"edges, {layers} {hops}"


def test_edges_beyond_the_given_relation_are_no_edges():
    class All(nn.Module):
        def forward(self, x, relation):
            return x + x.sum(1, keepdim=True).sin()

    ring = Sparse(torch.arange(8), torch.arange(8).roll(-1), 8)
    found = judged(All(), Axes(entities=8, features=2), relation=ring)
    assert (found.relations, found.hops) == ("all-to-all", None)


def test_each_for_itself_has_no_relations():
    alone = seeded(nn.Linear, 4, 4)
    assert terms(alone, Axes(entities=5, features=4)) == (
        "nodes",
        "none",
        "no relations",
        ("node permutations",),
    )


class Fixed(nn.Module):
    """Entity 0 hears entity 1, the others hear themselves, each with a weight of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.arange(1.0, 5.0)[:, None])

    def forward(self, x):
        return self.weight * torch.cat([x[:, :1] + x[:, 1:2].sin(), x[:, 1:]], 1)


def test_a_pattern_that_is_none_of_the_surveys():
    found = judged(Fixed(), Axes(entities=4, features=2))
    assert (found.entities, found.relations, found.bias) == ("units", "some pairs", "weak")


class Pooled(nn.Module):
    def forward(self, x):
        return x.sin().sum(1)


def test_one_answer_for_all():
    found = judged(Pooled(), Axes(entities=5, features=3))
    assert (found.relations, found.bias, found.invariance) == (
        "all-to-one",
        "arbitrary",
        ("node permutations",),
    )


class Pull(nn.Module):
    """sum over j of (x_j - x_i) / (1 + |x_j - x_i|^2): the same everywhere and in every direction."""

    def forward(self, x):
        apart = x[:, None, :, :] - x[:, :, None, :]
        return (apart / (1 + apart.square().sum(-1, keepdim=True))).sum(2)


def test_coordinates_are_named():
    found = judged(Pull(), Axes(entities=4, features=2, spatial=(0, 1)))
    assert found.invariance == ("node permutations", "translation of coordinates", "rotation", "reflection")


def test_a_random_module_has_no_verdict():
    class Noisy(nn.Module):
        def forward(self, x):
            return nn.functional.dropout(x, 0.5, training=True)

    found = audit(Noisy(), Axes(entities=4, features=2), samples=16)
    assert verdict(found) is None
    assert record(found)["verdict"] is None


def test_the_record_has_the_verdict():
    found = audit(seeded(Row), Axes(entities=5, features=4), samples=16)
    assert record(found)["verdict"] == {
        "entities": "units",
        "relations": "all-to-all",
        "hops": None,
        "bias": "weak",
        "invariance": [],
    }
