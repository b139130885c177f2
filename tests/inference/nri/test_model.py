"""Encoder, sample and decoder together: the bound, graphs without direction, roll-outs, learning without labels."""

import math

import numpy as np
import pytest
import torch

from edgewise.inference.config import InferenceConfig
from edgewise.inference.metrics import edge_metrics
from edgewise.inference.nri.decoder import MLPDecoder, RNNDecoder
from edgewise.inference.nri.encoder import MLPEncoder
from edgewise.inference.nri.fit import train_nri
from edgewise.inference.nri.model import NRI, relation_of
from edgewise.inference.nri.simulator import KNOWN_LAWS, SimulatorDecoder
from edgewise.physics import simulate
from edgewise.physics.box import Bodies
from edgewise.training import Deadline

FRAMES, N, FEATURES = 6, 4, 2


def model_of(kind="mlp", prior=(0.7, 0.3), **choices):
    torch.manual_seed(0)
    decoder = {"mlp": MLPDecoder, "rnn": RNNDecoder}[kind](FEATURES, 2, hidden=5, silent=True)
    encoder = MLPEncoder(FRAMES, FEATURES, 2, hidden=5)
    return NRI(encoder, decoder, torch.tensor(prior).log(), prediction_steps=3, **choices).double()


def trajectories(batch=3, frames=FRAMES, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, frames, N, FEATURES, dtype=torch.float64, generator=generator)


def test_the_bound_is_its_two_sums():
    model, x = model_of(variance=0.1).eval(), trajectories()
    bound, q = model(x), model.log_posterior(x).exp()
    predicted = model.decoder.teacher_forced(relation_of(x), x, q, 3)
    nll = ((predicted - x[:, 1:]) ** 2).sum() / (2 * 0.1) / (3 * N)
    kl = sum(
        float(p) * math.log(float(p) / prior)
        for pair in q.detach().flatten(0, 2)
        for p, prior in zip(pair, (0.7, 0.3), strict=True)
    ) / (3 * N)
    assert bound.nll.item() == pytest.approx(nll.item())
    assert bound.kl.item() == pytest.approx(kl, rel=1e-5)  # the prior is float32
    assert bound.total.item() == pytest.approx(nll.item() + kl, rel=1e-6)


def test_samples_are_drawn_in_training_only():
    model, x = model_of(), trajectories()
    assert model(x).nll.item() != model(x).nll.item()
    model.eval()
    assert model(x).nll.item() == model(x).nll.item()


@pytest.mark.parametrize("hard", [False, True])
def test_gradients_reach_every_weight(hard):
    model = model_of(hard=hard, variance=0.1)
    model(trajectories()).total.backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


def test_without_direction_both_ways_have_one_type_and_one_sample():
    model, x = model_of(undirected=True, hard=True), trajectories()
    relation = relation_of(x)
    log_q = model.log_posterior(x)
    torch.testing.assert_close(log_q, relation.reverse_edges(log_q))
    z = model.sample(log_q)
    torch.testing.assert_close(z, relation.reverse_edges(z))
    one_way = model_of(hard=True)
    raw = one_way.encoder(relation, x)
    odds = (raw + relation.reverse_edges(raw)).diff(dim=-1)
    torch.testing.assert_close(log_q.diff(dim=-1), odds)  # evidence is added
    free = one_way.sample(log_q)
    assert not torch.equal(free, relation.reverse_edges(free))
    bound, log_q = model.eval()(x), model.log_posterior(x)
    full = (log_q.exp() * (log_q - model.log_prior)).sum() / (3 * N)
    assert bound.kl.item() == pytest.approx(full.item() / 2)


@pytest.mark.parametrize("kind", ["mlp", "rnn"])
def test_a_roll_out_is_one_step_after_the_other(kind):
    model, x = model_of(kind).eval(), trajectories()
    with torch.no_grad():
        z = model.log_posterior(x).exp()
        ahead = model.roll(x, z, 4)
        relation, state = relation_of(x), model.decoder.start(x[:, 0])
        for t in range(FRAMES - 1):
            _, state = model.decoder.step(relation, x[:, t], state, z)
        nodes = x[:, -1]
        for t in range(4):
            nodes, state = model.decoder.step(relation, nodes, state, z)
            torch.testing.assert_close(ahead[:, t], nodes)


def test_a_dynamic_roll_out_reads_the_graph_from_its_own_predictions():
    model, x = model_of().eval(), trajectories()
    with torch.no_grad():
        anything = torch.full((3, N, N - 1, 2), 0.5, dtype=torch.float64)
        ahead = model.roll(x, anything, 3, dynamic=True)
        past = x
        for t in range(3):
            nodes = model.roll(past, model.log_posterior(past).exp(), 1)[:, 0]
            torch.testing.assert_close(ahead[:, t], nodes)
            past = torch.cat([past[:, 1:], nodes[:, None]], 1)
    assert not torch.allclose(ahead, model.roll(x, anything, 3))


def test_noise_has_the_variance_of_the_model():
    model, x = model_of(variance=0.04).eval(), trajectories(batch=400)
    with torch.no_grad():
        z = torch.full((400, N, N - 1, 2), 0.5, dtype=torch.float64)
        mean = model.roll(x, z, 1)
        drawn = model.roll(x, z, 1, noise=torch.Generator().manual_seed(0))
    assert (drawn - mean).std().item() == pytest.approx(0.2, rel=0.05)


def test_with_the_known_law_the_graphs_are_learnt_without_labels():
    """The encoder alone is trained, by the bound: the truth is looked at afterwards."""
    bodies = Bodies(2.0, 0.5, dt=0.02, sample_every=5)
    choices = {"entities": 3, "steps": 12, "strength": 2.0, "dt": 0.02, "sample_every": 5}
    ds = simulate("springs", sequences=200, seed=0, **choices)
    values = torch.from_numpy(np.stack([ds[name].to_numpy() for name in ("x", "y", "vx", "vy")], -1)).float()
    law = KNOWN_LAWS["springs"]
    law = type(law)(law.pull, (0.0, 2.0), bodies)
    torch.manual_seed(0)
    decoder = SimulatorDecoder(law, bodies, center=torch.zeros(4), scale=torch.ones(4))
    model = NRI(MLPEncoder(12, 4, 2, hidden=16), decoder, torch.tensor([0.5, 0.5]).log(), variance=1e-2)
    settings = {"max_steps": 60, "batch_size": 40, "learning_rate": 1e-2}
    trained = train_nri(model, values[:, None], InferenceConfig.from_dict(settings), deadline=Deadline())
    assert trained.steps == 60
    with torch.no_grad():
        found = relation_of(values).to_dense(model.log_posterior(values).exp()).numpy()
    assert edge_metrics(found, ds["edges"].to_numpy(), types_matched=False).edge_accuracy > 0.7
