"""edgewise translate RUN < TEXT"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from edgewise.cli.options import Flag
from edgewise.cli.out import say

if TYPE_CHECKING:
    from edgewise.tasks.translate import Line


def translate(
    run: Path,
    /,
    *,
    beam: int | None = None,
    length_penalty: float | None = None,
    attention: Path | None = None,
    overwrite: Flag = False,
    json: Flag = False,
    at_once: int = 64,
) -> None:
    """Turn the lines of standard input into what the model of a run says of them, one line each, in order.

    Translations, inflected forms ("lemma TAB tags" a line) or whatever the recipe was about. An empty line stays empty.

    Args:
        run: A run folder of `edgewise train` with a recipe of sequences.
        beam: Hypotheses of the search, in place of the recipe's number.
        length_penalty: Its exponent, in place of the recipe's; 0: none.
        attention: A JSON file to write: for each line its pieces on both sides, and which ones looked at which.
        overwrite: Replace that file if it exists.
        json: Print one JSON object a line instead of the bare text.
        at_once: Lines that are read before they are answered; from a terminal every line is answered at once.
    """
    from edgewise.data.atomic import refuse_to_overwrite
    from edgewise.errors import ConfigError
    from edgewise.tasks.translate import read_lines_of

    if at_once < 1:
        raise ConfigError(f"--at-once {at_once}", expected="1 line or more")
    if attention is not None:
        refuse_to_overwrite(attention, overwrite=overwrite)
    lines = read_lines_of(run, beam=beam, length_penalty=length_penalty, aligned=attention is not None)
    some = 1 if sys.stdin.isatty() else at_once
    answered = _print(lines(_stdin(), at_once=some), json=json, keep=attention is not None)
    if attention is not None:
        _write(attention, answered, overwrite=overwrite)


def _stdin() -> Iterable[str]:
    from edgewise.errors import DataError

    stream = sys.stdin.buffer
    for number, line in enumerate(stream, 1):
        try:
            yield line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise DataError(
                f"line {number} of standard input is not UTF-8",
                expected="text in UTF-8",
                fix="convert it, e.g. with iconv",
            ) from error


def _print(lines: "Iterable[Line]", *, json: bool, keep: bool) -> "list[Line]":
    """Print every line as it comes; those that are to be kept."""
    from json import dumps

    kept = []
    for line in lines:
        print(dumps(line.record(), ensure_ascii=False) if json else line.target, flush=True)
        if line.unknown:
            say(
                f"note: line {line.number}: the vocabulary does not have {', '.join(map(repr, line.unknown))}"
            )
        if keep:
            kept.append(line)
    return kept


def _write(path: Path, lines: "list[Line]", *, overwrite: bool) -> None:
    from edgewise.data.atomic import replacing
    from edgewise.folders import to_json

    with replacing(path, overwrite=overwrite) as draft:
        draft.write_text(
            to_json([line.record() for line in lines if line.alignment is not None]), encoding="utf-8"
        )
