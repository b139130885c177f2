"""Numbers and durations for readers: no more digits than mean something, never rounded up to perfect."""

import math
from datetime import datetime
from typing import Any

DASH = "–"
NARROW = "\u202f"
"""A narrow space that does not break, between a number and its unit and between groups of three digits."""


def percent(value: float | None) -> str:
    """A share in per cent; close to 0 and 1 it gets a second digit.

    >>> percent(0.5), percent(0.99949), percent(0.999999)
    ('50\\u202f%', '99.95\\u202f%', '>\\u202f99.99\\u202f%')
    """
    if value is None or not math.isfinite(value):
        return DASH
    if 0.9999 < value < 1:
        return f">{NARROW}99.99{NARROW}%"
    if 0 < value < 0.0001:
        return f"<{NARROW}0.01{NARROW}%"
    digits = 2 if value > 0.99 or value < 0.01 else 1
    return f"{_trim(f'{100 * value:.{digits}f}')}{NARROW}%"


def score(value: float | None) -> str:
    """A score between 0 and 1 with three decimals; an imperfect one is never shown as 1.000."""
    if value is None or not math.isfinite(value):
        return DASH
    if 0.9995 <= value < 1:
        return f">{NARROW}0.999"
    if 0 < value < 0.0005:
        return f"<{NARROW}0.001"
    return f"{value:.3f}"


def number(value: float | None) -> str:
    """Three significant digits; powers of ten only where they are shorter."""
    if value is None or not math.isfinite(value):
        return DASH
    if value == 0:
        return "0"
    if 1e-3 <= abs(value) < 1e4:
        return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
    mantissa, exponent = f"{value:.2e}".split("e")
    superscript = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa}{NARROW}×{NARROW}10{superscript}"


def count(value: int | None) -> str:
    """A whole number, its digits in groups of three from five digits on."""
    if value is None:
        return DASH
    return f"{value:,}".replace(",", NARROW) if abs(value) >= 10_000 else str(value)


def duration(seconds: float | None) -> str:
    """Seconds, minutes or hours.

    >>> duration(12.34), duration(754), duration(7300)
    ('12.3\\u202fs', '12\\u202fmin 34\\u202fs', '2\\u202fh 2\\u202fmin')
    """
    if seconds is None:
        return DASH
    if seconds < 99.95:
        return f"{_trim(number(seconds))}{NARROW}s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}{NARROW}min {whole % 60}{NARROW}s"
    minutes = round(seconds / 60)
    return f"{minutes // 60}{NARROW}h {minutes % 60}{NARROW}min"


def moment(iso: str | None) -> str:
    """An ISO time as `12 March 2026, 14:05`; a text that is none stays as it is."""
    if not iso:
        return ""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{when.day} {when:%B %Y, %H:%M}"


def plain(value: Any) -> str:
    """A setting or a fact of any type in words."""
    match value:
        case None:
            return DASH
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case list() | tuple():
            return ", ".join(plain(item) for item in value) or DASH
        case dict():
            return ", ".join(f"{key} {plain(item)}" for key, item in value.items()) or DASH
        case _:
            return str(value)


def capital(text: str) -> str:
    """The first letter large, the others as they are: `RMSE` and `mol/L` keep theirs."""
    return text[:1].upper() + text[1:]


def _trim(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
