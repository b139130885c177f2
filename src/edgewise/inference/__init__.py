"""The main job: relational inference on trajectories. Names are loaded when first used (the settings need no torch)."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edgewise.inference.config import GraphConfig, InferenceConfig, LawConfig, TrainingConfig
    from edgewise.inference.infer import infer
    from edgewise.inference.result import Inference

_HOME = {
    "GraphConfig": "config",
    "InferenceConfig": "config",
    "LawConfig": "config",
    "TrainingConfig": "config",
    "Inference": "result",
    "infer": "infer",
}

__all__ = ["GraphConfig", "Inference", "InferenceConfig", "LawConfig", "TrainingConfig", "infer"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"edgewise.inference.{_HOME[name]}"), name)
        globals()[name] = value  # also over the submodule of the same name
        return value
    raise AttributeError(f"module 'edgewise.inference' has no attribute {name!r}")
