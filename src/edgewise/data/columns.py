"""Which column of a long table plays which part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgewise.data.roles import usual_position, usual_velocity
from edgewise.data.wording import asked, did_you_mean, listing
from edgewise.errors import DataError


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TIME = _words("t time times time_s frame frame_id frame_number timestamp timestep step date datetime")
_ENTITY = _words(
    "id entity entity_id track track_id trackid particle particle_id agent agent_id object object_id "
    "ped_id pedestrian pedestrian_id node node_id individual animal animal_id cell_id body"
)
_SEQUENCE = _words(
    "sequence sequence_id trial trial_id run run_id episode episode_id simulation sim recording scene"
)


def names_time(column: str) -> bool:
    """Whether a column has a common name for the time."""
    return column.strip().lower() in _TIME


def names_entity(column: str) -> bool:
    """Whether a column has a common name for the entity."""
    return column.strip().lower() in _ENTITY


@dataclass(frozen=True)
class Columns:
    """The parts that the columns of one table play.

    Attributes:
        time: the column of the time stamps.
        entity: the column of the entity names.
        sequence: the column of the sequence names, or None if the table is one sequence.
        position: the columns of the position.
        velocity: the columns of the velocity.
        features: the columns to read as features, or None for every other column that holds numbers.
    """

    time: str
    entity: str
    sequence: str | None
    position: tuple[str, ...]
    velocity: tuple[str, ...]
    features: tuple[str, ...] | None

    @property
    def names(self) -> tuple[str, ...]:
        """The columns that name things and are read as text."""
        return (self.entity,) if self.sequence is None else (self.sequence, self.entity)

    @property
    def wanted(self) -> tuple[str, ...]:
        """The feature columns that were asked for by name."""
        return tuple(dict.fromkeys((*self.position, *self.velocity, *(self.features or ()))))


def choose_columns(
    found: Sequence[str],
    where: str,
    *,
    time: str | None = None,
    entity: str | None = None,
    sequence: str | None = None,
    position: str | Sequence[str] | None = None,
    velocity: str | Sequence[str] | None = None,
    features: str | Sequence[str] | None = None,
) -> Columns:
    """Give every part a column: the one asked for, or one whose name is common for it.

    A table that starts with `sequence, time, entity`, as edgewise writes it, is taken at its word. Where
    nothing is said about the position, columns `x, y` (or `x, y, z`) are the position; where nothing is said
    about the velocity, the columns `vx, vy, ...` that match the position are the velocity.

    Args:
        found: the columns of the table.
        where: the name of the table, for messages.
        time, entity, sequence, position, velocity, features: the columns that the caller names; None = guess.

    Raises:
        DataError: a column is not there, occurs twice, or cannot be guessed.
    """
    _check_unique(found, where)
    if list(found[:3]) == ["sequence", "time", "entity"]:
        sequence, time, entity = sequence or "sequence", time or "time", entity or "entity"
    axes = asked(position)
    if axes is None:
        axes = tuple(usual_position(found))
    rates = asked(velocity)
    if rates is None:
        rates = tuple(usual_velocity(axes, found))
    time = time or _guess("time", _TIME, found, where)
    entity = entity or _guess("entity", _ENTITY, found, where)
    columns = Columns(
        time=time or _refuse_guess("time", found, where),
        entity=entity or _refuse_guess("entity", found, where),
        sequence=sequence or _guess("sequence", _SEQUENCE, found, where),
        position=axes,
        velocity=rates,
        features=asked(features),
    )
    for name in (columns.time, *columns.names, *columns.wanted):
        if name not in found:
            raise DataError(
                f"{where}: there is no column '{name}'; the columns are {listing(found)}",
                expected="the columns that were asked for",
                fix=did_you_mean(name, found) or "name columns that the table has",
            )
    _check_parts(columns, where)
    return columns


def _check_unique(found: Sequence[str], where: str) -> None:
    for name in found:
        if list(found).count(name) > 1:
            raise DataError(
                f"{where}: the column '{name}' occurs {list(found).count(name)} times; the columns are "
                f"{listing(found)}",
                expected="a name of its own for every column",
            )


def _check_parts(columns: Columns, where: str) -> None:
    keys = [columns.time, *columns.names]
    if len(set(keys)) < len(keys):
        raise DataError(
            f"{where}: one column was asked to be two of time, entity and sequence: {listing(keys)}",
            expected="a column for each",
        )
    for name in columns.wanted:
        if name in keys:
            raise DataError(
                f"{where}: the column '{name}' cannot be a feature and also the time, entity or sequence",
                expected="a column for each",
            )


def _guess(part: str, common: frozenset[str], found: Sequence[str], where: str) -> str | None:
    matches = [name for name in found if name.lower() in common]
    if len(matches) > 1:
        raise DataError(
            f"{where}: the {part} could be any of the columns {listing(matches)}",
            expected=f"one column that is the {part}",
            fix=f"say which with {part}=... (--{part} on the command line)",
        )
    return matches[0] if matches else None


def _refuse_guess(part: str, found: Sequence[str], where: str) -> str:
    fix = f"say which with {part}=... (--{part} on the command line)"
    if len(found) == 1:
        fix = "separate the columns by commas, semicolons or tabs, or read the file with pandas and pass the frame"
    elif any(_is_number(name) for name in found):
        fix = "line 1 seems to hold values: write the names of the columns above it"
    elif part == "entity":
        fix += "; a table with a column for each entity: edgewise.data.as_dataset(frame.set_index(TIME))"
    raise DataError(
        f"{where}: no column has a common name for the {part}; the columns are {listing(found)}",
        expected=f"a column that holds the {part}",
        fix=fix,
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
