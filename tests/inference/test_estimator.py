"""The scikit-learn estimator: scikit-learn's own checks, and what it finds and foretells."""

import pickle

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from edgewise import RelationalInference, from_arrays
from edgewise.errors import ConfigError, DataError

TINY = {"hidden": 4, "calibrate": False, "noise": "profiled"}
NAMES = ["source", "middle", "sink"]


def chain(frames: int, seed: int) -> np.ndarray:
    """A linear world with known one-step forecast: source -> middle -> sink, each pulled back to 0.

    x(t+1) = x(t) + F x(t) + noise.
    """
    rng = np.random.default_rng(seed)
    x = np.zeros((frames, 3))
    for t in range(frames - 1):
        x[t + 1] = x[t] + pull() @ x[t] + 0.3 * rng.normal(size=3)
    return x


def pull() -> np.ndarray:
    return np.array([[-0.2, 0.0, 0.0], [0.5, -0.4, 0.0], [0.0, 0.5, -0.4]])


def quick(**parameters) -> RelationalInference:
    return RelationalInference(max_steps=2, settings=TINY, **parameters)


@pytest.fixture(scope="module")
def fitted() -> RelationalInference:
    frame = pd.DataFrame(chain(600, 0), columns=NAMES)
    return RelationalInference(
        additive=True, max_steps=400, settings={"hidden": 16, "learning_rate": 1e-2}
    ).fit(frame)


@parametrize_with_checks([quick()])
def test_what_scikit_learn_asks_of_an_estimator(estimator, check):
    check(estimator)


def test_the_graph_points_from_the_sender_to_the_receiver(fitted):
    p = fitted.edge_prob_
    assert p.shape == (3, 3)
    assert p[1, 0] > 0.9
    assert p[2, 1] > 0.9
    assert p[0, 1] < 0.5
    assert p[0, 2] < 0.5
    assert np.diag(p).tolist() == [0, 0, 0]
    assert isinstance(fitted.graph_, nx.DiGraph)
    assert {("source", "middle"), ("middle", "sink")} <= set(fitted.graph_.edges)
    assert list(fitted.feature_names_in_) == NAMES
    assert fitted.n_features_in_ == 3


def test_a_prediction_is_the_expected_next_frame(fitted):
    fresh = pd.DataFrame(chain(200, 1), columns=NAMES)
    predicted = fitted.predict(fresh)
    best = fresh.to_numpy() @ (np.eye(3) + pull()).T
    assert predicted.shape == fresh.shape
    assert np.mean((predicted - best) ** 2) < 0.1 * np.mean((fresh.to_numpy() - best) ** 2)


def test_the_score_is_one_minus_the_error_beside_persistence(fitted):
    fresh = pd.DataFrame(chain(200, 2), columns=NAMES)
    x, ahead = fresh.to_numpy(), fitted.predict(fresh)
    by_hand = 1 - ((x[1:] - ahead[:-1]) ** 2).sum() / ((x[1:] - x[:-1]) ** 2).sum()
    assert fitted.score(fresh) == pytest.approx(by_hand)
    assert 0.2 < by_hand < 1


def test_predictions_know_nothing_of_what_follows():
    x = chain(40, 3)
    model = quick(lags=2).fit(x)
    whole, part = model.predict(x), model.predict(x[:21])
    np.testing.assert_allclose(whole[:21], part, atol=1e-9)


def test_what_follows_lags_needs_its_past():
    """Row t reads rows t-2 .. t, and the first rows as if the first frame had stood still before."""
    x = chain(40, 3)
    model = quick(lags=2).fit(x)
    standing = np.concatenate([np.repeat(x[:1], 5, axis=0), x])
    np.testing.assert_allclose(model.predict(standing)[5:], model.predict(x), atol=1e-9)


def test_a_single_frame_can_be_predicted_from(fitted):
    one = pd.DataFrame(chain(3, 4)[-1:], columns=NAMES)
    assert fitted.predict(one).shape == (1, 3)
    with pytest.raises(DataError, match="nothing moves in these 1 frames"):
        fitted.score(one)


def test_cloning_pickling_and_searching():
    x = chain(40, 5)
    model = quick(lags=1)
    assert clone(model).get_params() == model.get_params()
    restored = pickle.loads(pickle.dumps(model.fit(x)))
    np.testing.assert_array_equal(restored.predict(x), model.predict(x))
    search = GridSearchCV(quick(), {"lags": [0, 1]}, cv=TimeSeriesSplit(2)).fit(x)
    assert search.best_params_["lags"] in (0, 1)
    assert make_pipeline(StandardScaler(), quick()).fit(x).predict(x).shape == x.shape


def test_stacks_of_recordings_and_data_sets():
    stack = np.stack([chain(30, seed) for seed in (6, 7)])
    model = quick().fit(stack)
    assert model.predict(stack).shape == stack.shape
    assert model.edge_prob_.shape == (3, 3)
    assert model.n_features_in_ == 3
    assert not hasattr(model, "feature_names_in_")
    features = np.stack([stack, -stack], -1)
    assert quick().fit(features).predict(features).shape == features.shape
    ds = from_arrays({"x": stack, "y": -stack}, position=["x", "y"], entity=NAMES)
    model = quick().fit(ds)
    assert model.predict(ds).shape == (2, 30, 3, 2)
    assert list(model.feature_names_in_) == NAMES
    assert np.isfinite(model.score(ds))
    with pytest.raises(ValueError, match="expected: those of the fit"):
        model.predict(ds.isel(entity=[1, 0, 2]))
    with pytest.raises(ValueError, match="X has 2 features, but RelationalInference is expecting 3"):
        model.predict(ds.isel(entity=[0, 1]))


def test_long_tables():
    x = chain(30, 8)
    long = pd.DataFrame(x, columns=NAMES).rename_axis("t").reset_index().melt("t", var_name="id")
    one, other = quick().fit(long), quick().fit(pd.DataFrame(x, columns=NAMES))
    order = [list(one.feature_names_in_).index(name) for name in NAMES]
    assert one.edge_prob_.shape == other.edge_prob_.shape
    assert one.predict(long)[0, :, order, 0].shape == other.predict(pd.DataFrame(x, columns=NAMES)).T.shape


@pytest.mark.parametrize("graph", ["per-sequence", "per-window"])
def test_several_graphs_are_averaged(graph):
    stack = np.stack([chain(40, seed) for seed in (9, 10)])
    settings = TINY | {"window": 20}
    model = RelationalInference(graph=graph, max_steps=2, settings=settings).fit(stack)
    p = model.inference_.interaction()
    over = [dim for dim in p.dims if dim not in ("receiver", "sender")]
    np.testing.assert_allclose(model.edge_prob_, p.mean(over).to_numpy())
    assert all(model.edge_prob_[int(b), int(a)] > 0.5 for a, b in model.graph_.edges)
    assert model.predict(stack).shape == stack.shape


def test_gaps_are_not_predicted_and_not_scored():
    x = chain(60, 11)
    model = quick().fit(x)
    x[10, 1] = np.nan
    with_gap = model.predict(x)
    assert np.isfinite(model.score(x))
    assert np.isfinite(with_gap[11:]).all()


def test_a_seed_is_drawn_where_none_is_given():
    x = chain(30, 12)
    one, two = (quick(random_state=np.random.RandomState(3)).fit(x) for _ in range(2))
    assert one.inference_.config == two.inference_.config
    assert quick(random_state=None).fit(x).inference_.config.training.seed >= 0


def test_scores_without_a_law_have_no_prediction():
    model = quick(method="correlation").fit(chain(50, 13))
    assert model.edge_prob_[1, 0] == model.edge_prob_[0, 1]
    assert not hasattr(model, "predict")
    assert not hasattr(model, "score")


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"settings": {"lags": 1}}, "settings holds lags"),
        ({"settings": {"seed": 1}}, "the seed is random_state"),
        ({"settings": {"hiden": 16}}, "hidden"),
        ({"edge_types": 1}, "edge_types"),
    ],
)
def test_wrong_settings_are_said_when_fitting(parameters, says):
    with pytest.raises(ConfigError, match=says):
        RelationalInference(**parameters).fit(chain(30, 14))


def test_many_constant_or_equal_series_give_a_result_or_an_error():
    x = chain(40, 15)
    for columns in (np.c_[x, np.ones((40, 3))], np.c_[x, x], np.c_[x, x[:, :1] * 2]):
        model = quick().fit(columns)
        assert np.isfinite(model.edge_prob_).all()
        assert np.isfinite(model.predict(columns)).all()
    with pytest.raises(DataError, match="nothing moves"):
        quick().fit(np.ones((40, 3)))


def test_rows_of_a_table_follow_one_another_whatever_its_index():
    frame = pd.DataFrame(chain(30, 16), columns=NAMES)
    dated = frame.set_index(pd.date_range("2026-01-01", periods=30, freq="D"))
    np.testing.assert_array_equal(quick().fit(frame).predict(frame), quick().fit(dated).predict(dated))


def test_labelled_arrays_are_taken():
    array = xr.DataArray(chain(30, 17), dims=("time", "entity"), coords={"entity": NAMES})
    assert quick().fit(array).predict(array).shape == (1, 30, 3, 1)
