"""Decoders: the paper's equations pair by pair, teacher forcing, and the known laws against the simulators."""

import numpy as np
import pytest
import torch

from edgewise.inference.nri.decoder import MLPDecoder, RNNDecoder
from edgewise.inference.nri.messages import RELU, TANH, TypedMessages
from edgewise.inference.nri.simulator import KNOWN_LAWS, SimulatorDecoder
from edgewise.physics import charged, springs
from edgewise.physics.box import Bodies
from edgewise.relation import Complete

from . import loops

N, FEATURES = 4, 3
RELATION = Complete(N, loops=False)


def decoder_of(kind, types=3, silent=True, **choices):
    torch.manual_seed(0)
    made = {"mlp": MLPDecoder, "rnn": RNNDecoder}[kind]
    return made(FEATURES, types, hidden=5, silent=silent, **choices).double()


def frames(batch=2, time=8, seed=1):
    return torch.randn(
        batch, time, N, FEATURES, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )


def graphs(batch=2, types=3, seed=2):
    drawn = torch.randn(
        batch, N, N - 1, types, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)
    )
    return drawn.softmax(-1)


def step(kind, decoder, nodes, state, weights):
    """One step of one system by plain loops."""
    if kind == "mlp":
        return loops.mlp_step(decoder, nodes, weights), state
    return loops.rnn_step(decoder, nodes, state, weights)


def forced(kind, decoder, truth, weights, is_true):
    """Predictions of one system by plain loops: the true input where `is_true(frame)`, else the last prediction."""
    nodes, state, made = truth[0], decoder.start(truth[0]), []
    for t in range(len(truth) - 1):
        nodes = truth[t] if is_true(t) else nodes
        nodes, state = step(kind, decoder, nodes, state, weights)
        made.append(nodes)
    return torch.stack(made)


@pytest.mark.parametrize("silent", [True, False])
@pytest.mark.parametrize("kind", ["mlp", "rnn"])
@pytest.mark.parametrize("steps", [1, 3, 20])
def test_it_is_the_papers_equations_pair_by_pair(kind, silent, steps):
    decoder, truth, z = decoder_of(kind, silent=silent), frames(), graphs()
    made = decoder.teacher_forced(RELATION, truth, z, steps)
    assert made.shape == (2, 7, N, FEATURES)
    for b in range(2):
        expected = forced(kind, decoder, truth[b], z[b], lambda t: t % steps == 0)
        torch.testing.assert_close(made[b], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("steps", [1, 2, 3, 7])
@pytest.mark.parametrize("time", [2, 7, 8, 9])
def test_every_frame_but_the_first_is_predicted_once(steps, time):
    decoder, truth = decoder_of("mlp"), frames(time=time)
    made = decoder.teacher_forced(RELATION, truth, graphs(), steps)
    expected = forced("mlp", decoder, truth[0], graphs()[0], lambda t: t % steps == 0)
    torch.testing.assert_close(made[0], expected)


def test_after_the_burn_in_every_input_is_a_prediction():
    decoder, truth, z = decoder_of("rnn", burn_in=5), frames(), graphs()
    made = decoder.teacher_forced(RELATION, truth, z, 1)
    torch.testing.assert_close(made[0], forced("rnn", decoder, truth[0], z[0], lambda t: t < 5))
    changed = truth.clone()
    changed[:, 5:] += 1.0
    assert torch.equal(decoder.teacher_forced(RELATION, changed, z, 1), made)


@pytest.mark.parametrize("kind", ["mlp", "rnn"])
def test_a_warmed_decoder_goes_on_where_teacher_forcing_ends(kind):
    decoder, truth, z = decoder_of(kind), frames(), graphs()
    state = decoder.warmed(RELATION, truth[:, :-1], z)
    after, _ = decoder.step(RELATION, truth[:, -2], state, z)
    torch.testing.assert_close(after, decoder.teacher_forced(RELATION, truth, z, 1)[:, -1])


@pytest.mark.parametrize("kind", ["mlp", "rnn"])
def test_a_silent_type_says_nothing(kind):
    decoder, truth = decoder_of(kind), frames()
    nobody = torch.zeros(2, N, N - 1, 3, dtype=torch.float64)
    nobody[..., 0] = 1.0
    made = decoder.teacher_forced(RELATION, truth, nobody, 3)
    changed = truth.clone()
    changed[:, :, 3] += 1.0
    moved = decoder.teacher_forced(RELATION, changed, nobody, 3)
    torch.testing.assert_close(moved[:, :, :3], made[:, :, :3])
    heard = decoder_of(kind, silent=False)
    assert not torch.allclose(
        heard.teacher_forced(RELATION, changed, nobody, 3)[:, :, :3],
        heard.teacher_forced(RELATION, truth, nobody, 3)[:, :, :3],
    )


@pytest.mark.parametrize("kind", ["mlp", "rnn"])
def test_permuting_entities_permutes_the_predictions(kind):
    decoder, truth, z = decoder_of(kind), frames(), graphs()
    order = torch.tensor([2, 0, 3, 1])
    dense = RELATION.to_dense(z)[:, order][:, :, order]
    turned = torch.stack([dense[:, i, [j for j in range(N) if j != i]] for i in range(N)], 1)
    made = decoder.teacher_forced(RELATION, truth, z, 3)
    permuted = decoder.teacher_forced(RELATION, truth[:, :, order], turned, 3)
    torch.testing.assert_close(permuted, made[:, :, order])


@pytest.mark.parametrize("kind", ["mlp", "rnn"])
def test_gradients_of_the_graph_and_the_weights(kind):
    decoder, truth, z = decoder_of(kind), frames(1, 4), graphs(1).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda z: decoder.teacher_forced(RELATION, truth, z, 2), (z,), fast_mode=True
    )
    decoder.teacher_forced(RELATION, truth, z, 2).sum().backward()
    assert all(p.grad is not None for p in decoder.parameters())


@pytest.mark.parametrize("activation", [RELU, TANH], ids=["relu", "tanh"])
def test_blocks_and_dropout_change_neither_messages_nor_gradients(monkeypatch, activation):
    """One block, a block a system, and the plain steps that dropout takes (of nearly nothing)."""
    torch.manual_seed(0)
    messages = TypedMessages(FEATURES, hidden=5, n_types=3, activation=activation).double()
    nodes, z = frames(batch=4)[:, :3].requires_grad_(), graphs(batch=4)[:, None].requires_grad_()
    outer = torch.randn(4, 3, N, 5, dtype=torch.float64)
    results = []
    for block, dropout in ((1 << 20, 0.0), (1, 0.0), (1, 1e-9)):
        monkeypatch.setattr("edgewise.inference.nri.messages.BLOCK_BYTES", block)
        messages.dropout.p = dropout
        heard = messages(RELATION, nodes, z)
        results.append(
            [heard, *torch.autograd.grad((heard * outer).sum(), [nodes, z, *messages.parameters()])]
        )
    for other in results[1:]:
        for found, expected in zip(other, results[0], strict=True):
            torch.testing.assert_close(found, expected)
    messages.dropout.p = 0.0
    assert torch.autograd.gradcheck(lambda x, w: messages(RELATION, x, w), (nodes, z), fast_mode=True)


def test_messages_of_the_recurrent_decoder_do_not_grow_with_the_number_of_entities():
    """Copies of one sender: the mean stays what it is, whatever the number of features."""
    decoder = decoder_of("rnn", types=2)
    state = torch.randn(1, 1, 5, dtype=torch.float64)
    found = []
    for n in (2, 6):
        z = torch.zeros(1, n, n - 1, 2, dtype=torch.float64)
        z[..., 1] = 1.0
        nodes = torch.ones(1, n, FEATURES, dtype=torch.float64)
        after, _ = decoder.step(Complete(n, loops=False), nodes, state.expand(1, n, 5), z)
        found.append(after[:, 0])
    torch.testing.assert_close(found[0], found[1])


# The known laws


def simulated(kind, bodies, steps=6, systems=3):
    rng = np.random.default_rng(0)
    positions = bodies.position_std * rng.normal(size=(systems, N, 2))
    velocities = 2 * rng.normal(size=(systems, N, 2))
    if kind == "springs":
        edges = np.stack([springs.draw_springs(rng, N, 0.5) for _ in range(systems)])
        x, v = springs.simulate_springs(edges, positions, velocities, steps, bodies)
    else:
        charges = rng.choice([-1.0, 1.0], size=(systems, N))
        x, v = charged.simulate_charged(charges, positions, velocities, steps, bodies)
        edges = (charged.charge_products(charges) > 0).astype(float)
    features = torch.from_numpy(np.concatenate([x, v], -1))
    types = torch.from_numpy(edges).long()
    off = torch.stack([types[:, i, [j for j in range(N) if j != i]] for i in range(N)], 1)
    return features, torch.nn.functional.one_hot(off, 2).double()


def law_decoder(kind, bodies):
    law = KNOWN_LAWS[kind]
    center = torch.tensor([0.3, 0.3, -0.1, -0.1], dtype=torch.float64)
    scale = torch.tensor([2.0, 2.0, 0.7, 0.7], dtype=torch.float64)
    decoder = SimulatorDecoder(law, bodies, center=center, scale=scale).double()
    return decoder, center, scale


@pytest.mark.parametrize("kind", ["springs", "charged"])
def test_the_known_law_is_the_simulator(kind):
    defaults = KNOWN_LAWS[kind].bodies
    bodies = Bodies(defaults.strength, 1.0, half_width=2.0, dt=0.001, sample_every=100)
    features, z = simulated(kind, bodies)
    decoder, center, scale = law_decoder(kind, bodies)
    truth = (features - center) / scale
    with torch.no_grad():
        made = decoder.teacher_forced(RELATION, truth, z, 10)
    assert bool((features[..., :2].abs() > 1.9).any())  # somebody was at a wall
    tolerance = 1e-5 if kind == "charged" else 1e-7  # couplings are float32
    torch.testing.assert_close(made, truth[:, 1:], rtol=0, atol=tolerance)


@pytest.mark.parametrize("kind", ["springs", "charged"])
def test_the_known_law_tells_in_which_direction_a_graph_is_wrong(kind):
    bodies = Bodies(KNOWN_LAWS[kind].bodies.strength, 1.0, dt=0.02, sample_every=5)
    features, z = simulated(kind, bodies, steps=3, systems=1)
    decoder, center, scale = law_decoder(kind, bodies)
    truth = (features - center) / scale
    doubt = torch.full_like(z, 0.5).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda w: decoder.teacher_forced(RELATION, truth, w, 2), (doubt,), fast_mode=True
    )
    decoder = decoder.requires_grad_(False)
    loss = (decoder.teacher_forced(RELATION, truth, doubt, 2) - truth[:, 1:]).square().sum()
    (gradient,) = torch.autograd.grad(loss, doubt)
    toward = z - doubt.detach()
    assert (gradient * toward).sum() < 0  # the way to the true graph goes downhill
