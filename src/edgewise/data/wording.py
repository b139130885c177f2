"""The phrases that the error messages of this folder share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence


def listing(names: Iterable[object], limit: int = 20) -> str:
    """The names as one phrase, cut off after `limit` of them: "x, y, z" or "none"."""
    words = [str(name) for name in names]
    if not words:
        return "none"
    rest = len(words) - limit
    return ", ".join(words[:limit]) + (f", ... ({rest} more)" if rest > 0 else "")


def quoted(names: Iterable[object], limit: int = 5) -> str:
    """Names between quotes: "'x', 'y'"."""
    return listing((f"'{name}'" for name in names), limit)


def did_you_mean(name: str, known: Iterable[object]) -> str | None:
    """ "did you mean 'x'?" for the closest known name, or None if nothing is close."""
    by_lower = {str(word).lower(): str(word) for word in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"did you mean '{by_lower[close[0]]}'?" if close else None


def asked(names: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Names that a caller asked for: a sequence, or one string with commas; None stays None."""
    if names is None:
        return None
    words = names.split(",") if isinstance(names, str) else names
    return tuple(word.strip() for word in words if word.strip())
