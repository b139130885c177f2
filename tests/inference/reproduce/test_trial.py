"""The systems of a trial: fresh, without labels in training, and of other isomorphism classes where that is asked."""

import networkx as nx
import numpy as np
import pytest

from edgewise.errors import ConfigError
from edgewise.inference.reproduce import CELLS, Trial
from edgewise.inference.reproduce import trial as trials
from edgewise.inference.reproduce.trial import draw_systems, fit_trial
from edgewise.physics import simulate


def test_numbers_default_to_those_of_the_cell():
    cell = CELLS["charged-5"]
    trial = Trial(cell)
    assert (trial.train_systems, trial.budget, trial.test_systems) == (2000, 5.0, 1000)
    assert trial.config().training.time_limit == 300
    given = Trial(cell, 3, train_systems=7, budget=0.5)
    assert given.key() == Trial(cell).key() | {"seed": 3, "train_systems": 7, "budget": 0.5}
    assert (given.config().training.seed, given.config().training.time_limit) == (3, 30)


def test_the_law_of_a_cell_is_given_to_superposition_only():
    cell = CELLS["kuramoto-5"]
    assert Trial(cell).config().law.gain == cell.law["gain"] == "profiled"
    other = Trial(cell, method="correlation")
    assert other.config().law.gain == "known"
    assert other.law() == {}
    assert other.train_systems == 0


@pytest.mark.parametrize("name", ["springs-5", "kuramoto-5"])
def test_systems_are_fresh_and_have_the_cells_features_only(name):
    cell = CELLS[name]
    train, test = draw_systems(Trial(cell, 4, train_systems=3, test_systems=5), test_frames=60)
    assert train is not None
    assert (train.sizes["sequence"], train.sizes["time"]) == (3, 49)
    assert (test.sizes["sequence"], test.sizes["time"]) == (5, 60)
    assert set(train.data_vars) == set(test.data_vars) == {*cell.features, "edges"}
    first = cell.features[0]
    assert not np.allclose(train[first][:3, 5], test[first][:3, 5])
    ours = simulate(cell.system, entities=5, sequences=3, steps=49, seed=1004)
    np.testing.assert_array_equal(train[first], ours[first])


def test_noise_and_gaps_fall_on_both():
    trial = Trial(CELLS["springs-5"], train_systems=4, test_systems=4, noise=0.1, missing=0.2)
    clean = draw_systems(Trial(CELLS["springs-5"], train_systems=4, test_systems=4))
    for ds, pure in zip(draw_systems(trial), clean, strict=True):
        assert ds is not None
        assert pure is not None
        assert 0.15 < float(ds["x"].isnull().mean()) < 0.25
        assert 0.08 < float((ds["x"] - pure["x"]).std()) < 0.12


@pytest.mark.parametrize("name", ["springs-5", "charged-5"])
def test_test_graphs_are_isomorphic_to_no_training_graph(name):
    trial = Trial(CELLS[name], 1, train_systems=60, test_systems=40, isomorphism=True)
    train, test = draw_systems(trial, test_frames=52)
    assert train is not None
    assert (train.sizes["sequence"], train.sizes["time"]) == (60, 49)
    assert (test.sizes["sequence"], test.sizes["time"]) == (40, 52)
    seen, new = (
        [nx.from_numpy_array(edges) for edges in np.unique(ds["edges"].to_numpy(), axis=0)]
        for ds in (train, test)
    )
    assert not any(nx.faster_could_be_isomorphic(a, b) and nx.is_isomorphic(a, b) for a in seen for b in new)


def test_too_few_classes_are_said(monkeypatch):
    monkeypatch.setattr(trials, "POOLS", 1)
    trial = Trial(CELLS["charged-5"], train_systems=20, test_systems=20, isomorphism=True)
    with pytest.raises(
        ConfigError, match=r"charged-5: splits by isomorphism class of up to 40 systems left \d+ to"
    ):
        draw_systems(trial)


def test_training_never_sees_a_label(monkeypatch):
    given = []
    monkeypatch.setattr(trials, "infer", lambda ds, config, on_progress: given.append(ds))
    trial = Trial(CELLS["springs-5"], train_systems=2, test_systems=2)
    fit_trial(trial, draw_systems(trial)[0])
    assert set(given[0].variables) == {"x", "y", "vx", "vy", "sequence", "time", "entity"}


@pytest.mark.parametrize(
    ("amounts", "found"),
    [
        ({"method": "guess"}, "unknown method 'guess'"),
        ({"seed": -1}, "seed is -1"),
        ({"train_systems": -1}, "train_systems is -1"),
        ({"test_systems": 0}, "test_systems is 0"),
        ({"budget": -0.5}, "budget is -0.5"),
        ({"method": "correlation", "isomorphism": True}, "isomorphism together with correlation"),
    ],
)
def test_wrong_amounts_are_refused(amounts, found):
    with pytest.raises(ConfigError) as error:
        Trial(CELLS["springs-5"], **amounts)
    assert str(error.value).startswith(found)
