"""The linear method as its user meets it."""

import numpy as np
import pytest

import edgewise as ew
from edgewise.data import from_arrays
from edgewise.errors import ConfigError, DataError
from edgewise.inference import Inference
from edgewise.inference.linear.fitted import bayesian_q_values

LINKS = {(1, 0): 0.7, (2, 1): -0.7}
"""{(receiver, sender): coefficient}: 0 -> 1 -> 2, 3 alone."""


def lagged(sequences=1, frames=250, seed=0, within=False):
    rng = np.random.default_rng(seed)
    x = np.zeros((sequences, frames, 4))
    for t in range(1, frames):
        x[:, t] = 0.4 * x[:, t - 1] + rng.normal(size=(sequences, 4))
        for (receiver, sender), w in LINKS.items():  # in the order of the chain
            x[:, t, receiver] += w * x[:, t if within else t - 1, sender]
    edges = np.zeros((4, 4), int)
    for receiver, sender in LINKS:
        edges[receiver, sender] = 1
    names = ["a", "b", "c", "d"]
    return from_arrays({"signal": x}, entity=names, edges=np.repeat(edges[None], sequences, 0))


def test_lagged_effects_are_found_and_nothing_else():
    result = ew.infer(lagged(), method="linear")
    rows = result.edges()
    assert set(zip(rows["source"], rows["target"], strict=True)) == {("a", "b"), ("b", "c")}
    assert result.metrics["edge_accuracy"] == 1
    assert result.about["exact_posterior"]


def test_effects_within_a_frame_have_a_direction_where_there_are_no_cycles():
    result = ew.infer(lagged(within=True), method="linear", instantaneous=True, acyclic=True)
    rows = result.edges()
    assert set(zip(rows["source"], rows["target"], strict=True)) == {("a", "b"), ("b", "c")}
    assert any("leads back to its start" in line for line in result.about["law"])


def test_cycles_within_a_frame_are_warned_of():
    result = ew.infer(lagged(within=True), method="linear", instantaneous=True)
    assert any("say acyclic" in note for note in result.about["notes"])


def test_one_graph_for_all_recordings_needs_less_of_each():
    data = lagged(sequences=8, frames=40)
    alone = ew.infer(data, method="linear")
    together = ew.infer(data, method="linear", graph="shared")
    assert together.metrics["edge_accuracy"] == 1
    assert alone.metrics["auroc"] < together.metrics["auroc"] + 1e-9
    assert together.probability.sizes["sequence"] == 1


def test_a_forecast_is_the_autoregression_rolled_on():
    data = lagged(frames=400)
    result = ew.infer(data, method="linear")
    ahead = result.forecast(2)["signal"].to_numpy()[0]
    last = data["signal"].to_numpy()[0, -1]
    step = np.diag([0.4] * 4)
    for (receiver, sender), w in LINKS.items():
        step[receiver, sender] = w
    np.testing.assert_allclose(ahead[0], step @ last, atol=0.35)
    np.testing.assert_allclose(ahead[1], step @ step @ last, atol=0.35)
    drawn = result.forecast(2, samples=200, seed=1)["signal"].to_numpy()[:, 0]
    np.testing.assert_allclose(drawn[:, 0].std(0), 1.0, atol=0.25)


def test_a_forecast_within_a_frame_solves_for_the_frame():
    data = lagged(frames=400, within=True)
    result = ew.infer(data, method="linear", instantaneous=True, acyclic=True)
    ahead = result.forecast(1)["signal"].to_numpy()[0, 0]
    last = data["signal"].to_numpy()[0, -1]
    expected = 0.4 * last
    expected[1] += 0.7 * expected[0]
    expected[2] -= 0.7 * expected[1]
    np.testing.assert_allclose(ahead, expected, atol=0.35)


def test_an_entity_that_never_comes_keeps_the_prior():
    data = lagged()
    data["signal"][:, :, 3] = np.nan
    result = ew.infer(data, method="linear", prior=[0.8, 0.2])
    p = result.interaction().to_numpy()[0]
    assert p[0, 3] == pytest.approx(0.2)
    assert p[3, 0] == pytest.approx(0.2)
    assert p[1, 0] > 0.99


def test_pure_noise_is_reported_with_no_edge_under_the_rate():
    rng = np.random.default_rng(4)
    data = from_arrays({"signal": rng.normal(size=(1, 300, 6))})
    result = ew.infer(data, method="linear", fdr=0.05)
    assert len(result.edges()) == 0


def test_q_values_are_the_mean_error_of_all_that_are_likelier():
    acts = np.array([[[0.0, 0.9], [0.6, 0.0]]])
    q = bayesian_q_values(acts)
    assert q[0, 0, 1] == pytest.approx(0.1)
    assert q[0, 1, 0] == pytest.approx((0.1 + 0.4) / 2)
    assert np.isnan(q[0, 0, 0])


def test_a_run_folder_brings_back_how_it_reads_and_foretells(tmp_path):
    result = ew.infer(lagged(), method="linear", instantaneous=True, lags=1)
    loaded = Inference.load(result.save(tmp_path / "run"))
    fresh = lagged(seed=1)
    np.testing.assert_array_equal(result.apply(fresh).probability, loaded.apply(fresh).probability)
    np.testing.assert_array_equal(result.forecast(3)["signal"], loaded.forecast(3)["signal"])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"graph": "per-window"}, "per-window"),
        ({"edge_types": 3}, "edge_types = 3"),
        ({"no_interaction": "no"}, "no_interaction"),
        ({"symmetric": True}, "symmetric"),
        ({"acyclic": True, "undirected": True}, "acyclic and undirected"),
        ({"bootstrap": 50}, "bootstrap"),
    ],
)
def test_what_would_be_ignored_is_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        ew.infer(lagged(), method="linear", **settings)


def test_acyclic_belongs_to_the_linear_method():
    with pytest.raises(ConfigError, match="acyclic with the method superposition"):
        ew.infer(lagged(), acyclic=True)


def test_recordings_that_are_too_short_are_refused():
    with pytest.raises(DataError, match=r"at least 17 frames"):
        ew.infer(lagged(frames=12), method="linear", lags=3)


def test_irregular_frames_are_refused():
    data = lagged().assign_coords(time=np.r_[0:100, 200:350])
    with pytest.raises(DataError, match="not equally far apart"):
        ew.infer(data, method="linear")


def test_a_recording_too_short_for_its_own_coefficients_takes_those_of_the_fit():
    result = ew.infer(lagged(frames=400), method="linear", graph="shared")
    last = lagged(frames=400)["signal"].to_numpy()[0, -3:]
    short = from_arrays({"signal": last[None]}, entity=["a", "b", "c", "d"])
    np.testing.assert_allclose(
        result.forecast(1, data=short)["signal"].to_numpy(),
        result.forecast(1)["signal"].to_numpy(),
        atol=1e-6,
    )


def test_the_estimator_predicts_the_next_frame_from_frames_before_alone():
    x = lagged(frames=300)["signal"].to_numpy()[0]
    model = ew.RelationalInference(method="linear").fit(x)
    whole, begun = model.predict(x), model.predict(x[:50])
    np.testing.assert_allclose(whole[:50], begun, atol=1e-9)
    assert model.score(lagged(frames=300, seed=1)["signal"].to_numpy()[0]) > 0.4


def test_a_short_recording_of_other_entities_is_refused():
    result = ew.infer(lagged(), method="linear", graph="shared")
    fitted, other = result.fitted, lagged().isel(entity=slice(0, 3), receiver=slice(0, 3), sender=slice(0, 3))
    with pytest.raises(DataError, match="the 4 entities and 1 features of the fit"):
        fitted.forecast(other.isel(time=slice(0, 4)), np.full((1, 3, 3, 2), 0.5), steps=1)
