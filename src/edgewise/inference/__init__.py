"""The main job: relational inference on trajectories."""

from edgewise.inference.config import GraphConfig, InferenceConfig, LawConfig, TrainingConfig
from edgewise.inference.infer import infer
from edgewise.inference.result import Inference

__all__ = ["GraphConfig", "Inference", "InferenceConfig", "LawConfig", "TrainingConfig", "infer"]
