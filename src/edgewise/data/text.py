"""Text, one sentence a line, and pairs of texts whose lines belong together."""

from dataclasses import dataclass
from pathlib import Path

from edgewise.data.unpickle import stored_bytes
from edgewise.errors import DataError


@dataclass(frozen=True)
class ParallelText:
    """Sentences and what they are to become, line by line.

    Args:
        source, target: as many lines each, none of them empty.
        left_out: lines of the files (from 1) that were left out, since one side was empty.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    left_out: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.source)


def read_lines(path: str | Path) -> list[str]:
    """The lines of a UTF-8 text, without spaces at their ends; a name that ends in `.gz` is decompressed.

    Raises:
        DataError: if it cannot be read, or holds bytes that are not UTF-8 (the line is named).
    """
    path = Path(path)
    content = stored_bytes(path)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(
            f"{path}, line {line}: byte {content[error.start]:#04x} is not UTF-8",
            expected="a text in UTF-8",
            fix="convert the file, e.g. with iconv",
        ) from error
    lines = text.removeprefix("\ufeff").split("\n")  # not splitlines: a text may hold other separators
    lines = lines[:-1] if lines[-1] == "" else lines
    return [line.strip() for line in lines]


def read_parallel(source: str | Path, target: str | Path) -> ParallelText:
    """Two files whose lines belong together; where one side is empty the pair is left out.

    Raises:
        DataError: if a file cannot be read, the files have different numbers of lines, or no pair is left.
    """
    left, right = read_lines(source), read_lines(target)
    if len(left) != len(right):
        longer, first = source if len(left) > len(right) else target, min(len(left), len(right)) + 1
        raise DataError(
            f"{source} has {len(left)} lines and {target} has {len(right)}",
            expected="a line of the one for each line of the other",
            fix=f"line {first} of {longer} is the first without a partner; look where they part",
        )
    return pairs_of(left, right, f"{source} and {target}")


def pairs_of(source: list[str], target: list[str], where: str) -> ParallelText:
    """The pairs with something on both sides.

    Raises:
        DataError: if there are none; `where` says what was read.
    """
    kept = [k for k in range(len(source)) if source[k] and target[k]]
    if not kept:
        raise DataError(
            f"{where}: no line has something on both sides", expected="at least one pair of sentences"
        )
    lost = tuple(k + 1 for k in range(len(source)) if not (source[k] and target[k]))
    return ParallelText(tuple(source[k] for k in kept), tuple(target[k] for k in kept), lost)
