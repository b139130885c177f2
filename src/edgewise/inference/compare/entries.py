"""What is compared: methods, each under a label and with settings of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgewise.errors import ConfigError
from edgewise.inference.config import METHODS, SECTIONS, InferenceConfig
from edgewise.settings import did_you_mean

DEFAULT = ("superposition", "correlation", "partial-correlation", "lag-regression", "graphical-lasso")
"""What is compared if nothing is named: what is always there and quick."""
ALL = "all"
COMMON = tuple(name for name in SECTIONS if name not in METHODS)
"""Tables of settings that hold for every method; `nri` and `hybrid` are the tables of those methods."""


@dataclass(frozen=True)
class Entry:
    """One line of a comparison: a label (the method's name, unless it was given another) and all settings."""

    label: str
    config: InferenceConfig


def planned(
    methods: Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    source: str = "settings",
) -> list[Entry]:
    """The lines of a comparison, in the order in which they are named.

    Args:
        methods: labels: names of methods, or of tables of the settings; "all" for every method there is. None: those
            that the settings have tables of, or else `DEFAULT`.
        settings: those that hold for all (`graph = "shared"`, or a table such as `[graph]`), and a table for each label
            that has its own: `[pcmci]`, or `[ours]` with `method = "superposition"` in it. A label's own win.
        source: what the settings are called in messages.

    Raises:
        ConfigError: for a label that is neither a method nor a table, one that is named twice, a table that no label
            asks for, or a setting that is wrong.
    """
    tables, common = _divided(settings or {})
    labels = _labels(methods, tables)
    unused = [label for label in tables if label not in labels]
    if unused:
        raise ConfigError(
            f"{source}: settings for {unused[0]!r}{did_you_mean(unused[0], labels)}, which is not compared",
            expected=f"tables of what is compared: {', '.join(labels)}",
            fix=f"name {unused[0]!r} among the methods, or drop its table",
        )
    return [Entry(label, _config(label, common, tables.get(label, {}), source)) for label in labels]


def _divided(settings: Mapping[str, Any]) -> tuple[dict[str, Mapping[str, Any]], dict[str, Any]]:
    """The tables of labels, and what holds for all."""
    tables = {
        key: value for key, value in settings.items() if isinstance(value, Mapping) and key not in COMMON
    }
    return tables, {key: value for key, value in settings.items() if key not in tables}


def _labels(methods: Sequence[str] | None, tables: Mapping[str, Any]) -> list[str]:
    if methods is None:
        return list(tables or DEFAULT)
    labels = [
        label for name in methods for label in ([*METHODS, *_others(tables)] if name == ALL else [name])
    ]
    if not labels:
        raise ConfigError("no method is named", expected=f"some of {', '.join(METHODS)}, or {ALL}")
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise ConfigError(
            f"{twice!r} is named twice",
            expected="each method once",
            fix="give the second a label: a table of settings with method = ... in it",
        )
    return labels


def _others(tables: Mapping[str, Any]) -> list[str]:
    return [label for label in tables if label not in METHODS]


def _config(label: str, common: Mapping[str, Any], own: Mapping[str, Any], source: str) -> InferenceConfig:
    method = own.get("method", label)
    if method not in METHODS:
        raise ConfigError(
            f"unknown method {method!r}{did_you_mean(str(method), METHODS)}",
            expected=f"one of {', '.join(METHODS)}, or a table of settings with method = ... in it",
        )
    values = _flat(common) | _flat(own) | {"method": method}
    return InferenceConfig.from_dict(values, f"{source}, {label}")


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings without their tables: every setting has one name."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= value if key in SECTIONS and isinstance(value, Mapping) else {key: value}
    return flat
