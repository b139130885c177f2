"""Encoders: the paper's equations pair by pair, and what must not change the answer."""

import pytest
import torch

from edgewise.errors import DataError
from edgewise.inference.nri.encoder import CNNEncoder, MLPEncoder
from edgewise.inference.nri.layers import MLPBlock
from edgewise.nn.linear import PairLinear
from edgewise.relation import Complete

from . import loops

FRAMES, FEATURES = 15, 3


def encoder_of(kind, types=2, **choices):
    torch.manual_seed(0)
    made = (
        MLPEncoder(FRAMES, FEATURES, types, hidden=5, **choices)
        if kind == "mlp"
        else CNNEncoder(FEATURES, types, hidden=5, **choices)
    ).double()
    for norm in (m for m in made.modules() if isinstance(m, torch.nn.BatchNorm1d)):
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    return made


def trajectories(batch=3, n=4, frames=FRAMES, seed=1):
    return torch.randn(
        batch, frames, n, FEATURES, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


@pytest.mark.parametrize("factor_graph", [True, False])
@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_it_is_the_papers_equations_pair_by_pair(kind, factor_graph):
    encoder, x = encoder_of(kind, types=3, factor_graph=factor_graph), trajectories(batch=2)
    plain = loops.mlp_encoder if kind == "mlp" else loops.cnn_encoder
    logits = encoder(Complete(4, loops=False), x)
    assert logits.shape == (2, 4, 3, 3)
    torch.testing.assert_close(logits.flatten(0, 2), plain(encoder, x), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_permuting_entities_permutes_the_logits(kind):
    encoder, x = encoder_of(kind), trajectories()
    relation, order = Complete(4, loops=False), torch.tensor([2, 0, 3, 1])
    logits = relation.to_dense(encoder(relation, x))
    permuted = relation.to_dense(encoder(relation, x[:, :, order]))
    torch.testing.assert_close(permuted, logits[:, order][:, :, order])


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_in_evaluation_a_batch_is_its_systems_one_by_one(kind):
    encoder, x = encoder_of(kind, dropout=0.5), trajectories()
    relation = Complete(4, loops=False)
    encoder(relation, x)  # the normalisation has seen something
    encoder.eval()
    whole = encoder(relation, x)
    torch.testing.assert_close(whole, torch.cat([encoder(relation, one[None]) for one in x]))
    torch.testing.assert_close(whole, encoder(relation, x))  # dropout is off


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_dropout_is_on_in_training(kind):
    encoder, x = encoder_of(kind, dropout=0.5), trajectories()
    relation = Complete(4, loops=False)
    assert not torch.equal(encoder(relation, x), encoder(relation, x))


def test_an_encoder_reads_systems_of_another_size():
    encoder = encoder_of("mlp").eval()
    assert encoder(Complete(7, loops=False), trajectories(n=7)).shape == (3, 7, 6, 2)


def test_without_the_factor_graph_a_pair_hears_of_nobody_else():
    x = trajectories()
    other = x.clone()
    other[:, :, 3] += 1.0
    relation = Complete(4, loops=False)
    for factor_graph in (True, False):
        encoder = encoder_of("mlp", factor_graph=factor_graph).eval()
        before, after = (relation.to_dense(encoder(relation, part)) for part in (x, other))
        untouched = torch.equal(before[:, :3, :3], after[:, :3, :3])
        assert untouched is not factor_graph


@pytest.mark.parametrize("kind", ["mlp", "cnn"])
def test_gradients(kind):
    encoder = encoder_of(kind)
    x = trajectories(batch=1, n=3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: encoder(Complete(3, loops=False), x), (x,), fast_mode=True)


def test_a_block_starts_as_the_authors_code_does():
    torch.manual_seed(0)
    block = MLPBlock(PairLinear(300, receiver_dim=200, sender_dim=100), 300)
    assert block.first.receiver.std().item() == pytest.approx((2 / 600) ** 0.5, rel=0.02)
    assert block.first.sender.std().item() == pytest.approx((2 / 600) ** 0.5, rel=0.02)
    assert block.second.weight.std().item() == pytest.approx((2 / 600) ** 0.5, rel=0.02)
    assert (block.first.bias == 0.1).all()
    assert (block.second.bias == 0.1).all()


def test_recordings_of_another_length_are_refused_or_read():
    with pytest.raises(DataError) as error:
        encoder_of("mlp")(Complete(4, loops=False), trajectories(frames=12))
    assert "trajectories of 12 frames" in str(error.value)
    assert "15 frames, for which this encoder was made" in str(error.value)
    cnn = encoder_of("cnn").eval()
    assert cnn(Complete(4, loops=False), trajectories(frames=14)).shape == (3, 4, 3, 2)
    with pytest.raises(DataError, match="at least 14 frames for two convolutions"):
        cnn(Complete(4, loops=False), trajectories(frames=13))
