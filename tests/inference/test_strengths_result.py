"""Continuous strengths as a result: recovered, written down, read again, applied, forecast, refused."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.inference import Inference, InferenceConfig, infer
from edgewise.inference.belief import belief_of, sampled_graph, strength_belief

from .worlds import planted, springs

SPRINGS = {"sequences": 36, "entities": 4, "steps": 30, "strength_spread": 0.5}
QUICK = {"strengths": "continuous", "hidden": 8, "max_steps": 24, "calibrate": False}


@pytest.fixture(scope="module")
def learnt():
    """(data, result) of springs whose constants differ by a factor of up to three."""
    ds = springs(**SPRINGS, seed=2)
    return ds, infer(ds, strengths="continuous", hidden=16, max_steps=240, batch_size=8, learning_rate=1e-2)


@pytest.fixture(scope="module")
def quick():
    ds = springs(sequences=3, entities=4, strength_spread=0.5)
    return ds, infer(ds, **QUICK)


def off_diagonal(values):
    return np.asarray(values)[:, ~np.eye(values.shape[-1], dtype=bool)]


def test_constants_of_springs_are_recovered(learnt):
    found, result = learnt[1].metrics["strength"], learnt[1]
    assert found["correlation"] > 0.95
    assert found["correlation_acting"] > 0.9
    assert found["coverage"] > 0.9
    assert result.metrics["auroc"] > 0.95
    assert result.types == ("no interaction", "acts")


def test_strengths_have_the_scale_and_the_sign_of_the_convention(learnt):
    _, result = learnt
    acts, mean = off_diagonal(result.interaction()), off_diagonal(result.strength)
    power = off_diagonal(result.confidence["strength_std"]) ** 2 + mean**2
    assert power.sum() / acts.sum() == pytest.approx(1, abs=0.1)
    assert mean.sum() > 0


def test_the_mean_is_within_its_interval_and_the_diagonal_is_nothing(learnt):
    _, result = learnt
    for name in ("strength", "strength_low", "strength_high"):
        assert result.confidence[name].dims == ("sequence", "receiver", "sender")
        diagonal = np.einsum("sii->si", result.confidence[name].to_numpy())
        assert (diagonal == 0).all()
    low, mean, high = (
        off_diagonal(values) for values in (result.strength_low, result.strength, result.strength_high)
    )
    unsure = off_diagonal(result.interaction()) < 0.975  # then 0 may be an end, beyond the mean
    assert ((low <= mean) & (mean <= high))[~unsure].all()
    assert ((low <= 0) & (high >= 0))[off_diagonal(result.interaction()) < 0.9].all()


def test_the_table_and_the_graph_carry_strengths(learnt, tmp_path):
    _, result = learnt
    table = result.edges()
    row = table.iloc[3]
    expected = result.strength.sel(sequence=row["sequence"], receiver=row["target"], sender=row["source"])
    assert row["strength"] == float(expected)
    assert row["strength_low"] <= row["strength"] <= row["strength_high"]
    graph = result.graph(row["sequence"])
    assert graph.edges[row["source"], row["target"]]["strength"] == row["strength"]
    run = result.save(tmp_path / "run")
    assert {"strength", "strength_low", "strength_high"} <= {*pd.read_csv(run / "edges.csv")}
    kept = nx.read_graphml(run / "graph.graphml")
    assert {"strength", "strength_low", "strength_high"} <= {*next(iter(kept.edges.values()))}


def test_a_run_folder_gives_the_same_result_back(learnt, tmp_path):
    ds, result = learnt
    again = Inference.load(result.save(tmp_path / "run"))
    assert again.strength.equals(result.strength)
    assert again.strength_high.equals(result.strength_high)
    np.testing.assert_array_equal(again.forecast(3)["x"], result.forecast(3)["x"])
    applied = again.apply(ds.isel(sequence=slice(0, 4)))
    np.testing.assert_allclose(applied.strength, result.strength[:4], rtol=1e-9, atol=1e-12)


def test_the_page_shows_strengths(learnt, tmp_path):
    page = learnt[1].report(tmp_path / "report.html").read_text("utf-8")
    assert "95 % interval</th>" in page
    assert "a strength of each pair" in page


def test_a_law_that_was_learnt_reads_the_strengths_of_new_systems(learnt):
    new = learnt[1].apply(springs(**SPRINGS | {"sequences": 5}, seed=77))
    assert new.metrics["strength"]["correlation"] > 0.9


def test_forecasts_move_by_the_strengths(learnt):
    result = learnt[1]
    forecast = result.metrics["forecast"]
    at = forecast["steps"].index(10)
    assert forecast["ours"][at] < 0.2 * forecast["constant velocity"][at]
    drawn = result.forecast(3, samples=2)
    assert drawn["x"].shape == (2, 36, 3, 4)
    assert not np.array_equal(drawn["x"][0], drawn["x"][1])


def test_one_shared_graph_has_one_strength_a_pair():
    ds = planted(sequences=1, frames=60, seed=4)[0]
    result = infer(ds, graph="shared", **QUICK)
    assert result.strength.shape == (1, 4, 4)
    assert result.metrics["strength"] is None  # edges are known, strengths are not


def test_a_given_prior_is_kept(tmp_path):
    result = infer(springs(), **QUICK, prior=[0.8, 0.2])
    again = Inference.load(result.save(tmp_path / "run"))
    torch.testing.assert_close(again.fitted.log_prior.exp(), torch.tensor([0.8, 0.2], dtype=torch.float64))


def test_many_candidates_are_sampled(monkeypatch):
    from edgewise.inference.superposition import posterior, slab_fit

    for module in (posterior, slab_fit):
        monkeypatch.setattr(module, "SUBSETS", 2)
    monkeypatch.setattr(slab_fit, "TRAIN_SUBSETS", 2)
    result = infer(springs(), **QUICK)
    assert not result.about["exact_posterior"]
    assert np.isfinite(result.strength).all()


def test_an_interrupted_fit_goes_on_to_the_same_strengths(tmp_path):
    from edgewise.training import Checkpoints

    ds = springs()
    checkpoints = Checkpoints(tmp_path)

    def stop(progress):
        if progress.phase == "slab" and progress.step == 4:
            import signal

            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        infer(ds, **QUICK, checkpoints=checkpoints, on_progress=stop)
    resumed = infer(ds, **QUICK, checkpoints=checkpoints, resume=True)
    assert resumed.strength.equals(infer(ds, **QUICK).strength)


def test_a_result_of_types_has_no_strengths():
    result = infer(springs(), hidden=8, max_steps=8, calibrate=False)
    with pytest.raises(ConfigError, match="knows types, and no strengths"):
        _ = result.strength


def test_temperatures_from_labels_are_refused(quick):
    result = quick[1]
    with pytest.raises(ConfigError, match="calibrate for continuous strengths"):
        result.calibrate(springs(seed=9))


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"edge_types": 3}, "edge_types = 3"),
        ({"layers": (2, 2)}, "edge_types = 4"),
        ({"most_types": 3}, "most_types = 3"),
        ({"no_interaction": "no"}, "no_interaction = 'no'"),
        ({"undirected": True}, "undirected"),
        ({"graph": "per-window"}, "graph = 'per-window'"),
        ({"gain": "profiled"}, "gain = 'profiled'"),
        ({"fdr": 0.1}, "fdr = 0.1"),
        ({"ensemble": 2}, "ensemble = 2"),
        ({"bootstrap": 50}, "bootstrap = 50"),
    ],
)
def test_what_does_not_go_together_is_refused(settings, found):
    with pytest.raises(ConfigError) as caught:
        InferenceConfig.from_dict({"strengths": "continuous"} | settings)
    assert f"strengths = 'continuous' together with {found}" in str(caught.value)
    assert "drop" in str(caught.value)


def test_other_methods_have_no_strengths():
    with pytest.raises(ConfigError, match="strengths = 'continuous' with the method nri"):
        InferenceConfig.from_dict({"strengths": "continuous", "method": "nri"})
    with pytest.raises(ConfigError, match="strengths"):
        InferenceConfig.from_dict({"strengths": "strong"})


def test_drawn_graphs_have_the_moments_of_the_belief():
    n, draws = 2, 4000
    probability, strength, deviation = (np.full((draws, n, n), value) for value in (0.7, 1.4, 1.0))
    belief = belief_of(strength_belief(probability, strength, deviation), strengths=True)
    torch.testing.assert_close(belief.weight[..., 1], torch.full((draws, n, 1), 1.4))
    drawn = sampled_graph(belief, torch.Generator().manual_seed(0)).weight[..., 1]
    assert float((drawn != 0).double().mean()) == pytest.approx(0.7, abs=0.02)
    assert float(drawn.double().mean()) == pytest.approx(1.4, abs=0.04)
    assert float(drawn.double().std()) == pytest.approx(1.0, abs=0.04)
