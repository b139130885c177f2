"""What every simulator hands back, and what it may be asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from edgewise.physics.batch import Floats, Integers


@dataclass(frozen=True)
class Recording:
    """Simulated systems without observation noise, and the truth about who acts on whom."""

    features: Mapping[str, Floats]
    """One array `[sequence, time, entity]` a feature."""
    edges: Integers
    """The kind of interaction, `[sequence, receiver, sender]`; 0 on the diagonal."""
    time: Floats
    """Simulated time of each frame, `[time]`."""
    strength: Floats | None = None
    """How strong each interaction is, `[sequence, receiver, sender]`, 0 for none; None where all are alike."""
    attributes: Mapping[str, Floats] = field(default_factory=dict)
    """What is known of each object and does not change in time, `[sequence, entity]`, by name. Objects whose attribute
    `fixed` is 1 do not move."""
    pairs: Mapping[str, Floats] = field(default_factory=dict)
    """What is known of each relation, `[sequence, receiver, sender]`, by name; 0 where there is none."""
    entities: Sequence[str] | None = None
    """Names of the objects; None for 0, 1, 2, ..."""


@dataclass(frozen=True)
class Simulator:
    """One row of the table `SIMULATORS`."""

    summary: str
    """What it simulates, in a line."""
    defaults: Any
    """The frozen dataclass of its options, with the values of the paper."""
    record: Callable[[Sequence[np.random.Generator], int, int, float, Any], Recording]
    """(one generator a system, entities, steps, edge probability, options) -> `Recording`."""
    measured: tuple[str, ...]
    """The features that observation noise falls on."""
    roles: Mapping[str, list[str]]
    """Which features are the position, the velocity, a rate."""
    edge_types: tuple[str, ...]
    """What each value of `edges` means."""
    draws_edges: bool = True
    """Whether the graph is drawn, with an edge probability; otherwise it follows from the system."""
