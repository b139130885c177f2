"""Phase-coupled oscillators (Kuramoto 1975; data as in Kipf et al. 2018, section 5.1).

    dphi_i/dt = omega_i + strength sum_j e_ij sin(phi_j - phi_i),    e_ij in {0, 1}

The authors integrate with an adaptive Runge-Kutta 4(5) between steps of 0.01; the classical fourth-order
one of fixed step here stays within its tolerance. Their observed rate is the difference quotient over one
such step; so is this one. Their frequencies are scaled to [-1, 1]; here they stay in radians per unit of
time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewise.physics.batch import Floats, simulate_blocks
from edgewise.physics.options import check_ordered
from edgewise.physics.record import Recording


@dataclass(frozen=True)
class Oscillators:
    """Options of the Kuramoto model; all quantities are dimensionless."""

    strength: float = 1.0
    """Factor of the coupling."""
    slowest: float = 1.0
    """Natural frequencies are drawn uniformly from here, in radians per unit of time,"""
    fastest: float = 10.0
    """to here."""
    directed: bool = True
    """Draw each direction of a pair on its own; otherwise both or none."""
    scaled: bool = True
    """Scale dphi to [-1, 1] for each oscillator; where nobody acts on an oscillator it is 0 throughout."""
    scale_frames: int = 100
    """Minimum and maximum are taken over this many frames (or all, if more are asked), as the authors do:
    a shorter recording is then the beginning of a longer one."""
    dt: float = 0.01
    """Time of one integration step."""
    sample_every: int = 10
    """Integration steps from one recorded frame to the next; the first frame is the initial state."""

    def __post_init__(self) -> None:
        check_ordered(self, "slowest", "fastest")


DEFAULTS = Oscillators()


def draw_coupling(
    rng: np.random.Generator, entities: int, edge_probability: float, *, directed: bool = True
) -> Floats:
    """A graph `[receiver, sender]` of zeros and ones without loops."""
    coupling = (rng.random((entities, entities)) < edge_probability).astype(np.float64)
    np.fill_diagonal(coupling, 0.0)
    return coupling if directed else np.triu(coupling) + np.triu(coupling).T


def simulate_kuramoto(
    coupling: Floats, phases: Floats, omega: Floats, steps: int, oscillators: Oscillators = DEFAULTS
) -> tuple[Floats, Floats]:
    """Phases and rates of many systems.

    Args:
        coupling: `[system, receiver, sender]`.
        phases: at the start, in radians, `[system, entity]`.
        omega: natural frequencies, `[system, entity]`.
        steps: frames to record.
        oscillators: the options.

    Returns:
        Phases (not wrapped) and rates dphi/dt, `[system, time, entity]`, computed in float64.
    """

    def simulate(coupling: Floats, phases: Floats, omega: Floats) -> tuple[Floats, Floats]:
        return _integrate(_Field(oscillators.strength * coupling, omega), phases, steps, oscillators)

    phases, rates = simulate_blocks(simulate, coupling, phases, omega)
    return phases, rates


def record_kuramoto(
    rngs: Sequence[np.random.Generator],
    entities: int,
    steps: int,
    edge_probability: float,
    oscillators: Oscillators,
) -> Recording:
    """Draw a system from each generator (coupling, phases, frequencies: in this order) and simulate all."""
    drawn = [
        (
            draw_coupling(rng, entities, edge_probability, directed=oscillators.directed),
            rng.uniform(0.0, 2 * np.pi, entities),
            rng.uniform(oscillators.slowest, oscillators.fastest, entities),
        )
        for rng in rngs
    ]
    coupling, phases, omega = (np.stack(arrays) for arrays in zip(*drawn, strict=True))
    frames = max(steps, oscillators.scale_frames) if oscillators.scaled else steps
    phases, rates = simulate_kuramoto(coupling, phases, omega, frames, oscillators)
    if oscillators.scaled:
        rates = scale_rates(rates, driven=coupling.sum(axis=2) > 0)
    features = {"dphi": rates, "sin_phi": np.sin(phases), "omega": omega[:, None], "phase": phases}
    shape = len(coupling), steps, entities
    features = {name: np.broadcast_to(array[:, :steps], shape) for name, array in features.items()}
    time = np.arange(steps, dtype=np.float64) * oscillators.sample_every * oscillators.dt
    return Recording(features, coupling.astype(np.int64), time)


def scale_rates(rates: Floats, driven: np.ndarray) -> Floats:
    """Bring each series of `[system, time, entity]` to [-1, 1], or to 0 unless driven `[system, entity]`."""
    low, high = rates.min(axis=1, keepdims=True), rates.max(axis=1, keepdims=True)
    varies = driven[:, None] & (high > low)
    return np.where(varies, 2 * (rates - low) / np.where(varies, high - low, 1.0) - 1, 0.0)


class _Field:
    """dphi/dt of one block: weights `[receiver, sender, system]`, omega `[entity, system]`.

    sin(phi_j - phi_i) = sin phi_j cos phi_i - cos phi_j sin phi_i: sines of entities, not of pairs.
    """

    def __init__(self, weights: Floats, omega: Floats) -> None:
        self.weights, self.omega = weights, omega
        self.waves = np.empty((2, *omega.shape))  # sine, cosine
        self.pulls = np.empty((2, *weights.shape))
        self.sums = np.empty_like(self.waves)

    def __call__(self, phases: Floats, out: Floats) -> None:
        np.sin(phases, out=self.waves[0])
        np.cos(phases, out=self.waves[1])
        np.multiply(self.weights, self.waves[:, None], out=self.pulls)
        np.add.reduce(self.pulls, axis=2, out=self.sums)
        self.sums *= self.waves[::-1]
        np.subtract(self.sums[0], self.sums[1], out=out)
        out += self.omega


def _integrate(field: _Field, phases: Floats, steps: int, oscillators: Oscillators) -> tuple[Floats, Floats]:
    """Classical Runge-Kutta steps of one block; phases `[entity, system]`."""
    dt = oscillators.dt
    recorded = np.empty((steps, *phases.shape))
    rates = np.empty_like(recorded)
    slope, total, probe = (np.empty_like(phases) for _ in range(3))
    for frame in range(steps):
        recorded[frame] = phases
        for step in range(oscillators.sample_every):
            field(phases, total)
            np.copyto(slope, total)
            for reach, weight in ((dt / 2, 2.0), (dt / 2, 2.0), (dt, 1.0)):
                np.multiply(slope, reach, out=probe)
                probe += phases
                field(probe, slope)
                np.multiply(slope, weight, out=probe)
                total += probe
            total *= dt / 6
            phases = phases + total
            if step == 0:
                np.subtract(phases, recorded[frame], out=rates[frame])
    rates /= dt
    return recorded, rates
