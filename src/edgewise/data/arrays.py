"""`.npz` files: our own layout, and the dispatch to the reader of everyone else's."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from edgewise.data.atomic import replacing
from edgewise.data.chosen import chosen
from edgewise.data.foreign_arrays import interpret
from edgewise.data.gate import validate
from edgewise.data.roles import features as feature_names
from edgewise.data.roles import holds_strengths, pairs, role, time_units
from edgewise.data.schema import from_arrays
from edgewise.data.wording import asked
from edgewise.errors import DataError

_NOTES = "roles"  # the entry that marks a file as ours: a JSON text


def read_npz(
    path: str | Path,
    *,
    time: str | None = None,
    entity: str | None = None,
    sequence: str | None = None,
    position: str | Sequence[str] | None = None,
    velocity: str | Sequence[str] | None = None,
    features: str | Sequence[str] | None = None,
) -> xr.Dataset:
    """Trajectories from an `.npz` file. Nothing in it is unpickled.

    A file that edgewise wrote says itself what it holds. For others see
    `edgewise.data.foreign_arrays.interpret`: arrays with common names are recognised, others are named by the
    arguments.

    Args:
        path: the file.
        time, entity, sequence: the arrays of the stamps and the names.
        position, velocity: the array of positions [sequence, time, entity, axis], or one array an axis.
        features: the arrays to read as features.

    Returns:
        A validated data set.

    Raises:
        DataError: the file is cut off, holds Python objects, or it is not clear what its arrays are.
    """
    path = Path(path)
    arrays = _load(path)
    if _NOTES in arrays and arrays[_NOTES].dtype.kind == "U":
        return chosen(_own(arrays, path), str(path), position=position, velocity=velocity, features=features)
    return interpret(
        arrays,
        str(path),
        time=time,
        entity=entity,
        sequence=sequence,
        position=asked(position),
        velocity=asked(velocity),
        features=asked(features),
    )


def write_npz(ds: xr.Dataset, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a data set as `.npz`.

    Entries: each feature [sequence, time, entity]; `time` [time] or `clock` [sequence, time]; `entity`,
    `sequence` (names); `edges` and `strength` if there is truth; pair variables [sequence, receiver, sender];
    `roles`, a JSON text with the features, the roles and units.

    Raises:
        DataError: the file exists and `overwrite` is False, or it cannot be written.
    """
    path, ds = Path(path), validate(ds)
    names = feature_names(ds)
    axis = "clock" if "clock" in ds.coords else "time"
    arrays = {name: ds[name].to_numpy() for name in (*names, axis, "entity", "sequence")}
    if "edges" in ds:
        arrays["edges"] = ds["edges"].to_numpy()
    if holds_strengths(ds):
        arrays["strength"] = ds["strength"].to_numpy()
    arrays |= {name: ds[name].to_numpy() for name in pairs(ds)}
    units = {name: str(ds[name].attrs["units"]) for name in (*names, *pairs(ds)) if "units" in ds[name].attrs}
    if (clock_units := time_units(ds)) is not None:
        units["time"] = clock_units
    roles = {name: role(ds, name) for name in ("position", "velocity", "rate")}
    arrays[_NOTES] = np.array(json.dumps({"features": names, **roles, "pair": pairs(ds), "units": units}))
    # np.savez takes no array named "file" or "allow_pickle", and a feature may be called anything
    with (
        replacing(path, overwrite=overwrite) as draft,
        zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, values in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asarray(values), allow_pickle=False)


def _load(path: Path) -> dict[str, np.ndarray]:
    arrays = {}
    name = None
    try:
        # numpy leaves a damaged file open unless it is ours to close
        with path.open("rb") as file:
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("it is a single array, not an archive of named arrays")
            with archive:
                for name in archive.files:
                    arrays[name] = archive[name]
    except Exception as error:  # zipfile, zlib and numpy report damage in a dozen ways
        if "Object arrays cannot be loaded" in str(error):
            raise DataError(
                f"{path}: the array '{name}' holds Python objects, which edgewise never unpickles",
                expected="arrays of numbers and of text",
                fix=f"save '{name}' as an array of numbers, for example with NaN where a sequence is shorter",
            ) from error
        raise DataError(
            f"{path} cannot be read{f' at the array {name!r}' if name else ''}: {error}",
            expected="a complete .npz file",
            fix="check that the file is of this format and was copied in full",
        ) from error
    return arrays


def _own(arrays: dict[str, np.ndarray], path: Path) -> xr.Dataset:
    try:
        notes = json.loads(str(arrays[_NOTES]))
        ds = from_arrays(
            {name: arrays[name] for name in notes["features"]},
            position=notes["position"],
            velocity=notes["velocity"],
            rate=notes["rate"],
            time=arrays["clock" if "clock" in arrays else "time"],
            entity=arrays["entity"],
            sequence=arrays["sequence"],
            edges=arrays.get("edges"),
            pair={name: arrays[name] for name in notes.get("pair", [])},
            units=notes["units"],
        )
        if "strength" in arrays and "strength" not in notes["features"]:
            ds = validate(ds.assign(strength=(("sequence", "receiver", "sender"), arrays["strength"])))
        return ds
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise DataError(
            f"{path}: the entry '{_NOTES}' does not fit the arrays ({error!r})",
            expected="a file as edgewise writes it",
            fix=f"remove the entry '{_NOTES}' to have the file read as any other .npz",
        ) from error
