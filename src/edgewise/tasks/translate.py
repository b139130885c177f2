"""A run of sequences on new text, line by line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

from edgewise.data.tokenizers import Tokenizer, load_tokenizer
from edgewise.errors import ConfigError, DataError, RunError
from edgewise.models.ensemble import together
from edgewise.tasks.networks import sequence_model
from edgewise.tasks.records import TrainedRun, read_trained, with_weights
from edgewise.tasks.sequence_tables import SequenceTraining, most_positions
from edgewise.tasks.sequences import Vocabularies
from edgewise.tasks.translator import Translator


@dataclass(frozen=True)
class Line:
    """A line of text and what it became.

    Args:
        number: from 1; source, target: the texts; unknown: what of the source the vocabulary does not have.
        alignment: see `Translator.alignment`; None if it was not asked for, or the line is empty.
    """

    number: int
    source: str
    target: str
    unknown: tuple[str, ...] = ()
    alignment: dict[str, Any] | None = None

    def record(self) -> dict[str, Any]:
        """As plain values."""
        alignment = {} if self.alignment is None else {"alignment": self.alignment}
        return {"line": self.number, "source": self.source, "target": self.target} | alignment


@dataclass(frozen=True)
class Lines:
    """Turns lines of text into what a run says of them.

    Args:
        translate: the trained model; longest: most tokens of a line, the end included.
        aligned: whether each line's alignment is computed.
    """

    translate: Translator
    longest: int
    aligned: bool = False

    def __call__(self, lines: Iterable[str], *, at_once: int = 64) -> Iterator[Line]:
        """One answer a line, in order; an empty line stays empty. So many lines are read and answered at a time.

        Raises:
            DataError: for a line that is longer than those of the training, or what the lines raise when they cannot be
                read; what came before is answered first.
        """
        first, rest = 1, iter(lines)
        while True:
            some, broken = _some(rest, at_once)
            good = self._short_enough(some)
            yield from self._answers(first, good)
            if len(good) < len(some):
                raise self._too_long(first + len(good), some[len(good)])
            if broken is not None:
                raise broken
            if not some:
                return
            first += len(some)

    def _short_enough(self, lines: tuple[str, ...]) -> tuple[str, ...]:
        encode = self.translate.vocabularies.source.encode
        bad = (k for k, line in enumerate(lines) if len(encode(line)) >= self.longest)
        return lines[: next(bad, len(lines))]

    def _too_long(self, number: int, line: str) -> DataError:
        n = len(self.translate.vocabularies.source.encode(line)) + 1
        return DataError(
            f"line {number} has {n} tokens, the end included",
            expected=f"at most {self.longest}, as in the training",
            fix="cut the line into sentences",
        )

    def _answers(self, first: int, lines: tuple[str, ...]) -> Iterator[Line]:
        said = iter(self.translate([line for line in lines if line]))
        for number, line in enumerate(lines, first):
            if not line:
                yield Line(number, "", "")
                continue
            target = next(said)
            unknown = tuple(self.translate.vocabularies.source.unknown(line))
            alignment = self.translate.alignment(line, target) if self.aligned else None
            yield Line(number, line, target, unknown, alignment)


def _some(lines: Iterator[str], most: int) -> tuple[tuple[str, ...], DataError | None]:
    """The next few lines without spaces at their ends, and what kept one of them from being read."""
    some: list[str] = []
    try:
        some.extend(line.strip() for line in islice(lines, most))
    except DataError as error:
        return tuple(some), error
    return tuple(some), None


def read_lines_of(
    folder: Path, *, beam: int | None = None, length_penalty: float | None = None, aligned: bool = False
) -> Lines:
    """The first network of a run (all of an ensemble), ready for text; the search is the recipe's unless asked for.

    Raises:
        RunError: if the folder holds no run of sequences, is damaged, or a tokenizer is not the run's own.
        ConfigError: for a beam below 1, a negative penalty, or an alignment of a model that has none.
    """
    run = read_trained(folder)
    if run.recipe.task != "sequences":
        raise RunError(
            f"{folder} holds a run of the task {run.recipe.task!r}",
            expected="a run of sequences",
            fix="use `edgewise predict RUN DATA`",
        )
    training = cast(SequenceTraining, run.recipe.training)
    beam = training.beam if beam is None else beam
    penalty = training.length_penalty if length_penalty is None else length_penalty
    if beam < 1 or penalty < 0:
        raise ConfigError(
            f"a beam of {beam} with length penalty {penalty}",
            expected="a beam of 1 or more, a penalty of 0 or more",
        )
    both = Vocabularies(*(_tokenizer(run, side) for side in ("source", "target")))
    networks = [
        with_weights(sequence_model(run.recipe.model, both.source.size, both.target.size), run, seed)
        for seed in run.seeds[0]
    ]
    translate = Translator(together(networks), both, beam, penalty)
    if aligned:
        translate.alignment("", "")  # a model without attention says so now
    most = most_positions(run.recipe.model)
    return Lines(translate, training.longest if most is None else min(training.longest, most), aligned)


def _tokenizer(run: TrainedRun, side: str) -> Tokenizer:
    try:
        known = run.shape["tokenizers"][side]
        path, fingerprint = run.folder / known["file"], str(known["fingerprint"])
    except (LookupError, TypeError) as error:
        raise run.damaged(f"config.json does not name the {side} tokenizer") from error
    try:
        return load_tokenizer(path, fingerprint)
    except DataError as error:
        raise RunError(error.found, expected=error.expected, fix=error.fix) from error
