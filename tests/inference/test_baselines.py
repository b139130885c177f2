"""The baselines find planted graphs, agree with textbook formulas, and are never at a loss."""

import time

import numpy as np
import pytest
import xarray as xr
from sklearn.covariance import ledoit_wolf
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score

from edgewise.data import from_arrays
from edgewise.errors import ConfigError, DataError
from edgewise.inference.baselines import (
    BASELINES,
    RIDGE,
    correlation,
    lag_regression,
    partial_correlation,
    score_to_probability,
)
from edgewise.inference.metrics import edge_metrics, score_metrics

SYMMETRIC = [correlation, partial_correlation]
ALL = list(BASELINES.values())


def off_diagonal(scores):
    return scores[..., ~np.eye(scores.shape[-1], dtype=bool)]


def planted(rng, sequences=4, frames=300, n=6, graph=None):
    """A stable first-order autoregression on a directed graph [sequence, receiver, sender], and the graph."""
    if graph is None:
        graph = rng.random((sequences, n, n)) < 0.3
    graph = np.broadcast_to(graph & ~np.eye(n, dtype=bool), (sequences, n, n))
    weights = 0.35 * graph / np.maximum(graph.sum(axis=-1, keepdims=True), 1) ** 0.5 + 0.4 * np.eye(n)
    x = np.zeros((sequences, frames, n))
    for t in range(1, frames):
        x[:, t] = np.einsum("qrs,qs->qr", weights, x[:, t - 1]) + rng.normal(size=(sequences, n))
    return from_arrays({"x": x}), graph.astype(int)


def walks(rng, shape=(3, 30, 4), names=("x", "y")):
    return from_arrays({name: rng.normal(size=shape).cumsum(axis=1) for name in names})


def with_values(ds, change):
    return ds.assign({name: (ds[name].dims, change(ds[name].to_numpy().copy())) for name in ds.data_vars})


def test_lag_regression_finds_a_directed_graph():
    ds, graph = planted(np.random.default_rng(0))
    assert score_metrics(lag_regression(ds), graph).auroc > 0.9
    reverse = score_metrics(lag_regression(ds), graph.swapaxes(1, 2)).auroc
    assert reverse < score_metrics(lag_regression(ds), graph).auroc - 0.2


def test_correlations_find_who_belongs_together():
    """Two groups, each with a common cause that is one of its members."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=(5, 200, 6))
    x[..., 1:3] += x[..., :1]
    x[..., 4:] += x[..., 3:4]
    ds = from_arrays({"x": x})
    group = np.array([0, 0, 0, 1, 1, 1])
    together = np.broadcast_to(group[:, None] == group, (5, 6, 6)).astype(int)
    assert score_metrics(correlation(ds), together).auroc > 0.99
    direct = np.zeros((6, 6), dtype=int)
    direct[[0, 0, 3, 3], [1, 2, 4, 5]] = 1
    direct = np.broadcast_to(direct + direct.T, (5, 6, 6))
    # given the common cause its effects are independent: only the partial correlation sees that
    assert score_metrics(partial_correlation(ds), direct).edge_accuracy == 1
    assert score_metrics(correlation(ds), direct).edge_accuracy < 0.95


def test_correlation_is_that_of_numpy():
    ds = walks(np.random.default_rng(2))
    expected = np.mean(
        [[np.abs(np.corrcoef(x.T)) for x in ds[name].to_numpy()] for name in ("x", "y")], axis=0
    )
    np.testing.assert_allclose(off_diagonal(correlation(ds)), off_diagonal(expected), atol=1e-12)


def test_correlation_is_over_the_common_frames():
    rng = np.random.default_rng(3)
    ds = with_values(walks(rng, names=("x",)), lambda x: np.where(rng.random(x.shape) < 0.3, np.nan, x))
    found = correlation(ds)
    x = ds["x"].to_numpy()[1]
    both = np.isfinite(x[:, 0]) & np.isfinite(x[:, 2])
    assert found[1, 0, 2] == pytest.approx(np.abs(np.corrcoef(x[both, 0], x[both, 2])[0, 1]))


def test_two_common_frames_are_no_evidence():
    x = np.full((1, 4, 2), np.nan)
    x[0, :3, 0], x[0, 1:, 1] = [1.0, 2.0, 5.0], [3.0, 2.0, 4.0]
    assert (correlation(from_arrays({"x": x})) == 0).all()


def test_partial_correlation_is_that_of_ledoit_and_wolf():
    ds = walks(np.random.default_rng(4), names=("x",))
    expected = []
    for x in ds["x"].to_numpy():
        precision = np.linalg.inv(ledoit_wolf((x - x.mean(axis=0)) / x.std(axis=0))[0])
        scale = np.sqrt(np.diag(precision))
        expected.append(np.abs(precision) / np.outer(scale, scale))
    np.testing.assert_allclose(
        off_diagonal(partial_correlation(ds)), off_diagonal(np.array(expected)), atol=1e-10
    )


def test_lag_regression_is_a_ridge_regression():
    ds = walks(np.random.default_rng(5))
    x = np.stack([ds[name].to_numpy()[1] for name in ("x", "y")], axis=-1)  # [time, entity, feature]
    state = ((x - x.mean(axis=0)) / x.std(axis=0)).reshape(len(x), -1)
    ridge = Ridge(alpha=RIDGE * (len(x) - 1)).fit(state[:-1], state[1:])
    blocks = ridge.coef_.reshape(4, 2, 4, 2)  # [receiver, feature, sender, feature]
    expected = np.sqrt((blocks**2).sum(axis=(1, 3)))
    np.testing.assert_allclose(off_diagonal(lag_regression(ds)[1]), off_diagonal(expected), atol=1e-10)


@pytest.mark.parametrize("baseline", SYMMETRIC)
def test_correlations_have_no_direction(baseline):
    found = baseline(walks(np.random.default_rng(6)))
    np.testing.assert_allclose(found, found.swapaxes(1, 2), atol=1e-10)


@pytest.mark.parametrize("baseline", ALL)
@pytest.mark.parametrize("scope", ["per-sequence", "shared"])
def test_permuting_entities_permutes_scores(baseline, scope):
    ds = walks(np.random.default_rng(7))
    order = [2, 0, 3, 1]
    np.testing.assert_allclose(
        baseline(ds.isel(entity=order), scope), baseline(ds, scope)[:, order][:, :, order], atol=1e-10
    )


@pytest.mark.parametrize("baseline", ALL)
def test_units_do_not_matter(baseline):
    ds = walks(np.random.default_rng(8))
    gain = np.array([1e-3, 1.0, -7.0, 1e4])
    np.testing.assert_allclose(
        baseline(with_values(ds, lambda x: 5 + gain * x)), baseline(ds), rtol=1e-6, atol=1e-8
    )


@pytest.mark.parametrize("baseline", ALL)
def test_each_sequence_is_on_its_own_unless_shared(baseline):
    ds = walks(np.random.default_rng(9))
    apart = np.concatenate([baseline(ds.isel(sequence=[s])) for s in range(3)])
    np.testing.assert_allclose(baseline(ds), apart, atol=1e-12)
    one = ds.isel(sequence=[0])
    np.testing.assert_allclose(baseline(one, "shared"), baseline(one), atol=1e-12)
    twice = ds.isel(sequence=[0, 0]).assign_coords(sequence=["a", "b"])
    if baseline is not partial_correlation:  # with twice the frames it shrinks less
        np.testing.assert_allclose(baseline(twice, "shared"), baseline(one), atol=1e-12)


@pytest.mark.parametrize("baseline", ALL)
def test_shared_scope_pools_the_sequences(baseline):
    """Twenty short recordings of one graph tell more than one, whatever the level and unit of each."""
    rng = np.random.default_rng(10)
    graph = rng.random((1, 6, 6)) < 0.3
    graph = graph | graph.swapaxes(1, 2) if baseline in SYMMETRIC else graph
    ds, truth = planted(rng, sequences=30, frames=40, graph=graph)
    level = rng.normal(scale=50, size=(30, 1, 6))
    ds = with_values(ds, lambda x: level + np.exp(level / 50) * x)
    pooled = baseline(ds, "shared")
    assert pooled.shape == (1, 6, 6)
    shared, single = score_metrics(pooled, truth[:1]).auroc, score_metrics(baseline(ds), truth).auroc
    assert shared > max(single, 0.9)


@pytest.mark.parametrize("baseline", ALL)
def test_missing_values_change_little(baseline):
    rng = np.random.default_rng(11)
    time = np.linspace(0, 6, 120)[:, None]
    smooth = np.sin(rng.uniform(0.5, 3, (4, 1, 6)) * time + rng.uniform(0, 6, (4, 1, 6)))
    whole = from_arrays({"x": smooth})
    holes = with_values(whole, lambda x: np.where(rng.random(x.shape) < 0.1, np.nan, x))
    np.testing.assert_allclose(baseline(holes), baseline(whole), atol=0.15)


@pytest.mark.parametrize("baseline", ALL)
def test_padding_changes_nothing(baseline):
    ds = walks(np.random.default_rng(12), shape=(2, 30, 4))
    padded = ds.isel(time=slice(0, 20)).reindex(time=ds["time"])
    np.testing.assert_allclose(
        baseline(padded, "shared"), baseline(ds.isel(time=slice(0, 20)), "shared"), atol=1e-12
    )


@pytest.mark.parametrize("baseline", ALL)
@pytest.mark.parametrize("scope", ["per-sequence", "shared"])
def test_series_that_say_nothing_score_zero(baseline, scope):
    """One entity never moves, one is never seen, one is seen once; the others are as without them."""
    ds = walks(np.random.default_rng(13), shape=(2, 30, 6))

    def silence(x):
        x[..., 3], x[..., 4], x[:, 1:, 5] = 0.1, np.nan, np.nan
        return x

    found = baseline(with_values(ds, silence), scope)
    assert np.isfinite(found).all()
    assert (found[:, 3:] == 0).all()
    assert (found[:, :, 3:] == 0).all()
    np.testing.assert_allclose(found[:, :3, :3], baseline(ds.isel(entity=slice(3)), scope), atol=1e-12)


@pytest.mark.parametrize("baseline", ALL)
@pytest.mark.parametrize("frames", [2, 3, 5])
def test_fewer_frames_than_entities(baseline, frames):
    found = baseline(walks(np.random.default_rng(14), shape=(3, frames, 9)))
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    assert (np.diagonal(found, axis1=1, axis2=2) == 0).all()


@pytest.mark.parametrize("baseline", ALL)
def test_copies_and_nothing_at_all_are_finite(baseline):
    ds = walks(np.random.default_rng(15), shape=(2, 40, 4))
    copies = with_values(ds, lambda x: np.repeat(x[..., :1], 4, axis=-1))
    assert np.isfinite(baseline(copies)).all()
    assert (off_diagonal(baseline(copies)) > 0).all()
    silent = xr.Dataset({"x": (("sequence", "time", "entity"), np.full((2, 5, 3), np.nan))})
    assert (baseline(silent) == 0).all()


@pytest.mark.parametrize("baseline", ALL)
def test_truth_is_not_read(baseline):
    ds, graph = planted(np.random.default_rng(16), frames=30)
    told = ds.assign(edges=(("sequence", "receiver", "sender"), graph))
    np.testing.assert_array_equal(baseline(told), baseline(ds))


@pytest.mark.parametrize("baseline", ALL)
def test_other_scopes_and_empty_data_are_refused(baseline):
    with pytest.raises(ConfigError, match="scope is 'per-window'"):
        baseline(walks(np.random.default_rng(17)), "per-window")
    with pytest.raises(DataError, match="no feature"):
        baseline(xr.Dataset())


def seconds(call):
    start = time.process_time()
    call()
    return time.process_time() - start


@pytest.mark.parametrize("baseline", ALL)
def test_sequences_are_worked_on_together(baseline):
    """500 sequences cost far less than 500 times one: 9 to 15 times less where this was measured."""
    ds = walks(np.random.default_rng(18), shape=(500, 49, 5), names=("x", "y", "vx", "vy"))
    one = ds.isel(sequence=[0])
    together = min(seconds(lambda: baseline(ds)) for _ in range(3))
    assert together < 10 * seconds(lambda: [baseline(one) for _ in range(50)]) / 3


def test_probability_is_monotone_in_the_score():
    rng = np.random.default_rng(19)
    for spread in (0.02, 0.1, 0.5):  # the upper group narrower, alike, and wider than the lower one
        score = np.where(
            rng.random((20, 6, 6)) < 0.4, rng.normal(1, spread, (20, 6, 6)), rng.normal(0, 0.1, (20, 6, 6))
        )
        p = score_to_probability(score)
        order = np.argsort(off_diagonal(score).ravel())
        assert (np.diff(off_diagonal(p[..., 1]).ravel()[order]) >= 0).all()
        np.testing.assert_allclose(p.sum(axis=-1), 1)
        assert (np.diagonal(p[..., 1], axis1=1, axis2=2) == 0).all()


def test_probability_of_a_mixture_is_calibrated():
    rng = np.random.default_rng(20)
    truth = (rng.random((60, 6, 6)) < 0.3).astype(int)
    score = rng.normal(truth * 2.5, 1 + 0.3 * truth)
    found = edge_metrics(score_to_probability(score), truth)
    assert found.label_matching == (0, 1)
    assert found.ece < 0.05
    assert found.auroc == pytest.approx(
        roc_auc_score(off_diagonal(truth).ravel(), off_diagonal(score).ravel()), abs=0.01
    )


def test_probability_does_not_depend_on_the_unit_of_the_score():
    score = np.random.default_rng(21).gamma(1.0, size=(5, 6, 6))
    np.testing.assert_allclose(score_to_probability(1e-6 * score + 3), score_to_probability(score), atol=1e-4)


def test_equal_scores_say_nothing():
    p = score_to_probability(np.full((2, 3, 3), 0.3))
    assert (off_diagonal(p[..., 1]) == 0.5).all()
    assert (np.diagonal(p[..., 1], axis1=1, axis2=2) == 0).all()


def test_scores_that_are_missing_stay_so():
    score = np.random.default_rng(22).random((4, 4))
    score[0, 1], score[2, 2] = np.nan, np.nan
    p = score_to_probability(score)
    assert np.isnan(p[0, 1]).all()
    assert np.isfinite(np.delete(p.reshape(16, 2), 1, axis=0)).all()


def test_many_scores_are_fitted_by_a_sample():
    rng = np.random.default_rng(23)
    truth = (rng.random((100, 30, 30)) < 0.3).astype(int)
    found = edge_metrics(score_to_probability(rng.normal(4 * truth)), truth)
    assert found.edge_accuracy > 0.95
