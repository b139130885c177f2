"""The record of an audit, and its picture."""

import json

import numpy as np
import pytest
from matplotlib.image import imread
from torch import nn

from audit.modules import Dropped, Neighbours, Recurrent, seeded
from edgewise.audit import Axes, audit
from edgewise.audit.picture import draw
from edgewise.audit.report import MOST_ROWS, record


@pytest.fixture(scope="module")
def convolution():
    return audit(seeded(nn.Conv2d, 1, 1, 3, padding=1), Axes(grid=(6, 7)), samples=8)


def test_the_record_has_an_object_a_symmetry_and_is_json(convolution):
    found = record(convolution)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["symmetries"] == ["permutation", "translation", "reflection"]
    for name in found["symmetries"]:
        assert 0 <= found[name]["low"] <= found[name]["error"] <= found[name]["high"]
    assert found["translation"]["interior"]["verdict"] == "exact"
    assert (found["random"], found["module"], found["dtype"]) == (False, "Conv2d", "float64")
    assert found["axes"]["grid"] == [6, 7]
    assert found["output"] == {"shape": ["batch", 1, 6, 7], "axes": ["grid"]}
    assert [each["width"] for each in found["influence"]["receptive_field"]] == [3, 3]
    assert np.array(found["influence"]["patterns"]["positions"]).sum() == found["influence"]["edges"]
    assert found["sharing"]["parameters_at"] == {"6": 10, "12": 10}


def test_causality_and_chance_are_in_the_record():
    leaking = record(audit(seeded(Recurrent, leak=4), Axes(features=3, steps=8), samples=8))["influence"]
    assert (leaking["causal"], leaking["n_causality_violations"]) == (False, 4)
    assert {(each["output"], each["input"]) for each in leaking["causality_violations"]} == {
        (t, t + 4) for t in range(4)
    }
    chance = record(audit(seeded(Dropped), Axes(entities=4, features=3), samples=8))
    assert chance["random"]
    assert (chance["permutation"]["error"], chance["permutation"]["verdict"]) == (None, "random")


def test_the_relation_that_was_told_is_in_the_record():
    found = audit(seeded(Neighbours), Axes(entities=8, features=4), samples=8)
    given = record(found)["influence"]["given"]
    assert given["hops"] == 2
    assert given["edges"] == len(given["senders"]) == len(given["receivers"]) == found.relation.n_edges


def test_patterns_of_many_places_are_not_written_out():
    found = record(audit(nn.Identity(), Axes(grid=(MOST_ROWS + 1,)), samples=8))["influence"]
    assert found["patterns"] == {"positions": None}
    assert found["densities"]["positions"] == pytest.approx(1 / (MOST_ROWS + 1))


def test_the_picture_has_a_panel_an_axis_and_one_for_the_middle_of_a_grid(convolution, tmp_path):
    draw(convolution, tmp_path / "grid.png")
    draw(audit(nn.Identity(), Axes(entities=3, features=2), samples=8), tmp_path / "entities.png")
    grid, entities = (imread(tmp_path / name) for name in ("grid.png", "entities.png"))
    assert grid.shape[1] > 1.5 * entities.shape[1]
    assert grid[..., :3].std() > 0.05


def test_an_answer_as_a_whole_is_drawn_as_one_row(tmp_path):
    module = nn.Sequential(nn.Flatten(), nn.Linear(6, 2))
    draw(audit(module, Axes(entities=3, features=2), samples=8), tmp_path / "whole.png")
    assert imread(tmp_path / "whole.png").size
