"""Forecasts on a graph: better with the right one, exact where the world is linear."""

import numpy as np
import pytest

from edgewise.data import from_arrays
from edgewise.errors import DataError
from edgewise.inference import infer
from edgewise.inference.compare.answers import blind
from edgewise.inference.compare.foretold import _error, graph_error, law_error, task_of

from ..worlds import QUICK, planted, springs

N = 4


def linear(sequences=1, frames=200, noise=0.1, seed=0):
    """A stable linear system on a ring, and its graph."""
    rng = np.random.default_rng(seed)
    graph = np.roll(np.eye(N, dtype=bool), 1, axis=1)
    x = np.zeros((sequences, frames, N))
    x[:, 0] = rng.normal(size=(sequences, N))
    for t in range(1, frames):
        x[:, t] = 0.5 * x[:, t - 1] + 0.4 * x[:, t - 1] @ graph.T + noise * rng.normal(size=(sequences, N))
    return from_arrays({"level": x}), graph


def test_the_held_out_frames_are_the_last_fifth():
    task, earlier = task_of(linear()[0])
    assert task.stop == earlier.sizes["time"] == 160
    assert task.origins[0] == 159
    assert task.origins[-1] == 198
    assert len(task.origins) == 20


def test_the_right_graph_foretells_more_than_none_and_than_a_wrong_one():
    ds, graph = linear(frames=400, noise=1.0)
    task, _ = task_of(ds)
    right, none, wrong = (graph_error(g[None], task) for g in (graph, np.zeros_like(graph), graph.T))
    assert right < none
    assert right < wrong


def test_a_linear_world_without_noise_is_foretold_exactly():
    rng = np.random.default_rng(3)
    turn = np.linalg.qr(rng.normal(size=(N, N)))[0]  # a rotation: it neither dies out nor grows
    x = np.zeros((1, 60, N))
    x[0, 0] = rng.normal(size=N)
    for t in range(1, 60):
        x[0, t] = turn @ x[0, t - 1]
    task, _ = task_of(from_arrays({"level": x}))
    assert graph_error(~np.eye(N, dtype=bool)[None], task) < 1e-4


def test_a_shared_graph_pools_its_recordings():
    ds, graph = linear(sequences=6, frames=24, noise=0.5)
    task, _ = task_of(ds)
    together, alone = graph_error(graph[None], task), graph_error(np.repeat(graph[None], 6, 0), task)
    assert together < alone


def test_nothing_changes_is_an_error_of_one():
    task, _ = task_of(linear(frames=30)[0])
    still = np.zeros((1, len(task.origins), N, 1))
    assert _error(still, task) == pytest.approx(1.0)
    assert _error(task.change[:, task.origins], task) == 0
    assert _error(np.full_like(still, np.nan), task) is None


def test_gaps_and_constants_are_left_out():
    ds, graph = linear(frames=60)
    ds["level"][0, 20:23, 1] = np.nan
    ds["level"][0, 55, 2] = np.nan
    ds["level"][0, :, 3] = 2.0
    task, _ = task_of(ds.assign(still=ds["level"] * 0 + 1))
    assert np.isfinite(graph_error(graph[None], task))


def test_short_recordings_are_refused():
    with pytest.raises(DataError, match="recordings of 8 frames, and no known edges"):
        task_of(linear(frames=8)[0])


@pytest.mark.parametrize("settings", [{}, {"graph": "shared"}, {"graph": "per-window", "window": 8}])
def test_a_law_foretells_the_same_frames(settings):
    ds = blind(springs(steps=26))
    task, earlier = task_of(ds)
    error = law_error(infer(earlier, **QUICK, **settings), ds, task)
    assert 0 < error < 5


def test_a_law_that_knows_nothing_beyond_persistence_is_not_perfect():
    ds, _ = planted(frames=40)
    task, earlier = task_of(blind(ds))
    assert law_error(infer(earlier, method="correlation"), ds, task) is None
