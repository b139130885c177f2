"""edgewise: relational inference on trajectories, and the relational core it stands on.

>>> import edgewise as ew
>>> data = ew.simulate("springs", entities=5, sequences=20, steps=20, seed=0)
>>> dict(data.sizes)["entity"]
5

    data = ew.load("tracks.csv", time="t", entity="id", position=["x", "y"])
    result = ew.infer(data)
    result.report("report.html")

Importing edgewise imports neither torch nor pandas; each name is loaded when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from edgewise.data import from_arrays, load, save, validate
    from edgewise.errors import ConfigError, DataError, EdgewiseError, RunError
    from edgewise.graph import Graph
    from edgewise.inference import (
        GraphConfig,
        Inference,
        InferenceConfig,
        LawConfig,
        RelationalInference,
        TrainingConfig,
        infer,
    )
    from edgewise.inference.compare import compare
    from edgewise.nn import PairLinear, PairMLP
    from edgewise.physics import SIMULATORS, simulate
    from edgewise.relation import Band, Complete, Relation, Sparse
    from edgewise.report import write_report
    from edgewise.runtime import tune_runtime

_ROOMS = {
    "edgewise.data": ("from_arrays", "load", "save", "validate"),
    "edgewise.errors": ("ConfigError", "DataError", "EdgewiseError", "RunError"),
    "edgewise.graph": ("Graph",),
    "edgewise.inference": (
        "GraphConfig",
        "Inference",
        "InferenceConfig",
        "LawConfig",
        "RelationalInference",
        "TrainingConfig",
        "infer",
    ),
    "edgewise.inference.compare": ("compare",),
    "edgewise.nn": ("PairLinear", "PairMLP"),
    "edgewise.physics": ("SIMULATORS", "simulate"),
    "edgewise.relation": ("Band", "Complete", "Relation", "Sparse"),
    "edgewise.report": ("write_report",),
    "edgewise.runtime": ("tune_runtime",),
}
_HOME = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "SIMULATORS",
    "Band",
    "Complete",
    "ConfigError",
    "DataError",
    "EdgewiseError",
    "Graph",
    "GraphConfig",
    "Inference",
    "InferenceConfig",
    "LawConfig",
    "PairLinear",
    "PairMLP",
    "Relation",
    "RelationalInference",
    "RunError",
    "Sparse",
    "TrainingConfig",
    "compare",
    "from_arrays",
    "infer",
    "load",
    "save",
    "simulate",
    "tune_runtime",
    "validate",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'edgewise' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
