"""Recipes: networks trained and measured by the protocols of their papers, and used on new data."""

from edgewise.tasks.load import experiment_of
from edgewise.tasks.predict import predictions
from edgewise.tasks.recipe import Recipe, read_recipe
from edgewise.tasks.records import read_trained
from edgewise.tasks.train import TrainingRun, check_resumable

__all__ = [
    "Recipe",
    "TrainingRun",
    "check_resumable",
    "experiment_of",
    "predictions",
    "read_recipe",
    "read_trained",
]
