"""Relations from distances and from tables of candidates."""

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.relation import Complete, between, from_slots, nearest_slots


def distances_of(points):
    return (points[..., :, None, :] - points[..., None, :, :]).norm(dim=-1)


def test_nearest_picks_the_closest_others_in_node_order():
    points = torch.randn(3, 6, 2, generator=torch.Generator().manual_seed(0))
    distances = distances_of(points)
    found = nearest_slots(distances, 2)
    assert found.shape == (3, 6, 2)
    for batch in range(3):
        for me in range(6):
            others = sorted((j for j in range(6) if j != me), key=lambda j: float(distances[batch, me, j]))
            assert found[batch, me].tolist() == sorted(others[:2])


def test_nobody_is_its_own_neighbour_even_among_coinciding_points():
    found = nearest_slots(torch.zeros(5, 5), 4)
    assert torch.equal(found, Complete(5, loops=False).slots())


def test_an_unknown_distance_is_the_farthest():
    distances = torch.ones(4, 4)
    distances[0, 1] = torch.nan
    distances[:, 3] = torch.nan
    assert nearest_slots(distances, 1).tolist() == [[2], [0], [0], [0]]
    assert nearest_slots(distances, 2)[0].tolist() == [1, 2]
    distances[0, 2] = torch.inf
    assert nearest_slots(distances, 1)[0].tolist() == [2]


@pytest.mark.parametrize("neighbours", [0, 4, -1])
def test_as_many_neighbours_as_there_are_others(neighbours):
    with pytest.raises(ConfigError) as error:
        nearest_slots(torch.zeros(4, 4), neighbours)
    assert f"{neighbours} nearest neighbours asked among 4 entities" in str(error.value)
    assert "a number from 1 to 3" in str(error.value)


def test_a_batch_of_graphs_is_their_disjoint_union():
    slots = nearest_slots(
        distances_of(torch.randn(2, 3, 5, 2, generator=torch.Generator().manual_seed(1))), 2
    )
    nodes = torch.randn(2, 3, 5, 4, dtype=torch.float64)
    union = from_slots(slots)
    assert union.n_receivers == union.n_senders == 30
    together = union.sum(union.from_senders(nodes.reshape(30, 4)).square())
    one_by_one = []
    for table, own in zip(slots.reshape(6, 5, 2), nodes.reshape(6, 5, 4), strict=True):
        relation = from_slots(table)
        one_by_one.append(relation.sum(relation.from_senders(own).square()))
    torch.testing.assert_close(together, torch.cat(one_by_one))
    # the layout is [*batch, receiver, slot]
    sent = union.from_senders(nodes.reshape(30, 4)).reshape(2, 3, 5, 2, 4)
    expected = nodes.gather(2, slots.flatten(2)[..., None].expand(-1, -1, -1, 4)).reshape(2, 3, 5, 2, 4)
    assert torch.equal(sent, expected)


def test_a_table_of_everybody_else_is_the_complete_relation():
    slots = Complete(4, loops=False).slots()
    sparse, edges = from_slots(slots), torch.randn(12, 2)
    assert torch.equal(sparse.to_dense(edges), Complete(4, loops=False).to_dense(edges.reshape(4, 3, 2)))


WORDS = torch.tensor([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], dtype=torch.bool)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("n_receivers", [1, 2, 4])
def test_everyone_hears_the_words_that_are_there(n_receivers, causal):
    relation = between(n_receivers, WORDS, causal=causal)
    assert relation.layout == (n_receivers, 4)
    for sentence, words in zip(relation.mask, WORDS.tolist(), strict=True):
        for receiver, row in enumerate(sentence.tolist()):
            last = receiver + 4 - n_receivers if causal else 3  # receivers are the last of the senders
            assert row == [there and sender <= last for sender, there in enumerate(words)]


def test_sentences_without_a_batch_and_in_a_batch_of_batches():
    assert torch.equal(between(2, WORDS[0]).mask, WORDS[:1].expand(2, -1))
    deep = between(2, WORDS.expand(5, -1, -1)).mask
    assert torch.equal(deep, WORDS[:, None].expand(5, 3, 2, 4))


def test_only_masks_say_who_is_there():
    with pytest.raises(ConfigError) as error:
        between(2, torch.ones(3, 4))
    assert "the mask of edges is torch.float32 of shape [3, 2, 4]" in str(error.value)
    assert "torch.bool of shape [..., 2, 4]" in str(error.value)


def test_more_receivers_than_senders_cannot_be_the_last_of_them():
    with pytest.raises(ConfigError, match=r"Complete\(5, 4, loops=True\) is to be causal"):
        between(5, WORDS, causal=True)
