"""The axes of what a module reads and answers: entities, steps, a grid, and which features are coordinates."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.errors import ConfigError

ENTITY, TIME, GRID = "entity", "time", "grid"


@dataclass(frozen=True)
class Axes:
    """What the axes of an input mean, and so which shape it has:

        [batch, entity, feature]          entities
        [batch, entity, time, feature]    entities and steps
        [batch, time, feature]            steps
        [batch, feature, *grid]           a grid of 1 to 3 axes
        [batch, feature, time, *grid]     a grid and steps (a video)

    Attributes:
        entities: how many, or None.
        features: of an entity, a step or a position of the grid.
        steps: of time, or None.
        grid: the sizes of its axes, or None.
        spatial: which features are the coordinates of a point, one an axis of space.
        vectors: which features are vectors of that space (velocities, say): they turn and scale with the coordinates
            and do not move with them; as many as `spatial`, or a multiple.
        edge_features: attributes of an edge, for a module that reads `edges`.

    Raises:
        ConfigError: for no axis at all, sizes out of range, or features that are not there.
    """

    entities: int | None = None
    features: int = 1
    steps: int | None = None
    grid: tuple[int, ...] | None = None
    spatial: tuple[int, ...] = ()
    vectors: tuple[int, ...] = ()
    edge_features: int = 0

    def __post_init__(self) -> None:
        self._check_sizes()
        self._check_coordinates()

    def _check_sizes(self) -> None:
        if self.entities is None and self.steps is None and self.grid is None:
            raise ConfigError(
                "no axis to audit: neither entities nor steps nor a grid",
                expected="the sizes of the input's axes",
                fix="name them: --entities 6, --steps 12, --grid 8,8",
            )
        if self.entities is not None and self.grid is not None:
            raise ConfigError(
                "entities and a grid at once",
                expected="[batch, entity, feature] or [batch, feature, *grid]",
                fix="name one of them; steps go with either",
            )
        if self.grid is not None and not 1 <= len(self.grid) <= 3:
            raise ConfigError(f"a grid of {len(self.grid)} axes", expected="1 to 3, e.g. --grid 8,8")
        for name, size in (("entities", self.entities), ("steps", self.steps), *self._grid_sizes()):
            if size is not None and size < 2:
                raise ConfigError(f"{name}={size}", expected="2 or more: one alone shows no relation")
        if self.features < 1 or self.edge_features < 0:
            raise ConfigError(
                f"features={self.features}, edge_features={self.edge_features}",
                expected="at least one feature, and no negative number of them",
            )

    def _grid_sizes(self) -> list[tuple[str, int]]:
        return [("grid", size) for size in self.grid or ()]

    def _check_coordinates(self) -> None:
        chosen = (*self.spatial, *self.vectors)
        if chosen and self.grid is not None:
            raise ConfigError(
                "features as coordinates on a grid",
                expected="coordinates of entities; the places of a grid are coordinates already",
                fix="drop --spatial and --vectors",
            )
        wrong = [k for k in chosen if not 0 <= k < self.features]
        if wrong or len(set(chosen)) < len(chosen):
            raise ConfigError(
                f"spatial={list(self.spatial)}, vectors={list(self.vectors)} of {self.features} features",
                expected=f"different numbers from 0 to {self.features - 1}",
            )
        if self.vectors and (not self.spatial or len(self.vectors) % len(self.spatial)):
            raise ConfigError(
                f"{len(self.vectors)} features of vectors for {len(self.spatial)} coordinates",
                expected="as many as coordinates, or a multiple: one a component",
                fix="name the coordinates with --spatial and every component of each vector with --vectors",
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        if self.grid is not None:
            return (self.features, *([] if self.steps is None else [self.steps]), *self.grid)
        places = [size for size in (self.entities, self.steps) if size is not None]
        return (*places, self.features)

    @property
    def feature_dim(self) -> int:
        """Where the features are in the shape of a batch."""
        return 1 if self.grid is not None else len(self.shape)

    @property
    def dims(self) -> dict[str, tuple[int, ...]]:
        """Where each axis is in the shape of a batch; a grid has several dimensions."""
        if self.grid is not None:
            first = 2 if self.steps is None else 3
            time = {} if self.steps is None else {TIME: (2,)}
            return {**time, GRID: tuple(range(first, first + len(self.grid)))}
        names = [name for name, size in ((ENTITY, self.entities), (TIME, self.steps)) if size is not None]
        return {name: (k + 1,) for k, name in enumerate(names)}

    @property
    def sizes(self) -> dict[str, tuple[int, ...]]:
        """The sizes of each axis."""
        return {name: tuple(self.shape[k - 1] for k in dims) for name, dims in self.dims.items()}

    @property
    def n_places(self) -> int:
        """Entities times steps times positions."""
        return math.prod(self.shape) // self.features

    def described(self) -> str:
        """The shape of a batch in words: "[batch, entity 6, feature 8]"."""
        names = {dim: name for name, dims in self.dims.items() for dim in dims} | {
            self.feature_dim: "feature"
        }
        return f"[batch, {', '.join(f'{names[k + 1]} {size}' for k, size in enumerate(self.shape))}]"

    def sample(self, samples: int, generator: torch.Generator) -> Tensor:
        """Inputs of independent normal numbers: [samples, *shape] float64."""
        return torch.randn(samples, *self.shape, generator=generator, dtype=torch.float64)


@dataclass(frozen=True)
class Layout:
    """Which axes of the input an output has, and where: the others are summed up in it.

    Attributes:
        dims: the dimensions of each axis in the shape of a batch; those of an answer about pairs of entities are
            (receiver, sender).
        shape: of an output.
        pairs: whether the answer is about pairs of entities.
    """

    dims: dict[str, tuple[int, ...]]
    shape: tuple[int, ...]
    pairs: bool = False

    def has(self, axis: str) -> bool:
        return axis in self.dims

    def places_first(self, output: Tensor) -> Tensor:
        """[batch, *anything] -> [batch, place, feature]; of pairs the receiver is the place."""
        places = [dim for dims in self._place_dims() for dim in dims]
        moved = output.movedim(places, list(range(1, 1 + len(places))))
        n = math.prod(output.shape[k] for k in places)
        return moved.reshape(len(output), n, -1)

    def _place_dims(self) -> list[tuple[int, ...]]:
        return [dims[:1] if self.pairs and name == ENTITY else dims for name, dims in self.dims.items()]

    @property
    def place_sizes(self) -> dict[str, tuple[int, ...]]:
        """The sizes of the axes that number the places of an output."""
        return {
            name: tuple(self.shape[k] for k in dims)
            for name, dims in zip(self.dims, self._place_dims(), strict=True)
        }


def layout_of(axes: Axes, shape: tuple[int, ...]) -> Layout:
    """Which axes an output of this shape [batch, ...] has.

    An axis is there if the output has its size where the input has it. [batch, entity, entity, ...] for
    [batch, entity, ...] is about pairs. Where one axis is all there is, [batch, size] is one number a place.
    """
    if axes.grid is not None:
        return Layout(_grid_dims(axes, shape), shape)
    found: dict[str, tuple[int, ...]] = {}
    if axes.entities is not None:
        return _entity_layout(axes, axes.entities, shape)
    if len(shape) > 1 and shape[1] == axes.steps:
        found[TIME] = (1,)
    return Layout(found, shape)


def _grid_dims(axes: Axes, shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
    """Axes of an output [batch, feature, *axes], or [batch, *axes] where there is no feature."""
    rank = 1 + len(axes.shape)
    if len(shape) not in (rank, rank - 1):
        return {}
    less = rank - len(shape)
    return {
        name: tuple(k - less for k in dims)
        for name, dims in axes.dims.items()
        if tuple(shape[k - less] for k in dims) == axes.sizes[name]
    }


def _entity_layout(axes: Axes, n: int, shape: tuple[int, ...]) -> Layout:
    if len(shape) < 2 or shape[1] != n:
        time = len(shape) > 2 and axes.steps is not None and shape[1] == axes.steps
        return Layout({TIME: (1,)} if time else {}, shape)
    if axes.steps is not None and len(shape) > 3 and shape[2] == axes.steps:
        return Layout({ENTITY: (1,), TIME: (2,)}, shape)
    pairs = len(shape) > 3 and shape[2] == n
    return Layout({ENTITY: (1, 2) if pairs else (1,)}, shape, pairs)
