"""The relation without indices: its layout and what it refuses."""

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.relation import Complete
from edgewise.relation.complete import off_diagonal, with_diagonal


@pytest.mark.parametrize("n", [1, 2, 5])
def test_off_diagonal_leaves_out_the_receiver_itself(n):
    dense = torch.arange(2 * n * n * 3).reshape(2, n, n, 3)
    expected = [[dense[b, r, [s for s in range(n) if s != r]] for r in range(n)] for b in range(2)]
    expected = torch.stack([torch.stack(rows) for rows in expected])
    assert torch.equal(off_diagonal(dense), expected)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_with_diagonal_is_the_inverse_of_off_diagonal(n):
    edges = torch.arange(2 * n * (n - 1) * 3.0).reshape(2, n, n - 1, 3)
    dense = with_diagonal(edges, fill=-1.0)
    assert torch.equal(off_diagonal(dense), edges)
    assert (dense[:, range(n), range(n)] == -1).all()
    whole = torch.randn(n, n, 2)
    assert torch.equal(
        with_diagonal(off_diagonal(whole)) + torch.eye(n)[..., None] * whole,
        whole,
    )


def test_slots_name_the_senders_of_each_receiver():
    assert Complete(3, loops=False).slots().tolist() == [[1, 2], [0, 2], [0, 1]]
    assert Complete(2, 3).slots().tolist() == [[0, 1, 2], [0, 1, 2]]


def test_nodes_reach_their_edges_without_a_copy():
    nodes = torch.randn(4, 3)
    relation = Complete(4)
    for edges in (relation.from_senders(nodes), relation.from_receivers(nodes)):
        assert edges.data_ptr() == nodes.data_ptr()


@pytest.mark.parametrize(("receivers", "senders"), [(0, 0), (2, 0), (0, 2), (-3, 2)])
def test_a_relation_without_nodes_is_refused(receivers, senders):
    with pytest.raises(ConfigError) as error:
        Complete(receivers, senders)
    assert f"Complete({receivers}, {senders}) has no nodes" in str(error.value)
    assert "at least one of each" in str(error.value)


def test_two_sets_of_nodes_have_no_loops_to_leave_out():
    with pytest.raises(ConfigError) as error:
        Complete(3, 5, loops=False)
    assert "Complete without loops has 3 receivers and 5 senders" in str(error.value)
    assert "use loops=True" in str(error.value)
