"""A trained model of sequences with its vocabularies: text in, text out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from edgewise.errors import ConfigError
from edgewise.models.search import beam_search
from edgewise.models.sequence import SequenceModel
from edgewise.tasks.sequences import Vocabularies, padded
from edgewise.tokens import BOS, EOS

AT_ONCE = 64
"""Sentences that are searched for together."""


def longest_answer(n_source: int) -> int:
    """Tokens after which an answer is cut, for so many of the source: what else is in the batch does not matter."""
    return 2 * n_source + 10


@dataclass(frozen=True)
class Translator:
    """Text in, text out.

    Args:
        model: trained, in evaluation mode; vocabularies: that it was trained with.
        beam: hypotheses that are kept; length_penalty: alpha.
    """

    model: SequenceModel
    vocabularies: Vocabularies
    beam: int = 5
    length_penalty: float = 1.0

    def __call__(self, texts: Sequence[str]) -> list[str]:
        """The best hypothesis of each text; sentences of about the same length are searched for together."""
        tokens = [[*self.vocabularies.source.encode(text), EOS] for text in texts]
        order = sorted(range(len(texts)), key=lambda k: len(tokens[k]))
        found = [""] * len(texts)
        for first in range(0, len(order), AT_ONCE):
            picked = order[first : first + AT_ONCE]
            for k, said in zip(picked, self._search([tokens[k] for k in picked]), strict=True):
                found[k] = self.vocabularies.target.decode(said)
        return found

    def _search(self, tokens: list[list[int]]) -> list[tuple[int, ...]]:
        search = {"beam": self.beam, "most": longest_answer, "alpha": self.length_penalty}
        found = beam_search(self.model, padded(tokens), **search)
        return [hypotheses[0].tokens for hypotheses in found]

    @torch.no_grad()
    def alignment(self, source: str, target: str) -> dict[str, Any]:
        """Which source piece each target piece looks at: {"source", "target", "weights" [target][source]}.

        Raises:
            ConfigError: for a model without attention.
        """
        read = [*self.vocabularies.source.encode(source), EOS]
        said = [*self.vocabularies.target.encode(target), EOS]
        weights = self.model.attention(padded([read]), padded([[BOS, *said[:-1]]]))[0]
        return {
            "source": [*self.vocabularies.source.pieces(read[:-1]), "</s>"],
            "target": [*self.vocabularies.target.pieces(said[:-1]), "</s>"],
            "weights": [[round(weight, 4) for weight in row] for row in weights.tolist()],
        }

    def alignments(self, pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        """Those of some pairs; none for a model without attention."""
        try:
            return [self.alignment(*pair) for pair in pairs]
        except ConfigError:
            return []
