"""Records of rollouts, as `edgewise rollout` writes them, made by hand."""

from typing import Any

import numpy as np

Json = dict[str, Any]


def orbits(n_systems: int = 2, n_frames: int = 60, *, recorded: int = 20, axes: int = 2) -> Json:
    """A star held fast and two planets on circles, which the recording leaves slowly; in space with `axes` 3."""
    time = 0.1 * np.arange(n_frames)
    systems = []
    for k in range(n_systems):
        x = np.zeros((n_frames, 3, axes))
        for planet, radius in enumerate((2.0, 3.0 + k), 1):
            x[:, planet, 0], x[:, planet, 1] = radius * np.cos(time / radius), radius * np.sin(time / radius)
        truth = x + 0.02 * np.arange(n_frames)[:, None, None]
        truth[recorded:] = np.nan
        systems.append(
            {
                "name": f"system {k}",
                "start": 4.0,
                "x": x,
                "truth": truth if recorded else None,
                "fixed": [True, False, False],
                "radius": None,
                "half_extent": None,
            }
        )
    error = {
        "time": time[1:recorded],
        "rmse": 0.02 * np.arange(1, recorded),
        "constant_velocity": 0.3 * time[1:recorded],
    }
    drift = np.linspace(0, 0.04, n_frames)
    return {
        "steps": n_frames - 1,
        "dt": 0.1,
        "frame": list(range(n_frames)),
        "time": time,
        "time_unit": "days",
        "position": ["x", "y", "z"][:axes],
        "unit": "AU",
        "entities": ["star", "planet 1", "planet 2"],
        "systems": systems,
        "energy": {
            "time": time,
            "rolled": -2 * (1 + np.outer(np.arange(n_systems), drift)),
            "drift": 0.04 * np.arange(n_systems),
            "truth": np.full((n_systems, recorded), -2.0) if recorded else None,
            "drift_truth": np.zeros(n_systems) if recorded else None,
        },
        "momentum": {
            "time": time,
            "rolled": np.outer(np.ones(n_systems), drift),
            "drift": [0.04] * n_systems,
            "truth": None,
            "drift_truth": None,
        },
        "error": error if recorded else None,
        "diverged": None,
        "notes": [],
    }


def boxed() -> Json:
    """Two balls of different size in a box with four walls, for long; nothing recorded, no quantity known."""
    record = orbits(1, 300, recorded=0)
    time = 0.1 * np.arange(300)
    x = np.zeros((300, 6, 2))
    x[:, 0, 0], x[:, 1, 1] = np.abs((time + 1) % 4 - 2) - 1, np.abs((1.3 * time + 1) % 4 - 2) - 1
    x[:, 2:] = [[-2, 0], [2, 0], [0, -2], [0, 2]]
    half = [[0, 0], [0, 0], [0, 2], [0, 2], [2, 0], [2, 0]]
    system = record["systems"][0] | {
        "x": x,
        "fixed": [False] * 2 + [True] * 4,
        "radius": [0.3, 0.15, 0, 0, 0, 0],
        "half_extent": half,
    }
    names = ["ball 0", "ball 1", "wall left", "wall right", "wall bottom", "wall top"]
    return record | {"entities": names, "systems": [system], "energy": None, "momentum": None}
