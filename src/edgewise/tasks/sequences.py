"""Pairs of sequences as a model sees them: their text, their tokens, and batches of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from edgewise.data.inflection import read_inflection
from edgewise.data.reversal import reversal
from edgewise.data.text import ParallelText, read_parallel
from edgewise.data.tokenizers import Subwords, Symbols, Tokenizer
from edgewise.errors import ConfigError, DataError
from edgewise.tasks.sequence_tables import InflectionData, ParallelData, ReversalData, SequenceData
from edgewise.tokens import BOS, EOS, PAD

HELD = 500
"""Words of the toy's validation and of each of its tests."""


@dataclass(frozen=True)
class Parts:
    """The texts of a task.

    Args:
        train, validation, test: what they are called; longer: a second test of longer sequences, if there is one.
    """

    train: ParallelText
    validation: ParallelText
    test: ParallelText
    longer: ParallelText | None = None


@dataclass(frozen=True)
class Vocabularies:
    """The tokenizers of both sides; the same one for a joint vocabulary."""

    source: Tokenizer
    target: Tokenizer


def read_parts(data: SequenceData) -> Parts:
    """The texts of a recipe.

    Raises:
        DataError: if a file cannot be read, or its lines do not fit.
    """
    if isinstance(data, ParallelData):
        return Parts(*(_parallel(data, stem) for stem in (data.train, data.validation, data.test)))
    if isinstance(data, InflectionData):
        every = read_inflection(existing(Path(data.path) / data.train))
        train, held = _cut(every, data.validation)
        return Parts(train, held, read_inflection(existing(Path(data.path) / data.test)))
    lengths, longer = (data.shortest, data.longest), (data.longest + 1, data.beyond)
    one, two, three = (reversal(n, lengths, data.seed + k) for k, n in enumerate((data.words, HELD, HELD)))
    return Parts(one, two, three, reversal(HELD, longer, data.seed + 3))


def existing(path: Path) -> Path:
    """The file, or the same name with `.gz` behind it.

    Raises:
        DataError: if there is neither.
    """
    packed = path.with_name(f"{path.name}.gz")
    found = path if path.is_file() else packed
    if not found.is_file():
        raise DataError(
            f"neither {path} nor {packed.name} exists",
            expected="a text file",
            fix="check the recipe's [data]",
        )
    return found


def _parallel(data: ParallelData, stem: str) -> ParallelText:
    source, target = (existing(Path(data.path) / f"{stem}.{side}") for side in (data.source, data.target))
    return read_parallel(source, target)


def _cut(text: ParallelText, share: float) -> tuple[ParallelText, ParallelText]:
    """All but a share of the pairs, and that share: drawn once, always the same."""
    order = np.random.default_rng([len(text)]).permutation(len(text))
    n_held = max(round(share * len(text)), 1)
    parts = np.sort(order[n_held:]), np.sort(order[:n_held])
    train, held = (
        ParallelText(tuple(text.source[k] for k in part), tuple(text.target[k] for k in part))
        for part in parts
    )
    return train, held


def learn_vocabularies(data: SequenceData, train: ParallelText) -> Vocabularies:
    """The vocabularies, from the training part."""
    if isinstance(data, ParallelData):
        joint = Subwords.train([*train.source, *train.target], data.vocabulary, data.pieces)
        return Vocabularies(joint, joint)
    source = Symbols.train(train.source, "inflection" if isinstance(data, InflectionData) else "characters")
    if isinstance(data, ReversalData):
        return Vocabularies(source, source)
    return Vocabularies(source, Symbols.train(train.target))


def check_positions(most: int | None, parts: Parts, vocabularies: Vocabularies) -> None:
    """Refuse sources with more tokens than the model is made for, before it is trained.

    Raises:
        ConfigError: naming the longest one.
    """
    if most is None:
        return
    texts = [parts.train, parts.validation, parts.test, *([] if parts.longer is None else [parts.longer])]
    longest = max(len(vocabularies.source.encode(line)) + 1 for text in texts for line in text.source)
    if longest > most:
        raise ConfigError(
            f"longest_source is {most}, and the longest source has {longest} tokens, the end included",
            expected="a score by location that is made for all of them",
            fix=f"longest_source = {longest}",
        )


@dataclass(frozen=True, eq=False)
class Pairs:
    """Tokenised pairs: each source and target ends with EOS."""

    source: list[list[int]]
    target: list[list[int]]

    def __len__(self) -> int:
        return len(self.source)

    @property
    def n_tokens(self) -> int:
        """Of both sides, the ends included."""
        return sum(map(len, self.source)) + sum(map(len, self.target))

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of the longer side of each pair."""
        return np.array([max(len(s), len(t)) for s, t in zip(self.source, self.target, strict=True)])

    def batch(self, picked: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
        """Source, target as the decoder reads it (BOS in front), and as it is to say it: [batch, length] each."""
        source, target = ([side[k] for k in picked] for side in (self.source, self.target))
        return padded(source), padded([[BOS, *tokens[:-1]] for tokens in target]), padded(target)


def tokenised(text: ParallelText, vocabularies: Vocabularies, longest: int | None = None) -> Pairs:
    """The pairs as tokens; with a `longest`, longer ones are left out.

    Raises:
        DataError: if none is left.
    """
    source = [[*vocabularies.source.encode(line), EOS] for line in text.source]
    target = [[*vocabularies.target.encode(line), EOS] for line in text.target]
    kept = [k for k in range(len(text)) if longest is None or max(len(source[k]), len(target[k])) <= longest]
    if not kept:
        raise DataError(f"every pair has more than {longest} tokens", expected="pairs that are not longer")
    return Pairs([source[k] for k in kept], [target[k] for k in kept])


def padded(rows: Sequence[Sequence[int]]) -> Tensor:
    """[batch, longest] int64, filled up with PAD."""
    out = torch.full((len(rows), max(map(len, rows))), PAD)
    for k, row in enumerate(rows):
        out[k, : len(row)] = torch.tensor(row)
    return out
