"""Figures against the truth: one rule for scores and posteriors."""

import numpy as np
import pytest
import xarray as xr
from sklearn.metrics import average_precision_score, roc_auc_score

from edgewise.data import from_arrays
from edgewise.inference import InferenceConfig
from edgewise.inference.compare.answers import Answer, answer, blind
from edgewise.inference.compare.truth_figures import FIGURES, orientation, truth_figures
from edgewise.inference.peers.score import scores

from ..worlds import QUICK, planted, springs

OFF = ~np.eye(4, dtype=bool)


def asked(method, **settings):
    return InferenceConfig.from_dict({"method": method} | settings)


def test_a_score_is_ranked_as_it_is_not_as_its_probability():
    ds, truth = planted()
    score = scores(ds, asked("lag-regression"))
    figures = truth_figures(answer(ds, asked("lag-regression")), ds)
    assert tuple(figures) == FIGURES
    wanted, given = truth[:, OFF].ravel() > 0, score[:, OFF].ravel()
    assert figures["auroc"] == pytest.approx(roc_auc_score(wanted, given))
    assert figures["auprc"] == pytest.approx(average_precision_score(wanted, given))


def test_a_ranking_counts_in_the_better_direction_for_everyone():
    ds, _ = planted()
    found = answer(ds, asked("lag-regression"))
    turned = Answer(found.probability[..., ::-1], -found.rank, ~found.linked)
    assert truth_figures(turned, ds) == pytest.approx(truth_figures(found, ds))


def test_the_truth_is_not_looked_at():
    ds, _ = planted()
    assert "edges" not in blind(ds)
    for method, settings in (("correlation", {}), ("superposition", QUICK)):
        known = answer(ds, asked(method, **settings))
        assert known.rank.tobytes() == answer(blind(ds), asked(method, **settings)).rank.tobytes()


def test_a_shared_graph_is_compared_with_every_recording():
    ds, _ = planted()
    figures = truth_figures(answer(ds, asked("correlation", graph="shared")), ds)
    assert 0 <= figures["auroc"] <= 1
    assert figures["orientation"] == 0.5  # correlation has no direction


def test_pairs_that_were_no_candidates_are_not_measured():
    ds, truth = planted()
    found = answer(ds, asked("lag-regression"))
    p, rank = found.probability.to_numpy().copy(), found.rank.copy()
    p[:, 0, 1:], rank[:, 0, 1:] = 0.0, np.nan
    figures = truth_figures(Answer(found.probability.copy(data=p), rank, found.linked), ds)
    measured = OFF & (np.arange(4) > 0)[:, None]
    assert figures["auroc"] == pytest.approx(
        roc_auc_score(truth[:, measured].ravel(), rank[:, measured].ravel())
    )


def test_windows_are_compared_one_by_one():
    ds = springs(steps=20)
    found = answer(ds, asked("superposition", graph="per-window", window=8, **QUICK))
    assert found.rank.ndim == 4
    assert found.linked.ndim == 3
    assert truth_figures(found, ds)["edge_accuracy"] is not None


def test_more_types_use_the_matching_of_types():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, size=(2, 4, 4)) * OFF
    p = np.eye(3)[truth] * 0.8 + 0.2 / 3
    ds = from_arrays({"level": rng.normal(size=(2, 6, 4))}, edges=truth)
    probability = xr.DataArray(p, dims=("sequence", "receiver", "sender", "type"))
    figures = truth_figures(Answer(probability, 1 - p[..., 0], truth > 0), ds)
    assert figures["auroc"] == figures["auprc"] == figures["f1"] == figures["edge_accuracy"] == 1


def test_orientation_by_a_plain_loop():
    rng = np.random.default_rng(1)
    truth = rng.integers(-1, 2, size=(3, 5, 5))
    rank = rng.integers(0, 4, size=(3, 5, 5)).astype(float)
    rank[0, 1, 2] = np.nan
    right = []
    for q in range(3):
        for i in range(5):
            for j in range(5):
                if i != j and truth[q, i, j] == 1 and truth[q, j, i] == 0:
                    a, b = rank[q, i, j], rank[q, j, i]
                    if np.isfinite(a) and np.isfinite(b):
                        right.append(1.0 if a > b else 0.5 if a == b else 0.0)
    assert orientation(rank, truth) == pytest.approx(np.mean(right))


def test_orientation_is_undefined_where_every_pair_is_mutual():
    assert orientation(np.zeros((1, 3, 3)), np.ones((1, 3, 3), dtype=int)) is None
