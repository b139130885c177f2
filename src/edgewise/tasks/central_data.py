"""The data of the task "central-forces": an ephemeris, or trajectories of one's own, and their parts."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from edgewise.data import load
from edgewise.data.roles import features, positions, time_units
from edgewise.data.schema import from_arrays
from edgewise.errors import DataError
from edgewise.tasks.central_recording import AXES, Recording, recording
from edgewise.tasks.central_tables import CentralForceData, EphemerisData, TrajectoryFileData

AU = 149597870.7
"""Kilometres (IAU 2012, resolution B2)."""
DAY = 86400.0
J2000, JULIAN_YEAR = 2451545.0, 365.25


@dataclass(frozen=True)
class ForceData:
    """The data of a recipe.

    Attributes:
        fit: what the law is learnt on; far: what forecasts are measured on (the same, or a longer table).
        bounds: times at which the training part begins and ends, and the validation part ends.
        horizon: of a forecast, in the unit of time.
        length, time: units; unit: the distance at which strengths are given, 1 for an ephemeris.
        mass_unit: of `true_mass` and of strength * unit^2 * mass_factor, where they are absolute; else empty.
        true_mass: [entity], NaN where unknown; only metrics look at it.
    """

    fit: Recording
    far: Recording
    bounds: tuple[float, float, float]
    horizon: float
    length: str
    time: str
    unit: float
    mass_unit: str
    mass_factor: float
    true_mass: np.ndarray

    @property
    def train(self) -> Recording:
        return self.fit.part(*self.bounds[:2])

    @property
    def validation(self) -> Recording:
        return self.fit.part(*self.bounds[1:])

    def calendar(self, time: np.ndarray) -> np.ndarray:
        """Stamps as a reader knows them: Julian years of an ephemeris, else as they are."""
        return 2000 + (time - J2000) / JULIAN_YEAR if self.mass_unit else time


def read_force_data(data: CentralForceData) -> ForceData:
    """The data of a recipe, checked.

    Raises:
        DataError: if they cannot be read, are not at equal distances in time, are not complete, or name no velocities.
    """
    found = _ephemeris(data) if isinstance(data, EphemerisData) else _trajectories(data)
    for name in (*data.forecast, *data.masses):
        if name not in found.fit.entities:
            raise DataError(
                f"{data.path} has no body {name!r}",
                expected=f"one of {', '.join(found.fit.entities)}",
                fix="correct forecast or masses in the table [data] of the recipe",
            )
    return found


def _ephemeris(data: EphemerisData) -> ForceData:
    arrays = _arrays(data.path)
    tables = {name: ephemeris_table(arrays, name, data.path) for name in ("daily", "10day")}
    truth = arrays.get("gm_km3_s2", np.full(tables["daily"].sizes["entity"], np.nan))
    years = (data.train_from, data.train_to, data.validation_to)
    first, middle, last = (J2000 + (year - 2000) * JULIAN_YEAR for year in years)
    fit, far = (recording(table, data.path) for table in tables.values())
    return ForceData(
        fit, far, (first, middle, last), data.horizon, "AU", "days", 1.0, "km³/s²", AU**3 / DAY**2, truth
    )


def _arrays(path: str) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read: {error}",
            expected="an .npz file with names, jd_daily, pos_daily_km, vel_daily_km_per_day and the same of 10day",
            fix="check the path, or name another with --data",
        ) from error


def ephemeris_table(arrays: dict[str, np.ndarray], table: str, source: str) -> xr.Dataset:
    """One table of an ephemeris in the schema: x, y, z in AU, vx, vy, vz in AU a day, time in Julian days.

    Raises:
        DataError: if an array is absent or of another shape.
    """
    wanted = ("names", f"jd_{table}", f"pos_{table}_km", f"vel_{table}_km_per_day")
    absent = next((name for name in wanted if name not in arrays), None)
    if absent is not None:
        raise DataError(f"{source} has no array {absent!r}", expected=f"the arrays {', '.join(wanted)}")
    names, stamps, position, velocity = (arrays[name] for name in wanted)
    for name, values in zip(wanted[2:], (position, velocity), strict=True):
        if values.shape != (len(stamps), len(names), 3):
            raise DataError(
                f"{source}: {name} has the shape {values.shape}",
                expected=f"frames, bodies, axes = {(len(stamps), len(names), 3)}",
            )
    moved = {axis: position[None, ..., k] / AU for k, axis in enumerate(AXES)}
    moved |= {f"v{axis}": velocity[None, ..., k] / AU for k, axis in enumerate(AXES)}
    units = {name: "AU/day" if name.startswith("v") else "AU" for name in moved} | {"time": "days"}
    return from_arrays(
        moved,
        position=AXES,
        velocity=[f"v{axis}" for axis in AXES],
        time=stamps,
        entity=[str(name) for name in names],
        units=units,
    )


def _trajectories(data: TrajectoryFileData) -> ForceData:
    ds = load(data.path)
    found = recording(ds, data.path)
    n, step = len(found.time), found.step
    border = [
        found.time[0] + (round(share * n) - 0.5) * step
        for share in (data.train, data.train + data.validation)
    ]
    bounds = (found.time[0] - 0.5 * step, border[0], border[1])
    mass = np.full(len(found.entities), np.nan)
    if "mass" in features(ds):
        mass = ds["mass"].transpose("sequence", "time", "entity").to_numpy()[0, 0].astype(np.float64)
    separation = found.position[:, :, None] - found.position[:, :, :, None]
    distance = np.linalg.norm(separation, axis=-1)
    unit = float(np.exp(np.log(distance[distance > 0]).mean())) if (distance > 0).any() else 1.0
    length = str(ds[positions(ds)[0]].attrs.get("units", ""))
    horizon = data.horizon * step
    return ForceData(found, found, bounds, horizon, length, time_units(ds) or "", unit, "", 1.0, mass)
