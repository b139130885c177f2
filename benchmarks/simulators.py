"""The batched simulators against a plain loop over systems and steps, as the reference generators have it.

Both are timed in turn, with the settings of the papers: 5 bodies and 49 frames of 100 steps of springs and charges, 10
of oscillators; 200 frames of one step of 6 bodies in orbit, 6 balls and 15 masses of a string. Ours moves 1000
systems at once, the loop a few of them, and the ratio is that of the times per system. The allocator keeps freed
memory, for both, as in the command. Memory is the peak of what is allocated while simulating all 1000 systems, with one
step a frame. Drawing the starts is not timed.
"""

import argparse
import json
import os
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgewise import tune_runtime
from edgewise.physics import balls, charged, kuramoto, nbody, springs, string
from edgewise.physics.box import draw_bodies

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "physics"))
import by_hand

ENTITIES, FRAMES = 5, 49
FRAMES_OF_OBJECTS = 200


@dataclass(frozen=True)
class Contest:
    """Both ways to move the same systems through so many frames, each of so many steps."""

    name: str
    start: tuple[np.ndarray, ...]
    """Interactions and initial state, `[system, ...]`."""
    steps_per_frame: int
    ours: Callable[..., object]
    by_hand: Callable[..., object]
    """For one system."""

    def run_ours(self, systems: int, steps_per_frame: int) -> object:
        return self.ours(*(array[:systems] for array in self.start), steps_per_frame)

    def run_by_hand(self, systems: int, steps_per_frame: int) -> object:
        starts = zip(*(array[:systems] for array in self.start), strict=True)
        return [self.by_hand(*start, steps_per_frame) for start in starts]


def contests(systems: int) -> list[Contest]:
    rngs = np.random.default_rng(0).spawn(systems)
    return [*contests_of_graphs(rngs), *contests_of_objects(rngs)]


def stacked(
    rngs: list[np.random.Generator], draw: Callable[..., tuple[np.ndarray, ...]]
) -> tuple[np.ndarray, ...]:
    return tuple(np.stack(arrays) for arrays in zip(*map(draw, rngs), strict=True))


def contests_of_objects(rngs: list[np.random.Generator]) -> list[Contest]:
    """Bodies in orbit, balls in a box and strings: a step a frame."""

    def ours_nbody(masses, x, v, every):
        options = replace(nbody.DEFAULTS, steps_per_frame=every)
        return nbody.simulate_nbody(masses, x, v, FRAMES_OF_OBJECTS, options)

    def plain_nbody(masses, x, v, every):
        return by_hand.nbody(masses, x, v, FRAMES_OF_OBJECTS)

    def ours_balls(radius, mass, restitution, x, v, every):
        options = replace(balls.DEFAULTS, steps_per_frame=every)
        return balls.simulate_balls(balls.Balls(mass, radius, restitution), x, v, FRAMES_OF_OBJECTS, options)

    def plain_balls(radius, mass, restitution, x, v, every):
        return by_hand.balls(mass, radius, restitution, x, v, FRAMES_OF_OBJECTS)

    def ours_string(constant, gravity, x, every):
        options = replace(string.DEFAULTS, steps_per_frame=every)
        strings = string.Strings(constant, gravity)
        return string.simulate_string(strings, x, np.zeros_like(x), FRAMES_OF_OBJECTS, options)

    def plain_string(constant, gravity, x, every):
        return by_hand.string(constant, gravity, x, np.zeros_like(x), FRAMES_OF_OBJECTS)

    orbits = stacked(rngs, lambda r: nbody.draw_orbits(r, 6, nbody.DEFAULTS))
    thrown = stacked(rngs, lambda r: balls.draw_balls(r, 6, balls.DEFAULTS))
    strung = stacked(rngs, lambda r: string.draw_string(r, 15, string.DEFAULTS))
    return [
        Contest("nbody-6", orbits, 1, ours_nbody, plain_nbody),
        Contest("balls-6", thrown, 1, ours_balls, plain_balls),
        Contest("string-15", strung, 1, ours_string, plain_string),
    ]


def contests_of_graphs(rngs: list[np.random.Generator]) -> list[Contest]:
    """The systems of Kipf et al. 2018."""

    def ours_springs(edges, x, v, every):
        return springs.simulate_springs(edges, x, v, FRAMES, replace(springs.DEFAULTS, sample_every=every))

    def plain_springs(edges, x, v, every):
        return by_hand.bodies(by_hand.springs(edges), x, v, FRAMES, sample_every=every)

    def ours_charged(signs, x, v, every):
        return charged.simulate_charged(signs, x, v, FRAMES, replace(charged.DEFAULTS, sample_every=every))

    def plain_charged(signs, x, v, every):
        return by_hand.bodies(by_hand.charges(signs), x, v, FRAMES, sample_every=every)

    def ours_kuramoto(coupling, phases, omega, every):
        options = replace(kuramoto.DEFAULTS, sample_every=every)
        return kuramoto.simulate_kuramoto(coupling, phases, omega, FRAMES, options)

    def plain_kuramoto(coupling, phases, omega, every):
        return by_hand.kuramoto(coupling, phases, omega, FRAMES, sample_every=every)

    joined = stacked(
        rngs, lambda r: (springs.draw_springs(r, ENTITIES, 0.5), *draw_bodies(r, ENTITIES, springs.DEFAULTS))
    )
    signed = stacked(
        rngs, lambda r: (charged.draw_charges(r, ENTITIES, 0.5), *draw_bodies(r, ENTITIES, charged.DEFAULTS))
    )
    coupled = stacked(
        rngs,
        lambda r: (
            kuramoto.draw_coupling(r, ENTITIES, 0.5),
            r.uniform(0, 2 * np.pi, ENTITIES),
            r.uniform(1, 10, ENTITIES),
        ),
    )
    return [
        Contest("springs-5", joined, springs.DEFAULTS.sample_every, ours_springs, plain_springs),
        Contest("charged-5", signed, charged.DEFAULTS.sample_every, ours_charged, plain_charged),
        Contest("kuramoto-5", coupled, kuramoto.DEFAULTS.sample_every, ours_kuramoto, plain_kuramoto),
    ]


def seconds(run: Callable[[int, int], object], systems: int, steps_per_frame: int) -> float:
    begin = time.perf_counter()
    run(systems, steps_per_frame)
    return time.perf_counter() - begin


def peak_bytes(run: Callable[[int, int], object], systems: int) -> int:
    tracemalloc.start()
    result = run(systems, 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del result  # counted until here
    return peak


def measure(contest: Contest, systems: int, few: int, repeats: int) -> dict[str, object]:
    contest.run_ours(systems, 1)
    ours, ratios = [], []
    for _ in range(repeats):  # in turn, so that a busy machine slows both
        ours.append(seconds(contest.run_ours, systems, contest.steps_per_frame))
        plain = seconds(contest.run_by_hand, few, contest.steps_per_frame)
        ratios.append(plain / few / (ours[-1] / systems))
    ratio = statistics.median(ratios)
    memory = peak_bytes(contest.run_by_hand, systems) / peak_bytes(contest.run_ours, systems)
    print(
        f"{contest.name}: {systems} systems in {statistics.median(ours):.2f} s, "
        f"{ratio:.0f} times faster than the plain loop\n"
        f"    ({min(ratios):.0f} to {max(ratios):.0f} in {repeats} rounds); memory ratio {memory:.2f}"
    )
    return {
        "name": f"simulate {contest.name}",
        "against": "plain NumPy loop, a system at a time",
        "ratio": ratio,
        "memory_ratio": memory,
        "spread": [min(ratios), max(ratios)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--systems", type=int, default=1000, help="systems that ours moves at once")
    parser.add_argument("--few", type=int, default=2, help="systems that the plain loop moves in each round")
    parser.add_argument("--repeats", type=int, default=5, help="rounds")
    parser.add_argument(
        "--json", type=Path, help="write rows {name, against, ratio, memory_ratio, spread} here"
    )
    arguments = parser.parse_args()
    tune_runtime()
    print(f"float64, NumPy {np.__version__}, {os.cpu_count()} threads for ours, 1 for the plain loop")
    print(
        "ratio and memory_ratio: the plain loop's time and peak memory over ours, so above 1 is in our favour"
    )
    rows = [
        measure(contest, arguments.systems, arguments.few, arguments.repeats)
        for contest in contests(arguments.systems)
    ]
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
