"""Options that several commands share: how data are read, and what may be chosen about an inference."""

import inspect
import re
from dataclasses import dataclass, fields, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from cyclopts import Parameter

from edgewise.errors import ConfigError
from edgewise.inference.config import METHODS, SECTIONS

if TYPE_CHECKING:
    import xarray as xr


@Parameter(name="*")
@dataclass(frozen=True)
class Reading:
    """How a file of trajectories is read. Only tables need it; names are guessed where they are usual."""

    time: Annotated[str | None, Parameter(help="Column of the time stamps.")] = None
    entity: Annotated[str | None, Parameter(help="Column that names the entity.")] = None
    sequence: Annotated[
        str | None, Parameter(help="Column that names the recording, if there are several.")
    ] = None
    position: Annotated[str | None, Parameter(help="Position columns, e.g. x,y.")] = None
    velocity: Annotated[str | None, Parameter(help="Velocity columns, e.g. vx,vy.")] = None
    features: Annotated[str | None, Parameter(help="Other columns to keep (default: every numeric one).")] = (
        None
    )
    truth: Annotated[Path | None, Parameter(help="Table of known edges: source,target,type[,sequence].")] = (
        None
    )
    split: Annotated[str | None, Parameter(help="Which split of an NRI folder, e.g. train.")] = None

    def load(self, path: Path) -> "xr.Dataset":
        """The data set at a path."""
        from edgewise.data import load

        return load(
            path,
            time=self.time,
            entity=self.entity,
            sequence=self.sequence,
            position=names(self.position),
            velocity=names(self.velocity),
            features=names(self.features),
            truth=self.truth,
            split=self.split,
        )


def names(text: str | None) -> list[str] | None:
    """ "x, y" -> ["x", "y"]."""
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def _help(record: type) -> dict[str, str]:
    """What a settings record says of each field, under "Attributes:"."""
    text = (inspect.getdoc(record) or "").partition("Attributes:")[2]
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", text, flags=re.MULTILINE)
    return {name: " ".join(about.split()) for name, about in entries}


def _choices() -> type:
    """One optional flag for every setting, so that a flag which was not given leaves the configuration as it is."""
    entries: list[tuple[str, Any, Any]] = [
        ("method", Annotated[Literal[METHODS] | None, Parameter(help="The method of inference.")], None)  # pyright: ignore[reportInvalidTypeForm]
    ]
    for record in SECTIONS.values():
        about, hints = _help(record), get_type_hints(record)
        for f in fields(record):
            kind = str if isinstance(f.default, tuple) else hints[f.name]
            shown = "none" if f.default == () else f.default
            text = f"{about[f.name]} Default: {shown}."
            entries.append((f.name, Annotated[kind | None, Parameter(help=text)], None))
    record = make_dataclass("Choices", entries, frozen=True)
    record.__module__ = __name__  # cyclopts does not open up records of the module "types"
    return record


Choices = Parameter(name="*")(_choices())
"""Every setting of `InferenceConfig` as an optional flag."""


def chosen(choices: Any) -> dict[str, Any]:
    """The settings that were named on the command line."""
    given = {f.name: getattr(choices, f.name) for f in fields(choices)}
    given = {name: value for name, value in given.items() if value is not None}
    if "prior" in given:
        given["prior"] = _numbers(given["prior"])
    return given


def _numbers(text: str) -> list[float]:
    try:
        return [float(word) for word in names(text) or []]
    except ValueError as error:
        raise ConfigError(
            f"--prior {text}: {error}", expected="probabilities separated by commas, e.g. 0.9,0.1"
        ) from error
