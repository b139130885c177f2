"""Inflection: a lemma and tags become a form, as in the SIGMORPHON 2016 shared task (Cotterell et al. 2016)."""

from pathlib import Path

from edgewise.data.text import ParallelText, pairs_of, read_lines
from edgewise.errors import DataError


def read_inflection(path: str | Path) -> ParallelText:
    """Lines of lemma, tags and form with tabs between; a source is "lemma TAB tags", as `inflection_symbols` reads it.

    Raises:
        DataError: if the file cannot be read, or a line has another number of columns.
    """
    lines = read_lines(path)
    rows = [line.split("\t") for line in lines]
    for number, (line, row) in enumerate(zip(lines, rows, strict=True), 1):
        if line and len(row) != 3:
            raise DataError(
                f"{path}, line {number}: {len(row)} column{'s' if len(row) > 1 else ''} in {line!r}",
                expected="three with tabs between: lemma, tags, form",
            )
    full = [row if len(row) == 3 else ["", "", ""] for row in rows]
    sources = [f"{lemma}\t{tags}" if lemma else "" for lemma, tags, _ in full]
    return pairs_of(sources, [form for _, _, form in full], str(path))


def inflection_symbols(source: str) -> list[str]:
    """ "lemma TAB tag,tag" -> each tag as one symbol, then the letters of the lemma."""
    lemma, _, tags = source.partition("\t")
    return [tag.strip() for tag in tags.split(",") if tag.strip()] + list(lemma)
