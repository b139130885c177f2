"""How a fit shows itself on stderr: a live line on a terminal, a line every few seconds elsewhere."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from edgewise.training import Progress

EVERY = 5.0


class ProgressLine:
    """A context that takes `Progress` records: phase, step, marginal likelihood, tempering, time spent and left.

    The first and the last step of a phase are always shown.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.live = sys.stderr.isatty()
        self.shown = 0.0
        self.phase = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live and self.shown:
            sys.stderr.write("\n")

    def __call__(self, progress: "Progress") -> None:
        now = time.monotonic()
        wait = 0.2 if self.live else EVERY
        at_an_end = progress.phase != self.phase or progress.steps_left == 0
        if self.quiet or (now - self.shown < wait and not at_an_end):
            return
        self.shown, self.phase = now, progress.phase
        text = line(progress)
        sys.stderr.write(f"\r\x1b[2K{text}" if self.live else f"{text}\n")
        sys.stderr.flush()


FORMS = {"log p": "{:+.3f}/number", "temperature": "{:.1f}"}
"""How figures are written; the others get three digits."""


def line(progress: "Progress") -> str:
    """One line, e.g. "types  step 214  log p -0.412/number  temperature 1.0  12 s  (3 s left)"."""
    if progress.steps_left == 0:
        left = "done"
    elif progress.seconds_left is None:
        left = "until it settles"
    else:
        left = f"{progress.seconds_left:.0f} s left"
    figures = [
        f"{name} {FORMS.get(name, '{:.3f}').format(value)}" for name, value in progress.figures.items()
    ]
    parts = [f"{progress.phase:<9} step {progress.step:>4}", *figures, f"{progress.seconds:.0f} s ({left})"]
    return "  ".join(parts)
