"""Peers give a score [receiver, sender], whatever their own convention is."""

import sys
from types import ModuleType

import numpy as np
import pytest
from sklearn.covariance import GraphicalLassoCV

from edgewise.data import from_arrays
from edgewise.errors import ConfigError, DataError
from edgewise.inference import Inference, InferenceConfig, infer
from edgewise.inference.peers import PEERS, installed
from edgewise.inference.peers.reconstructors import RECONSTRUCTORS
from edgewise.inference.peers.score import ADAPTERS, scores

SENDER, RECEIVER = 0, 1
HERE = [name for name in PEERS if installed(name)]
DIRECTED = [name for name in HERE if PEERS[name].directed]


def planted(sequences=2, frames=150, n=4, seed=0):
    """Autoregressions, of which one acts on one other: SENDER -> RECEIVER."""
    rng = np.random.default_rng(seed)
    x = np.zeros((sequences, frames, n))
    for t in range(1, frames):
        x[:, t] = 0.4 * x[:, t - 1] + rng.normal(size=(sequences, n))
        x[:, t, RECEIVER] += 0.9 * x[:, t - 1, SENDER]
    truth = np.zeros((sequences, n, n), dtype=int)
    truth[:, RECEIVER, SENDER] = 1
    return from_arrays({"level": x}, edges=truth)


def asked(method, **settings):
    return InferenceConfig.from_dict({"method": method} | settings)


@pytest.mark.parametrize("scope", ["per-sequence", "shared"])
@pytest.mark.parametrize("method", DIRECTED)
def test_a_planted_link_is_found_in_its_direction(method, scope):
    ds = planted()
    found = scores(ds, asked(method, graph=scope))
    assert found.shape == (1 if scope == "shared" else 2, 4, 4)
    for score in found:
        assert score.argmax() == 4 * RECEIVER + SENDER
        assert score[RECEIVER, SENDER] > 2 * score[SENDER, RECEIVER]
        assert (np.diagonal(score) == 0).all()


@pytest.mark.parametrize("method", [name for name in HERE if name not in DIRECTED])
def test_a_peer_without_direction_is_symmetric_and_finds_the_pair(method):
    x = np.random.default_rng(2).normal(size=(1, 300, 4))
    x[..., RECEIVER] += 2 * x[..., SENDER]
    (score,) = scores(from_arrays({"level": x}), asked(method))
    np.testing.assert_allclose(score, score.T, atol=1e-9)
    assert set(divmod(int(score.argmax()), 4)) == {RECEIVER, SENDER}


@pytest.mark.skipif(not installed("pcmci"), reason="tigramite is not installed")
def test_pcmci_hears_effects_within_a_frame_when_told_to():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1, 120, 3))
    x[..., 1] += x[..., 0]
    ds = from_arrays({"level": x})
    (late,), (within,) = (scores(ds, asked("pcmci", shortest_delay=d)) for d in (1, 0))
    assert within[0, 1] > 0.5 > late[0, 1]
    assert within[1, 0] > 0.5


def test_the_graphical_lasso_is_scikit_learns():
    ds = planted(sequences=1)
    x = ds["level"].to_numpy()[0]
    x = (x - x.mean(0)) / x.std(0)
    precision = GraphicalLassoCV(assume_centered=True).fit(x).precision_
    wanted = np.abs(precision) / np.sqrt(np.outer(np.diag(precision), np.diag(precision)))
    np.fill_diagonal(wanted, 0)
    np.testing.assert_allclose(scores(ds, asked("graphical-lasso"))[0], wanted, atol=1e-9)


def test_an_ordinary_result_comes_of_it(tmp_path):
    result = infer(planted(), method="graphical-lasso", graph="shared", series="increments")
    assert result.about["settings"]["series"] == "increments"
    assert result.metrics["auroc"] > 0.5
    loaded = Inference.load(result.save(tmp_path / "run"))
    assert loaded.config.peers.series == "increments"
    assert loaded.probability.equals(result.probability)


def fake_netrd(monkeypatch, weights):
    """A package of netrd's form whose every class says `weights`."""
    seen = {}

    class Kind:
        def __init__(self):
            self.results = {}

        def fit(self, series, **options):
            seen.update(options, shape=series.shape)
            print("netrd is chatty")
            self.results["weights_matrix"] = weights
            return self

    package, reconstruction = ModuleType("netrd"), ModuleType("netrd.reconstruction")
    package.reconstruction = reconstruction
    for peer in RECONSTRUCTORS.values():
        setattr(reconstruction, peer.kind, Kind)
    monkeypatch.setitem(sys.modules, "netrd", package)
    monkeypatch.setitem(sys.modules, "netrd.reconstruction", reconstruction)
    monkeypatch.setattr("edgewise.inference.peers.score.installed", lambda method: True)
    return seen


@pytest.mark.parametrize(("method", "rows"), [("netrd:granger", "sender"), ("netrd:mean-field", "receiver")])
def test_matrices_of_netrd_are_turned_where_their_rows_send(monkeypatch, capsys, method, rows):
    weights = np.arange(16.0).reshape(4, 4)
    seen = fake_netrd(monkeypatch, weights)
    score = scores(planted(), asked(method, longest_delay=3))[0]
    assert capsys.readouterr().out == ""
    assert seen["shape"] == (4, 150)
    assert seen.get("lag") == (3 if method == "netrd:granger" else None)
    wanted = weights.T if rows == "sender" else weights
    np.testing.assert_array_equal(score, np.where(np.eye(4, dtype=bool), 0, wanted))


def test_an_infinite_answer_is_an_error(monkeypatch):
    weights = np.ones((4, 4))
    weights[1, 2] = np.inf
    fake_netrd(monkeypatch, weights)
    with pytest.raises(DataError, match="netrd:ou gave no finite answer for recording 0"):
        scores(planted(), asked("netrd:ou"))


def test_a_peer_that_fails_says_what_it_was_given(monkeypatch):
    def broken(group, settings):
        raise ValueError("need more data")

    monkeypatch.setitem(ADAPTERS, "graphical-lasso", broken)
    with pytest.raises(
        DataError, match=r"for recording 0 \(150 frames, 4 series that change\).*need more data"
    ):
        scores(planted(), asked("graphical-lasso"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"edge_types": 3}, "with 3 edge types"), ({"graph": "per-window"}, "has no per-window graphs")],
)
def test_what_a_score_cannot_answer_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        scores(planted(), asked("graphical-lasso", **settings))


def test_nothing_that_moves_scores_zero():
    still = from_arrays({"level": np.ones((2, 8, 3))})
    assert (scores(still, asked("graphical-lasso")) == 0).all()
