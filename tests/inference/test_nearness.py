"""Who is near: distances, and correlations a frame apart, against plain loops."""

import numpy as np
import pytest

from edgewise.data import from_arrays
from edgewise.errors import ConfigError
from edgewise.inference import infer
from edgewise.inference.encoding import fit_encoding
from edgewise.inference.nearness import lagged_correlations, mean_distances
from edgewise.inference.observations import observe


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_lagged_correlations_are_those_of_a_loop_over_common_frames(rng):
    series = rng.normal(size=(2, 30, 4, 2)).cumsum(1)
    series[0, 5:9, 1] = np.nan
    series[1, 20:, 2, 0] = np.nan
    found = lagged_correlations(series)
    for s in range(2):
        for receiver in range(4):
            for sender in range(4):
                each = []
                for k in range(2):
                    now, later = series[s, :-1, sender, k], series[s, 1:, receiver, k]
                    both = np.isfinite(now) & np.isfinite(later)
                    each.append(abs(np.corrcoef(now[both], later[both])[0, 1]))
                assert found[s, receiver, sender] == pytest.approx(np.mean(each))


def test_a_constant_or_unseen_series_correlates_with_nothing(rng):
    series = rng.normal(size=(1, 20, 3, 1))
    series[0, :, 0] = 7.0
    series[0, :, 1] = np.nan
    found = lagged_correlations(series)
    assert np.isfinite(found).all()
    assert (found[0, :2] == 0).all()
    assert (found[0, :, :2] == 0).all()


def test_distances_are_means_over_the_frames_that_both_share(rng):
    position = rng.normal(size=(1, 6, 3, 2))
    position[0, 2:, 2] = np.nan
    position[0, :, 1] = np.where(np.arange(6)[:, None] < 3, np.nan, position[0, :, 1])
    found = mean_distances(position)[0]
    near = [np.linalg.norm(position[0, t, 0] - position[0, t, 2]) for t in range(2)]
    assert found[0, 2] == pytest.approx(np.mean(near))
    assert np.isinf(found[1, 2])


def delayed(rng, n=8, frames=60):
    """Entity i + 1 repeats entity i a frame later: [1, frames, n]."""
    source = rng.normal(size=frames + n)
    values = np.stack([source[n - i : n - i + frames] for i in range(n)], -1)
    return values[None] + 0.01 * rng.normal(size=(1, frames, n))


def test_candidates_by_correlation_are_those_a_series_repeats(rng):
    ds = from_arrays({"level": delayed(rng)})
    data = observe(ds, fit_encoding(ds, lags=0, bridge=3), neighbours=1, nearest="correlation", shared=True)
    assert data.slots[0, 1:, 0].tolist() == list(range(7))


def test_data_without_positions_may_name_candidates(rng):
    ds = from_arrays({"level": delayed(rng)})
    with pytest.raises(ConfigError, match="nearest = 'correlation'"):
        infer(ds, neighbours=2)
    result = infer(ds, graph="shared", neighbours=2, nearest="correlation", max_steps=20, hidden=8)
    considered = (result.probability[0].to_numpy().sum(-1) > 0) & ~np.eye(8, dtype=bool)
    assert (considered.sum(1) == 2).all()
    assert any("most correlated" in sentence for sentence in result.about["law"])
