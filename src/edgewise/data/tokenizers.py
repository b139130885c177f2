"""From text to numbers and back: subwords by SentencePiece, or symbols of a list.

The numbers 0 to 3 are the same in every vocabulary (`edgewise.tokens`): padding, begin, end, unknown.
"""

import hashlib
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from edgewise.data.inflection import inflection_symbols
from edgewise.errors import ConfigError, DataError
from edgewise.tokens import BOS, EOS, N_SPECIAL, PAD, UNK

MARK = "\u2581"
"""Stands for a space in the pieces of SentencePiece."""
_LINE_BYTES = 4192
"""SentencePiece leaves longer lines out unless it is told another number."""


class Tokenizer(ABC):
    """A vocabulary with a way to cut text into its pieces."""

    size: int
    """Number of tokens, the special ones included."""

    @abstractmethod
    def encode(self, text: str) -> list[int]:
        """The tokens of a text, without begin and end."""

    @abstractmethod
    def decode(self, tokens: Sequence[int]) -> str:
        """The text of some tokens; special ones are left out."""

    @abstractmethod
    def pieces(self, tokens: Sequence[int]) -> list[str]:
        """What each token stands for, to be shown."""

    @abstractmethod
    def unknown(self, text: str) -> list[str]:
        """What of a text the vocabulary does not have, each once, in order."""

    @property
    @abstractmethod
    def content(self) -> bytes:
        """All of it, as a file's content."""

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of its content."""
        return hashlib.sha256(self.content).hexdigest()


def _sentencepiece() -> Any:
    try:
        import sentencepiece
    except ImportError as error:
        raise ConfigError(
            "subwords need SentencePiece, which is not installed",
            expected="the extra `text`",
            fix="pip install 'edgewise[text]'",
        ) from error
    return sentencepiece


class Subwords(Tokenizer):
    """Pieces of words (Kudo 2018, unigram, or Sennrich et al. 2016, BPE), by SentencePiece.

    Args:
        content: a SentencePiece model.

    Raises:
        DataError: if it is none, or has other numbers for padding, begin, end and unknown.
    """

    def __init__(self, content: bytes) -> None:
        module = _sentencepiece()
        self._content = content
        try:
            self._model = module.SentencePieceProcessor(model_proto=content)
        except RuntimeError as error:
            raise DataError(
                "a SentencePiece model cannot be read", expected="a file that is complete"
            ) from error
        model = self._model
        if (model.pad_id(), model.bos_id(), model.eos_id(), model.unk_id()) != (PAD, BOS, EOS, UNK):
            raise DataError(
                "a SentencePiece model numbers its special tokens in another way",
                expected=f"padding {PAD}, begin {BOS}, end {EOS}, unknown {UNK}",
            )
        self.size = model.get_piece_size()

    @classmethod
    def train(cls, lines: Iterable[str], size: int, kind: Literal["unigram", "bpe"] = "unigram") -> Self:
        """Learn a vocabulary of a text: the same text gives the same one.

        There is no Unicode normalisation (`identity`, where SentencePiece's own choice is `nmt_nfkc`), so that decoding
        gives a text back, but for runs of spaces, which become one. Every character is kept, no line is too long.

        Raises:
            ConfigError: if the text does not allow that many pieces, or there is none.
        """
        module, made = _sentencepiece(), io.BytesIO()
        numbers = {"pad_id": PAD, "bos_id": BOS, "eos_id": EOS, "unk_id": UNK}
        full = [line for line in lines if line.strip()]
        if size <= N_SPECIAL or not full:
            raise ConfigError(
                f"a vocabulary of {size} pieces from {len(full)} lines of text",
                expected=f"a line of text, and more pieces than the {N_SPECIAL} special ones",
            )
        longest = max(len(line.encode()) for line in full)
        try:
            module.SentencePieceTrainer.train(
                sentence_iterator=iter(full),
                model_writer=made,
                vocab_size=size,
                model_type=kind,
                character_coverage=1.0,
                normalization_rule_name="identity",
                num_threads=1,
                minloglevel=2,
                **numbers,
                **({"max_sentence_length": longest} if longest > _LINE_BYTES else {}),
            )
        except (RuntimeError, ValueError) as error:
            reason = str(error).rpartition("] ")[2].strip() or str(error)
            raise ConfigError(
                f"a vocabulary of {size} pieces: {reason}", expected="another size, of kind unigram or bpe"
            ) from error
        return cls(made.getvalue())

    def encode(self, text: str) -> list[int]:
        return self._model.encode(text)

    def decode(self, tokens: Sequence[int]) -> str:
        return self._model.decode([token for token in tokens if token >= N_SPECIAL])

    def pieces(self, tokens: Sequence[int]) -> list[str]:
        return [self._model.id_to_piece(token).replace(MARK, " ").strip() or "_" for token in tokens]

    def unknown(self, text: str) -> list[str]:
        found = zip(self._model.encode(text), self._model.encode(text, out_type=str), strict=True)
        return list(dict.fromkeys(piece.strip(MARK) for token, piece in found if token == UNK))

    @property
    def content(self) -> bytes:
        return self._content


Splitting = Literal["characters", "inflection"]
_SPLIT: dict[str, Callable[[str], list[str]]] = {"characters": list, "inflection": inflection_symbols}


class Symbols(Tokenizer):
    """A list of symbols: characters, or tags and characters (`edgewise.data.inflection`).

    Args:
        symbols: all but the special tokens, in the order of their numbers; splitting: how a text is cut.

    Raises:
        DataError: for an unknown way to cut, or a symbol that is there twice.
    """

    def __init__(self, symbols: Sequence[str], splitting: Splitting = "characters") -> None:
        if splitting not in _SPLIT or len(set(symbols)) != len(symbols):
            raise DataError(
                f"a list of {len(symbols)} symbols to be cut as {splitting!r}",
                expected=f"each symbol once, and one of {', '.join(_SPLIT)}",
            )
        self.symbols, self.splitting = tuple(symbols), splitting
        self.size = N_SPECIAL + len(self.symbols)
        self._number = {symbol: N_SPECIAL + k for k, symbol in enumerate(self.symbols)}

    @classmethod
    def train(cls, lines: Iterable[str], splitting: Splitting = "characters") -> Self:
        """The symbols of a text, sorted."""
        return cls(sorted({symbol for line in lines for symbol in _SPLIT[splitting](line)}), splitting)

    def encode(self, text: str) -> list[int]:
        return [self._number.get(symbol, UNK) for symbol in _SPLIT[self.splitting](text)]

    def decode(self, tokens: Sequence[int]) -> str:
        return "".join(self.symbols[token - N_SPECIAL] for token in tokens if token >= N_SPECIAL)

    def pieces(self, tokens: Sequence[int]) -> list[str]:
        special = {PAD: "", BOS: "<s>", EOS: "</s>", UNK: "?"}
        return [special.get(token) or self.symbols[token - N_SPECIAL] for token in tokens]

    def unknown(self, text: str) -> list[str]:
        return list(dict.fromkeys(s for s in _SPLIT[self.splitting](text) if s not in self._number))

    @property
    def content(self) -> bytes:
        record = {"splitting": self.splitting, "symbols": self.symbols}
        return json.dumps(record, ensure_ascii=False, indent=0).encode()


# ---- files ---------------------------------------------------------------------------------------------------------


def load_tokenizer(path: Path, fingerprint: str | None = None) -> Tokenizer:
    """Read a file that holds the content of a tokenizer: NAME.model for subwords, NAME.json for symbols.

    Args:
        fingerprint: what it must be, if that is known.

    Raises:
        DataError: if it cannot be read, or is another one.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}", expected="the tokenizer of a run") from error
    try:
        tokenizer = Subwords(content) if path.suffix == ".model" else _symbols(content)
    except (ValueError, TypeError, LookupError) as error:
        if isinstance(error, ConfigError):
            raise
        raise DataError(f"{path} is damaged: {error}", expected="the tokenizer of a run") from error
    if fingerprint is not None and tokenizer.fingerprint != fingerprint:
        raise DataError(
            f"{path} is not the tokenizer that the networks were trained with",
            expected=f"fingerprint {fingerprint[:12]}..., found {tokenizer.fingerprint[:12]}...",
            fix="put the run's own file back",
        )
    return tokenizer


def _symbols(content: bytes) -> Symbols:
    record = json.loads(content)
    return Symbols(record["symbols"], record["splitting"])
