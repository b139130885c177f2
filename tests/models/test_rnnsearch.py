"""RNNsearch equals the equations of Bahdanau et al.'s appendix, word by word."""

import torch
from torch import nn

from edgewise.models.rnnsearch import Maxout, RNNsearch, RNNsearchSettings

from .sentences import LENGTHS, N_SOURCE, N_TARGET, SOURCE, TARGET_IN, close, drawn

EMBEDDING, HIDDEN, ALIGN, MAXOUT = 3, 4, 5, 2


def make():
    return drawn(RNNsearch(N_SOURCE, N_TARGET, RNNsearchSettings(EMBEDDING, HIDDEN, ALIGN, MAXOUT)))


def gru_of(model, suffix):
    """One direction of the encoder, as torch's cell."""
    cell = nn.GRUCell(EMBEDDING, HIDDEN).double()
    names = "weight_ih", "weight_hh", "bias_ih", "bias_hh"
    cell.load_state_dict({name: getattr(model.encoder, f"{name}_l0{suffix}") for name in names})
    return cell


def read(model, words):
    """Annotations [forward; backward] of one sentence, a word at a time, and s_0."""
    ways = []
    for suffix, order in (("", words), ("_reverse", words.flip(0))):
        cell, state, states = gru_of(model, suffix), torch.zeros(HIDDEN).double(), []
        for word in order:
            state = cell(model.source.weight[word], state)
            states.append(state)
        ways.append(states)
    forward, backward = ways[0], ways[1][::-1]
    first = torch.tanh(model.first.weight @ backward[0] + model.first.bias)
    return [torch.cat(pair) for pair in zip(forward, backward, strict=True)], first


def gated(cell, e, c, s):
    """Appendix A.2.2: the context is in the candidate and in both gates."""
    w, b = cell.input.weight.chunk(3), cell.input.bias.chunk(3)
    into, (u_z, u_r) = cell.context.weight.chunk(3), cell.gates.weight.chunk(2)
    z = torch.sigmoid(w[0] @ e + b[0] + u_z @ s + into[0] @ c)
    r = torch.sigmoid(w[1] @ e + b[1] + u_r @ s + into[1] @ c)
    new = torch.tanh(w[2] @ e + b[2] + cell.candidate.weight @ (r * s) + into[2] @ c)
    return (1 - z) * s + z * new


def by_loop(model, source, target_in):
    """Logits and weights of one sentence."""
    annotations, state = read(model, source)
    score, logits, weights = model.attend.score, [], []
    for word in target_in:
        e = [
            score.vector.weight[0] @ torch.tanh(score.query.weight @ state + score.key.weight @ h)
            for h in annotations
        ]
        alpha = torch.stack(e).softmax(0)
        context = sum(a * h for a, h in zip(alpha, annotations, strict=True))
        y = model.words.embedding.weight[word]
        both = (
            model.from_state.weight @ state
            + model.from_word.weight @ y
            + model.from_word.bias
            + model.from_context.weight @ context
        )
        t = torch.stack([torch.max(both[2 * j], both[2 * j + 1]) for j in range(MAXOUT)])
        logits.append(model.words.weight @ t + model.words.bias)
        weights.append(alpha)
        state = gated(model.cell, y, context, state)
    return torch.stack(logits), torch.stack(weights)


def test_it_equals_the_papers_equations():
    model = make()
    logits, weights = model(SOURCE, TARGET_IN), model.attention(SOURCE, TARGET_IN)
    for row, length in enumerate(LENGTHS):
        expected, looked = by_loop(model, SOURCE[row, :length], TARGET_IN[row])
        close(logits[row], expected)
        close(weights[row, :, :length], looked)


def test_the_query_is_the_previous_state():
    """What is looked at for the first word does not depend on any word of the target."""
    model = make()
    other = torch.tensor([[5]]).expand(3, 1)
    close(model.attention(SOURCE, other)[:, 0], model.attention(SOURCE, TARGET_IN)[:, 0])


def test_keys_are_projected_once_a_sentence():
    model, calls = make(), []
    model.attend.score.key.register_forward_hook(lambda *_: calls.append(1))
    model(SOURCE, TARGET_IN)
    assert len(calls) == 1


def test_maxout_takes_the_larger_one_of_each_pair_of_neighbours():
    found = Maxout()(torch.tensor([[3.0, 1.0, -2.0, -1.0]]))
    assert found.tolist() == [[3.0, -1.0]]


def test_it_starts_as_the_paper_has_it():
    torch.manual_seed(0)
    model = RNNsearch(40, 40, RNNsearchSettings(30, 30, 30, 30))
    score = model.attend.score
    assert not score.vector.weight.any()
    for name, parameter in model.named_parameters():
        if "bias" in name:
            assert not parameter.any(), name
    blocks = [*model.cell.gates.weight.chunk(2), model.cell.candidate.weight]
    blocks += [*model.encoder.weight_hh_l0.chunk(3), *model.encoder.weight_hh_l0_reverse.chunk(3)]
    for block in blocks:
        torch.testing.assert_close(block @ block.T, torch.eye(30), rtol=0, atol=1e-5)
    deviations = {
        0.001: [score.query.weight, score.key.weight],
        0.01: [
            model.source.weight,
            model.words.weight,
            model.words.embedding.weight,
            model.encoder.weight_ih_l0,
            model.cell.input.weight,
            model.cell.context.weight,
            model.from_state.weight,
            model.first.weight,
        ],
    }
    for deviation, matrices in deviations.items():
        for matrix in matrices:
            assert abs(matrix.std().item() / deviation - 1) < 5 / (2 * matrix.numel()) ** 0.5


def test_the_sizes_are_the_papers():
    settings = RNNsearchSettings()
    sizes = settings.embedding_dim, settings.hidden, settings.align, settings.maxout
    assert sizes == (620, 1000, 1000, 500)
