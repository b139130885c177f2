"""Recordings of objects in motion as tensors: states, constants, shapes, and who acts on whom."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from edgewise.data.roles import clock, features, positions, velocities
from edgewise.errors import DataError
from edgewise.models.objects import ObjectDims, Objects
from edgewise.relation import Complete, Relation, Sparse
from edgewise.relation.complete import off_diagonal

MASS, RADIUS, FIXED = "mass", "radius", "fixed"
HALF_EXTENTS = ("half_width", "half_height", "half_depth")
EXTERNAL = ("ax", "ay", "az")
"""Names that features of objects go by."""
POTENTIAL = "potential_energy"
"""The name of the potential energy of a system: a feature with one value for all objects, never told to a network."""
UNEVEN = 1e-3
"""How much steps of time may differ, as a share of their median."""


@dataclass(frozen=True)
class Described:
    """Which features describe an object, by name; what a network that was trained on some data needs of others.

    Attributes:
        position, velocity: one feature an axis.
        attributes: constants of an object, in the order that a network reads them.
        external: acceleration from outside, one feature an axis, or none.
        relation_types: the largest label of a relation; pairs: variables of pairs that describe relations.
    """

    position: tuple[str, ...]
    velocity: tuple[str, ...]
    attributes: tuple[str, ...]
    external: tuple[str, ...]
    relation_types: int
    pairs: tuple[str, ...]

    @classmethod
    def from_dict(cls, values: dict[str, Sequence[str] | int]) -> "Described":
        """From plain values, as JSON has them."""
        return cls(**{k: v if isinstance(v, int) else tuple(v) for k, v in values.items()})  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True, eq=False)
class Motions:
    """Recordings of S systems over T frames, n objects each.

    Attributes:
        position, velocity: [S, T, n, d]; external: the same, or None.
        attributes: [S, n, k]; fixed: bool [S, n, 1]; mass, radius: [S, n, 1] or None; half_extents: [S, n, d] or None.
        relation: who acts on whom in all systems; present: bool [S, *layout] where they differ, else None.
        relation_attributes: [S, *layout, p], or None.
        time_step: between frames; names: of systems and objects.
    """

    position: Tensor
    velocity: Tensor
    attributes: Tensor
    fixed: Tensor
    relation: Relation
    time_step: float
    present: Tensor | None = None
    relation_attributes: Tensor | None = None
    external: Tensor | None = None
    mass: Tensor | None = None
    radius: Tensor | None = None
    half_extents: Tensor | None = None

    @property
    def n_systems(self) -> int:
        return self.position.shape[0]

    @property
    def n_frames(self) -> int:
        return self.position.shape[1]

    @property
    def n_objects(self) -> int:
        return self.position.shape[2]

    def dims(self) -> ObjectDims:
        """What a network is to read of them."""
        return ObjectDims(
            space=self.position.shape[-1],
            attributes=self.attributes.shape[-1],
            relation=0 if self.relation_attributes is None else self.relation_attributes.shape[-1],
            external=self.external is not None,
            mass=self.mass is not None,
            shaped=self.radius is not None or self.half_extents is not None,
        )

    def at(self, system: Tensor, frame: Tensor) -> Objects:
        """The objects of some systems, each at a frame of its own. system, frame: [B] int64."""
        relation = self.relation if self.present is None else self.relation.masked(edges=self.present[system])

        def of(values: Tensor | None) -> Tensor | None:
            return None if values is None else values[system]

        return Objects(
            position=self.position[system, frame],
            velocity=self.velocity[system, frame],
            attributes=self.attributes[system],
            relation=relation,
            fixed=self.fixed[system],
            relation_attributes=of(self.relation_attributes),
            external=None if self.external is None else self.external[system, frame],
            mass=of(self.mass),
            radius=of(self.radius),
            half_extents=of(self.half_extents),
        )

    def systems(self, picked: slice) -> "Motions":
        """Some of the systems."""
        parts = {
            name: None if value is None else value[picked]
            for name in ("present", "relation_attributes", "external", "mass", "radius", "half_extents")
            for value in (getattr(self, name),)
        }
        return Motions(
            self.position[picked],
            self.velocity[picked],
            self.attributes[picked],
            self.fixed[picked],
            self.relation,
            self.time_step,
            **parts,
        )


def described(ds: xr.Dataset) -> Described:
    """How a validated data set describes its objects.

    Features that do not change within a recording are attributes, except `half_width`, `half_height` (shape) and `ax`,
    `ay`, `az` (acceleration from outside). `potential_energy` describes no object. Labels `edges` and the variables of
    pairs (role `pair`) describe relations.

    Raises:
        DataError: without positions and velocities, or with other features that change over time.
    """
    position, velocity = positions(ds), velocities(ds)
    if not position or not velocity:
        missing = "position" if not position else "velocity"
        raise DataError(
            f"the data have no {missing}",
            expected="positions and velocities, which are what a simulator moves",
            fix="name the columns: position = [...], velocity = [...] (edgewise convert --position, --velocity)",
        )
    external = tuple(name for name in EXTERNAL[: len(position)] if name in ds)
    external = external if len(external) == len(position) else ()
    special = {*position, *velocity, *external, *HALF_EXTENTS, POTENTIAL}
    attributes = []
    for name in features(ds):
        if name in special:
            continue
        _check_constant(ds, name)
        attributes.append(name)
    types = int(ds["edges"].max()) if "edges" in ds else 0
    pairs = tuple(str(name) for name in ds.attrs.get("pair") or ())
    return Described(tuple(position), tuple(velocity), tuple(attributes), external, types, pairs)


def _check_constant(ds: xr.Dataset, name: str) -> None:
    values = ds[name].to_numpy()  # [sequence, time, entity]
    changes = np.ptp(values, axis=1) > 0
    if changes.any():
        sequence, entity = np.argwhere(changes)[0]
        raise DataError(
            f"the feature '{name}' changes over time (recording '{ds['sequence'].to_numpy()[sequence]}', entity"
            f" '{ds['entity'].to_numpy()[entity]}')",
            expected="beside positions and velocities: constants of the objects, and accelerations from outside named"
            f" {', '.join(EXTERNAL)}",
            fix=f"leave '{name}' out, or name it so if it is such an acceleration",
        )


def read_motions(ds: xr.Dataset, names: Described) -> Motions:
    """A validated data set as tensors.

    Raises:
        DataError: for values that are missing, an uneven clock, masses that are not positive, bodies at the same place,
            graphs that change over time, or features that are not there.
    """
    position, velocity = (stacked(ds, axes) for axes in (names.position, names.velocity))
    external = stacked(ds, names.external) if names.external else None
    constants = {name: torch.tensor(_values(ds, name)[:, 0, :, None]) for name in names.attributes}
    n_systems, _, n, d = position.shape
    fixed = constants[FIXED] > 0 if FIXED in constants else torch.zeros(n_systems, n, 1, dtype=torch.bool)
    half = HALF_EXTENTS[:d]
    extents = stacked(ds, half)[:, 0] if all(name in ds for name in half) else None
    mass = constants.get(MASS)
    if mass is not None:
        _check_masses(ds, mass)
    attributes = torch.cat(list(constants.values()), -1) if constants else position.new_zeros(n_systems, n, 0)
    relation, present, labels = relations_of(ds)
    motions = Motions(
        position,
        velocity,
        attributes,
        fixed,
        relation,
        time_step_of(ds),
        present,
        _relation_attributes(ds, names, relation, labels),
        external,
        mass,
        constants.get(RADIUS),
        extents,
    )
    if motions.radius is None and extents is None:
        _check_apart(ds, motions)
    return motions


def stacked(ds: xr.Dataset, names: Sequence[str]) -> Tensor:
    """Features side by side: [S, T, n, feature]."""
    return torch.from_numpy(np.stack([_values(ds, name) for name in names], -1))


def _values(ds: xr.Dataset, name: str) -> np.ndarray:
    if name not in ds:
        raise DataError(
            f"the data have no '{name}'",
            expected="the features that the simulator was trained on",
            fix="add the column; of objects without it, 0 or a constant",
        )
    values = ds[name].to_numpy()
    if np.isnan(values).any():
        sequence, frame, entity = np.argwhere(np.isnan(values))[0]
        raise DataError(
            f"'{name}' is missing at recording '{ds['sequence'].to_numpy()[sequence]}', frame {frame}, entity"
            f" '{ds['entity'].to_numpy()[entity]}'",
            expected="every object in every frame: a simulator steps all of them",
            fix="cut the recordings to frames without gaps, or fill them (edgewise infer can do with gaps)",
        )
    return values


def time_step_of(ds: xr.Dataset) -> float:
    """The time from one frame to the next.

    Raises:
        DataError: for a clock that is not even.
    """
    steps = np.diff(clock(ds), axis=1)
    typical = float(np.median(steps))
    wrong = np.abs(steps - typical) > UNEVEN * typical
    if wrong.any():
        sequence, frame = np.argwhere(wrong)[0]
        raise DataError(
            f"the step from frame {frame} to {frame + 1} of recording '{ds['sequence'].to_numpy()[sequence]}' takes"
            f" {steps[sequence, frame]:g}, others {typical:g}",
            expected="frames at even times",
            fix="bring them to one clock: edgewise convert --resample",
        )
    return typical


def _check_masses(ds: xr.Dataset, mass: Tensor) -> None:
    wrong = (mass <= 0)[..., 0]
    if wrong.any():
        sequence, entity = wrong.nonzero()[0].tolist()
        raise DataError(
            f"the mass of '{ds['entity'].to_numpy()[entity]}' in recording '{ds['sequence'].to_numpy()[sequence]}' is"
            f" {float(mass[sequence, entity]):g}",
            expected="masses above 0; what does not move has `fixed` = 1",
        )


def _check_apart(ds: xr.Dataset, motions: Motions) -> None:
    """Points that act on each other must not coincide."""
    order = motions.position.flatten(0, 1)  # [S * T, n, d]
    for at in range(0, len(order), 4096):
        part = order[at : at + 4096]
        same = (part.unsqueeze(-2) == part.unsqueeze(-3)).all(-1)
        same &= ~torch.eye(part.shape[1], dtype=torch.bool)
        if same.any():
            row, first, second = same.nonzero()[0].tolist()
            sequence, frame = divmod(at + row, motions.n_frames)
            entities = ds["entity"].to_numpy()
            raise DataError(
                f"'{entities[first]}' and '{entities[second]}' are at the same place in frame {frame} of recording"
                f" '{ds['sequence'].to_numpy()[sequence]}'",
                expected="objects apart: between coincident points no force has a direction",
                fix="leave one of them out, or the recording",
            )


def relations_of(ds: xr.Dataset) -> tuple[Relation, Tensor | None, Tensor | None]:
    """Who acts on whom: by the labels `edges`, or everybody on everybody without them.

    Returns:
        The relation of all systems, bool [S, *layout] where systems differ (else None), and the labels [S, *layout] as
        int64 (None without `edges`).

    Raises:
        DataError: for graphs that change over time, or labels that are not known.
    """
    n = ds.sizes["entity"]
    if "edges" not in ds:
        return Complete(n, loops=False), None, None
    if "time" in ds["edges"].dims:
        raise DataError("the graph changes over time", expected="one graph a recording")
    labels = torch.from_numpy(ds["edges"].to_numpy().astype(np.int64))  # [S, receiver, sender]
    if (labels < 0).any():
        raise DataError("some pairs are labelled -1, unknown", expected="known relations: 0 none, 1, 2, ...")
    labels = labels.clone()
    labels[:, torch.arange(n), torch.arange(n)] = 0
    there = labels > 0
    if not (there == there[:1]).all():
        slots = off_diagonal(labels[..., None])[..., 0]
        return Complete(n, loops=False), slots > 0, slots
    receivers, senders = there[0].nonzero(as_tuple=True)
    if len(receivers) == n * (n - 1):
        return Complete(n, loops=False), None, off_diagonal(labels[..., None])[..., 0]
    relation = Sparse(senders, receivers, n)
    return relation, None, labels[:, relation.receivers, relation.senders]


def _relation_attributes(
    ds: xr.Dataset, names: Described, relation: Relation, labels: Tensor | None
) -> Tensor | None:
    """One number a label where there are several, then the variables of pairs: [S, *layout, p]."""
    parts = []
    if labels is not None and names.relation_types > 1:
        parts = [(labels == k + 1)[..., None].float() for k in range(names.relation_types)]
    for name in names.pairs:
        if name not in ds:
            raise DataError(
                f"the data have no '{name}' of pairs",
                expected="the attributes that relations were trained with",
            )
        values = torch.from_numpy(ds[name].to_numpy().astype(np.float32))  # [S, receiver, sender]
        if isinstance(relation, Sparse):
            parts.append(values[:, relation.receivers, relation.senders, None])
        else:
            parts.append(off_diagonal(values[..., None]))
    return torch.cat(parts, -1) if parts else None
