"""A small planetary system with known masses, integrated by SciPy, as files for recipes."""

from pathlib import Path

import numpy as np
from scipy.integrate import solve_ivp

from edgewise.data import save
from edgewise.data.schema import from_arrays

MASSES = np.array([1.0, 3e-3, 1e-3, 4e-4])
NAMES = ("star", "near", "middle", "far")
STEP = 0.08


def start() -> tuple[np.ndarray, np.ndarray]:
    """Nearly circular orbits around the star, total momentum 0: [body, 2] each."""
    radius, angle = np.array([0.0, 1.0, 1.8, 3.0]), np.array([0.0, 0.3, 2.1, 4.0])
    speed = np.divide(1.0, np.sqrt(radius), where=radius > 0, out=np.zeros(4)) * np.array(
        [0, 1.05, 0.97, 1.02]
    )
    position = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    velocity = speed[:, None] * np.stack([-np.sin(angle), np.cos(angle)], -1)
    return position, velocity - (MASSES[:, None] * velocity).sum(0) / MASSES.sum()


def pulls(position: np.ndarray, exponent: float = -2.0, masses: np.ndarray = MASSES) -> np.ndarray:
    """The accelerations of n bodies as two plain loops: [body, d] -> [body, d]."""
    found = np.zeros_like(position)
    for i in range(len(position)):
        for j in range(len(position)):
            if i != j:
                r = position[j] - position[i]
                distance = np.sqrt((r**2).sum())
                found[i] += masses[j] * distance**exponent * r / distance
    return found


def orbit(
    position: np.ndarray, velocity: np.ndarray, times: np.ndarray, masses: np.ndarray, exponent: float = -2.0
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and velocities [frame, body, d] at times from 0 on, from a start [body, d]."""
    shape = position.shape

    def rate(_: float, state: np.ndarray) -> np.ndarray:
        place, speed = state.reshape(2, *shape)
        return np.stack([speed, pulls(place, exponent, masses)]).ravel()

    begin = np.stack([position, velocity]).ravel()
    found = solve_ivp(rate, (0, times[-1]), begin, "DOP853", times, rtol=1e-11, atol=1e-13).y
    states = found.T.reshape(len(times), 2, *shape)
    return states[:, 0], states[:, 1]


def moved(frames: int = 240) -> tuple[np.ndarray, np.ndarray]:
    """The planets: positions and velocities [frame, body, 2]."""
    return orbit(*start(), STEP * np.arange(frames), MASSES)


def dataset(position: np.ndarray, velocity: np.ndarray, **more: object):
    """As a data set of the schema, with the true masses."""
    shape = (1, *position.shape[:2])
    values = {name: position[None, ..., k] for k, name in enumerate("xy")}
    values |= {name: velocity[None, ..., k] for k, name in enumerate(("vx", "vy"))}
    options = {"time": STEP * np.arange(shape[1]), "entity": NAMES} | more
    return from_arrays(
        values | {"mass": np.broadcast_to(1000 * MASSES, shape)}, position="x,y", velocity="vx,vy", **options
    )


def write_planets(folder: Path, frames: int = 240, *, hidden: int = 3, seeds: int = 1) -> Path:
    """A file of trajectories and a recipe on it."""
    save(dataset(*moved(frames)), folder / "planets.nc")
    recipe = folder / "planets.toml"
    recipe.write_text(
        f"""
task = "central-forces"
[data]
format = "trajectories"
path = "planets.nc"
train = 0.5
validation = 0.2
horizon = 25
forecast = ["near", "middle"]
[model]
kind = "central-force"
hidden = {hidden}
substeps = 4
[training]
seeds = {seeds}
epochs = 20
iterations = 60
""",
        encoding="utf-8",
    )
    return recipe


def write_ephemeris(path: Path, **changed: np.ndarray) -> Path:
    """A file in the form of the ephemeris; `changed` arrays replace its own, None drops one."""
    rng = np.random.default_rng(0)
    arrays = {"names": np.array(["Sun", "Mars"]), "gm_km3_s2": np.array([1.0, 2.0])}
    for table, step in (("daily", 1.0), ("10day", 10.0)):
        arrays[f"jd_{table}"] = 2451545.0 + step * np.arange(30)
        for name in (f"pos_{table}_km", f"vel_{table}_km_per_day"):
            arrays[name] = 1e8 * rng.standard_normal((30, 2, 3))
    kept = {name: value for name, value in (arrays | changed).items() if value is not None}
    np.savez(path, **kept)
    return path
