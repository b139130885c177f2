"""Finding a good target sequence, token by token."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.models.sequence import SequenceModel, lengths_of
from edgewise.tokens import BOS, EOS, PAD

Most = int | Callable[[int], int]
"""Tokens after which a target is cut: a number, or a function of the number of source tokens (its end included)."""


@dataclass(frozen=True)
class Hypothesis:
    """A target sequence.

    Args:
        tokens: without begin and end; log_probability: of all tokens and the end.
        score: log_probability over the length penalty.
    """

    tokens: tuple[int, ...]
    log_probability: float
    score: float


def length_penalty(length: int, alpha: float) -> float:
    """((5 + length) / 6)^alpha, the end being counted (Wu et al. 2016, eq. 14)."""
    return ((5 + length) / 6) ** alpha


def _log_probabilities(logits: Tensor) -> Tensor:
    """[rows, n_target], in float64 so that sums over many steps are exact enough to compare; never PAD or BOS."""
    log_p = logits.double().log_softmax(-1)
    log_p[:, [PAD, BOS]] = -torch.inf
    return log_p


def _limits(source: Tensor, most: Most) -> list[int]:
    """The most tokens of each sentence's target."""
    return [most(n) for n in lengths_of(source).tolist()] if callable(most) else [most] * len(source)


@torch.no_grad()
def greedy(model: SequenceModel, source: Tensor, *, most: Most) -> list[list[int]]:
    """The likeliest next token, again and again, the smallest of equals; finished sentences leave the batch.

    Args:
        source: [batch, S]; most: tokens after which a sentence is cut.

    Returns: the tokens of each sentence, without begin and end.

    Raises:
        ConfigError: for a length below 1.
    """
    limits = _limits(source, most)
    if min(limits, default=1) < 1:
        raise ConfigError(f"at most {min(limits)} tokens", expected="1 token or more")
    memory = model.encode(source)
    state, rows = model.start(memory), torch.arange(len(source))
    tokens = torch.full((len(source),), BOS)
    said: list[list[int]] = [[] for _ in range(len(source))]
    left = torch.tensor(limits)
    for position in range(max(limits, default=0)):
        logits, state = model.step(memory, state, tokens)
        tokens = _log_probabilities(logits).argmax(-1)
        for row, token in zip(rows.tolist(), tokens.tolist(), strict=True):
            if token != EOS:
                said[row].append(token)
        live = ((tokens != EOS) & (left[rows] > position + 1)).nonzero()[:, 0]
        if len(live) == 0:
            break
        if len(live) < len(rows):
            memory, state, rows, tokens = memory.select(live), state.select(live), rows[live], tokens[live]
    return said


def _best(scores: Tensor, n: int) -> tuple[list[float], list[int]]:
    """The n largest of scores [k] and their places; of equal ones those that come first (topk takes any of them)."""
    top = scores.topk(min(n + 1, len(scores)))
    values = top.values.tolist()
    if len(set(values)) == len(values):  # no ties, not even with the first that is left out
        return values[:n], top.indices[:n].tolist()
    places = (~(scores < values[n - 1])).nonzero()[:, 0]
    places = places[scores[places].argsort(descending=True, stable=True)[:n]]
    return scores[places].tolist(), places.tolist()


@dataclass
class _Sentence:
    """The search for one sentence: its live hypotheses (best first) and the finished ones."""

    beam: int
    alpha: float
    most: int
    live: list[tuple[int, ...]] = field(default_factory=lambda: [()])
    log_p: Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.float64))
    finished: list[Hypothesis] = field(default_factory=list)

    def advance(self, next_log_p: Tensor) -> Tensor:
        """Take the best `beam` continuations that go on; those that end are finished. Which rows go on, in order.

        After `most` tokens all of them are finished, cut where they are.

        Args:
            next_log_p: [live, n_target].
        """
        total = (self.log_p[:, None] + next_log_p).flatten()
        best, places = _best(total, min(2 * self.beam, len(total)))
        last = len(self.live[0]) + 1 == self.most
        rows, kept, live = [], [], []
        for value, place in zip(best, places, strict=True):
            row, token = divmod(place, next_log_p.shape[1])
            if value == -torch.inf or len(rows) == self.beam:
                break
            if token == EOS:
                self._finish(self.live[row], value)
                continue
            rows.append(row)
            kept.append(value)
            live.append((*self.live[row], token))
        if last:
            for said, value in zip(live, kept, strict=True):
                self._finish(said, value)
            rows, kept, live = [], [], []
        self.live, self.log_p = live, torch.tensor(kept, dtype=torch.float64)
        return torch.tensor(rows, dtype=torch.int64)

    def _finish(self, tokens: tuple[int, ...], value: float) -> None:
        score = value / length_penalty(len(tokens) + 1, self.alpha)
        self.finished.append(Hypothesis(tokens, value, score))
        self.finished.sort(key=lambda found: -found.score)
        del self.finished[self.beam :]

    def done(self) -> bool:
        """Whether no live hypothesis can become better than the worst that is kept.

        A log-probability only falls, and the largest penalty is that of the longest sequence.
        """
        if not self.live:
            return True
        if len(self.finished) < self.beam:
            return False
        longest = length_penalty(self.most + 1, self.alpha)
        return float(self.log_p[0]) / longest <= self.finished[-1].score


def beam_search(
    model: SequenceModel, source: Tensor, *, beam: int = 5, most: Most, alpha: float = 0.6
) -> list[list[Hypothesis]]:
    """The best few target sequences of each source, by score = log p / ((5 + length) / 6)^alpha.

    All sentences and their hypotheses take a step at once; sentences that are done leave. A sentence is done when no
    live hypothesis can overtake the worst of `beam` finished ones. What has not ended after `most` tokens is cut there.
    Of equal candidates the better hypothesis goes first, then the smaller token. A beam of 1 is `greedy` where alpha is
    0; with a penalty it looks on behind the first end, as long as something longer could score higher.

    Args:
        source: [batch, S]; beam: hypotheses that are kept; most: tokens of a target; alpha: 0 for no penalty.

    Returns: for each sentence up to `beam` hypotheses, best first.

    Raises:
        ConfigError: for a beam or a length below 1, or a negative alpha.
    """
    limits = _limits(source, most)
    least = min(limits, default=1)
    if beam < 1 or least < 1 or not alpha >= 0:
        raise ConfigError(
            f"a beam of {beam}, at most {least} tokens, length penalty {alpha}",
            expected="a beam of 1 or more, 1 token or more, a penalty of 0 or more",
        )
    sentences = [_Sentence(beam, alpha, limit) for limit in limits]
    with torch.no_grad():
        _search(model, source, sentences)
    return [sentence.finished for sentence in sentences]


def _search(model: SequenceModel, source: Tensor, sentences: list[_Sentence]) -> None:
    """Let all sentences advance until each is done."""
    active = list(range(len(source)))
    memory: Any = model.encode(source)
    state: Any = model.start(memory)
    tokens = torch.full((len(source),), BOS)
    while active:
        logits, state = model.step(memory, state, tokens)
        before = [len(sentences[k].live) for k in active]
        rows, first, going = [], 0, []
        for k, part in zip(active, _log_probabilities(logits).split(before), strict=True):
            chosen = sentences[k].advance(part)
            if not sentences[k].done():
                going.append(k)
                rows.append(first + chosen)
            first += len(part)
        if not going:
            break
        picked = torch.cat(rows)
        if [len(part) for part in rows] != before:  # else each sentence has its rows of the memory already
            memory = memory.select(picked)
        state, active = state.select(picked), going
        tokens = torch.tensor([said[-1] for k in active for said in sentences[k].live])
