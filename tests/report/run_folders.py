"""Run folders as the commands write them, made by hand: springs, joints of a body, brain regions."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Json = dict[str, Any]


def write_run(folder: Path, records: Json) -> Path:
    """Write `records` ({"run.json": {...}, "edges.csv": [row, ...], ...}) as the files of a run folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, record in records.items():
        if name.endswith(".csv"):
            _write_rows(folder / name, record)
        else:
            (folder / name).write_text(json.dumps(_without_nan(record)), encoding="utf-8")
    return folder


def springs(n_sequences: int = 3, *, windows: bool = False, undirected: bool = False, seed: int = 1) -> Json:
    """Five bodies joined by springs: two dimensions, known graphs, a learnt force, a forecast."""
    rng = np.random.default_rng(seed)
    names = [f"b{i}" for i in range(5)]
    sequences, rows = [], []
    for index in range(n_sequences):
        truth = _symmetric(rng.integers(0, 2, (5, 5)))
        path = _spring_paths(rng, truth, 69)
        probability = _posterior(rng, truth, 2, doubt=0.03)
        if undirected:
            probability = (probability + probability.swapaxes(0, 1)) / 2
        sequence: Json = {
            "name": str(index),
            "time": [round(0.1 * frame, 3) for frame in range(49)],
            "position": path[:49],
            "series": {},
            "probability": probability,
            "truth": truth,
            "forecast": {
                "time": [round(0.1 * frame, 3) for frame in range(48, 69)],
                "position": path[48:] + 0.02 * rng.standard_normal((21, 5, 2)).cumsum(0),
            },
        }
        if windows:
            other = _posterior(rng, _symmetric(rng.integers(0, 2, (5, 5))), 2, doubt=0.05)
            sequence["windows"] = [
                {"start": 0.0, "stop": 2.4, "probability": probability},
                {"start": 2.5, "stop": 4.8, "probability": other},
            ]
        sequences.append(sequence)
        rows += _edge_rows(names, probability, {"sequence": str(index)})
    distance = np.linspace(0.05, 4, 60)
    force = 0.1 * distance
    return {
        "run.json": _run("springs_5.nc", 5, ["x", "y", "vx", "vy"], n_sequences, 49, undirected=undirected)
        | {"law": ["Only relative positions enter the force.", "The force of several senders is their sum."]},
        "metrics.json": _metrics(0.99949, len(rows)),
        "edges.csv": rows,
        "law.json": {
            "x": {"label": "distance", "units": "1"},
            "y": {"label": "force toward the sender", "units": "1"},
            "types": [
                {"type": 0, "name": "no interaction", "distance": [], "force": []},
                {
                    "type": 1,
                    "name": "type 1",
                    "distance": distance,
                    "force": force + 0.004 * np.sin(3 * distance),
                    "low": force - 0.01 - 0.01 * (distance - 1.5) ** 2,
                    "high": force + 0.01 + 0.01 * (distance - 1.5) ** 2,
                    "density": distance * np.exp(-(distance**2) / 1.8),
                },
            ],
            "own": None,
            "no_position": "",
        },
        "history.json": _history(),
        "preview.json": {
            "entities": names,
            "types": ["no interaction", "type 1"],
            "no_interaction": True,
            "sequences": sequences,
        },
    }


def joints(seed: int = 2) -> Json:
    """Thirty-one joints of a walking body: three dimensions, two kinds of interaction, no truth."""
    rng = np.random.default_rng(seed)
    names, places, bones = _skeleton()
    n = len(names)
    truth = np.zeros((n, n), int)
    for one, other in bones:
        truth[one, other] = 1
        truth[other, one] = 1 if rng.random() < 0.7 else 2
    for one, other in ((7, 22), (22, 7), (14, 29)):
        truth[one, other] = 2
    probability = _posterior(rng, truth, 3, doubt=0.12)
    time = np.arange(60) / 30
    swing = np.sin(2 * np.pi * time)[:, None] * np.where(np.arange(n) % 2, 0.15, -0.15) * (places[:, 2] < 1.1)
    path = places[None] + np.stack([swing + 0.6 * time[:, None], 0 * swing, 0.02 * np.abs(swing)], -1)
    path[10:14, 3] = math.nan
    rows = _edge_rows(names, probability, {})
    run = _run("walk_subject_35.csv", n, ["x", "y", "z"], 23, 60, has_truth=False)
    run["notes"] = [
        "3 of 31 joints were not observed in some frames; those frames carry no weight for them.",
        "23 recordings share one graph because --graph shared was given.",
    ]
    run["law"] = ["The law may depend on absolute positions: no symmetry was assumed."]
    distance = np.linspace(0.02, 1.8, 50)
    return {
        "run.json": run,
        "metrics.json": {
            **dict.fromkeys(("edge_accuracy", "auroc", "auprc", "f1", "ece", "brier", "calibration")),
            "n_edges": len(rows),
            "seconds": 754.2,
            "label_matching": None,
            "baselines": {},
            "forecast": _forecast(),
        },
        "edges.csv": rows,
        "law.json": {
            "x": {"label": "distance", "units": "m"},
            "y": {"label": "force toward the sender", "units": "m/s²"},
            "types": [
                {"type": 0, "name": "no interaction", "distance": [], "force": []},
                {
                    "type": 1,
                    "name": "type 1",
                    "distance": distance,
                    "force": 3 * (distance - 0.4) / (1 + distance**2),
                    "low": 3 * (distance - 0.4) / (1 + distance**2) - 0.3,
                    "high": 3 * (distance - 0.4) / (1 + distance**2) + 0.3,
                },
                {"type": 2, "name": "type 2", "distance": distance, "force": -0.5 / (0.3 + distance)},
            ],
            "own": None,
            "no_position": "",
        },
        "history.json": _history(),
        "preview.json": {
            "entities": names,
            "types": ["no interaction", "type 1", "type 2"],
            "no_interaction": True,
            "sequences": [
                {
                    "name": "walk",
                    "time": time,
                    "position": path,
                    "series": {},
                    "probability": probability,
                    "truth": None,
                    "forecast": None,
                }
            ],
        },
    }


def brain(seed: int = 3) -> Json:
    """Fifteen regions with one series each and no positions: known graphs, effects as a table."""
    rng = np.random.default_rng(seed)
    names = [f"region {i}" for i in range(15)]
    truth = np.zeros((15, 15), int)
    for i in range(15):
        truth[(i + 1) % 15, i] = 1
    truth[4, 0] = truth[9, 5] = truth[14, 10] = 1
    sequences, rows = [], []
    for index in range(2):
        series = np.zeros((200, 15))
        for frame in range(1, 200):
            series[frame] = 0.5 * series[frame - 1] + 0.15 * truth @ series[frame - 1]
            series[frame] += rng.standard_normal(15)
        probability = _posterior(rng, truth, 2, doubt=0.3)
        sequences.append(
            {
                "name": f"subject {index + 1}",
                "time": np.arange(200) * 3.0,
                "position": None,
                "series": {"bold": series},
                "probability": probability,
                "truth": truth,
                "forecast": None,
            }
        )
        rows += _edge_rows(names, probability, {"sequence": f"subject {index + 1}"})
    run = _run("sim3.nc", 15, ["bold"], 2, 200)
    run["data"] |= {"position": [], "velocity": []}
    run["law"] = ["Effects may arrive within one sampling interval (instantaneous effects were allowed)."]
    return {
        "run.json": run,
        "metrics.json": _metrics(0.9312, len(rows)) | {"forecast": None},
        "edges.csv": rows,
        "law.json": {
            "types": [
                {"type": 0, "name": "no interaction"},
                {"type": 1, "name": "type 1", "table": {"features": ["bold"], "effect": [[0.2513]]}},
            ],
            "own": None,
            "no_position": "There are no positions, so there is no distance to draw a force against.",
        },
        "history.json": _history(),
        "preview.json": {
            "entities": names,
            "types": ["no interaction", "type 1"],
            "no_interaction": True,
            "sequences": sequences,
        },
    }


def hostile() -> Json:
    """Springs whose names try to leave their place in the page."""
    records = springs(1)
    name = "<b>x</b></script>"
    records["preview.json"]["entities"][0] = name
    records["preview.json"]["types"][1] = "<i>pull</i>"
    records["run.json"]["notes"] = ["<script>alert(1)</script>"]
    records["run.json"]["data"]["path"] = "<img src=x onerror=alert(1)>.nc"
    for row in records["edges.csv"]:
        for side in ("source", "target"):
            row[side] = name if row[side] == "b0" else row[side]
    return records


BUILDERS: dict[str, Callable[[], Json]] = {"springs": springs, "joints": joints, "brain": brain}


def _run(
    path: str,
    n: int,
    features: list[str],
    n_sequences: int,
    n_frames: int,
    *,
    has_truth: bool = True,
    undirected: bool = False,
) -> Json:
    return {
        "format": 1,
        "edgewise": "0.1.0",
        "created": "2026-03-12T14:05:33",
        "command": "infer",
        "argv": ["edgewise", "infer", path, "--out", "runs/a run", "--seed", "0"],
        "seed": 0,
        "seconds": 12.34,
        "cores": 2,
        "versions": {"python": "3.12.3", "torch": "2.10.0"},
        "method": "superposition",
        "data": {
            "path": f"data/{path}",
            "fingerprint": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "n_sequences": n_sequences,
            "n_frames": n_frames,
            "n_entities": n,
            "features": features,
            "position": features[: 3 if "z" in features else 2],
            "velocity": ["vx", "vy"] if "vx" in features else [],
            "missing_fraction": 0.0 if has_truth else 0.0123,
            "regular": True,
            "dt": 0.1,
            "has_truth": has_truth,
        },
        "settings": {
            "types": 2,
            "undirected": undirected,
            "steps": 600,
            "learning_rate": 0.003,
            "hidden": 64,
            "lags": 1,
            "bias": ["translation", "additive"],
            "tempering": 30.0,
            "device": None,
        },
        "law": [],
        "notes": [],
    }


def _metrics(accuracy: float, n_edges: int) -> Json:
    return {
        "edge_accuracy": accuracy,
        "auroc": 0.99997,
        "auprc": 0.9995,
        "f1": 0.9991,
        "ece": 0.0012,
        "brier": 0.0008,
        "n_edges": n_edges,
        "seconds": 12.34,
        "label_matching": [0, 1],
        "baselines": {
            "correlation": _scores(0.612, 0.655, 0.21, 0.3),
            "partial-correlation": _scores(0.701, 0.768, 0.12, 0.2),
            "lag-1 regression": _scores(0.874, 0.921, 0.08, 0.9),
        },
        "forecast": _forecast(),
        "calibration": {
            "confidence": [0.55, 0.65, 0.75, 0.85, 0.95],
            "accuracy": [0.5, None, 0.78, 0.84, 0.998],
            "count": [4, 0, 18, 60, 9918],
        },
    }


def _scores(accuracy: float, auroc: float, ece: float, seconds: float) -> Json:
    return {
        "edge_accuracy": accuracy,
        "auroc": auroc,
        "auprc": auroc - 0.02,
        "f1": accuracy - 0.03,
        "ece": ece,
        "brier": ece + 0.1,
        "seconds": seconds,
    }


def _forecast() -> Json:
    return {
        "steps": [1, 10, 20],
        "unit": "normalised MSE",
        "ours": [3.1e-8, 4.2e-5, 0.00071],
        "nothing moves": [0.0021, 0.19, 0.62],
        "constant velocity": [0.00008, 0.0123, 0.101],
    }


def _history() -> Json:
    steps = np.arange(0, 600, 5)
    return {
        "step": steps,
        "seconds": steps * 0.02,
        "evidence": 2.5 - 4 * np.exp(-steps / 80) + 0.02 * np.sin(steps),
        "temperature": np.maximum(1, 30 * (1 - steps / 150)),
    }


def _posterior(rng: np.random.Generator, truth: np.ndarray, n_types: int, doubt: float) -> np.ndarray:
    """Probabilities [receiver, sender, type] that lean to the truth; a share `doubt` is undecided."""
    logits = 9.0 * np.eye(n_types)[truth] + rng.standard_normal((*truth.shape, n_types))
    undecided = rng.random(truth.shape) < doubt
    logits[undecided] = 1.2 * rng.standard_normal((undecided.sum(), n_types))
    weights = np.exp(logits - logits.max(-1, keepdims=True))
    probability = weights / weights.sum(-1, keepdims=True)
    probability[np.arange(len(truth)), np.arange(len(truth))] = math.nan
    return probability


def _edge_rows(names: list[str], probability: np.ndarray, more: Json) -> list[Json]:
    best = np.where(np.isnan(probability[..., 0]), 0, np.nan_to_num(probability).argmax(-1))
    return [
        {
            "source": names[sender],
            "target": names[receiver],
            "type": int(best[receiver, sender]),
            "probability": float(probability[receiver, sender, best[receiver, sender]]),
            **more,
        }
        for receiver, sender in np.argwhere(best > 0)
    ]


def _symmetric(matrix: np.ndarray) -> np.ndarray:
    upper = np.triu(matrix, 1)
    return upper + upper.T


def _spring_paths(rng: np.random.Generator, truth: np.ndarray, n_frames: int) -> np.ndarray:
    place, velocity = rng.standard_normal((5, 2)), 0.5 * rng.standard_normal((5, 2))
    frames = []
    for _ in range(n_frames):
        frames.append(place.copy())
        for _ in range(10):
            pull = truth @ place - truth.sum(1, keepdims=True) * place
            velocity = velocity + 0.01 * (pull - 0.6 * place)
            place = place + 0.01 * velocity
    return np.array(frames)


def _skeleton() -> tuple[list[str], np.ndarray, list[tuple[int, int]]]:
    """Names, places [joint, xyz] with z up, and bones of a standing body of 31 joints."""
    leg = [(0.0, 0.1, 1.0), (0.0, 0.12, 0.95), (0.02, 0.13, 0.5), (0.0, 0.13, 0.08), (0.12, 0.13, 0.02)]
    arm = [(0.1, 1.47), (0.2, 1.45), (0.3, 1.25), (0.36, 1.05), (0.38, 1.0), (0.4, 0.95), (0.37, 0.97)]
    heights = (1.02, 1.15, 1.3, 1.45, 1.55, 1.65, 1.78)
    chains = {
        "left leg": leg,
        "right leg": [(x, -y, z) for x, y, z in leg],
        "spine": [(0.0, 0.0, z) for z in heights],
        "left arm": [(0.0, y, z) for y, z in arm],
        "right arm": [(0.0, -y, z) for y, z in arm],
    }
    names, places, bones = [], [], []
    for chain, points in chains.items():
        for index, point in enumerate(points):
            if index:
                bones.append((len(names) - 1, len(names)))
            names.append(f"{chain} {index + 1}")
            places.append(point)
    return names, np.array(places, float), [*bones, (0, 10), (5, 10), (13, 17), (13, 24)]


def _without_nan(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return value


def _write_rows(path: Path, rows: list[Json]) -> None:
    columns = list(rows[0]) if rows else ["source", "target", "type", "probability"]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
