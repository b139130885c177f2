import math
from dataclasses import dataclass
from itertools import product

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.models.search import beam_search, greedy, length_penalty
from edgewise.models.sequence import Rows, SequenceModel
from edgewise.tokens import BOS, EOS, PAD

N = 7  # tokens, the special ones included


@dataclass(frozen=True, eq=False)
class Sentence(Rows):
    """The first token of each source, which decides the chain."""

    first: torch.Tensor


@dataclass(frozen=True, eq=False)
class Said(Rows):
    count: torch.Tensor


class Chain(SequenceModel):
    """A Markov chain over tokens whose probabilities depend on the source and the position: all can be enumerated."""

    n_source = n_target = N

    def __init__(self, seed=0):
        super().__init__()
        draw = torch.Generator().manual_seed(seed)
        self.table = torch.randn(N, 6, N, N, generator=draw, dtype=torch.float64) * 2

    def encode(self, source):
        return Sentence(source[:, 0])

    def start(self, memory):
        return Said(torch.zeros(len(memory.first), dtype=torch.int64))

    def step(self, memory, state, tokens):
        return self.table[memory.first, state.count.clamp_max(5), tokens], Said(state.count + 1)

    def forward(self, source, target_in):
        raise NotImplementedError

    def attention(self, source, target_in):
        raise NotImplementedError

    def log_p(self, first, tokens):
        """Of a whole sequence, the last token included."""
        total, before = 0.0, BOS
        for place, token in enumerate(tokens):
            logits = self.table[first, min(place, 5), before].clone()
            logits = logits.log_softmax(-1)
            total, before = total + float(logits[token]), token
        return total


SOURCES = torch.tensor([[4, EOS], [5, EOS], [6, EOS]])
WORDS = [token for token in range(N) if token not in (PAD, BOS, EOS)]


def every(model, first, most, alpha):
    """All sequences that end, or are cut after `most` tokens, best first."""
    found = []
    for length in range(most + 1):
        for tokens in product(WORDS, repeat=length):
            log_p = model.log_p(first, [*tokens, EOS] if length < most else tokens)
            found.append((log_p / length_penalty(length + 1, alpha), tokens))
    return sorted(found, reverse=True)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
@pytest.mark.parametrize("seed", range(4))
def test_a_beam_as_wide_as_all_prefixes_finds_the_best(seed, alpha):
    model, most = Chain(seed), 3
    found = beam_search(model, SOURCES, beam=len(WORDS) ** most, most=most, alpha=alpha)
    for source, hypotheses in zip(SOURCES, found, strict=True):
        best = every(model, int(source[0]), most, alpha)
        assert hypotheses[0].tokens == best[0][1]
        assert math.isclose(hypotheses[0].score, best[0][0], rel_tol=1e-12)


def test_scores_are_log_probabilities_over_the_penalty():
    model = Chain()
    for source, hypotheses in zip(
        SOURCES, beam_search(model, SOURCES, beam=3, most=8, alpha=0.7), strict=True
    ):
        assert len(hypotheses) == 3
        assert [h.score for h in hypotheses] == sorted((h.score for h in hypotheses), reverse=True)
        for found in hypotheses:
            ending = [EOS] if len(found.tokens) < 8 else []
            expected = model.log_p(int(source[0]), [*found.tokens, *ending])
            assert math.isclose(found.log_probability, expected, rel_tol=1e-12)
            assert math.isclose(
                found.score, expected / length_penalty(len(found.tokens) + 1, 0.7), rel_tol=1e-12
            )


@pytest.mark.parametrize("seed", range(5))
def test_a_beam_of_one_without_penalty_is_greedy_until_its_first_end(seed):
    model = Chain(seed)
    wide = beam_search(model, SOURCES, beam=1, most=9, alpha=0.0)
    assert [list(hypotheses[0].tokens) for hypotheses in wide] == greedy(model, SOURCES, most=9)


@pytest.mark.parametrize("alpha", [0.3, 0.6, 2.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_beam_of_one_with_a_penalty_is_never_below_greedy(seed, alpha):
    model, most = Chain(seed), 9
    found = beam_search(model, SOURCES, beam=1, most=most, alpha=alpha)
    for source, said, hypotheses in zip(SOURCES, greedy(model, SOURCES, most=most), found, strict=True):
        log_p = model.log_p(int(source[0]), [*said, EOS] if len(said) < most else said)
        score = log_p / length_penalty(len(said) + 1, alpha)
        assert hypotheses[0].score >= score or math.isclose(hypotheses[0].score, score, rel_tol=1e-12)


def test_of_equal_candidates_the_smallest_token_of_the_best_hypothesis_goes_first():
    model = Chain()
    model.table.zero_()
    model.table[..., EOS] = -1e9
    assert greedy(model, SOURCES, most=2) == [[3, 3]] * 3
    assert [h.tokens for h in beam_search(model, SOURCES, beam=1, most=2)[0]] == [(3, 3)]
    assert [h.tokens for h in beam_search(model, SOURCES, beam=3, most=2)[0]] == [(3, 3), (3, 4), (3, 5)]


@pytest.mark.parametrize("beam", [1, 2, 3, 5])
@pytest.mark.parametrize("seed", range(6))
def test_ties_are_broken_as_a_stable_sort_of_all_candidates_breaks_them(seed, beam):
    model = Chain(seed)
    model.table.round_().clamp_(-1, 1)  # few values: many ties
    model.table[..., EOS] = -1e9
    found = beam_search(model, SOURCES, beam=beam, most=3, alpha=0.0)
    for source, hypotheses in zip(SOURCES, found, strict=True):
        live = [(0.0, ())]
        for place in range(3):
            grown = []
            for log_p, said in live:
                logits = model.table[int(source[0]), place, said[-1] if said else BOS].log_softmax(-1)
                grown += [(log_p + float(logits[token]), (*said, token)) for token in WORDS]
            live = sorted(grown, key=lambda candidate: -candidate[0])[:beam]
        assert [h.tokens for h in hypotheses] == [said for _, said in live]


def test_sentences_are_cut_by_their_own_length_whatever_is_in_the_batch():
    model = Chain()
    model.table[..., EOS] = -1e9
    sources = torch.tensor([[4, EOS, PAD, PAD], [5, 4, EOS, PAD], [6, 4, 5, EOS]])
    said = greedy(model, sources, most=lambda n: 2 * n - 1)
    assert [len(tokens) for tokens in said] == [3, 5, 7]
    found = beam_search(model, sources, beam=2, most=lambda n: 2 * n - 1)
    assert [[len(h.tokens) for h in hypotheses] for hypotheses in found] == [[3, 3], [5, 5], [7, 7]]
    assert found[0] == beam_search(model, sources[:1, :2], beam=2, most=3)[0]
    assert said[0] == greedy(model, sources[:1, :2], most=3)[0]


def test_a_step_is_one_call_for_the_batch_and_the_memory_moves_only_when_rows_do():
    moved, stepped = [], []

    @dataclass(frozen=True, eq=False)
    class Counted(Sentence):
        def select(self, rows):
            moved.append(len(rows))
            return super().select(rows)

    class Watched(Chain):
        def encode(self, source):
            return Counted(source[:, 0])

        def step(self, memory, state, tokens):
            stepped.append(len(tokens))
            return super().step(memory, state, tokens)

    model = Watched()
    model.table[..., EOS] = -1e9
    beam_search(model, SOURCES, beam=3, most=6)
    assert stepped == [3, 9, 9, 9, 9, 9]
    assert moved == [9]


@pytest.mark.parametrize("beam", [1, 2, 4])
def test_a_batch_gives_what_each_sentence_gives_alone(beam):
    model = Chain(3)
    together = beam_search(model, SOURCES, beam=beam, most=6)
    alone = [beam_search(model, source[None], beam=beam, most=6)[0] for source in SOURCES]
    assert together == alone
    assert greedy(model, SOURCES, most=6) == [greedy(model, source[None], most=6)[0] for source in SOURCES]


def test_padding_and_begin_are_never_said():
    model = Chain()
    model.table[..., [PAD, BOS]] = 50.0
    found = beam_search(model, SOURCES, beam=4, most=5)
    said = {token for hypotheses in found for h in hypotheses for token in h.tokens}
    said |= {token for tokens in greedy(model, SOURCES, most=5) for token in tokens}
    assert not {PAD, BOS, EOS} & said


def test_a_sequence_without_an_end_is_cut():
    model = Chain()
    model.table[..., EOS] = -1e9
    assert all(
        len(h.tokens) == 4 for hypotheses in beam_search(model, SOURCES, beam=3, most=4) for h in hypotheses
    )
    assert [len(said) for said in greedy(model, SOURCES, most=4)] == [4, 4, 4]


def test_a_longer_penalty_prefers_longer_sequences():
    lengths = []
    for alpha in (0.0, 3.0):
        found = beam_search(Chain(1), SOURCES, beam=5, most=12, alpha=alpha)
        lengths.append(sum(len(hypotheses[0].tokens) for hypotheses in found))
    assert lengths[1] > lengths[0]


def test_the_penalty_is_that_of_the_paper():
    assert length_penalty(1, 0.6) == 1.0
    assert math.isclose(length_penalty(13, 0.6), (18 / 6) ** 0.6)


@pytest.mark.parametrize("wrong", [{"beam": 0}, {"most": 0}, {"alpha": -0.1}, {"alpha": math.nan}])
def test_a_search_that_cannot_be_is_refused(wrong):
    asked = {"beam": 2, "most": 3, "alpha": 0.5} | wrong
    with pytest.raises(ConfigError) as error:
        beam_search(Chain(), SOURCES, **asked)
    said = f"a beam of {asked['beam']}, at most {asked['most']} tokens, length penalty {asked['alpha']}"
    assert said in str(error.value)


def test_a_length_below_one_is_refused_whoever_says_it():
    with pytest.raises(ConfigError, match="at most 0 tokens"):
        greedy(Chain(), SOURCES, most=0)
    with pytest.raises(ConfigError, match=r"a beam of 5, at most -1 tokens, length penalty 0\.6"):
        beam_search(Chain(), SOURCES, most=lambda n: n - 3)
