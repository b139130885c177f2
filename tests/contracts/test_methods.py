"""One contract for every method of inference: the form of its answer, what it may look at, and its run folder."""

import numpy as np
import pytest

from edgewise.errors import ConfigError
from edgewise.inference import Inference, infer
from edgewise.inference.config import LEARNED, METHODS
from edgewise.inference.peers import PEERS, installed
from edgewise.physics import simulate

SETTINGS = {
    "superposition": {"hidden": 8, "max_steps": 24},
    "hybrid": {"hidden": 8, "max_steps": 24, "encoder_steps": 4},
    "linear": {"prior": [0.2, 0.8]},
    "nri": {"hidden": 8, "max_steps": 4, "frames": 14, "batch_size": 4},
}
HERE = [method for method in METHODS if installed(method) and method != "pcmci"]
"""pcmci takes seconds a system of sixteen series; `tests/inference/peers` gives it fewer."""
ALL = pytest.mark.parametrize("method", HERE)
FITTED = list(LEARNED)
DIRECTED = {"lag-regression", *(name for name, peer in PEERS.items() if peer.directed)}
"""Scores of directed pairs, which stay what they are where an undirected graph is asked for."""


def systems(**choices):
    return simulate("springs", sequences=4, entities=4, steps=16, seed=1, **choices)


@pytest.fixture(scope="module")
def results():
    """A result of every method on the same data."""
    return {method: infer(systems(), method=method, **SETTINGS.get(method, {})) for method in HERE}


def probabilities(result):
    return result.probability.to_numpy()


@ALL
def test_the_answer_is_a_posterior_with_names(results, method):
    p = results[method].probability
    assert p.dims == ("sequence", "receiver", "sender", "type")
    assert p.shape == (4, 4, 4, 2)
    values = p.to_numpy()
    assert ((values >= 0) & (values <= 1)).all()
    np.testing.assert_allclose(values.sum(-1), 1, atol=1e-9)
    assert (values[:, range(4), range(4), 0] == 1).all()
    assert len(results[method].types) == 2
    assert results[method].about["method"] == method


@ALL
def test_the_same_settings_give_the_same_bytes_whatever_the_truth(results, method):
    blind = infer(systems().drop_vars("edges"), method=method, **SETTINGS.get(method, {}))
    assert probabilities(blind).tobytes() == probabilities(results[method]).tobytes()
    assert blind.metrics["edge_accuracy"] is None
    assert results[method].metrics["edge_accuracy"] is not None


@ALL
def test_an_undirected_pair_is_one_row_and_the_same_both_ways(method):
    result = infer(systems(), method=method, undirected=True, **SETTINGS.get(method, {}))
    p = probabilities(result)
    if method not in DIRECTED:
        np.testing.assert_allclose(p, p.swapaxes(1, 2), atol=1e-6)
    rows = result.edges()[["sequence", "source", "target"]].to_numpy().tolist()
    assert len({(sequence, frozenset(pair)) for sequence, *pair in rows}) == len(rows) > 0


@ALL
def test_a_run_folder_brings_it_back(results, method, tmp_path):
    loaded = Inference.load(results[method].save(tmp_path / "run"))
    assert probabilities(loaded).tobytes() == probabilities(results[method]).tobytes()
    assert loaded.config == results[method].config
    assert loaded.types == results[method].types


@pytest.mark.parametrize("method", FITTED)
def test_new_recordings_are_read_one_by_one_as_together(results, method, tmp_path):
    fresh = simulate("springs", sequences=3, entities=4, steps=16, seed=9)
    together = results[method].apply(fresh)
    alone = results[method].apply(fresh.isel(sequence=[1]))
    np.testing.assert_allclose(alone.probability[0], together.probability[1], atol=1e-5)
    loaded = Inference.load(results[method].save(tmp_path / "run"))
    assert probabilities(loaded.apply(fresh)).tobytes() == probabilities(together).tobytes()


@pytest.mark.parametrize("method", FITTED)
def test_entities_in_another_order_are_the_same_entities(results, method):
    fresh = simulate("springs", sequences=3, entities=4, steps=16, seed=9)
    order = [2, 0, 3, 1]
    turned = fresh.isel(entity=order, receiver=order, sender=order)
    first, second = (probabilities(results[method].apply(ds)) for ds in (fresh, turned))
    np.testing.assert_allclose(second, first[:, order][:, :, order], atol=1e-5)


@pytest.mark.parametrize("method", FITTED)
def test_the_future_has_the_features_of_the_data(results, method):
    ahead = results[method].forecast(steps=3)
    for name in ("x", "y", "vx", "vy"):
        assert ahead[name].dims == ("sequence", "time", "entity")
        assert np.isfinite(ahead[name]).all()


@pytest.mark.parametrize("method", [method for method in HERE if method not in LEARNED])
def test_a_score_has_no_law(results, method):
    for ask in (lambda r: r.forecast(steps=2), lambda r: r.apply(systems()), lambda r: r.law()):
        with pytest.raises(ConfigError, match=f"{method} learns no law"):
            ask(results[method])
