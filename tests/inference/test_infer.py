"""From trajectories to graphs: what is found, what it depends on, and every choice that a user has."""

import numpy as np
import pytest
import torch

from edgewise.data import clock, from_arrays, window
from edgewise.errors import ConfigError, DataError
from edgewise.inference import InferenceConfig, infer
from edgewise.physics import simulate

from .worlds import QUICK, planted, springs, with_values, without_velocity


def is_a_posterior(p):
    """Probabilities of types for every ordered pair; the diagonal is type 0."""
    values = p.to_numpy()
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    np.testing.assert_allclose(values.sum(-1), 1, atol=1e-9)
    n = p.sizes["receiver"]
    assert (values[..., range(n), range(n), 0] == 1).all()
    return True


def accuracy(result):
    return result.metrics["edge_accuracy"]


# What is found


def test_springs_are_found_without_labels(learnt):
    ds, result = learnt
    assert is_a_posterior(result.probability)
    assert accuracy(result) > 0.95
    assert result.metrics["auroc"] > 0.98
    found = result.interaction().to_numpy() > 0.5
    off = ~np.eye(5, dtype=bool)
    assert (found == (ds["edges"].to_numpy() > 0))[:, off].mean() > 0.95
    assert accuracy(result) > max(b["edge_accuracy"] for b in result.metrics["baselines"].values())


def test_the_type_that_does_nothing_is_recognised_and_named(learnt):
    _, result = learnt
    assert result.no_interaction
    assert result.types == ("no interaction", "type 1 (attracts)")
    assert result.about["exact_posterior"]
    assert result.about["notes"] == []
    assert repr(result).startswith("Inference(5 entities, 40 graphs, ")


def test_the_posterior_has_the_names_of_the_data(quick):
    _, result = quick
    p = result.probability
    assert p.dims == ("sequence", "receiver", "sender", "type")
    assert p["sequence"].to_numpy().tolist() == ["0", "1", "2"]
    assert p["receiver"].to_numpy().tolist() == p["sender"].to_numpy().tolist() == ["0", "1", "2", "3"]
    assert p["type"].to_numpy().tolist() == [0, 1]
    assert result.about["data"]["fingerprint"]
    assert result.about["settings"]["hidden"] == 8
    assert result.about["seed"] == 0
    assert len(result.history["evidence"]) == len(result.history["step"]) == result.history["steps"]


def test_entities_that_move_alike_are_pointed_out():
    """Two of the senders are copies of each other: nobody can say which of them acts."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 60, 3))
    apart = infer(from_arrays({"level": x}), **QUICK)
    alike = infer(from_arrays({"level": x[..., [0, 0, 0]] + 1e-3 * x}), **QUICK)
    pointed = [any("move so much alike" in note for note in r.about["notes"]) for r in (apart, alike)]
    assert pointed == [False, True]


def test_beyond_enumeration_springs_are_found_as_well(monkeypatch):
    monkeypatch.setattr("edgewise.inference.superposition.phases.TRAIN_EXACTLY", 4)
    monkeypatch.setattr("edgewise.inference.superposition.posterior.EXACTLY", 4)
    ds = springs(sequences=12, entities=5, steps=40, seed=3)
    result = infer(ds, hidden=16, max_steps=300, batch_size=3, learning_rate=1e-2, no_interaction="yes")
    assert accuracy(result) > 0.95
    assert is_a_posterior(result.probability)
    assert not result.about["exact_posterior"]
    assert any("parallel-tempering" in note for note in result.about["notes"])


# What it depends on


def test_the_same_seed_gives_the_same_bytes(quick):
    ds, result = quick
    again = infer(ds, **QUICK)
    assert again.probability.to_numpy().tobytes() == result.probability.to_numpy().tobytes()
    assert again.influence.to_numpy().tobytes() == result.influence.to_numpy().tobytes()
    other = infer(ds, **QUICK, seed=1)
    assert not np.allclose(other.probability, result.probability, atol=1e-6)


@pytest.mark.parametrize("truth", ["permuted", "none", "all unknown"])
def test_the_truth_never_reaches_the_fit(quick, truth):
    ds, result = quick
    edges = ds["edges"].to_numpy()
    changed = {
        "permuted": lambda: ds.assign(edges=(ds["edges"].dims, edges[::-1, ::-1])),
        "none": lambda: ds.drop_vars("edges"),
        "all unknown": lambda: ds.assign(edges=(ds["edges"].dims, np.full_like(edges, -1))),
    }[truth]()
    other = infer(changed, **QUICK)
    assert other.probability.to_numpy().tobytes() == result.probability.to_numpy().tobytes()
    assert other.types == result.types
    assert other.law_record == result.law_record
    assert other.metrics["forecast"] == result.metrics["forecast"]


def test_without_truth_nothing_is_measured_against_it(quick):
    ds, _ = quick
    metrics = infer(ds.drop_vars("edges"), **QUICK).metrics
    assert all(metrics[name] is None for name in ("edge_accuracy", "auroc", "f1", "ece", "calibration"))
    assert metrics["baselines"] == {}
    assert metrics["forecast"]["ours"]


def test_a_config_and_the_same_settings_one_by_one_are_the_same_call(quick):
    ds, result = quick
    config = InferenceConfig.from_dict(QUICK)
    again = infer(ds, config)
    assert again.probability.to_numpy().tobytes() == result.probability.to_numpy().tobytes()
    with pytest.raises(ConfigError, match="both config and single settings were given"):
        infer(ds, config, seed=1)


def test_the_callers_data_stay_as_they_are():
    ds = springs()
    before = ds.copy(deep=True)
    infer(ds, **QUICK)
    assert ds.identical(before)


# Every choice


CHOICES = {
    "three types": {"edge_types": 3},
    "every type acts": {"no_interaction": "no"},
    "a prior": {"prior": [0.9, 0.1]},
    "lags": {"lags": 1},
    "places matter": {"translation": False},
    "rotation": {"rotation": True},
    "action equals reaction": {"symmetric": True},
    "the sender alone": {"additive": True},
    "identities": {"identity": 2},
    "one noise level": {"noise": "profiled"},
    "undirected": {"undirected": True},
    "shared": {"graph": "shared"},
    "a graph a window": {"graph": "per-window", "window": 4},
    "neighbours": {"neighbours": 2},
    "neighbours, undirected and shared": {"neighbours": 2, "undirected": True, "graph": "shared"},
    "no time at all": {"time_limit": 1e-6},
}


@pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)
def test_every_choice_runs_and_gives_a_posterior_a_law_and_a_forecast(choice):
    result = infer(springs(), **(QUICK | choice))
    assert is_a_posterior(result.probability)
    assert result.probability.sizes["type"] == choice.get("edge_types", 2)
    assert result.no_interaction == (choice.get("no_interaction") != "no")
    assert len(result.types) == choice.get("edge_types", 2)
    ahead = result.forecast(steps=2)
    assert np.isfinite(ahead["x"]).all()
    assert (np.isfinite(result.law(1).to_numpy())).all()
    assert np.isfinite(result.influence).all()
    assert (result.influence.to_numpy()[..., range(4), range(4)] == 0).all()


def test_a_time_limit_brings_the_fit_to_its_end():
    result = infer(springs(sequences=20, steps=30), hidden=8, time_limit=1.0)
    assert is_a_posterior(result.probability)
    assert result.history["seconds"][-1] < 2.0
    assert 2 <= result.history["steps"] < 4000


def test_an_undirected_posterior_is_symmetric():
    p = infer(springs(), **QUICK, undirected=True).probability.to_numpy()
    np.testing.assert_allclose(p, p.swapaxes(1, 2), atol=1e-12)


def test_windows_of_one_recording_share_one_graph():
    ds = window(springs(sequences=1, steps=60), 15)
    result = infer(ds, **QUICK, graph="shared")
    assert result.probability["sequence"].to_numpy().tolist() == ["all"]
    assert result.probability.sizes["sequence"] == 1
    assert result.sequences == ["all"]
    assert is_a_posterior(result.probability)
    assert result.graph(7).number_of_nodes() == 4  # whichever recording is asked for
    assert result.forecast(steps=2).sizes["sequence"] == 4


def test_graphs_of_windows_carry_their_frames():
    p = infer(springs(steps=22), **QUICK, graph="per-window", window=6).probability
    assert p.dims == ("sequence", "window", "receiver", "sender", "type")
    assert p["window"].to_numpy().tolist() == [0, 1, 2, 3]
    assert p["start"].to_numpy().tolist() == [0, 6, 12, 18]
    assert p["stop"].to_numpy().tolist() == [6, 12, 18, 22]
    lagged = infer(springs(steps=22), **QUICK, graph="per-window", window=6, lags=2).probability
    assert lagged["start"].to_numpy().tolist() == [2, 8, 14, 20]


def test_missing_values_are_no_obstacle():
    ds = springs(steps=24, missing=0.05)
    result = infer(ds, **QUICK)
    assert is_a_posterior(result.probability)
    unusable = "of the increments could not be used (missing values or padding)"
    assert not any(unusable in note for note in result.about["notes"])
    lost = infer(springs(steps=24, entities=3, missing=0.1), **QUICK, fill_gaps=0)
    assert any(unusable in note for note in lost.about["notes"])


def test_data_without_a_usable_increment_are_refused(quick):
    lost = springs(steps=24, missing=0.5)
    for asked in (
        lambda: infer(lost, **QUICK, fill_gaps=0),
        lambda: quick[1].apply(lost.isel(time=slice(4))),
    ):
        with pytest.raises(DataError, match="increment"):
            asked()


def test_entities_may_come_and_go():
    def change(name, x):
        x[0, :5, 1] = x[0, 12:, 2] = x[1, :, 3] = np.nan
        return x

    ds = with_values(springs(steps=20), change)
    result = infer(ds, **QUICK)
    assert is_a_posterior(result.probability)
    # whom nobody saw says nothing: the prior stays
    assert result.probability.to_numpy()[1, 3, :3] == pytest.approx(0.5)
    assert result.probability.to_numpy()[1, :3, 3] == pytest.approx(0.5)
    assert (result.influence.to_numpy()[1, :, 3] == 0).all()


def test_velocities_are_derived_where_none_are_given():
    result = infer(without_velocity(springs()), **QUICK)
    assert is_a_posterior(result.probability)
    assert result.fitted.encoding.targets == ("dx/dt", "dy/dt")
    assert "vx" not in result.forecast(steps=2)


def test_clocks_may_be_irregular_and_differ():
    ds = springs(sequences=2, steps=40)
    kept = np.sort(np.random.default_rng(0).permuted(np.tile(np.arange(40), (2, 1)), axis=1)[:, :20], axis=1)
    rows = np.arange(2)[:, None]
    uneven = from_arrays(
        {name: ds[name].to_numpy()[rows, kept] for name in ("x", "y", "vx", "vy")},
        position=["x", "y"],
        velocity=["vx", "vy"],
        time=clock(ds)[rows, kept],
    )
    result = infer(uneven, **QUICK)
    assert is_a_posterior(result.probability)
    assert result.fitted.encoding.irregular
    ahead = result.forecast(steps=2)
    step = result.fitted.encoding.step
    np.testing.assert_allclose(clock(ahead), clock(uneven)[:, -1:] + step * np.array([1, 2]))


def test_who_is_no_neighbour_does_not_interact_for_certain():
    result = infer(springs(entities=6, sequences=4), **QUICK, neighbours=2)
    p = result.probability.to_numpy()
    certain = (p[..., 0] == 1) & ~np.eye(6, dtype=bool)
    assert (certain.sum(-1) == 3).all()
    assert is_a_posterior(result.probability)


def test_data_without_positions_get_tables_of_effects():
    ds, _ = planted()
    result = infer(ds, **QUICK)
    assert is_a_posterior(result.probability)
    table = result.law(1)
    assert table.index.tolist() == table.columns.tolist() == ["level"]
    assert "no positions" in result.law_record["no_position"]
    assert result.forecast(steps=3)["level"].shape == (3, 3, 4)


def test_a_planted_autoregression_is_found():
    ds, _ = planted(sequences=12, frames=200)
    result = infer(ds, hidden=16, max_steps=300, batch_size=6, learning_rate=1e-2)
    assert accuracy(result) > 0.95
    assert result.no_interaction
    assert result.law(1).loc["level", "level"] > 0.1  # it pulls along
    assert result.law(0).loc["level", "level"] == 0


def test_oscillators_run_with_their_rates_and_fixed_features():
    ds = simulate("kuramoto", entities=4, sequences=3, steps=16, seed=0)
    result = infer(ds, **QUICK)
    assert is_a_posterior(result.probability)
    assert "omega" not in result.fitted.encoding.targets
    np.testing.assert_allclose(result.forecast(steps=2)["omega"][:, 1], ds["omega"][:, -1], rtol=1e-6)


# Baselines


@pytest.mark.parametrize("method", ["correlation", "partial-correlation", "lag-regression"])
@pytest.mark.parametrize("graph", ["per-sequence", "shared"])
def test_baselines_answer_in_the_same_form(method, graph):
    ds, _ = planted(frames=80)
    result = infer(ds, method=method, graph=graph)
    assert is_a_posterior(result.probability)
    assert result.types == ("no interaction", "type 1")
    assert result.fitted is None
    assert result.metrics["forecast"] is None
    assert result.metrics["edge_accuracy"] > 0.4
    assert result.probability["sequence"].to_numpy().tolist() == (
        ["all"] if graph == "shared" else ["0", "1", "2"]
    )


def test_what_a_baseline_cannot_do_is_said():
    ds, _ = planted()
    with pytest.raises(ConfigError) as error:
        infer(ds, method="correlation", edge_types=3)
    assert "correlation with 3 edge types" in str(error.value)
    with pytest.raises(ConfigError, match="lag-regression has no per-window graphs"):
        infer(ds, method="lag-regression", graph="per-window")
    result = infer(ds, method="correlation")
    for refused in (result.forecast, result.law, lambda: result.apply(ds)):
        with pytest.raises(ConfigError, match="correlation learns no law"):
            refused()


# A law applied to other recordings


def test_a_law_reads_the_graphs_of_new_systems(learnt):
    _, result = learnt
    new = result.apply(springs(sequences=10, entities=5, steps=40, seed=77))
    assert accuracy(new) > 0.95
    assert new.types == result.types
    assert new.sequences == [str(k) for k in range(10)]
    assert new.history == result.history


def test_a_law_reads_the_graphs_of_larger_systems(learnt):
    _, result = learnt
    new = result.apply(springs(sequences=3, entities=8, steps=40, seed=78))
    assert accuracy(new) > 0.95


def test_applying_a_law_changes_neither_it_nor_its_result(learnt):
    ds, result = learnt
    weights = {name: t.clone() for name, t in result.fitted.model.state_dict().items()}
    before = result.probability.copy(deep=True)
    again = result.apply(ds)
    result.apply(springs(sequences=2, entities=5, steps=20, seed=9, noise=0.3))
    for name, tensor in result.fitted.model.state_dict().items():
        assert torch.equal(tensor, weights[name])
    assert result.probability.identical(before)
    np.testing.assert_allclose(again.probability, result.probability, atol=1e-4)


def test_a_law_of_other_features_is_not_applied(quick):
    ds, result = quick
    other = ds.rename(vx="u", vy="v")
    other.attrs["velocity"] = ["u", "v"]
    with pytest.raises(DataError) as error:
        result.apply(other)
    assert "the data have no feature vx, vy" in str(error.value)
    assert "found x, y, u, v" in str(error.value)


def test_a_law_that_knows_entities_by_name_needs_the_same_ones():
    ds = springs().assign_coords(entity=["a", "b", "c", "d"]).drop_vars("edges")
    result = infer(ds, **QUICK, identity=2)
    assert result.apply(ds.isel(sequence=[1])).sequences == ["1"]
    for names in (["a", "b", "c", "e"], ["b", "a", "c", "d"]):
        with pytest.raises(DataError) as error:
            result.apply(ds.assign_coords(entity=names))
        assert f"the entities are {', '.join(names)}" in str(error.value)
        assert "those that the law knows by name: a, b, c, d" in str(error.value)


# What is refused


def test_settings_that_do_not_fit_the_data_are_refused():
    ds, _ = planted(frames=10)
    bodies = springs(entities=4)
    refused = [
        (ds, {"neighbours": 2}, "neighbours=2 for data without positions"),
        (bodies, {"neighbours": 4}, "neighbours=4 among 4 entities"),
        (bodies, {"neighbours": 2, "symmetric": True}, "symmetric together with neighbours"),
        (bodies, {"undirected": True, "additive": True}, "undirected together with additive"),
        (ds, {"rotation": True}, "rotation asked for data with 0 position columns"),
        (bodies, {"entity_types": 2}, "unknown setting 'entity_types'"),
        (bodies, {"graph": "per-window", "window": 15}, "window=15 for recordings of 14 frames"),
        (
            springs(entities=12),
            {"graph": "per-window", "window": 5, "edge_types": 3},
            r"per-window graphs of 11 candidates and 3 types have 3\^11 configurations",
        ),
    ]
    for data, settings, message in refused:
        with pytest.raises(ConfigError, match=message):
            infer(data, **settings)


def test_data_that_do_not_follow_the_schema_are_refused():
    with pytest.raises(DataError, match="no dimension sequence"):
        infer(springs().isel(sequence=0, drop=True))
    with pytest.raises(DataError, match="recordings of 3 frames"):
        infer(springs(steps=3), lags=2)
