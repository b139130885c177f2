"""Forecasts of recorded motion by a fitted force, measured: over a horizon from many starts, and as far as data go."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch

from edgewise.errors import DataError
from edgewise.models.central_force import CentralForce
from edgewise.tasks.central_data import ForceData
from edgewise.tasks.central_motion import roll

MOST_WINDOWS = 300
MOST_STAMPS = 60
"""Stamps of a long forecast that are kept, in each direction."""
Windows = dict[str, np.ndarray]
"""Of each part: what belongs to its windows, [window, ...]."""


class Forecasts:
    """Windows of the recording that are forecast from their first frame.

    A window lies in one part: training, validation, or test (before the training part, or after the validation part).

    Args:
        motions: the data; substeps: of the integrator, a frame of `motions.fit`.

    Raises:
        DataError: if a part has no frame, or is shorter than the horizon.
    """

    def __init__(self, motions: ForceData, substeps: int) -> None:
        self.motions, self.far = motions, motions.far
        self.frames = int(np.ceil(motions.horizon / self.far.step - 1e-9))
        self.substeps = max(1, round(substeps * self.far.step / motions.fit.step))
        self.starts = {part: self._starts(part) for part in ("train", "validation", "test")}
        self.times = np.arange(self.frames + 1) * self.far.step

    def _starts(self, part: str) -> np.ndarray:
        """[window, 2]: recording and frame at which a window starts; windows of a part do not overlap."""
        first, middle, last = self.motions.bounds
        spans = {"train": [(first, middle)], "validation": [(middle, last)]}
        found = []
        for start, stop in spans.get(part, [(-np.inf, first), (last, np.inf)]):
            inside = np.flatnonzero((self.far.time >= start) & (self.far.time < stop))
            found += inside[: max(len(inside) - self.frames, 0) : self.frames].tolist()
        if not found:
            raise DataError(
                f"the {part} part is shorter than a forecast of {self.motions.horizon:g} {self.motions.time}".rstrip(),
                expected=f"at least {self.frames + 1} frames in it",
                fix="shorten horizon, or change the parts, in the table [data] of the recipe",
            )
        every = [(sequence, frame) for sequence in range(len(self.far.sequences)) for frame in found]
        return np.array(every)[:: -(-len(every) // MOST_WINDOWS)]

    @cached_property
    def true(self) -> Windows:
        """The recorded places: [window, frame, body, d]."""
        span = np.arange(self.frames + 1)
        return {part: self.far.position[at[:, :1], at[:, 1:] + span] for part, at in self.starts.items()}

    def start(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Places and velocities at the starts: both [window, body, d]."""
        sequence, frame = self.starts[part].T
        return self.far.position[sequence, frame], self.far.velocity[sequence, frame]

    def rolled(self, force: CentralForce) -> Windows:
        """What a force says: [window, frame, body, d]."""
        sizes = [len(at) for at in self.starts.values()]
        position, velocity = (
            np.concatenate(part) for part in zip(*map(self.start, self.starts), strict=True)
        )
        rolled = self._roll(force, position, velocity, self.far.step, self.frames)
        return dict(zip(self.starts, np.split(rolled, np.cumsum(sizes)[:-1]), strict=True))

    def _roll(
        self,
        force: CentralForce,
        position: np.ndarray,
        velocity: np.ndarray,
        step: float | torch.Tensor,
        frames: int,
    ) -> np.ndarray:
        moved, _ = roll(
            force,
            torch.from_numpy(position),
            torch.from_numpy(velocity),
            step,
            frames=frames,
            substeps=self.substeps,
            fixed=torch.from_numpy(self.far.fixed),
        )
        return moved.numpy()

    def errors(self, force: CentralForce) -> Windows:
        """Distances from what was recorded: [window, frame, body]; infinite where a forecast ceased to be finite."""
        return {part: distance(found, self.true[part]) for part, found in self.rolled(force).items()}

    def errors_of(self, simple: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
        """The same of a function of places, velocities and times, on the test part."""
        return distance(simple(*self.start("test"), self.times), self.true["test"])

    def long_errors(self, force: CentralForce) -> tuple[np.ndarray, np.ndarray]:
        """Forward from the last frame of the training part, and backward from its first, as far as the data go.

        Returns:
            Stamps [n] in their order, and the largest distance over the recordings [n, body].
        """
        first, middle, _ = self.motions.bounds
        inside = np.flatnonzero((self.far.time >= first) & (self.far.time < middle))
        starts, counts = inside[[0, -1]], (inside[0], len(self.far.time) - 1 - inside[-1])
        count, several = len(self.far.sequences), max(counts)
        position, velocity = (
            np.concatenate(list(np.swapaxes(values[:, starts], 0, 1)))
            for values in (self.far.position, self.far.velocity)
        )
        step = torch.tensor([-self.far.step] * count + [self.far.step] * count, dtype=torch.float64)
        rolled = self._roll(force, position, velocity, step, int(several))
        times, errors = [], []
        for side, (at, sign, n) in enumerate(zip(starts, (-1, 1), counts, strict=True)):
            kept = np.unique(np.linspace(1, n, min(MOST_STAMPS, n)).round().astype(int))
            found = rolled[side * count : (side + 1) * count, kept]
            error = distance(found, self.far.position[:, at + sign * kept]).max(0)
            times.append(self.far.time[at + sign * kept][::sign])
            errors.append(error[::sign])
        return np.concatenate(times), np.concatenate(errors)


def distance(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Between places [..., d] -> [...]; infinite where the found one is not finite."""
    apart = np.linalg.norm(found - true, axis=-1)
    return np.where(np.isfinite(apart), apart, np.inf)
