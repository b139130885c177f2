"""What every task of a recipe offers, so that one runner trains, measures and records them all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor, nn

from edgewise.tasks.learning import Learning
from edgewise.tasks.recipe import Recipe
from edgewise.tasks.stopping import Course


@dataclass(frozen=True)
class Metric:
    """What is reported. Values are in the unit: an accuracy is 81.5, not 0.815."""

    name: str
    unit: str
    higher_is_better: bool


@dataclass(frozen=True)
class Network:
    """A trained network: its weights as tested, and how it came to them.

    Attributes:
        seed: decided its initial weights, its batches and its dropout.
        weights: by name; course: of its training.
        epochs: that it was trained; best_epoch: that its weights are of (both from 1).
        seconds: of training.
    """

    seed: int
    weights: Mapping[str, Tensor]
    course: Course
    epochs: int
    best_epoch: int
    seconds: float


@dataclass(frozen=True)
class Measured:
    """A run (one seed, or one split with its networks) against the truth.

    Attributes:
        run: its number; train, validation, test: the metric on each part.
        members: the metric of each network alone on the test part.
        predictions: of the test part, columns by name.
        more: what else was measured, by name, for `metrics.json`.
    """

    run: int
    train: float
    validation: float
    test: float
    members: tuple[float, ...]
    predictions: Mapping[str, Sequence[Any]]
    more: Mapping[str, Any] = field(default_factory=dict)


class Experiment(Protocol):
    """A recipe on its data."""

    recipe: Recipe
    metric: Metric
    fingerprint: str
    """Of the data, as they were read."""
    random_split: bool
    """Whether each run has a split of its own."""

    def seeds(self, run: int) -> tuple[int, ...]:
        """The seeds of the networks of a run; no two runs share one."""
        ...

    def network(self) -> nn.Module:
        """An untrained network; its weights come from torch's generator."""
        ...

    def learning(self, name: str, module: nn.Module, run: int, seed: int) -> Learning:
        """The training of one network of a run."""
        ...

    def measure(self, run: int, members: Sequence[nn.Module]) -> Measured:
        """Measure a finished run. Only here the test part is looked at."""
        ...

    def baselines(self) -> list[dict[str, Any]]:
        """Simple answers on the same test parts: {"name", "value"}."""
        ...

    def preview(self, measured: Sequence[Measured]) -> dict[str, Any]:
        """What the page draws of the test predictions."""
        ...

    def facts(self) -> list[list[Any]]:
        """[name, value] of the data, for a reader."""
        ...

    def protocol(self) -> list[str]:
        """How it was trained and measured, in sentences."""
        ...

    def shape(self) -> dict[str, Any]:
        """What, with the recipe, rebuilds a network and reads new data: plain values."""
        ...

    def files(self) -> Mapping[str, bytes]:
        """What else belongs into the run folder for that, by name (vocabularies, say)."""
        ...
