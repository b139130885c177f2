"""The recordings that a simulator is trained and tested on: made when needed, or read from a file."""

from dataclasses import dataclass, field
from itertools import pairwise

import xarray as xr

from edgewise.data.io import load
from edgewise.data.schema import validate
from edgewise.errors import DataError
from edgewise.physics import simulate
from edgewise.physics.options import read_options
from edgewise.tasks.motions import Described, Motions, described, read_motions
from edgewise.tasks.physics_tables import SimulatedData, TrajectoryData

PhysicsData = SimulatedData | TrajectoryData
FEWEST_FRAMES = 3


@dataclass(frozen=True, eq=False)
class PhysicsParts:
    """Recordings in three parts, and test parts with other numbers of objects.

    Attributes:
        names: how they describe their objects; train, validation, test: as tensors.
        recordings: training, validation and test as data sets.
        more: the other test parts, by their number of entities.
    """

    names: Described
    train: Motions
    validation: Motions
    test: Motions
    recordings: tuple[xr.Dataset, xr.Dataset, xr.Dataset]
    more: dict[int, xr.Dataset] = field(default_factory=dict)

    @property
    def recorded(self) -> xr.Dataset:
        """The test part as a data set."""
        return self.recordings[2]


def read_parts(data: PhysicsData) -> PhysicsParts:
    """The recordings of a recipe.

    Raises:
        DataError: for data that no simulator can be trained on; see `read_motions`.
        ConfigError: for a simulator or an option that does not exist.
    """
    if isinstance(data, SimulatedData):
        return _simulated(data)
    ds = validate(load(data.path))
    train, validation, test = _cut(ds, data)
    names = described(ds)
    motions = [read_motions(part, names) for part in (train, validation, test)]
    return PhysicsParts(names, *motions, recordings=(train, validation, test))


def _simulated(data: SimulatedData) -> PhysicsParts:
    everything = simulated(data, data.entities, data.train + data.validation + data.test)
    names = described(everything)
    ends = data.train, data.train + data.validation
    cuts = slice(0, ends[0]), slice(*ends), slice(ends[1], None)
    whole = read_motions(everything, names)
    train, validation, test = (everything.isel(sequence=cut) for cut in cuts)
    motions = [whole.systems(cut) for cut in cuts]
    more = {n: simulated(data, n, data.test, seed=data.seed + 1) for n in data.more}
    return PhysicsParts(names, *motions, recordings=(train, validation, test), more=more)


def simulated(data: SimulatedData, entities: int, systems: int, *, seed: int | None = None) -> xr.Dataset:
    """Systems of the recipe's simulator with so many objects."""
    options = read_options(data.options)
    seed = data.seed if seed is None else seed
    made = simulate(data.system, entities=entities, sequences=systems, steps=data.steps, seed=seed, **options)
    return validate(made)


def _cut(ds: xr.Dataset, data: TrajectoryData) -> list[xr.Dataset]:
    """Training, validation and test: the recordings in their order, or the frames of a single one."""
    dim = "sequence" if ds.sizes["sequence"] > 2 else "time"
    n = ds.sizes[dim]
    test, validation = (max(round(share * n), 1) for share in (data.test, data.validation))
    starts = 0, n - test - validation, n - test, n
    parts = [ds.isel({dim: slice(*pair)}) for pair in pairwise(starts)]
    fewest = 1 if dim == "sequence" else FEWEST_FRAMES
    if min(part.sizes[dim] for part in parts) < fewest or ds.sizes["time"] < FEWEST_FRAMES:
        raise DataError(
            f"{data.path} has {ds.sizes['sequence']} recordings of {ds.sizes['time']} frames",
            expected=f"three recordings or more, or enough frames for three parts of {FEWEST_FRAMES}",
        )
    return parts
