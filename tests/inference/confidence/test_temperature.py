"""Temperatures: by the equation, from residuals of known correlation, and from labels."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from edgewise.errors import ConfigError, DataError
from edgewise.inference import Inference, infer
from edgewise.inference.confidence.assurance import Assurance
from edgewise.inference.confidence.labels import at_temperature, fitted_temperature
from edgewise.inference.confidence.temperature import (
    calibration_of,
    cut_into,
    lag_products,
    measured_products,
    whitened,
)
from edgewise.inference.superposition.posterior import graph_posterior

from ..worlds import springs, untrained

PRIOR = torch.full((2,), 0.5, dtype=torch.float64).log()


def normal(*size, seed=0):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def smoothed(noise, share):
    """AR(1) along axis 1 with unit variance."""
    x = noise.clone()
    for t in range(1, x.shape[1]):
        x[:, t] = share * x[:, t - 1] + math.sqrt(1 - share**2) * noise[:, t]
    return x


# Without labels


def test_products_at_a_lag_are_sums_over_frames():
    residual, columns = normal(2, 7, 3, 2), normal(2, 7, 3, 4, 2, seed=1)
    weight = (normal(2, 7, 3, 2, seed=2) > -1).double()
    found = lag_products(residual * weight, columns, weight, 2)
    for lag in range(3):
        for d in range(2):
            frames = range(7 - lag)
            e = sum(
                residual[s, t, i, d]
                * weight[s, t, i, d]
                * residual[s, t + lag, i, d]
                * weight[s, t + lag, i, d]
                for s in range(2)
                for t in frames
                for i in range(3)
            )
            assert found.residual[lag, d] == pytest.approx(float(e))
            a = sum(columns[1, t, 2, 3, d] * columns[1, t + lag, 2, 3, d] for t in frames)
            assert found.columns[-1, lag, d] == pytest.approx(float(a))


def test_the_temperature_is_the_quadratic_form_of_the_correlation_matrix():
    """Against sum_{t,t'} a_t a_t' rho(t - t') / sum_t a_t^2, written out, for one pair."""
    residual = smoothed(normal(4000, 24, 1, 1), 0.6)
    columns = smoothed(normal(1, 24, 1, 1, seed=3), 0.9)[:, :, :, None].expand(4000, -1, -1, -1, -1)
    found = lag_products(residual, columns, torch.ones_like(residual), 23)
    rho = found.autocorrelation()[:, 0]
    a = columns[0, :, 0, 0, 0]
    by_hand = sum(a[t] * a[u] * rho[abs(t - u)] for t in range(24) for u in range(24)) / (a**2).sum()
    assert found.temperature() == pytest.approx(float(by_hand), rel=1e-9)
    exact = sum(a[t] * a[u] * 0.6 ** abs(t - u) for t in range(24) for u in range(24)) / (a**2).sum()
    assert found.temperature() == pytest.approx(float(exact), rel=0.1)
    score = (residual[:, :, 0, 0] * a).sum(1)  # what the equation is about: the variance of the score
    assert found.temperature() == pytest.approx(float(score.var() / (a**2).sum()), rel=0.1)


def test_independent_residuals_have_temperature_one():
    residual = normal(300, 40, 1, 1)
    columns = smoothed(normal(300, 40, 1, 1, seed=1), 0.9)[:, :, :, None]
    assert lag_products(residual, columns, torch.ones_like(residual), 10).temperature() == 1.0


def test_differences_of_noise_make_the_evidence_better_than_it_claims():
    noise = normal(300, 41, 1, 1)
    residual = noise[:, 1:] - noise[:, :-1]  # correlation -1/2 at lag 1
    columns = smoothed(normal(300, 40, 1, 1, seed=1), 0.95)[:, :, :, None]
    found = lag_products(residual, columns, torch.ones_like(residual), 10)
    assert found.autocorrelation()[:, 0].tolist()[:3] == pytest.approx([1.0, -0.5, 0.0], abs=0.02)
    assert 0.02 <= found.temperature() < 0.2


def test_columns_that_are_zero_have_no_say():
    residual = normal(50, 20, 1, 1)
    nothing = torch.zeros(50, 20, 1, 3, 1, dtype=torch.float64)
    assert lag_products(residual, nothing, torch.ones_like(residual), 4).temperature() == 1.0


@pytest.mark.parametrize("null", ["yes", "no"])
def test_residuals_are_what_the_expected_graph_leaves(null):
    model, data, _, _ = untrained(springs(), no_interaction=null, noise="learnt")
    weight = torch.rand(*data.slots.shape, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    weight = weight / weight.sum(-1, keepdim=True)
    with torch.no_grad():
        residual, columns = whitened(model, data, weight, torch.ones(3, 4))
        own, messages, log_sigma = model.terms(data)
    s, t, i = 1, 5, 2
    expected = own[s, t, i].double()
    for slot in range(3):
        for kind in (0, 1):
            if kind or null == "no":
                expected = expected + weight[s, i, slot, kind] * messages[s, t, i, slot, kind].double()
    by_hand = (data.target[s, t, i] - expected) * torch.exp(-log_sigma[s, t, i])
    torch.testing.assert_close(residual[s, t, i], by_hand.double(), rtol=1e-4, atol=1e-5)
    change = messages[s, t, i, 1, 1] - (0 if null == "yes" else messages[s, t, i, 1, 0])
    torch.testing.assert_close(
        columns[s, t, i, 1], (change * torch.exp(-log_sigma[s, t, i])).double(), rtol=1e-4, atol=1e-5
    )


def test_pieces_of_a_stretch_keep_its_frames_in_order():
    _, data, _, _ = untrained(springs(steps=13))
    pieces = cut_into(data, 4)
    assert len(pieces) == 9
    assert torch.equal(pieces.target[4], data.target[1, 4:8])
    assert pieces.sequence.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize(
    "settings",
    [{}, {"graph": "shared"}, {"graph": "per-window", "window": 4}, {"edge_types": 3, "undirected": True}],
)
def test_every_scope_can_be_measured(settings):
    model, data, _, config = untrained(springs(), **settings)
    prior = torch.full((config.graph.edge_types,), 1 / config.graph.edge_types, dtype=torch.float64).log()
    found = measured_products(model, data, config.graph, prior)
    assert found.count[0].sum() == data.weight.sum()
    assert len(found.columns) == found.columns.shape[0] > 0
    assert 0.02 <= found.temperature() <= 50


def test_a_law_that_fits_worse_elsewhere_gets_more_noise():
    model, data, _, config = untrained(springs(sequences=6))
    seen, other = data[torch.arange(3)], data[torch.arange(3)]
    same = calibration_of(model, seen, other, config.graph, PRIOR)
    assert same.noise_ratio == 1.0
    assert same.held_out == 3
    other.target.mul_(2)
    worse = calibration_of(model, seen, other, config.graph, PRIOR)
    assert worse.noise_ratio > 2
    assert calibration_of(model, other, seen, config.graph, PRIOR).noise_ratio == 1.0  # never less noise


def test_a_temperature_divides_the_log_likelihood():
    model, data, _, config = untrained(springs())
    cold = graph_posterior(model, data, config.graph, PRIOR).probability
    warm = graph_posterior(model, data, config.graph, PRIOR, temperature=3.0).probability
    model.level.mul_(3)
    noisy = graph_posterior(model, data, config.graph, PRIOR).probability
    torch.testing.assert_close(warm, noisy, rtol=1e-5, atol=1e-8)
    assert (cold - warm).abs().max() > 0.01


def test_confidence_is_right_where_noise_is_differenced():
    """Noise on velocities makes successive increments dependent, and the plain posterior far too unsure."""
    settings = {
        "hidden": 8,
        "max_steps": 120,
        "batch_size": 6,
        "learning_rate": 2e-2,
        "no_interaction": "yes",
    }
    result = infer(springs(sequences=24, steps=40, noise=0.01), **settings)
    assert result.about["calibration"]["held_out"] == 2
    assert result.about["calibration"]["temperature"] < 0.3
    assert result.about["calibration"]["correlation"][0] == pytest.approx(-0.5, abs=0.1)
    fresh = springs(sequences=60, steps=40, seed=9, noise=0.01)
    calibrated = result.apply(fresh).metrics
    plain = replace(result, fitted=replace(result.fitted, assurance=Assurance())).apply(fresh).metrics
    assert plain["edge_accuracy"] > 0.95
    assert plain["ece"] > 0.015
    assert calibrated["ece"] < 0.5 * plain["ece"]
    assert calibrated["brier"] < plain["brier"]


# With labels


def test_one_temperature_is_found_by_maximum_likelihood():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(20000, 3)) * 2
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    types = np.array([rng.choice(3, p=row) for row in p])
    for wrong in (0.5, 1.0, 2.0):
        stated = at_temperature(p, wrong)
        assert fitted_temperature(stated, types) == pytest.approx(1 / wrong, rel=0.05)


def test_a_temperature_changes_no_decision_and_no_certainty():
    p = np.array([[0.6, 0.3, 0.1], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    warm = at_temperature(p, 4.0)
    assert warm[0] == pytest.approx(p[0] ** 0.25 / (p[0] ** 0.25).sum())
    assert warm[1:].tolist() == p[1:].tolist()
    assert at_temperature(p, 1.0) is p


def test_calibrating_by_labels_makes_new_answers_as_sure_as_they_are_right(quick):
    _, result = quick  # hardly learnt: sure of what it does not know
    labelled, fresh = springs(sequences=60, seed=5), springs(sequences=60, seed=6)
    before = result.apply(fresh).metrics
    calibrated = result.calibrate(labelled)
    after = calibrated.apply(fresh).metrics
    assert after["ece"] < before["ece"]
    assert after["edge_accuracy"] == pytest.approx(before["edge_accuracy"], abs=0.01)
    assert calibrated.about["label_temperature"] > 1
    assert calibrated.metrics["ece"] is None
    assert (
        calibrated.edges()[["source", "target", "type"]].shape
        == result.edges()[["source", "target", "type"]].shape
    )
    assert "labelled pairs of other systems" in calibrated.about["notes"][-1]


def test_labels_must_be_of_other_systems(quick):
    ds, result = quick
    with pytest.raises(DataError, match="the labelled systems are those that the result is about"):
        result.calibrate(ds)
    with pytest.raises(DataError, match="the labelled systems have no known edges"):
        result.calibrate(springs(seed=7).drop_vars("edges"))
    baseline = infer(ds, method="correlation")
    with pytest.raises(ConfigError, match="calibrate for the method correlation"):
        baseline.calibrate(springs(seed=7))


def test_the_label_temperature_is_kept_in_the_run_folder(quick, tmp_path):
    _, result = quick
    calibrated = result.calibrate(springs(sequences=30, seed=5))
    again = Inference.load(calibrated.save(tmp_path / "run"))
    fresh = springs(seed=8)
    np.testing.assert_array_equal(again.apply(fresh).probability, calibrated.apply(fresh).probability)
    assert again.about["label_temperature"] == calibrated.about["label_temperature"]
