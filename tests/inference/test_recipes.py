"""The settings files of recipes/inference are valid, whole configurations."""

from pathlib import Path

import pytest

from edgewise.inference.config import InferenceConfig
from edgewise.inference.records import read_config

FOLDER = Path(__file__).parents[2] / "recipes" / "inference"


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.toml")), ids=lambda path: path.stem)
def test_a_recipe_is_read_and_says_something(path):
    assert read_config(path) != InferenceConfig()
