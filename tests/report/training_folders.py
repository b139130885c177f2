"""Run folders as `edgewise train` writes them, made by hand: a citation graph and a table of molecules."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Json = dict[str, Any]

CLASSES = (
    "Case based",
    "Genetic algorithms",
    "Neural networks",
    "Probabilistic methods",
    "Reinforcement learning",
    "Rule learning",
    "Theory",
)
SMILES = (
    "CC(=O)Oc1ccccc1C(=O)O",
    "C1=CC=C(C=C1)C#N",
    r"C/C=C\C",
    "F/C(F)=C(/F)Cl",
    "OC[C@H]1O[C@@H](O)[C@H](O)[C@@H](O)[C@@H]1O",
    "Clc1ccc(cc1)C(c1ccc(Cl)cc1)C(Cl)(Cl)Cl",
    "CCCCCCCCCCCCCCCCCC",
    "O=C1CCC(=O)N1",
    "CC1(C)SC2C(NC(=O)Cc3ccccc3)C(=O)N2C1C(=O)O",
    "[Na+].[Cl-]",
    "N#Cc1ccccc1",
    "c1ccc2c(c1)ccc1ccccc12",
)


def citation(n: int = 20, *, seed: int = 1, history: bool = True) -> Json:
    """Runs of a graph convolutional network on a citation graph: one split, `n` seeds, seven classes."""
    rng = np.random.default_rng(seed)
    test = np.round(81.6 + 0.5 * rng.standard_normal(n), 1)
    epochs = rng.integers(150, 201, n)
    runs = [
        {
            "seed": index,
            "split": 0,
            "test": float(test[index]),
            "validation": float(np.round(test[index] - 2 + 0.3 * rng.standard_normal(), 1)),
            "train": 100.0,
            "epochs": int(epochs[index]),
            "best_epoch": int(epochs[index]) - 10,
            "seconds": float(np.round(1.4 + 0.2 * rng.random(), 3)),
        }
        for index in range(n)
    ]
    confusion = rng.integers(0, 6 * n, (7, 7)) + np.diag(np.array([110, 75, 120, 240, 100, 80, 90]) * n)
    return {
        "run.json": _run(
            "cora-gcn", "data/planetoid", _CITATION_FACTS, _CITATION_SETTINGS, _CITATION_PROTOCOL
        ),
        "metrics.json": _metrics("accuracy", "%", runs)
        | {
            "higher_is_better": True,
            "published": {"value": 81.5, "sd": None, "source": "Kipf & Welling 2017, table 2"},
            "baselines": [
                {"name": "the largest class", "value": 31.9},
                {"name": "logistic regression on the words alone", "value": 57.4},
            ],
        },
        "history.json": {"runs": [_course(rng, run, 1.95, 79.0) for run in runs] if history else []},
        "preview.json": {"kind": "classification", "classes": list(CLASSES), "confusion": confusion},
    }


def molecules(n: int = 3, *, n_test: int = 113, seed: int = 2) -> Json:
    """Runs of a message passing network on solubilities: `n` random splits."""
    rng = np.random.default_rng(seed)
    points, runs = [], []
    for split in range(n):
        known = rng.normal(-3, 2, n_test)
        error = 0.55 * rng.standard_normal(n_test)
        names = [SMILES[i % len(SMILES)] + "C" * (i // len(SMILES)) for i in rng.permutation(3 * n_test)]
        points += [
            {"name": name, "true": float(np.round(x, 3)), "predicted": float(x + e), "split": split}
            for name, x, e in zip(names, known, error, strict=False)
        ]
        rmse = math.sqrt(float(np.mean(error**2)))
        runs.append(
            {
                "seed": split,
                "split": split,
                "test": rmse,
                "validation": rmse + 0.02,
                "train": 0.21 + 0.01 * split,
                "epochs": 180 + 12 * split,
                "best_epoch": 140 + 12 * split,
                "seconds": 63.2 + split,
            }
        )
    return {
        "run.json": _run("esol-mpnn", "data/esol.csv", _MOLECULE_FACTS, {"model": "mpnn", "steps": 3}, []),
        "metrics.json": _metrics("rmse", "log mol/L", runs)
        | {
            "higher_is_better": False,
            "published": {"value": 0.58, "sd": 0.03, "source": "Wu et al. 2018, table 3"},
            "baselines": [{"name": "the mean of the training molecules", "value": 2.06}],
        },
        "history.json": {"runs": [_course(rng, run, 12.0, None) for run in runs]},
        "preview.json": {
            "kind": "regression",
            "target": "measured log solubility",
            "unit": "log mol/L",
            "points": points,
        },
    }


def single() -> Json:
    """One run, no published figure, no simple answer, no history: as little as a run can leave."""
    records = citation(1)
    records["metrics.json"] |= {"published": None, "baselines": []}
    records["history.json"] = {"runs": []}
    records["run.json"] |= {"protocol": [], "settings": {}}
    return records


def nothing() -> Json:
    """A regression whose runs all failed: no figure, no prediction."""
    records = molecules(2)
    records["preview.json"]["points"] = []
    records["metrics.json"] |= {"mean": None, "sd": None, "standard_error": None}
    for run in records["metrics.json"]["runs"]:
        run |= {"test": math.nan, "validation": None, "train": None}
    records.pop("history.json")
    return records


def hostile() -> Json:
    """Names that try to leave their place in the page."""
    records = citation(3)
    records["preview.json"]["classes"] = [*CLASSES[:5], "<b>x</b></script>", "a & b"]
    records["run.json"] |= {"name": "<img src=x onerror=alert(1)>", "protocol": ["<script>alert(1)</script>"]}
    records["metrics.json"]["published"]["source"] = "<i>paper</i>"
    records["metrics.json"]["baselines"][0]["name"] = "<!-- <u>simple</u>"
    return records


def hostile_molecules() -> Json:
    records = molecules(1)
    records["preview.json"] |= {"target": "<b>x</b></script>", "unit": "<i>u</i>"}
    records["preview.json"]["points"][0] |= {"name": "<u>C</u></script>", "predicted": 40.0}
    records["metrics.json"] |= {"unit": "<i>u</i>", "metric": "<b>m</b>"}
    return records


BUILDERS: dict[str, Callable[[], Json]] = {
    "citation": citation,
    "molecules": molecules,
    "single": single,
    "one molecule run": lambda: molecules(1),
    "hundreds": lambda: citation(300),
    "nothing": nothing,
    "hostile": hostile,
    "hostile molecules": hostile_molecules,
}

_CITATION_FACTS = [["Nodes", 2708], ["Edges", 5278], ["Words", 1433], ["Labelled for training", 140]]
_MOLECULE_FACTS = [["Molecules", 1128], ["Target", "measured log solubility"], ["Rows left out", 0]]
_CITATION_SETTINGS = {"model": "gcn", "hidden": 16, "dropout": 0.5, "learning_rate": 0.01, "patience": 10}
_CITATION_PROTOCOL = [
    "The public split: 140 nodes to learn from, 500 to choose the epoch with, 1000 to test on.",
    "Test labels were read once, after training.",
]


def _run(name: str, path: str, facts: list[Any], settings: Json, protocol: list[str]) -> Json:
    return {
        "format": 1,
        "edgewise": "0.2.0",
        "kind": "training",
        "method": "train",
        "name": name,
        "argv": ["edgewise", "train", f"recipes/{name}.toml", "--out", "runs/a run"],
        "created": "2026-03-12T14:05:33",
        "seconds": 31.4,
        "cores": 2,
        "threads": 1,
        "versions": {"python": "3.12.3", "torch": "2.13.0"},
        "data": {"path": path, "fingerprint": "9f86d081884c7d659a2feaa0c55ad015a3bf", "facts": facts},
        "settings": settings,
        "protocol": protocol,
    }


def _metrics(metric: str, unit: str, runs: list[Json]) -> Json:
    test = np.array([run["test"] for run in runs])
    sd = float(test.std(ddof=1)) if len(runs) > 1 else None
    return {
        "metric": metric,
        "unit": unit,
        "mean": float(test.mean()),
        "sd": sd,
        "standard_error": None if sd is None else sd / math.sqrt(len(runs)),
        "n": len(runs),
        "runs": runs,
    }


def _course(rng: np.random.Generator, run: Json, start: float, metric: float | None) -> Json:
    epoch = np.arange(1, run["epochs"] + 1)
    decay = start * np.exp(-epoch / 40)
    course = {
        "seed": run["seed"],
        "epoch": epoch,
        "train_loss": 0.3 + decay + 0.03 * rng.standard_normal(len(epoch)),
        "validation_loss": 0.6 + 0.8 * decay + 0.01 * rng.standard_normal(len(epoch)),
        "validation_metric": [],
    }
    if metric is not None:
        course["validation_metric"] = (
            metric - 50 * np.exp(-epoch / 15) + 0.3 * rng.standard_normal(len(epoch))
        )
    return course
