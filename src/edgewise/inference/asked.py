"""What a user may ask of a method: settings that it has a use for, and futures that can be rolled."""

from collections.abc import Mapping, Sequence
from dataclasses import fields

from edgewise.errors import ConfigError
from edgewise.inference.config import InferenceConfig


def refuse_unused(config: InferenceConfig, used: Mapping[str, Sequence[str]]) -> None:
    """Refuse settings that the method would ignore.

    Args:
        used: table of the configuration -> its fields that the method reads, or that change nothing for it.

    Raises:
        ConfigError: for any other field of these tables that is not as by default.
    """
    method = config.method
    for table, allowed in used.items():
        record = getattr(config, table)
        bare = type(record)()
        for field in fields(record):
            value = getattr(record, field.name)
            if field.name not in allowed and value != getattr(bare, field.name):
                raise ConfigError(
                    f"{method} with {field.name}={value!r}",
                    expected=f"settings that it has a use for (docs/{method}.md)",
                    fix=f"drop {field.name}, or use method='superposition'",
                )


def check_futures(steps: int, samples: int) -> None:
    """Refuse a forecast of no step, or of fewer than no samples.

    Raises:
        ConfigError: for steps below 1 or samples below 0.
    """
    if steps < 1 or samples < 0:
        raise ConfigError(f"steps={steps}, samples={samples}", expected="at least 1 step, and samples >= 0")
