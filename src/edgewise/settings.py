"""Settings from plain values: typed reading of tables into frozen records, and what is said of wrong ones."""

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from edgewise.errors import ConfigError, RunError

R = TypeVar("R")
Records = Mapping[str, type]
"""The records that a document of settings is made of, by the name of their table."""


def require(holds: bool, name: str, value: object, expected: str) -> None:
    """Refuse a value that is out of range; for the `__post_init__` of a record.

    Raises:
        ConfigError: unless it holds.
    """
    if not holds:
        raise ConfigError(f"{name} is {value!r}", expected=expected)


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """ " (did you mean 'x'?)" for the nearest known word, or nothing."""
    near = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def one_of(kind: str, word: object, known: Sequence[str], source: str = "") -> None:
    """Refuse a word that is none of the known ones.

    Raises:
        ConfigError: with the nearest known word.
    """
    if word not in known:
        place = f"{source}: " if source else ""
        near = did_you_mean(word, known) if isinstance(word, str) else ""
        raise ConfigError(f"{place}unknown {kind} {word!r}{near}", expected=f"one of {', '.join(known)}")


def plain(record: Any) -> dict[str, Any]:
    """The fields of a record as plain values: tuples become lists."""
    values = {f.name: getattr(record, f.name) for f in fields(record)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def take(into: Mapping[str, dict[str, Any]], records: Records, key: str, value: object, source: str) -> None:
    """Put one setting where it belongs: into the table whose record has it.

    Args:
        into: the values found so far, by table; records: the tables that are looked at.

    Raises:
        ConfigError: for a key that none of them has (with the nearest that one has), or a value of another type.
    """
    known = {f.name: (name, f) for name, record in records.items() for f in fields(record)}
    if key not in known:
        raise ConfigError(
            f"{source}: unknown setting {key!r}{did_you_mean(key, list(known))}",
            expected=f"one of {', '.join(sorted(known))}",
        )
    table, field = known[key]
    into[table][key] = typed(key, value, _example(records[table], field), source)


def read_table(record: type[R], table: object, source: str) -> R:
    """A record from the values of its table.

    Raises:
        ConfigError: for an unknown key, a value of another type or out of range, or a field that must be given.
    """
    if not isinstance(table, Mapping):
        raise ConfigError(f"{source} is {table!r}", expected="a table of settings")
    chosen: dict[str, dict[str, Any]] = {"": {}}
    for key, value in table.items():
        take(chosen, {"": record}, key, value, source)
    for f in fields(record):  # pyright: ignore[reportArgumentType]
        if f.default is MISSING and f.default_factory is MISSING and f.name not in chosen[""]:
            raise ConfigError(
                f"{source}: {f.name} is not given",
                expected=f"a value ({_example(record, f).__class__.__name__})",
            )
    try:
        return record(**chosen[""])
    except ConfigError as error:
        raise ConfigError(f"{source}: {error.found}", expected=error.expected, fix=error.fix) from error


def _example(record: type, field: "Field[Any]") -> object:
    """A value of the field's type: its default, or an empty value where it has none; of words, one word."""
    if field.default == () and get_type_hints(record)[field.name] == tuple[str, ...]:
        return ("name",)
    return field.default if field.default is not MISSING else get_type_hints(record)[field.name]()


def typed(key: str, value: object, default: object, source: str) -> object:
    """A value of the default's type; whole numbers pass for floats, lists for tuples.

    Raises:
        ConfigError: for a value of another type.
    """
    if isinstance(default, bool):
        right = isinstance(value, bool)
    elif isinstance(default, int):
        right = isinstance(value, int) and not isinstance(value, bool)
    elif isinstance(default, float):
        right = isinstance(value, (int, float)) and not isinstance(value, bool)
        value = float(value) if isinstance(value, (int, float)) else value
    elif isinstance(default, tuple):
        kind = str if default and isinstance(default[0], str) else (int, float)
        right = isinstance(value, (list, tuple)) and all(isinstance(v, kind) for v in value)
        value = tuple(value) if isinstance(value, (list, tuple)) else value
    else:
        right = isinstance(value, str)
    if not right:
        raise ConfigError(
            f"{source}: {key} is {value!r}", expected=f"a value like {default!r} ({type(default).__name__})"
        )
    return value


def read_toml(path: Path, *, expected: str, fix: str) -> dict[str, Any]:
    """The values of a TOML file.

    Raises:
        RunError: if it cannot be read, with what was expected and what to do.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RunError(f"{path} cannot be read: {reason}", expected=expected, fix=fix) from error
