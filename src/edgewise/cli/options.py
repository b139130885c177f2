"""Options that several commands share: how data are read, and what may be chosen about an inference."""

import inspect
import re
from dataclasses import dataclass, fields, make_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from cyclopts import Group, Parameter

from edgewise.errors import ConfigError
from edgewise.inference.config import METHODS, SECTIONS

if TYPE_CHECKING:
    import xarray as xr


Flag = Annotated[bool, Parameter(negative="", show_default=False)]
"""A switch that is off unless it is named."""

Target = Annotated[Path, Parameter(name=["--out", "-o"])]
"""Where a command writes."""

READING = Group("Reading the data", sort_key=10)
METHOD = Group("The method", sort_key=20)
GROUPS = {
    "graph": Group("The graph that is sought", sort_key=21),
    "law": Group("The law that is learnt", sort_key=22),
    "training": Group("The fit", sort_key=23),
    "confidence": Group("How sure it is", sort_key=24),
    "nri": Group("Neural relational inference (--method nri)", sort_key=25),
    "hybrid": Group("The encoder beside the exact posterior (--method hybrid)", sort_key=26),
    "peers": Group("Methods of other packages (--method pcmci, ...)", sort_key=27),
}


def _column(text: str) -> Parameter:
    return Parameter(help=text, group=READING)


def _switch(text: str) -> Parameter:
    return Parameter(help=text, group=READING, negative="", show_default=False)


@Parameter(name="*")
@dataclass(frozen=True)
class Reading:
    """How a file of trajectories is read. Names that are usual are guessed; files that declare them need none."""

    time: Annotated[str | None, _column("Column of the time stamps.")] = None
    entity: Annotated[str | None, _column("Column that names the entity.")] = None
    sequence: Annotated[str | None, _column("Column that names the recording, if there are several.")] = None
    position: Annotated[str | None, _column("Position columns, e.g. x,y.")] = None
    velocity: Annotated[str | None, _column("Velocity columns, e.g. vx,vy.")] = None
    features: Annotated[str | None, _column("Other columns to keep; every numeric one if not given.")] = None
    rate: Annotated[str | None, _column("Columns that are rates of change themselves, e.g. dphi.")] = None
    truth: Annotated[Path | None, _column("Table of known edges: source,target,type[,sequence].")] = None
    split: Annotated[str | None, _column("Which split of an NRI folder, e.g. train.")] = None
    round_time: Annotated[
        float | None, _column("Round time stamps to this step, for clocks that jitter or drift.")
    ] = None
    topology: Annotated[Path | None, _column("Topology of a molecular trajectory, e.g. x.psf.")] = None
    select: Annotated[
        str | None, _column("Atoms of it, as MDAnalysis selects them, e.g. name CA (the default).")
    ] = None
    residues: Annotated[int, _column("Centres of mass of so many of its residues in a row; 0: atoms.")] = 0
    align: Annotated[bool, _switch("Superpose its frames on the first.")] = False
    every: Annotated[int, _column("Read every so many of its frames.")] = 1

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
            rate=names(self.rate),
            truth=self.truth,
            split=self.split,
            round_time=self.round_time,
            topology=self.topology,
            select=self.select,
            residues=self.residues,
            align=self.align,
            every=self.every,
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
    method = Parameter(help=f"Method of inference. [default: {METHODS[0]}]", group=METHOD)
    entries: list[tuple[str, Any, Any]] = [("method", Annotated[Literal[METHODS] | None, method], None)]  # pyright: ignore[reportInvalidTypeForm]
    for section, record in SECTIONS.items():
        about, hints = _help(record), get_type_hints(record)
        for f in fields(record):
            kind = str if isinstance(f.default, tuple) else hints[f.name]
            flag = Parameter(help=f"{sentence(about[f.name])}{_default(f.default)}", group=GROUPS[section])
            entries.append((f.name, Annotated[kind | None, flag], None))
    record = make_dataclass("Choices", entries, frozen=True)
    record.__module__ = __name__  # cyclopts does not open up records of the module "types"
    return record


def sentence(text: str) -> str:
    """The text with a capital at its start."""
    return text[:1].upper() + text[1:]


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return " [default: yes]" if value else ""
    return (
        ""
        if value == ()
        else f" [default: {value:g}]"
        if isinstance(value, float)
        else f" [default: {value}]"
    )


Choices = Parameter(name="*")(_choices())
"""Every setting of `InferenceConfig` as an optional flag."""


def chosen(choices: Any) -> dict[str, Any]:
    """The settings that were named on the command line."""
    given = {f.name: getattr(choices, f.name) for f in fields(choices)}
    given = {name: value for name, value in given.items() if value is not None}
    if "prior" in given:
        given["prior"] = _numbers(given["prior"], "prior", "probabilities separated by commas, e.g. 0.9,0.1")
    if "layers" in given:
        given["layers"] = [
            int(size) for size in _numbers(given["layers"], "layers", "numbers of types, e.g. 2,2")
        ]
    if "angles" in given:
        given["angles"] = names(given["angles"])
    return given


def _numbers(text: str, name: str, expected: str) -> list[float]:
    try:
        return [float(word) for word in names(text) or []]
    except ValueError as error:
        raise ConfigError(f"--{name} {text}: {error}", expected=expected) from error
