"""The words of the command that is running, for the record that a run keeps of it."""

import shlex
from contextvars import ContextVar

WORDS: ContextVar[tuple[str, ...]] = ContextVar("words", default=())
"""What stood behind `edgewise` on the command line."""


def command_words() -> list[str]:
    return list(WORDS.get())


def how_to_go_on() -> str:
    """What is said after Ctrl-C: the command that goes on with the run."""
    words = [word for word in command_words() if word != "--overwrite"]
    more = [] if "--resume" in words else ["--resume"]
    return f"go on with\n  edgewise {shlex.join([*words, *more])}"
