"""Ours beside methods of other packages at the same data: AUROC, AUPRC, orientation, seconds (docs/results/peers.md).

    make bench-peers                (or: python benchmarks/peers.py --only springs --json rows.json)

Three seeds. Springs, charges and oscillators are simulated; our law is fitted on all systems of a seed and reads each
system's own graph. Peers work a system at a time, so that a system more teaches them nothing: they are given the first
`--scored` systems, **all figures are of these**, and their seconds are those of one system times all systems. What a
peer reads (levels or increments, and delays) is chosen for it on systems of another seed. NetSim sim3
(`../shared/data`) has no other data to choose on: there a peer shows the best of its inputs, chosen on the very
figures, in its favour.
"""

import edgewise.runtime

edgewise.runtime.tune_runtime()  # before anything loads torch

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import platform  # noqa: E402
import statistics  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Mapping  # noqa: E402
from dataclasses import dataclass, replace  # noqa: E402
from datetime import UTC, datetime  # noqa: E402
from importlib import import_module  # noqa: E402
from importlib.metadata import version  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import torch  # noqa: E402
import xarray as xr  # noqa: E402

from edgewise import simulate  # noqa: E402
from edgewise.errors import EdgewiseError  # noqa: E402
from edgewise.inference.compare.answers import Answer, answer  # noqa: E402
from edgewise.inference.compare.truth_figures import truth_figures  # noqa: E402
from edgewise.inference.config import InferenceConfig  # noqa: E402
from edgewise.inference.peers import PEERS, installed  # noqa: E402
from edgewise.inference.records import overruled, read_config  # noqa: E402
from edgewise.inference.reproduce import CELLS, Cell  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
NETSIM = ROOT.parent / "shared" / "data" / "netsim" / "sim3.mat"
RECIPES = ROOT / "recipes" / "inference"
CHOICE_SEED = 100
BASELINES = ("correlation", "partial-correlation", "lag-regression")
FIGURES = ("auroc", "auprc", "orientation", "f1", "ece")
COSTS = ("seconds", "cpu_seconds")
Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """Data to compare on.

    Args:
        make: a data set with its truth, of a seed; ours: our settings.
        graph: the scope of the graph for everyone; simulated: whether another seed gives other data.
    """

    name: str
    make: Callable[[int], xr.Dataset]
    ours: InferenceConfig
    graph: str = "per-sequence"
    simulated: bool = True


def simulated_case(cell: Cell, systems: int, minutes: float) -> Case:
    def make(seed: int) -> xr.Dataset:
        ds = simulate(cell.system, entities=cell.entities, sequences=systems, steps=49, seed=seed)
        return ds[[*cell.features, "edges"]]

    return Case(cell.name, make, InferenceConfig.from_dict({**cell.law, "time_limit": 60 * minutes}))


def netsim(seed: int) -> xr.Dataset:
    """The 50 subjects, whatever the seed."""
    del seed
    import numpy as np
    from scipy.io import loadmat

    from edgewise.data import from_arrays

    raw = loadmat(NETSIM)
    truth = (raw["net"].transpose(0, 2, 1) != 0) & ~np.eye(15, dtype=bool)  # net[s, i, j]: i -> j
    return from_arrays({"bold": raw["ts"].reshape(50, 200, 15)}, edges=truth.astype(int))


def recipe(name: str, graph: str) -> InferenceConfig:
    """The settings of a recipe of this project, with this scope of the graph."""
    return overruled(read_config(RECIPES / f"{name}.toml"), {"graph": graph})


def cases(given: argparse.Namespace) -> list[Case]:
    found = [
        simulated_case(CELLS[name], given.systems, given.minutes)
        for name in ("springs-5", "charged-5", "kuramoto-5")
    ]
    if NETSIM.is_file():
        found += [
            Case("netsim, shared", netsim, recipe("netsim", "shared"), "shared", simulated=False),
            Case("netsim, per subject", netsim, recipe("netsim-subjects", "per-sequence"), simulated=False),
        ]
    return [case for case in found if given.only in case.name]


def variants(method: str) -> list[Mapping[str, Any]]:
    """The inputs that a peer may be given."""
    if method not in PEERS:
        return [{}]
    delays: list[Mapping[str, Any]] = [{}, {"shortest_delay": 0}] if method == "pcmci" else [{}]
    return [{"series": series, **delay} for series in ("levels", "increments") for delay in delays]


def first(found: Answer, count: int) -> Answer:
    """The answer about the first recordings."""
    if found.probability.sizes["sequence"] == 1:
        return found
    few = slice(0, count)
    return replace(
        found,
        probability=found.probability.isel(sequence=few),
        rank=found.rank[few],
        linked=found.linked[few],
    )


def measured(ds: xr.Dataset, config: InferenceConfig, scored: int) -> Row:
    """Figures on the first recordings, and the seconds for all that were given."""
    begin, worked = time.perf_counter(), time.process_time()
    found = answer(ds, config)
    cost = {"seconds": time.perf_counter() - begin, "cpu_seconds": time.process_time() - worked}
    figures = truth_figures(first(found, scored), ds.isel(sequence=slice(0, scored)))
    return {name: figures[name] for name in FIGURES} | cost


def tried(ds: xr.Dataset, method: str, graph: str, options: Mapping[str, Any], scored: int) -> Row:
    """A peer on the recordings that are scored, its seconds scaled to all; or its message."""
    given = ds if graph == "shared" else ds.isel(sequence=slice(0, scored))
    config = InferenceConfig.from_dict({"method": method, "graph": graph, **options})
    try:
        row = measured(given, config, scored)
    except EdgewiseError as error:
        return {"failed": error.found}
    share = ds.sizes["sequence"] / given.sizes["sequence"]
    return row | {name: row[name] * share for name in COSTS}


def best(ds: xr.Dataset, method: str, graph: str, scored: int) -> Mapping[str, Any]:
    """The variant with the highest AUROC."""
    rows = [(tried(ds, method, graph, options, scored), options) for options in variants(method)]
    if len(rows) == 1:
        return rows[0][1]
    return max(rows, key=lambda pair: pair[0].get("auroc") or 0.0)[1]


def run_case(case: Case, given: argparse.Namespace) -> list[Row]:
    """Rows of ours and of every peer, seed by seed."""
    methods = [m for m in (*BASELINES, *PEERS) if installed(m) and m not in given.skip]
    for method in methods:
        if method in PEERS:
            import_module(PEERS[method].module)
    trial = case.make(CHOICE_SEED if case.simulated else 0)
    chosen = {
        m: best(trial, m, case.graph, given.choosing if case.simulated else given.scored) for m in methods
    }
    rows = []
    for seed in range(given.seeds):
        ds = case.make(seed)
        row = measured(ds, overruled(case.ours, {"seed": seed}), given.scored)
        rows.append({"method": f"ours: {case.ours.method}", "options": {}, "seed": seed} | row)
        for method in methods if case.simulated or seed == 0 else ():
            row = tried(ds, method, case.graph, chosen[method], given.scored)
            rows.append({"method": method, "options": dict(chosen[method]), "seed": seed} | row)
    return [{"case": case.name, "systems": trial.sizes["sequence"]} | row for row in rows]


def summarised(rows: list[Row]) -> list[Row]:
    """One line a method: the mean over seeds, best AUROC first."""
    lines = []
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]
        done = [row for row in own if "failed" not in row]
        line: Row = {"method": method, "options": own[0]["options"], "seeds": len(done), "of": len(own)}
        for name in (*FIGURES, *COSTS):
            values = [row[name] for row in done if row[name] is not None]
            line[name] = statistics.mean(values) if values else None
        line["aurocs"] = [row["auroc"] for row in done]
        line["failed"] = next((row["failed"] for row in own if "failed" in row), "")
        lines.append(line)
    return sorted(lines, key=lambda line: -(line["auroc"] or 0))


def show(case: Case, rows: list[Row], given: argparse.Namespace) -> None:
    lines = summarised(rows)
    print(f"\n{case.name}: {rows[0]['systems']} recordings, scored on the first {given.scored}\n")
    head = (
        "method",
        "reads",
        "AUROC",
        "over seeds",
        "AUPRC",
        "orientation",
        "F1",
        "ECE",
        "seconds, all",
        "CPU seconds, all",
    )
    print(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for line in lines:
        reads = ", ".join(f"{v}" if k == "series" else f"{k}={v}" for k, v in line["options"].items())
        spread = f"{min(line['aurocs']):.3f} to {max(line['aurocs']):.3f}" if len(line["aurocs"]) > 1 else ""
        figures = [_number(line[name]) for name in ("auprc", "orientation", "f1", "ece")]
        note = f" ({line['of'] - line['seeds']} failed: {line['failed']})" if line["failed"] else ""
        cells = (
            line["method"] + note,
            reads,
            _number(line["auroc"]),
            spread,
            *figures,
            *(_number(line[name], 1) for name in COSTS),
        )
        print(f"| {' | '.join(cells)} |", flush=True)
    print(f"\n{verdict(lines)}", flush=True)


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def verdict(lines: list[Row]) -> str:
    """Whether what is asked holds: AUROC above every other, seconds below tigramite's."""
    ours = next(line for line in lines if line["method"].startswith("ours"))
    others = [line for line in lines if line is not ours and line["auroc"] is not None]
    ahead = all((ours["auroc"] or 0) > line["auroc"] for line in others)
    text = f"AUROC above every other: {'yes' if ahead else 'NO'}"
    slow = next((line for line in others if line["method"] == "pcmci"), None)
    if slow is not None:
        wall, cpu = (slow[name] / ours[name] for name in COSTS)
        text += f"; tigramite's seconds / ours: {wall:.1f}, of CPU: {cpu:.1f}"
    return text


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name holds this text")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--systems", type=int, default=500, help="simulated systems of a seed")
    parser.add_argument("--scored", type=int, default=50, help="recordings that figures are of")
    parser.add_argument("--choosing", type=int, default=10, help="systems on which a peer's input is chosen")
    parser.add_argument("--minutes", type=float, default=5.0, help="limit of our fits on simulated systems")
    parser.add_argument("--skip", nargs="*", default=[], metavar="METHOD", help="peers to leave out")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all rows as JSON")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    torch.set_num_threads(given.threads)
    packages = [name for name in ("tigramite", "netrd") if installed_package(name)]
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {given.threads} thread(s), Python"
        f" {platform.python_version()}, torch {torch.__version__}, scikit-learn {version('scikit-learn')}"
        + "".join(f", {name} {version(name)}" for name in packages)
    )
    rows = []
    for case in cases(given):
        rows += run_case(case, given)
        show(case, [row for row in rows if row["case"] == case.name], given)
        if given.json:
            given.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def installed_package(name: str) -> bool:
    return any(peer.package == name and installed(method) for method, peer in PEERS.items())


if __name__ == "__main__":
    main()
