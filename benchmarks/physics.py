"""Learned simulators: next-step errors, rollouts of a thousand steps, and speed (docs/results/physics.md).

    make bench-physics              (or: python benchmarks/physics.py --only balls --runs runs/physics)

On each of the three systems of Battaglia et al. (2016) four models are trained on the same systems, by the recipes
`recipes/in-*.toml` and `recipes/forces-*.toml`: the interaction network, pair forces, and two controls, an MLP on the
states in a row and one that sees each object alone, each with the recipe of the interaction network and at most so many
minutes. The error of the next velocities is divided by that of constant velocity, on test systems.

Then each simulator is rolled out for a thousand steps from the first frame of test systems: energies and momentum of
bodies, whether they stay bound, whether balls stay in their box, distances to the recording, other numbers of objects.
Runs that are already in `--runs` are not trained again.
"""

import edgewise.runtime

edgewise.runtime.tune_runtime()  # before anything loads torch

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import platform  # noqa: E402
import statistics  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from dataclasses import replace  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any, cast  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
import xarray as xr  # noqa: E402

from edgewise.rollouts import places  # noqa: E402
from edgewise.rollouts.record import record_of  # noqa: E402
from edgewise.tasks import TrainingRun, read_recipe  # noqa: E402
from edgewise.tasks.motions import Described, read_motions  # noqa: E402
from edgewise.tasks.physics import PhysicsExperiment  # noqa: E402
from edgewise.tasks.physics_data import PhysicsParts, read_parts, simulated  # noqa: E402
from edgewise.tasks.physics_tables import DynamicsOnlyModel, FlatModel, SimulatedData  # noqa: E402
from edgewise.tasks.recipe import Recipe  # noqa: E402
from edgewise.tasks.records import read_trained  # noqa: E402
from edgewise.tasks.rollout import rolled, simulator_of  # noqa: E402

RECIPES = Path(__file__).resolve().parents[1] / "recipes"
SYSTEMS = ("nbody", "balls", "string")
PUBLISHED = {"nbody": 0.25 / 82, "balls": 0.0020 / 0.074, "string": 0.0011 / 0.018}
NAMES = {
    "in": "interaction network",
    "forces": "pair forces",
    "mlp": "MLP on the states in a row",
    "alone": "each object alone",
}
MANY = {"nbody": 12, "balls": 9}
BALLS_ROLLED = 200
TOGETHER = 1000
Row = dict[str, Any]


def recipe_of(system: str, model: str, seeds: int, minutes: float) -> Recipe:
    """The recipe of a system and a model; controls are trained by the recipe of the interaction network."""
    given = read_recipe(RECIPES / f"{'forces' if model == 'forces' else 'in'}-{system}.toml")
    control = {"mlp": FlatModel(), "alone": DynamicsOnlyModel()}.get(model, given.model)
    training = replace(given.training, seeds=seeds, minutes=minutes)
    return replace(given, name=f"{model}-{system}", model=control, training=training)


def run_of(recipe: Recipe, parts: PhysicsParts, folder: Path, threads: int) -> dict[str, Any]:
    """Metrics of a run, trained if it is not there."""
    if not (folder / "run.json").exists():
        torch.set_num_threads(threads)
        TrainingRun(PhysicsExperiment(recipe, parts), folder, resume=folder.exists())(
            ["benchmarks/physics.py"]
        )
    return json.loads((folder / "metrics.json").read_text())


def accuracy(system: str, runs: Path, given: argparse.Namespace) -> Iterator[Row]:
    """Next-step errors of all models."""
    parts = read_parts(cast(SimulatedData, recipe_of(system, "in", 1, 0).data))
    print(f"\n## {system}\n\n| model | ratio | published | training | after 100 steps | after 999 |")
    print("|---|---|---|---|---|---|")
    for model in NAMES:
        recipe = recipe_of(system, model, given.seeds, given.minutes)
        metrics = run_of(recipe, parts, runs / recipe.name, given.threads)
        published = f"{PUBLISHED[system]:.4f}" if model == "in" else ""
        seconds = statistics.mean(run["seconds"] for run in metrics["runs"])
        ahead = metrics["runs"][0]["rollout"]
        far = [f"{row['rmse']:.3g} ({row['constant_velocity']:.3g})" for row in list(ahead.values())[-2:]]
        ratios = [f"{run['test']:.2e}" for run in metrics["runs"]]
        print(f"| {NAMES[model]} | {', '.join(ratios)} | {published} | {seconds:.0f} s | {' | '.join(far)} |")
        yield {"name": f"{system}: {NAMES[model]}", "against": "constant velocity", "error": metrics["mean"]}
        for n, found in metrics["runs"][0].get("other_numbers", {}).items():
            print(f"| ... {n} objects | {found['ratio']:.2e} | | | | |")
            yield {"name": f"{system}: {NAMES[model]}, {n} objects", "against": "constant velocity", **found}


def bodies(runs: Path) -> Iterator[Row]:
    """Energy, momentum and whether bodies stay bound, over a thousand steps."""
    for model in ("forces", "in"):
        found = rolled(runs / f"{model}-nbody", steps=999, systems=10_000)
        record = record_of(found)
        drifts = [np.array(record["energy"][name]) for name in ("drift", "drift_truth")]
        bound = [_bound(ds) for ds in (found.frames, found.truth) if ds is not None]
        lost = float(np.max(record["momentum"]["drift"]))
        shown = [f"{np.median(d):.2%} / {np.quantile(d, 0.95):.2%} / {d.max():.2%}" for d in drifts]
        print(f"\nnbody, {NAMES[model]}, {len(drifts[0])} rollouts of 999 steps:")
        print(f"energy drift, median / 95 % / largest: {shown[0]}; of the recordings {shown[1]}")
        print(
            f"below 5 %: {(drifts[0] < 0.05).mean():.1%}; of the recordings {(drifts[1] < 0.05).mean():.1%}"
        )
        print(f"all bodies bound at the end: {bound[0]:.1%}; of the recordings {bound[1]:.1%}")
        print(f"momentum, largest relative change: {lost:.1e}")
        yield {"name": f"nbody: {NAMES[model]}", "drift": float(np.median(drifts[0])), "momentum": lost}


def fewer(runs: Path, given: argparse.Namespace) -> Iterator[Row]:
    """Trained with three objects, tested with many more, by half the steps."""
    print("\n## Trained with three objects\n\n| system | model | ratio with three | with many | how many |")
    print("|---|---|---|---|---|")
    for system, many in MANY.items():
        for model in ("in", "forces"):
            whole = recipe_of(system, model, 1, given.minutes)
            training = replace(whole.training, epochs=whole.training.epochs // 2)
            data = replace(cast(SimulatedData, whole.data), entities=3, more=(many,))
            recipe = replace(whole, name=f"{model}-{system}-3", data=data, training=training)
            found = run_of(recipe, read_parts(data), runs / recipe.name, given.threads)["runs"][0]
            more = found["other_numbers"][str(many)]["ratio"]
            print(f"| {system} | {NAMES[model]} | {found['test']:.2e} | {more:.2e} | {many} |")
            yield {
                "name": f"{system}, trained with 3: {NAMES[model]}",
                "against": "constant velocity",
                "error": more,
            }


def _bound(ds: xr.Dataset) -> float:
    """Share of systems whose bodies all have less energy than to leave: v^2 / 2 < G sum of m_j / |x_j - x_i|."""
    options = json.loads(ds.attrs["simulator_options"])
    x, mass = places(ds)[:, -1].astype(float), ds["mass"].to_numpy()[:, 0].astype(float)
    v = np.stack([ds["vx"].to_numpy()[:, -1], ds["vy"].to_numpy()[:, -1]], -1).astype(float)
    v -= (mass[..., None] * v).sum(1, keepdims=True) / mass.sum(1)[:, None, None]
    apart = np.sqrt(np.square(x[:, :, None] - x[:, None]).sum(-1) + options["softening"] ** 2)
    apart[:, np.arange(x.shape[1]), np.arange(x.shape[1])] = np.inf
    deep = options["gravitation"] * (mass[:, None] / apart).sum(-1)
    return float((np.square(v).sum(-1) / 2 < deep).all(1).mean())


def balls(runs: Path) -> Iterator[Row]:
    """How many rollouts keep their balls in the box."""
    for model in ("in", "forces"):
        folder = runs / f"{model}-balls"
        data = cast(SimulatedData, read_trained(folder).recipe.data)
        systems = simulated(data, data.entities, BALLS_ROLLED, seed=data.seed + 2)
        found = rolled(folder, steps=1000, data=systems, systems=BALLS_ROLLED, limit=1e9)
        wide = json.loads(systems.attrs["simulator_options"])["half_width"]
        moving = systems["fixed"].to_numpy()[:, 0] == 0
        outside = (np.abs(places(found.frames)) > wide).any(-1) & moving[:, None]
        kept = 1 - outside.any((1, 2)).mean()
        print(
            f"\nballs, {NAMES[model]}: in the box through 1000 steps in {kept:.1%} of {BALLS_ROLLED} rollouts"
        )
        yield {"name": f"balls: {NAMES[model]}", "in_the_box": float(kept)}


def speed(runs: Path, threads: int) -> Iterator[Row]:
    """Steps of many systems at once against one by one."""
    torch.set_num_threads(threads)
    for model in ("in", "forces"):
        run = read_trained(runs / f"{model}-nbody")
        data = cast(SimulatedData, run.recipe.data)
        systems = simulated(replace(data, steps=3), data.entities, TOGETHER)
        motions = read_motions(systems, Described.from_dict(run.shape["described"]))
        simulator = simulator_of(run)
        every = torch.arange(TOGETHER)
        together = motions.at(every, torch.zeros_like(every))
        alone = [motions.at(every[k : k + 1], torch.zeros(1, dtype=torch.int64)) for k in range(TOGETHER)]
        times: dict[str, list[float]] = {"together": [], "alone": []}
        with torch.no_grad():
            for _ in range(5):
                began = time.perf_counter()
                simulator.advance(together)
                middle = time.perf_counter()
                for objects in alone:
                    simulator.advance(objects)
                times["together"].append(middle - began)
                times["alone"].append(time.perf_counter() - middle)
        ratios = [b / a for a, b in zip(times["together"], times["alone"], strict=True)]
        ratio, taken = statistics.median(ratios), 1e3 * statistics.median(times["together"])
        print(
            f"\nnbody, {NAMES[model]}: a step of {TOGETHER} systems at once, {taken:.1f} ms, is {ratio:.1f} times as"
            f" fast as one by one ({min(ratios):.1f} to {max(ratios):.1f})"
        )
        yield {
            "name": f"step of {TOGETHER} systems: {NAMES[model]}",
            "against": "one by one",
            "ratio": ratio,
            "spread": [min(ratios), max(ratios)],
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=(*SYSTEMS, "fewer", "speed"))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=20.0, help="limit of a training")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--runs", type=Path, help="where trained runs are kept (a temporary folder without it)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all rows as JSON")
    given = parser.parse_args()
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {given.threads} thread(s), Python"
        f" {platform.python_version()}, torch {torch.__version__}"
    )
    with tempfile.TemporaryDirectory() as temporary:
        runs = given.runs or Path(temporary)
        runs.mkdir(parents=True, exist_ok=True)
        rows = [
            row for system in SYSTEMS if given.only in (None, system) for row in accuracy(system, runs, given)
        ]
        if given.only in (None, "nbody"):
            rows += bodies(runs)
        if given.only in (None, "balls"):
            rows += balls(runs)
        if given.only in (None, "speed"):
            rows += speed(runs, given.threads)
        if given.only in (None, "fewer"):
            rows += fewer(runs, given)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
