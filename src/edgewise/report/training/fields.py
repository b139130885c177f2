"""Reading one value of a record with its type checked, so that a damaged record is named and not drawn."""

import math
from dataclasses import dataclass
from typing import Any

from edgewise.report.folder import Json, RunFolder, kind_of


@dataclass(frozen=True)
class Fields:
    """Named values at some place of a record.

    Args:
        folder: the run folder, for the messages.
        file: the name of the record.
        values: the values there.
        place: where in the record they are, such as `runs[3]`; empty at its top.
    """

    folder: RunFolder
    file: str
    values: Json
    place: str = ""

    def number(self, key: str) -> float | None:
        """A finite number, or None where there is none (null, NaN, infinity, no such key)."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(key, value, "a number or null")
        return float(value) if math.isfinite(value) else None

    def whole(self, key: str) -> int | None:
        value = self.number(key)
        return None if value is None else round(value)

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._wrong(key, value, "a text")
        return value

    def numbers(self, key: str) -> tuple[float | None, ...]:
        """A list of numbers; empty where there is none."""
        items = self._list(key)
        return tuple(Fields(self.folder, self.file, {key: item}, self.place).number(key) for item in items)

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(str(item) for item in self._list(key))

    def entries(self, key: str) -> tuple["Fields", ...]:
        """A list of named values; empty where there is none."""
        return tuple(self._named(item, f"{key}[{index}]") for index, item in enumerate(self._list(key)))

    def inside(self, key: str) -> "Fields | None":
        value = self.values.get(key)
        return None if value is None else self._named(value, key)

    def rows(self, key: str) -> tuple[tuple[float | None, ...], ...]:
        """A list of lists of numbers."""
        return tuple(
            Fields(self.folder, self.file, {f"{key}[{index}]": row}, self.place).numbers(f"{key}[{index}]")
            for index, row in enumerate(self._list(key))
        )

    def _named(self, value: Any, name: str) -> "Fields":
        if not isinstance(value, dict):
            raise self._wrong(name, value, "named values")
        return Fields(self.folder, self.file, value, f"{self.place}.{name}" if self.place else name)

    def _list(self, key: str) -> list[Any]:
        value = self.values.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(key, value, "a list")
        return value

    def _wrong(self, key: str, value: object, expected: str) -> Exception:
        place = f"{self.place}.{key}" if self.place else key
        return self.folder.damaged(self.file, f"holds {kind_of(value)} at {place!r}", expected)
