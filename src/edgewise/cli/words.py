"""The words of the command that is running, for the record that a run keeps of it."""

from contextvars import ContextVar

WORDS: ContextVar[tuple[str, ...]] = ContextVar("words", default=())
"""What stood behind `edgewise` on the command line."""


def command_words() -> list[str]:
    return list(WORDS.get())
