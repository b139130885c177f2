"""Finding a good target sequence, token by token."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.models.sequence import SequenceModel
from edgewise.tokens import BOS, EOS, PAD


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


@torch.no_grad()
def greedy(model: SequenceModel, source: Tensor, *, most: int) -> list[list[int]]:
    """The likeliest next token, again and again; sentences that are finished leave the batch.

    Args:
        source: [batch, S]; most: tokens after which a sentence is cut.

    Returns: the tokens of each sentence, without begin and end.
    """
    memory = model.encode(source)
    state, rows = model.start(memory), torch.arange(len(source))
    tokens = torch.full((len(source),), BOS)
    said: list[list[int]] = [[] for _ in range(len(source))]
    for _ in range(most):
        logits, state = model.step(memory, state, tokens)
        tokens = _log_probabilities(logits).argmax(-1)
        for row, token in zip(rows.tolist(), tokens.tolist(), strict=True):
            if token != EOS:
                said[row].append(token)
        live = (tokens != EOS).nonzero()[:, 0]
        if len(live) == 0:
            break
        if len(live) < len(rows):
            memory, state, rows, tokens = memory.select(live), state.select(live), rows[live], tokens[live]
    return said


@dataclass
class _Sentence:
    """The search for one sentence: its live hypotheses (best first) and the finished ones."""

    beam: int
    alpha: float
    live: list[tuple[int, ...]] = field(default_factory=lambda: [()])
    log_p: Tensor = field(default_factory=lambda: torch.zeros(1, dtype=torch.float64))
    finished: list[Hypothesis] = field(default_factory=list)

    def advance(self, next_log_p: Tensor, *, last: bool) -> Tensor:
        """Take the best `beam` continuations that go on; those that end are finished. Which rows go on, in order.

        Args:
            next_log_p: [live, n_target]; last: everything ends here, cut where it is.
        """
        total = self.log_p[:, None] + next_log_p
        best, places = total.flatten().topk(min(2 * self.beam, total.numel()))
        rows, tokens, kept, live = [], [], [], []
        for value, place in zip(best.tolist(), places.tolist(), strict=True):
            row, token = divmod(place, next_log_p.shape[1])
            if value == -torch.inf or len(rows) == self.beam:
                break
            if token == EOS:
                self._finish(self.live[row], value)
                continue
            said = (*self.live[row], token)
            if last:
                self._finish(said, value)
            rows.append(row)
            tokens.append(token)
            kept.append(value)
            live.append(said)
        self.live, self.log_p = live, torch.tensor(kept, dtype=torch.float64)
        return torch.tensor(rows, dtype=torch.int64)

    def _finish(self, tokens: tuple[int, ...], value: float) -> None:
        score = value / length_penalty(len(tokens) + 1, self.alpha)
        self.finished.append(Hypothesis(tokens, value, score))
        self.finished.sort(key=lambda found: -found.score)
        del self.finished[self.beam :]

    def done(self, most: int) -> bool:
        """Whether no live hypothesis can become better than the worst that is kept.

        A log-probability only falls, and the largest penalty is that of the longest sequence.
        """
        if not self.live:
            return True
        if len(self.finished) < self.beam:
            return False
        longest = length_penalty(most + 1, max(self.alpha, 0.0))
        return float(self.log_p[0]) / longest <= self.finished[-1].score


def beam_search(
    model: SequenceModel, source: Tensor, *, beam: int = 5, most: int, alpha: float = 0.6
) -> list[list[Hypothesis]]:
    """The best few target sequences of each source, by score = log p / ((5 + length) / 6)^alpha.

    All sentences and their hypotheses take a step at once; sentences that are done leave. A sentence is done when no
    live hypothesis can overtake the worst of `beam` finished ones. What has not ended after `most` tokens is cut there.

    Args:
        source: [batch, S]; beam: hypotheses that are kept; most: tokens of a target; alpha: 0 for no penalty.

    Returns: for each sentence up to `beam` hypotheses, best first.

    Raises:
        ConfigError: for a beam or a length below 1, or a negative alpha.
    """
    if beam < 1 or most < 1 or alpha < 0:
        raise ConfigError(
            f"a beam of {beam}, at most {most} tokens, length penalty {alpha}",
            expected="a beam of 1 or more, 1 token or more, a penalty of 0 or more",
        )
    with torch.no_grad():
        return _search(model, source, beam, most, alpha)


def _search(
    model: SequenceModel, source: Tensor, beam: int, most: int, alpha: float
) -> list[list[Hypothesis]]:
    sentences = [_Sentence(beam, alpha) for _ in range(len(source))]
    active = list(range(len(source)))
    memory: Any = model.encode(source)
    state: Any = model.start(memory)
    tokens = torch.full((len(source),), BOS)
    for position in range(most):
        logits, state = model.step(memory, state, tokens)
        before = [len(sentences[k].live) for k in active]
        rows, first, going = [], 0, []
        for k, part in zip(active, _log_probabilities(logits).split(before), strict=True):
            chosen = sentences[k].advance(part, last=position == most - 1)
            if not sentences[k].done(most):
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
    return [sentence.finished for sentence in sentences]
