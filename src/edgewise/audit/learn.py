"""Sample efficiency: networks with weaker and stronger biases on growing data, and their errors on other systems."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from edgewise import __version__
from edgewise.audit.learn_data import BODIES, FRAMES, draw_systems
from edgewise.audit.learners import LEARNERS, PARAMETERS, Learner, symmetries_kept
from edgewise.audit.sharing import n_parameters
from edgewise.errors import ConfigError
from edgewise.models.learned_simulator import LearnedSimulator, MotionScales
from edgewise.models.objects import ObjectDims
from edgewise.tasks.learning import Learning
from edgewise.tasks.motion_scales import scales_of
from edgewise.tasks.motions import Motions
from edgewise.tasks.next_velocity import NextVelocity, errors
from edgewise.tasks.physics_tables import PhysicsTraining
from edgewise.tasks.stopping import LowestLoss
from edgewise.training import Deadline, fit

SYSTEMS = (8, 40, 200, 1000)
SEEDS = 3
TEST_SYSTEMS, TEST_SEED = 400, 1_000_000
VALIDATION = 4
"""One of so many training systems chooses the weights, by their error after every epoch."""
ENOUGH = 0.5
"""The error whose first number of systems is named: half of the change of velocity is foretold."""
TRAINING = PhysicsTraining(
    epochs=20, steps_an_epoch=30, batch_size=64, learning_rate=3e-3, noise=0.0, noisy=0.0, balance=0.0
)
"""The same for all networks and numbers of systems, chosen on other seeds than those that are measured."""


@dataclass(frozen=True)
class Trained:
    """One training.

    Attributes:
        model: its name; systems: that it was trained on, those that chose the weights among them; seed.
        error: on the test systems, root mean square of the next velocities over that of constant velocity.
        seconds: of the training.
    """

    model: str
    systems: int
    seed: int
    error: float
    seconds: float


@dataclass(frozen=True)
class Curve:
    """A network on growing data.

    Attributes:
        model, assumes: its name, and what it takes for granted in words; parameters: how many it has.
        symmetries: the error of each symmetry, measured (0: kept).
        errors: by number of systems, one a seed.
    """

    model: str
    assumes: str
    parameters: int
    symmetries: dict[str, float]
    errors: dict[int, list[float]]

    def mean(self, systems: int) -> float:
        """Over the seeds."""
        return sum(self.errors[systems]) / len(self.errors[systems])

    @property
    def enough(self) -> int | None:
        """The fewest systems with a mean error of `ENOUGH` or less; None if there were never enough."""
        return next((n for n in sorted(self.errors) if self.mean(n) <= ENOUGH), None)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "model": self.model,
            "assumes": self.assumes,
            "parameters": self.parameters,
            "symmetries": self.symmetries,
            "errors": {
                str(n): {"mean": self.mean(n), "low": min(found), "high": max(found), "seeds": found}
                for n, found in self.errors.items()
            },
            "enough": self.enough,
        }


@dataclass(frozen=True)
class SampleEfficiency:
    """What `learn` found: a curve a network, from the weakest bias to the strongest, and how it was measured."""

    curves: tuple[Curve, ...]
    systems: tuple[int, ...]
    seeds: tuple[int, ...]
    training: PhysicsTraining
    seconds: float

    def record(self) -> dict[str, Any]:
        """For `learn.json`."""
        training = self.training
        return {
            "models": [curve.record() for curve in self.curves],
            "systems": list(self.systems),
            "seeds": list(self.seeds),
            "unit": "root mean square error of the next velocities over that of constant velocity",
            "enough_error": ENOUGH,
            "task": {"bodies": BODIES, "frames": FRAMES, "test_systems": TEST_SYSTEMS},
            "training": {
                "steps": training.epochs * training.steps_an_epoch,
                "batch_size": training.batch_size,
                "learning_rate": training.learning_rate,
                "validation": 1 / VALIDATION,
            },
            "seconds": self.seconds,
            "edgewise": __version__,
            "format": 1,
        }


def learn(
    *,
    systems: Sequence[int] = SYSTEMS,
    seeds: Sequence[int] = tuple(range(SEEDS)),
    learners: Sequence[Learner] = LEARNERS,
    training: PhysicsTraining = TRAINING,
    on_trained: Callable[[Trained], None] | None = None,
) -> SampleEfficiency:
    """Train every network on every number of systems and measure it on the same test systems.

    Each seed draws training systems of its own (those of a smaller number are among those of a larger one), weights and
    batches. Test systems are drawn apart and are seen once, after the training.

    Args:
        systems: numbers of them, growing; seeds: one training each.
        on_trained: told after each training.

    Raises:
        ConfigError: for numbers of systems of which none is left for the validation, or seeds of the test systems.
    """
    _check(systems, seeds)
    began = time.monotonic()
    test = draw_systems(TEST_SYSTEMS, TEST_SEED)
    found: dict[tuple[str, int], list[float]] = {}
    for seed in seeds:
        drawn = draw_systems(max(systems), seed)
        for n in systems:
            for learner in learners:
                made = _trained(learner, drawn.systems(slice(0, n)), test, training, seed)
                found.setdefault((learner.name, n), []).append(made.error)
                if on_trained is not None:
                    on_trained(made)
    curves = [_curve(each, test, {n: found[each.name, n] for n in systems}) for each in learners]
    return SampleEfficiency(tuple(curves), tuple(systems), tuple(seeds), training, time.monotonic() - began)


def _check(systems: Sequence[int], seeds: Sequence[int]) -> None:
    if not systems or min(systems) < VALIDATION:
        raise ConfigError(
            f"{list(systems)} systems to train on",
            expected=f"numbers from {VALIDATION} on: one system in {VALIDATION} chooses the weights",
        )
    if not seeds or not all(0 <= seed < TEST_SEED for seed in seeds):
        raise ConfigError(f"seeds {list(seeds)}", expected=f"seeds from 0 to {TEST_SEED - 1}")


def _trained(
    learner: Learner, drawn: Motions, test: Motions, training: PhysicsTraining, seed: int
) -> Trained:
    """Train on all but the last systems, which choose the weights, and measure the finished network."""
    n = drawn.n_systems
    chosen = n - n // VALIDATION
    train, validation = drawn.systems(slice(0, chosen)), drawn.systems(slice(chosen, n))
    scales = scales_of(train)
    simulator = LearnedSimulator(_network(learner, train.dims(), scales, train.n_objects, seed), scales)
    objective = NextVelocity(train, validation, training, seed)
    task = Learning(learner.name, simulator, objective, seed=seed, stopping=LowestLoss(0))
    clock = Deadline()
    fit(task, deadline=clock)
    task.finish()
    error, constant = errors(simulator, test, test.n_systems * test.n_frames)
    return Trained(learner.name, n, seed, math.sqrt(error / constant), clock.spent)


def _network(
    learner: Learner, dims: ObjectDims, scales: MotionScales, n_objects: int, seed: int
) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return learner.matched(dims, scales.step, n_objects, PARAMETERS)


def _curve(learner: Learner, motions: Motions, found: dict[int, list[float]]) -> Curve:
    dims, n = motions.dims(), motions.n_objects
    network = _network(learner, dims, scales_of(motions), n, 0)
    kept = symmetries_kept(network, dims, n)
    return Curve(learner.name, learner.assumes, n_parameters(network), kept, found)
