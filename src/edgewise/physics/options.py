"""Options of a simulator: read from words, NAME=VALUE, and checked against each other."""

from collections.abc import Iterable
from typing import Any

from edgewise.errors import ConfigError


def read_options(words: Iterable[str]) -> dict[str, Any]:
    """NAME=VALUE, ... as a table; what is neither a number nor true or false stays text, which `simulate` refuses.

    Raises:
        ConfigError: a word is no NAME=VALUE, or a name is given twice.
    """
    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = (part.strip() for part in word.partition("="))
        name = name.replace("-", "_")
        if not (name and equals and value):
            raise ConfigError(f"the option {word!r}", expected="NAME=VALUE, e.g. dt=0.001")
        if name in found:
            raise ConfigError(f"the option {name} is given twice", expected="each option once")
        found[name] = _value(value)
    return found


def _value(text: str) -> bool | int | float | str:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def check_ordered(options: object, low: str, high: str) -> None:
    """Refuse a range that ends below its beginning.

    Args:
        low, high: names of two options.

    Raises:
        ConfigError: with both values.
    """
    first, last = getattr(options, low), getattr(options, high)
    if first > last:
        raise ConfigError(f"{low} = {first!r} is above {high} = {last!r}", expected=f"{low} <= {high}")
