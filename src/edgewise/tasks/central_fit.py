"""Fitting central forces to accelerations: Adam from nothing, then nonlinear least squares to the last digits."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from scipy.optimize import least_squares
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from edgewise.models.central_force import CentralForce, RadialLaw
from edgewise.tasks.central_tables import CentralForceModel, CentralForceTraining
from edgewise.tasks.learning import Learning
from edgewise.tasks.stopping import LowestLoss
from edgewise.training import cosine

LAST = 1e-15
"""Relative changes below this end the least squares."""
BLOCKS = 20
"""Stretches of time, within which the errors of a fit may hang together."""


@dataclass(frozen=True)
class Accelerations:
    """What a force is fitted to.

    Attributes:
        position, acceleration: [frame, body, d]; consecutive frames follow each other in time.
        weight: [body], 1 / root mean square acceleration, so that every body counts by its relative error; 0 for
            bodies that do not move.
    """

    position: Tensor
    acceleration: Tensor
    weight: Tensor

    def residual(self, acceleration: Tensor) -> Tensor:
        """Relative errors: [..., frame, body, d] -> the same shape."""
        return (acceleration - self.acceleration) * self.weight.unsqueeze(-1)

    def error(self, force: nn.Module) -> float:
        """The root mean square relative error of the bodies that move."""
        return math.sqrt(float(self.mean_square(force(self.position))))

    def mean_square(self, acceleration: Tensor) -> Tensor:
        """Over frames and moving bodies, of |relative error|^2; one value where more laws stand in front."""
        squared = self.residual(acceleration).square().sum(-1)
        return squared.sum(-1).mean(-1) / (self.weight > 0).sum()


def weights_of(acceleration: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """1 / root mean square acceleration of every body, [frame, body, d] -> [body]; 0 for fixed ones.

    A body that is hardly pulled at all counts no more than by 1e6 / the strongest pull.
    """
    size = np.sqrt((acceleration**2).sum(-1).mean(0))
    return np.where(fixed, 0.0, 1 / np.maximum(size, 1e-6 * max(size.max(), 1e-300)))


class ForceFits(nn.Module):
    """The power law and, beside it, the free law, each with strengths of its own; which of them is used.

    Args:
        n_bodies: of the system; settings: of the model; unit, spread: see `RadialLaw`.

    Shapes: position [..., n_bodies, d] -> accelerations of each law [n_laws, ..., n_bodies, d].
    """

    standard_errors: Tensor
    uses_free: Tensor

    def __init__(self, n_bodies: int, settings: CentralForceModel, *, unit: float, spread: float) -> None:
        super().__init__()
        widths = (0, settings.hidden) if settings.hidden else (0,)
        self.laws = nn.ModuleList(
            CentralForce(n_bodies, RadialLaw(hidden, unit=unit, spread=spread)) for hidden in widths
        )
        self.register_buffer("standard_errors", torch.zeros(n_bodies + 1, dtype=torch.float64))
        self.register_buffer("uses_free", torch.zeros((), dtype=torch.bool))

    @property
    def power(self) -> CentralForce:
        """The power law; `standard_errors` are those of its identities and of its exponent."""
        return self.laws[0]  # pyright: ignore[reportReturnType]

    @property
    def free(self) -> CentralForce | None:
        return self.laws[1] if len(self.laws) > 1 else None  # pyright: ignore[reportReturnType]

    @property
    def chosen(self) -> CentralForce:
        """The law that forecasts: the power law, unless the free law was better on the validation part."""
        return self.free if self.free is not None and bool(self.uses_free) else self.power

    def forward(self, position: Tensor) -> Tensor:
        return torch.stack([law(position) for law in self.laws])


class ForceObjective:
    """The sum over laws of log mean |relative error|^2: it falls as evenly from 1 to 1e-3 as from 1e-3 to 1e-6.

    Args:
        train, validation: accelerations; training: settings.
    """

    steps_an_epoch, metric, precision = 10, "relative error", "no"
    clip: float | None = None

    def __init__(
        self, train: Accelerations, validation: Accelerations, training: CentralForceTraining
    ) -> None:
        self.train, self.validation, self.max_epochs = train, validation, training.epochs
        self.rate = cosine(training.learning_rate, training.epochs * self.steps_an_epoch)

    def optimizer(self, module: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(module.parameters(), lr=self.rate(0))

    def learning_rate(self, step: int) -> float:
        return self.rate(step)

    def loss(self, module: nn.Module, step: int) -> Tensor:
        return self.train.mean_square(module(self.train.position)).log().sum()

    def validate(self, module: nn.Module) -> tuple[float, float]:
        squares = self.validation.mean_square(module(self.validation.position))
        return float(squares.log().sum()), math.sqrt(float(squares[0]))


class ForceLearning(Learning):
    """Adam by epochs (`Learning`); at the end least squares, and the choice between the laws."""

    module: ForceFits
    objective: ForceObjective

    def __init__(
        self, name: str, module: ForceFits, objective: ForceObjective, *, seed: int, iterations: int
    ) -> None:
        super().__init__(name, module, objective, seed=seed, stopping=LowestLoss(0))
        self.iterations = iterations

    def finish(self) -> int:
        best = super().finish()
        self.course.validation_metric.clear()  # errors of accelerations, not the forecasts that are the figure
        module, train, validation = self.module, self.objective.train, self.objective.validation
        module.standard_errors.copy_(refine(module.power, train, self.iterations))
        if module.free is not None:
            refine(module.free, train, self.iterations)
            with torch.no_grad():
                module.uses_free.fill_(validation.error(module.free) < validation.error(module.power))
        return best


def refine(force: CentralForce, data: Accelerations, iterations: int) -> Tensor:
    """Least squares of the relative errors over all parameters (trust region, Branch, Coleman & Li 1999), in place.

    The pull of Mercury on the Earth is 1e-8 of the Sun's, so the fit goes to the last digits of float64.

    Returns:
        Standard errors of identities and law, [n_parameters]; see `standard_errors`.
    """
    parameters = list(force.parameters())
    weight = data.weight.unsqueeze(-1)

    def residuals(values: np.ndarray) -> np.ndarray:
        vector_to_parameters(torch.from_numpy(values), parameters)
        return data.residual(force(data.position)).flatten().numpy()

    def slopes(values: np.ndarray) -> np.ndarray:
        vector_to_parameters(torch.from_numpy(values), parameters)
        return (force.jacobian(data.position) * weight.unsqueeze(-1)).flatten(0, -2).numpy()

    with torch.no_grad():
        start = parameters_to_vector(parameters).numpy().copy()
        options = {"x_scale": "jac", "max_nfev": iterations, "xtol": LAST, "ftol": LAST, "gtol": LAST}
        found = least_squares(residuals, start, slopes, **options).x  # pyright: ignore[reportArgumentType]
        errors = standard_errors(residuals(found), slopes(found), len(data.position))
    return torch.from_numpy(errors)


def standard_errors(residual: np.ndarray, jacobian: np.ndarray, n_frames: int) -> np.ndarray:
    """Standard errors that allow errors to last: those of one stretch of time may depend on each other.

        V = H^-1 (sum over stretches b of s_b s_b^T) H^-1,   H = J^T J,   s_b = J_b^T r_b     (Liang & Zeger 1986)

    What a law leaves over is not noise but what it does not know, so errors that assume independent frames would be
    far too small. A direction that the data do not determine gets none (pseudo-inverse).

    Shapes: residual [n_frames * n], jacobian [n_frames * n, n_parameters] -> [n_parameters].
    """
    scale = np.linalg.norm(jacobian, axis=0)
    scale[scale == 0] = 1.0
    scaled = jacobian / scale
    inverse = np.linalg.pinv(scaled.T @ scaled, rcond=1e-14, hermitian=True)
    edges = np.linspace(0, n_frames, min(BLOCKS, n_frames) + 1).astype(int) * (len(residual) // n_frames)
    scores = [scaled[a:b].T @ residual[a:b] for a, b in pairwise(edges)]
    spread = inverse @ np.array(scores).T
    return np.sqrt((spread**2).sum(1)) / scale
