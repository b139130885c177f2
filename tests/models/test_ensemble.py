"""Networks that answer as one."""

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.models import (
    RNNsearch,
    RNNsearchSettings,
    Seq2Seq,
    Seq2SeqSettings,
    SequenceEnsemble,
    beam_search,
)
from edgewise.models.ensemble import together
from edgewise.models.search import greedy
from edgewise.models.transformer import Transformer
from edgewise.nn.transformer import LayerDims
from edgewise.tokens import BOS, EOS, PAD

from .sentences import N_SOURCE, N_TARGET, SOURCE, TARGET_IN, TARGET_LENGTHS, close, drawn


def rnnsearch(seed):
    return drawn(RNNsearch(N_SOURCE, N_TARGET, RNNsearchSettings(3, 4, 5, 2)), seed)


def transformer(seed):
    dims = LayerDims(dim=8, heads=2, feed_forward=6)
    return drawn(
        Transformer(N_SOURCE, N_TARGET, dims, encoder_layers=1, decoder_layers=1, tied="target"), seed
    )


@pytest.fixture
def networks():
    return [
        rnnsearch(0),
        transformer(1),
        rnnsearch(2),
    ]  # of different kinds: each keeps a memory of its own form


def test_the_probability_is_the_mean_of_the_networks(networks):
    found = SequenceEnsemble(networks)(SOURCE, TARGET_IN)
    for b, n in enumerate(TARGET_LENGTHS):
        for t in range(n):
            weights = [network(SOURCE, TARGET_IN)[b, t].exp() for network in networks]
            mean = sum(weight / weight.sum() for weight in weights) / 3
            close(found[b, t].exp(), mean)


def test_step_by_step_gives_the_same_as_the_whole_target(networks):
    ensemble = SequenceEnsemble(networks)
    memory = ensemble.encode(SOURCE)
    state = ensemble.start(memory)
    whole = ensemble(SOURCE, TARGET_IN)
    for t in range(min(TARGET_LENGTHS)):
        logits, state = ensemble.step(memory, state, TARGET_IN[:, t])
        close(logits, whole[:, t])


@torch.no_grad()
def test_the_search_finds_the_sequence_of_the_highest_mean_probability(networks):
    ensemble, letters = SequenceEnsemble(networks), range(3, N_TARGET)
    for source, found in zip(SOURCE, beam_search(ensemble, SOURCE, beam=60, most=2, alpha=0.0), strict=True):
        source = source[None, source != PAD]
        first = ensemble(source, torch.tensor([[BOS]])).log_softmax(-1)[0, 0]
        scores = {(): float(first[EOS])}
        for a in letters:
            second = ensemble(source, torch.tensor([[BOS, a]])).log_softmax(-1)[0, 1]
            scores[(a,)] = float(first[a] + second[EOS])
            scores |= {(a, b): float(first[a] + second[b]) for b in letters}  # cut after two
        best = max(scores, key=scores.__getitem__)
        assert found[0].tokens == best
        assert found[0].log_probability == pytest.approx(scores[best], rel=1e-9)


def test_a_network_alone_is_itself_and_twice_the_same_says_the_same(networks):
    assert together(networks[:1]) is networks[0]
    twice = together([networks[0], networks[0]])
    close(twice(SOURCE, TARGET_IN).log_softmax(-1), networks[0](SOURCE, TARGET_IN).log_softmax(-1))
    assert greedy(twice, SOURCE, most=5) == greedy(networks[0], SOURCE, most=5)


def test_the_attention_is_the_mean_of_the_networks(networks):
    mean = sum(network.attention(SOURCE, TARGET_IN) for network in networks) / 3
    close(SequenceEnsemble(networks).attention(SOURCE, TARGET_IN), mean)


def test_an_ensemble_without_attention_says_so():
    model = drawn(Seq2Seq(N_SOURCE, N_TARGET, Seq2SeqSettings(3, 4)))
    with pytest.raises(ConfigError, match="attention"):
        SequenceEnsemble([rnnsearch(0), model]).attention(SOURCE, TARGET_IN)


def test_no_network_and_other_vocabularies_are_refused():
    with pytest.raises(ConfigError, match="same vocabularies"):
        SequenceEnsemble([])
    other = RNNsearch(N_SOURCE, N_TARGET + 1, RNNsearchSettings(3, 4, 5, 2))
    with pytest.raises(ConfigError, match="same vocabularies"):
        SequenceEnsemble([rnnsearch(0), other])
