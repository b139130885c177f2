"""Accuracy, ranking and calibration of a posterior, by hand and by scikit-learn; errors of a forecast."""

import json
from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, f1_score, roc_auc_score

from edgewise.errors import ConfigError, DataError
from edgewise.inference.metrics import (
    edge_metrics,
    forecast_errors,
    match_types,
    reliability,
    score_metrics,
    truth_in_windows,
    two_means_threshold,
)

N = 5
OFF = ~np.eye(N, dtype=bool)


def random_truth(rng, n_labels=2, sequences=8):
    return rng.integers(0, n_labels, (sequences, N, N))


def posterior(rng, truth, n_types, evidence=1.5):
    """A noisy posterior that knows something about the truth."""
    logits = rng.normal(size=(*truth.shape, n_types)) + evidence * (truth[..., None] == np.arange(n_types))
    weights = np.exp(logits)
    return weights / weights.sum(axis=-1, keepdims=True)


def one_pair(*probabilities):
    """Two entities, of which only the pair receiver 0, sender 1 is known, a sequence for each posterior."""
    p = np.full((len(probabilities), 2, 2, len(probabilities[0])), 0.5)
    p[:, 0, 1] = probabilities
    return p


def one_truth(*labels):
    truth = np.full((len(labels), 2, 2), -1)
    truth[:, 0, 1] = labels
    return truth


def test_two_types_agree_with_sklearn():
    rng = np.random.default_rng(0)
    truth = random_truth(rng)
    p = posterior(rng, truth, 2)
    found = edge_metrics(p, truth)
    y, score = truth[:, OFF].ravel(), p[:, OFF, 1].ravel()
    assert found.label_matching == (0, 1)
    assert found.n_pairs == 8 * N * (N - 1)
    assert found.edge_accuracy == pytest.approx(np.mean((score > 0.5) == y))
    assert found.auroc == pytest.approx(roc_auc_score(y, score))
    assert found.auprc == pytest.approx(average_precision_score(y, score))
    assert found.f1 == pytest.approx(f1_score(y, score > 0.5))
    assert found.brier == pytest.approx(2 * brier_score_loss(y, score))


def test_three_types_are_the_mean_of_one_against_the_rest():
    rng = np.random.default_rng(1)
    truth = random_truth(rng, 3)
    p = posterior(rng, truth, 3)
    found = edge_metrics(p, truth)
    y, q = truth[:, OFF].ravel(), p[:, OFF].reshape(-1, 3)
    assert found.label_matching == (0, 1, 2)
    assert found.auroc == pytest.approx(roc_auc_score(y, q, multi_class="ovr", average="macro"))
    assert found.auprc == pytest.approx(average_precision_score(np.eye(3)[y], q, average="macro"))
    assert found.f1 == pytest.approx(f1_score(y, q.argmax(axis=1), average="macro"))
    assert found.brier == pytest.approx(((q - np.eye(3)[y]) ** 2).sum(axis=1).mean())


@pytest.mark.parametrize("n_types", [2, 3])
def test_the_order_of_types_changes_nothing_but_the_matching(n_types):
    rng = np.random.default_rng(2)
    truth = random_truth(rng, n_types)
    p = posterior(rng, truth, n_types)
    straight = edge_metrics(p, truth).to_dict()
    for order in permutations(range(n_types)):
        swapped = edge_metrics(p[..., list(order)], truth).to_dict()
        assert swapped.pop("label_matching") == list(order)
        assert swapped == pytest.approx({k: v for k, v in straight.items() if k != "label_matching"})


def test_a_perfect_posterior():
    truth = random_truth(np.random.default_rng(3), 3)
    found = edge_metrics(np.eye(3)[truth][..., [2, 0, 1]], truth)
    assert found.to_dict() == {
        "edge_accuracy": 1.0,
        "auroc": 1.0,
        "auprc": 1.0,
        "f1": 1.0,
        "ece": 0.0,
        "brier": 0.0,
        "n_pairs": 8 * N * (N - 1),
        "label_matching": [2, 0, 1],
    }


def test_a_confident_posterior_that_is_wrong():
    truth = random_truth(np.random.default_rng(4))
    p = np.where(np.eye(2)[1 - truth] > 0, 0.99, 0.01)
    wrong = edge_metrics(p, truth, types_matched=False)
    assert (wrong.edge_accuracy, wrong.auroc, wrong.f1) == (0, 0, 0)
    assert wrong.ece == pytest.approx(0.99)
    assert wrong.brier == pytest.approx(2 * 0.99**2)
    swapped = edge_metrics(p, truth)
    assert (swapped.edge_accuracy, swapped.label_matching) == (1, (1, 0))
    assert swapped.ece == pytest.approx(0.01)


def test_calibration_and_brier_by_hand():
    """Confidences 0.9 (right), 0.85 (wrong) and 0.7 (right, on the upper end of its bin)."""
    p = one_pair((0.1, 0.9), (0.85, 0.15), (0.7, 0.3))
    truth = one_truth(1, 1, 0)
    found = edge_metrics(p, truth, types_matched=False)
    assert found.edge_accuracy == pytest.approx(2 / 3)
    assert found.ece == pytest.approx((2 * abs(0.5 - 0.875) + abs(1 - 0.7)) / 3)
    assert found.brier == pytest.approx(2 * (0.1**2 + 0.85**2 + 0.3**2) / 3)
    plot = reliability(p, truth, found.label_matching)
    assert plot["count"] == [0, 0, 0, 0, 0, 0, 1, 0, 2, 0]
    assert plot["confidence"][6] == pytest.approx(0.7)
    assert plot["confidence"][8] == pytest.approx(0.875)
    assert plot["accuracy"][6:9] == [1.0, None, 0.5]
    coarse = reliability(p, truth, (0, 1), bins=1)
    assert coarse["confidence"] == pytest.approx([(0.9 + 0.85 + 0.7) / 3])
    assert coarse["count"] == [3]


def test_a_calibrated_posterior_has_a_small_calibration_error():
    rng = np.random.default_rng(5)
    p = rng.random((400, N, N))
    truth = (rng.random(p.shape) < p).astype(int)
    # 8000 pairs, 5 bins in use: the error of a bin's mean is about sqrt(0.2 / 1600) = 0.011
    assert edge_metrics(np.stack([1 - p, p], axis=-1), truth).ece < 0.03


def test_unknown_pairs_the_diagonal_and_missing_answers_are_left_out():
    rng = np.random.default_rng(6)
    truth = random_truth(rng)
    p = posterior(rng, truth, 2)
    unknown = rng.random(truth.shape) < 0.2
    absent = rng.random(truth.shape) < 0.2
    found = edge_metrics(np.where(absent[..., None], np.nan, p), np.where(unknown, -1, truth))
    keep = ~unknown & ~absent & OFF
    assert found.n_pairs == keep.sum()
    assert found.edge_accuracy == pytest.approx(np.mean((p[keep][:, 1] > 0.5) == truth[keep]))
    assert found.auroc == pytest.approx(roc_auc_score(truth[keep], p[keep][:, 1]))
    assert found == edge_metrics(
        np.where((absent | ~OFF)[..., None], np.inf, p), np.where(unknown | ~OFF, np.nan, truth)
    )


def test_nothing_known_is_none():
    found = edge_metrics(np.full((1, 3, 3, 2), 0.5), np.full((1, 3, 3), -1)).to_dict()
    assert (found.pop("n_pairs"), found.pop("label_matching")) == (0, [])
    assert set(found.values()) == {None}


def test_a_constant_truth_has_no_ranking():
    p = posterior(np.random.default_rng(7), np.ones((2, N, N), dtype=int), 2)
    found = edge_metrics(p, np.ones((2, N, N), dtype=int))
    assert (found.auroc, found.auprc, found.f1) == (None, None, None)
    assert found.edge_accuracy == pytest.approx(np.mean(p[:, OFF].argmax(axis=-1) == 1))
    assert found.label_matching == (-1, 1)


def test_more_types_than_labels():
    """The third type is left over: what it claims is wrong, and nothing else suffers."""
    p = one_pair((0.8, 0.1, 0.1), (0.1, 0.8, 0.1), (0.1, 0.8, 0.1), (0.1, 0.1, 0.8))
    found = edge_metrics(p, one_truth(1, 0, 0, 1))
    assert found.label_matching == (1, 0, -1)
    assert found.edge_accuracy == 0.75
    assert found.auroc == pytest.approx(roc_auc_score([1, 0, 0, 1], [0.8, 0.1, 0.1, 0.1]))
    assert found.brier == pytest.approx((3 * (0.2**2 + 2 * 0.1**2) + 0.9**2 + 0.1**2 + 0.8**2) / 4)


def test_fewer_types_than_labels():
    """The label without a type has probability 0 and is always missed."""
    p = one_pair((0.9, 0.1), (0.9, 0.1), (0.2, 0.8), (0.3, 0.7), (0.4, 0.6))
    found = edge_metrics(p, one_truth(0, 0, 1, 1, 2))
    assert found.label_matching == (0, 1)
    assert found.edge_accuracy == 0.8
    assert found.auroc == pytest.approx((1 + 1 + 0.5) / 3)
    assert found.f1 == pytest.approx((1 + 0.8 + 0) / 3)
    assert found.brier == pytest.approx((2 * (2 * 0.1**2 + 0.2**2 + 0.3**2) + 0.4**2 + 0.6**2 + 1) / 5)


def test_labels_need_not_count_from_zero():
    rng = np.random.default_rng(8)
    truth = random_truth(rng)
    p = posterior(rng, truth, 2)
    moved = edge_metrics(p, np.where(truth == 1, 7, 3))
    assert moved.label_matching == (3, 7)
    assert moved.auroc == edge_metrics(p, truth).auroc


def test_matching_breaks_ties_by_probability():
    """No type but the first is ever the most probable; the others are told apart by what is left."""
    p = np.array(
        [
            [0.6, 0.3, 0.1],
            [0.6, 0.3, 0.1],
            [0.6, 0.1, 0.3],
            [0.9, 0.05, 0.05],
            [0.9, 0.05, 0.05],
            [0.9, 0.05, 0.05],
        ]
    )
    assert match_types(p, np.array([2, 2, 1, 0, 0, 0])) == (0, 2, 1)


def test_windows_and_shared_posteriors():
    rng = np.random.default_rng(9)
    truth = rng.integers(0, 2, (3, 4, N, N))
    p = posterior(rng, truth, 2)
    flat = edge_metrics(p.reshape(12, N, N, 2), truth.reshape(12, N, N))
    assert edge_metrics(p, truth) == flat
    shared = edge_metrics(p[:1, 0], truth[:, 0])
    assert shared == edge_metrics(np.repeat(p[:1, 0], 3, axis=0), truth[:, 0])
    assert shared.n_pairs == 3 * N * (N - 1)


def test_results_are_plain_json():
    rng = np.random.default_rng(10)
    truth = random_truth(rng)
    p = posterior(rng, truth, 2)
    found = edge_metrics(p.astype(np.float32), truth.astype(np.int8))
    record = [
        found.to_dict(),
        reliability(p, truth, found.label_matching),
        score_metrics(p[..., 1], truth).to_dict(),
    ]
    assert json.loads(json.dumps(record, allow_nan=False)) == record


@pytest.mark.parametrize(
    ("p", "truth"),
    [
        ((2, 3, 3, 2), (2, 4, 4)),
        ((2, 3, 3), (2, 3, 3)),
        ((2, 3, 3, 2), (3, 3, 3)),
        ((3, 3, 2), (3, 3)),
        ((1, 3, 2, 2), (1, 3, 2)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(p, truth):
    with pytest.raises(DataError) as caught:
        edge_metrics(np.zeros(p), np.zeros(truth, dtype=int))
    assert f"values of shape {p} and a truth of shape {truth}" in str(caught.value)


def test_reliability_refuses_nonsense():
    p, truth = one_pair((0.1, 0.9)), one_truth(1)
    with pytest.raises(ConfigError, match="bins=0"):
        reliability(p, truth, (0, 1), bins=0)
    with pytest.raises(DataError, match="a matching of 3 types for a posterior of 2"):
        reliability(p, truth, (0, 1, 2))
    assert reliability(p, one_truth(-1), (0, 1), bins=2)["accuracy"] == [None, None]


def test_two_means_against_all_cuts():
    rng = np.random.default_rng(11)
    for _ in range(20):
        values = rng.exponential(size=9).round(1)
        cuts = np.unique(values)
        within = [
            sum(((g - g.mean()) ** 2).sum() for g in (values[values <= c], values[values > c]))
            for c in cuts[:-1]
        ]
        cut = two_means_threshold(values)
        assert within[cuts.tolist().index(cut)] == pytest.approx(min(within))
    assert two_means_threshold(np.array([2.0])) == 2.0
    assert two_means_threshold(np.full(4, 0.1)) == 0.1


def test_score_agrees_with_sklearn_and_needs_no_threshold():
    rng = np.random.default_rng(12)
    truth = random_truth(rng, 3)  # labels 1 and 2 are interactions
    score = 10 + 3 * (truth > 0) + rng.normal(size=truth.shape)
    found = score_metrics(score, truth)
    y, s = truth[:, OFF].ravel() > 0, score[:, OFF].ravel()
    assert found.auroc == pytest.approx(roc_auc_score(y, s))
    assert found.auprc == pytest.approx(average_precision_score(y, s))
    assert found.edge_accuracy == pytest.approx(np.mean((s > two_means_threshold(s)) == y))
    assert found.edge_accuracy > 0.85
    backwards = score_metrics(-score, truth)
    assert backwards.edge_accuracy == pytest.approx(found.edge_accuracy)
    assert backwards.auroc == pytest.approx(1 - found.auroc)


def test_score_with_chosen_positive_labels():
    truth = one_truth(0, 1, 2, -1)
    score = np.zeros((4, 2, 2))
    score[:, 0, 1] = [0.1, 0.2, 0.9, 0.5]
    assert score_metrics(score, truth, positive=[2]).edge_accuracy == 1
    assert score_metrics(score, truth, positive=[2]).n_pairs == 3
    assert score_metrics(score, truth).edge_accuracy == pytest.approx(2 / 3)


def test_score_of_nothing_or_of_a_constant_truth():
    score = np.random.default_rng(13).random((1, 3, 3))
    nothing = score_metrics(score, np.full((1, 3, 3), -1))
    assert (nothing.edge_accuracy, nothing.auroc, nothing.n_pairs) == (None, None, 0)
    constant = score_metrics(np.ones((1, 3, 3)), np.zeros((1, 3, 3), dtype=int))
    assert (constant.edge_accuracy, constant.auroc, constant.auprc) == (1, None, None)


def test_the_majority_of_each_window():
    course = [0, 0, 2, 2, 2, -1, 1, -1, -1, -1, 1, 2]
    truth = np.zeros((1, 12, 2, 2), dtype=int)
    truth[0, :, 0, 1] = course
    windows = truth_in_windows(truth, [0, 2, 4, 7, 10, 0], [3, 6, 7, 10, 12, 12])
    # [0 0 2], [2 2 2 ?], [2 ? 1] a tie, nothing known, [1 2] a tie, all
    assert windows[0, :, 0, 1].tolist() == [0, 2, 1, -1, 1, 2]
    assert windows.shape == (1, 6, 2, 2)
    assert (windows[0, :, 1, 0] == 0).all()


def test_a_constant_truth_holds_in_every_window():
    truth = np.array([[[0, 1], [-3, 0]]])
    assert truth_in_windows(truth, [0, 5], [5, 10]).tolist() == [[[[0, 1], [-1, 0]]] * 2]


@pytest.mark.parametrize(("starts", "stops"), [([0], [7]), ([-1], [2]), ([3], [3]), ([0, 1], [2])])
def test_windows_outside_the_recording_are_refused(starts, stops):
    with pytest.raises(DataError, match="0 <= start < stop <= 6 frames"):
        truth_in_windows(np.zeros((1, 6, 2, 2)), starts, stops)


def test_a_truth_of_another_shape_has_no_windows():
    with pytest.raises(DataError, match=r"a truth of shape \(6, 2\)"):
        truth_in_windows(np.zeros((6, 2)), [0], [1])


def straight_paths(rng, frames=6):
    """Entities in uniform motion: [sequence, time, entity, feature], what was before, and the velocity."""
    start, velocity = rng.normal(size=(2, 3, 4, 2))
    time = 0.5 * np.arange(1, frames + 1)[:, None, None]
    return start[:, None] + time * velocity[:, None], start, velocity


def test_forecast_errors_by_hand():
    actual, last, velocity = straight_paths(np.random.default_rng(14))
    scale = np.array([2.0, 0.5])
    forecast = actual + 0.1
    found = forecast_errors(forecast, actual, last, velocity, [1, 4, 6, 7], scale, dt=0.5)
    assert found["steps"] == [1, 4, 6]
    assert found["unit"] == "normalised MSE"
    assert found["ours"] == pytest.approx([np.mean(0.01 / scale**2)] * 3)
    still = [np.mean((k * 0.5 * velocity / scale) ** 2) for k in (1, 4, 6)]
    assert found["nothing moves"] == pytest.approx(still)
    assert found["constant velocity"] == pytest.approx([0, 0, 0], abs=1e-24)
    assert list(found) == ["steps", "unit", "ours", "nothing moves", "constant velocity"]


def test_without_velocity_there_is_no_constant_velocity():
    actual, last, _ = straight_paths(np.random.default_rng(15))
    found = forecast_errors(actual, actual, last, None, [1, 2], 1.0)
    assert found["ours"] == [0, 0]
    assert found["constant velocity"] == [None, None]


def test_all_forecasts_are_measured_on_the_same_values():
    rng = np.random.default_rng(16)
    actual, last, velocity = straight_paths(rng)
    forecast = actual + rng.normal(size=actual.shape)
    gaps, unseen, unmoved = actual.copy(), last.copy(), velocity.copy()
    gaps[0, 0], unseen[1, 0], unmoved[1, 1] = np.nan, np.nan, np.nan
    found = forecast_errors(forecast, gaps, unseen, unmoved, [1], [1.0, 0.0])
    keep = np.ones((3, 4), dtype=bool)
    keep[0], keep[1, :2] = False, False
    assert found["ours"] == pytest.approx([np.mean((forecast - actual)[:, 0, :, 0][keep] ** 2)])
    assert found["nothing moves"] == pytest.approx([np.mean((last - actual[:, 0])[..., 0][keep] ** 2)])


def test_what_cannot_be_measured_is_none():
    actual, last, velocity = straight_paths(np.random.default_rng(17))
    actual[:, 1] = np.nan
    forecast = np.nan_to_num(actual)
    forecast[0, 2, 0, 0], forecast[0, 3, 0, 0], forecast[0, 4, 0, 0] = np.nan, np.inf, 1e200
    found = forecast_errors(forecast, actual, last, velocity, [1, 2, 3, 4, 5], 1.0)
    assert found["ours"] == [0, None, None, None, None]
    assert [value is None for value in found["nothing moves"]] == [False, True, False, False, False]


def test_forecasts_of_the_wrong_shape_or_step_are_refused():
    actual, last, velocity = straight_paths(np.random.default_rng(18))
    with pytest.raises(DataError, match=r"last \(3, 3, 2\)"):
        forecast_errors(actual, actual, last[:, 1:], velocity, [1], 1.0)
    with pytest.raises(ConfigError, match=r"steps=\[0, 1\]"):
        forecast_errors(actual, actual, last, velocity, [0, 1], 1.0)
    assert forecast_errors(actual, actual, last, velocity, [], 1.0)["ours"] == []
