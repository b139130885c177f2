"""From the name of a simulator to observed trajectories: settings checked, systems drawn, noise added."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgewise.errors import ConfigError
from edgewise.physics import balls, charged, kuramoto, nbody, springs, string
from edgewise.physics.record import Recording, Simulator

if TYPE_CHECKING:
    import xarray as xr

MAY_BE_ZERO = {
    *("strength", "strength_spread", "speed", "slowest", "fastest", "softening", "gravity", "push_out"),
    *("least_restitution", "most_restitution", "least_speed", "most_speed", "weakest_gravity"),
    *("strongest_gravity", "drop", "slope", "pinned", "restitution"),
}
BODIES = {"position": ["x", "y"], "velocity": ["vx", "vy"]}


def _given_edges(
    record: Callable[[Sequence[np.random.Generator], int, int, Any], Recording],
) -> Callable[[Sequence[np.random.Generator], int, int, float, Any], Recording]:
    """A simulator whose graph is not drawn, called like one whose graph is."""
    return lambda rngs, entities, steps, _, options: record(rngs, entities, steps, options)


SIMULATORS: dict[str, Simulator] = {
    "springs": Simulator(
        summary="bodies in a box, some pairs joined by springs",
        defaults=springs.DEFAULTS,
        record=springs.record_springs,
        measured=("x", "y", "vx", "vy"),
        roles=BODIES,
        edge_types=("none", "spring"),
    ),
    "charged": Simulator(
        summary="charged bodies in a box: like charges repel, unlike ones attract",
        defaults=charged.DEFAULTS,
        record=charged.record_charged,
        measured=("x", "y", "vx", "vy"),
        roles=BODIES,
        edge_types=("unlike charges", "like charges"),
    ),
    "kuramoto": Simulator(
        summary="phase-coupled oscillators",
        defaults=kuramoto.DEFAULTS,
        record=kuramoto.record_kuramoto,
        measured=("dphi", "sin_phi"),
        roles={"rate": ["dphi"]},
        edge_types=("none", "coupled"),
    ),
    "nbody": Simulator(
        summary="bodies that attract each other, on orbits around a heavy one",
        defaults=nbody.DEFAULTS,
        record=_given_edges(nbody.record_nbody),
        measured=("x", "y", "vx", "vy"),
        roles=BODIES,
        edge_types=("none", "attracts"),
        draws_edges=False,
    ),
    "balls": Simulator(
        summary="balls that bounce off each other and off the walls of a box",
        defaults=balls.DEFAULTS,
        record=_given_edges(balls.record_balls),
        measured=("x", "y", "vx", "vy"),
        roles=BODIES,
        edge_types=("none", "ball", "wall"),
        draws_edges=False,
    ),
    "string": Simulator(
        summary="a string of masses and springs that falls onto a ball",
        defaults=string.DEFAULTS,
        record=_given_edges(string.record_string),
        measured=("x", "y", "vx", "vy"),
        roles=BODIES,
        edge_types=("none", "spring", "ball"),
        draws_edges=False,
    ),
}


def simulate(
    name: str,
    *,
    entities: int = 5,
    sequences: int = 1,
    steps: int = 49,
    seed: int = 0,
    noise: float = 0.0,
    missing: float = 0.0,
    edge_probability: float | None = None,
    **options: Any,
) -> xr.Dataset:
    """Simulate systems whose interactions are known.

    System number s of a seed is always the same one, however many sequences or frames are asked for and
    however many threads run; noise and gaps have generators of their own and change neither trajectories
    nor truth.

    Args:
        name: a key of `SIMULATORS`.
        entities: bodies, oscillators, balls or masses in each system, at least 2; walls, and the ball that a string
            falls onto, are not counted.
        sequences: independent systems, each with a graph of its own.
        steps: recorded frames, at least 2.
        seed: any whole number from 0.
        noise: standard deviation of the normal noise added to each measured value (positions and velocities;
            for oscillators the rate and the sine), in the units of the data.
        missing: probability of each value (sequence, time, entity, feature) not to be observed: NaN. Neither noise nor
            gaps fall on objects that are fixed, or on attributes such as masses.
        edge_probability: probability of an interaction (default 0.5); for charges, of a positive charge. Not of systems
            whose graph is not drawn.
        options: fields of the simulator's own options, `SIMULATORS[name].defaults`.

    Returns:
        Features `(sequence, time, entity)` in float32 and the truth `edges (sequence, receiver, sender)`; with it
        `strength (sequence, receiver, sender)` where strengths differ. Attributes of objects are features that are
        constant in time, those of relations variables `(sequence, receiver, sender)` named in `attrs["pair"]`. `attrs`
        hold the `simulator`, its `simulator_options` (JSON), `seed`, `noise` and `missing`.

    Raises:
        ConfigError: the simulator or an option is unknown, or a value out of range.
    """
    simulator = _find("simulator", name, SIMULATORS)
    _check_count("entities", entities, 2)
    _check_count("sequences", sequences, 1)
    _check_count("steps", steps, 2)
    _check_count("seed", seed, 0)
    _check_range("noise", noise, 0.0, math.inf)
    _check_range("missing", missing, 0.0, 1.0)
    probability = _edge_probability(name, simulator, edge_probability)
    settings = _with_options(name, simulator.defaults, options)
    recording = simulator.record(_generators(seed, sequences, 0), entities, steps, probability, settings)
    observed = _observe(recording, simulator.measured, seed, noise, missing)
    dataset = _dataset(observed, recording, simulator)
    dataset.attrs.update(
        simulator=name,
        simulator_options=json.dumps(dataclasses.asdict(settings)),
        seed=int(seed),
        noise=float(noise),
        missing=float(missing),
    )
    return dataset


def _edge_probability(name: str, simulator: Simulator, asked: float | None) -> float:
    if asked is None:
        return 0.5
    if not simulator.draws_edges:
        raise ConfigError(
            f"edge_probability = {asked!r} of {name}, whose graph is not drawn",
            expected="one of the simulators "
            + ", ".join(other for other, row in SIMULATORS.items() if row.draws_edges),
            fix="leave it out",
        )
    _check_range("edge_probability", asked, 0.0, 1.0)
    return asked


def _generators(seed: int, sequences: int, purpose: int) -> list[np.random.Generator]:
    """One generator a system: 0 draws the system, 1 its noise, 2 its gaps."""
    keys = ((system, purpose) for system in range(sequences))
    return [np.random.default_rng(np.random.SeedSequence(int(seed), spawn_key=key)) for key in keys]


def _observe(
    recording: Recording, measured: tuple[str, ...], seed: int, noise: float, missing: float
) -> dict[str, np.ndarray]:
    """Add noise to the measured features and lose values of all, as float32 `[sequence, time, entity]`."""
    features = {name: np.array(values) for name, values in recording.features.items()}
    sequences, steps, entities = features[measured[0]].shape
    moves = 1.0 - np.asarray(recording.attributes.get("fixed", np.zeros((sequences, entities))))
    if noise > 0:
        for system, rng in enumerate(_generators(seed, sequences, 1)):
            errors = noise * rng.standard_normal((steps, entities, len(measured))) * moves[system][:, None]
            for column, name in enumerate(measured):
                features[name][system] += errors[..., column]
    if missing > 0:
        for system, rng in enumerate(_generators(seed, sequences, 2)):
            lost = rng.random((steps, entities, len(features))) < missing * moves[system][:, None]
            for column, values in enumerate(features.values()):
                values[system][lost[..., column]] = np.nan
    return {name: values.astype(np.float32) for name, values in features.items()}


def _dataset(observed: dict[str, np.ndarray], recording: Recording, simulator: Simulator) -> xr.Dataset:
    import xarray as xr

    dimensionless = {"units": "1"}
    frames, pair = ("sequence", "time", "entity"), ("sequence", "receiver", "sender")
    shape = next(iter(observed.values())).shape
    constant = {
        name: np.repeat(values[:, None].astype(np.float32), shape[1], axis=1)
        for name, values in recording.attributes.items()
    }
    variables: dict[str, Any] = {
        name: (frames, values, dimensionless) for name, values in (observed | constant).items()
    }
    meanings = {
        "flag_values": list(range(len(simulator.edge_types))),
        "flag_meanings": list(simulator.edge_types),
    }
    variables["edges"] = (pair, recording.edges, meanings)
    known = dict(recording.pairs)
    if recording.strength is not None:
        known["strength"] = recording.strength
    variables |= {name: (pair, values, dimensionless) for name, values in known.items()}
    names = np.arange(shape[2]) if recording.entities is None else list(recording.entities)
    roles = {role: list(names) for role, names in simulator.roles.items()}
    return xr.Dataset(
        variables,
        coords={
            "sequence": np.arange(shape[0]),
            "time": ("time", recording.time, dimensionless),
            "entity": names,
            "receiver": names,
            "sender": names,
        },
        attrs=roles | ({"pair": list(recording.pairs)} if recording.pairs else {}),
    )


def _with_options(name: str, defaults: Any, options: dict[str, Any]) -> Any:
    """The defaults with the user's options in their place, each checked by the type of its default."""
    known = {field.name: getattr(defaults, field.name) for field in dataclasses.fields(defaults)}
    for option, value in options.items():
        default = _find(f"option of {name}", option, known)
        if isinstance(default, bool):
            if not isinstance(value, bool):
                raise ConfigError(f"{option} = {value!r}", expected="True or False")
        elif isinstance(default, int):
            _check_count(option, value, 0 if option in MAY_BE_ZERO else 1)
        else:
            _check_range(option, value, 0.0, math.inf, positive=option not in MAY_BE_ZERO)
    return dataclasses.replace(defaults, **options)


def _find(kind: str, name: str, table: dict[str, Any]) -> Any:
    if name in table:
        return table[name]
    close = difflib.get_close_matches(str(name), table, n=1)
    raise ConfigError(
        f"unknown {kind} {name!r}",
        expected=_listed(table),
        fix=f"did you mean {close[0]!r}?" if close else None,
    )


def _listed(names: Iterable[str]) -> str:
    return "one of " + ", ".join(names)


def _check_count(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ConfigError(f"{name} = {value!r}", expected=f"a whole number from {least} on")


def _check_range(name: str, value: Any, low: float, high: float, *, positive: bool = False) -> None:
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high or (positive and value == 0):
        bounds = f"a number between {low:g} and {high:g}" if high < math.inf else "a finite number, 0 or more"
        raise ConfigError(f"{name} = {value!r}", expected="a finite number above 0" if positive else bounds)
