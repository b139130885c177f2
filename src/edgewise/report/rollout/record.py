"""The record of a rollout, as a page needs it."""

from pathlib import Path

from edgewise.errors import RunError
from edgewise.report.folder import Json, RunFolder, kind_of, read_record

NAME = "rollout.json"
KEYS = ("steps", "dt", "time", "entities", "systems", "energy", "momentum", "error", "diverged", "notes")
AGAIN = "run `edgewise rollout RUN` again"


def read_rollout(folder: RunFolder, path: Path | None = None) -> Json | None:
    """The record of a rollout: the one that is named, or else that of a run folder, None where it has none.

    Raises:
        RunError: the record is damaged, or one that was named is missing.
    """
    place = path or folder.path / NAME
    if path is None and not place.is_file():
        return None
    record = read_record(place.parent, place.name, KEYS, AGAIN)
    systems, n_frames = record["systems"], len(record["time"])
    if not isinstance(systems, list) or not systems:
        raise RunError(f"{place} holds no systems", expected="at least one system", fix=AGAIN)
    for system in systems:
        if not isinstance(system, dict) or "x" not in system:
            raise RunError(
                f"{place} holds {kind_of(system)} as a system",
                expected="named values, x among them",
                fix=AGAIN,
            )
        if len(system["x"]) != n_frames:
            raise RunError(
                f"{place} has {len(system['x'])} frames of a system and {n_frames} times",
                expected="as many frames as times",
                fix=AGAIN,
            )
    return record
