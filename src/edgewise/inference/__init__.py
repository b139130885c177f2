"""The main job: relational inference on trajectories. Names are loaded when first used (the settings need no torch)."""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgewise.inference.config import (
        ConfidenceConfig,
        GraphConfig,
        InferenceConfig,
        LawConfig,
        TrainingConfig,
    )
    from edgewise.inference.estimator import RelationalInference
    from edgewise.inference.infer import infer
    from edgewise.inference.result import Inference

_HOME = {
    "ConfidenceConfig": "config",
    "GraphConfig": "config",
    "InferenceConfig": "config",
    "LawConfig": "config",
    "TrainingConfig": "config",
    "Inference": "result",
    "RelationalInference": "estimator",
    "infer": "infer",
}

__all__ = [
    "ConfidenceConfig",
    "GraphConfig",
    "Inference",
    "InferenceConfig",
    "LawConfig",
    "RelationalInference",
    "TrainingConfig",
    "infer",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"edgewise.inference.{_HOME[name]}"), name)
    raise AttributeError(f"module 'edgewise.inference' has no attribute {name!r}")


class _Room(ModuleType):
    """Keeps `infer` the function: importing the submodule of that name would put the module in its place."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "infer" and isinstance(value, ModuleType):
            value = value.infer
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Room
