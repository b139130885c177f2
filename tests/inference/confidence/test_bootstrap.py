"""Intervals over blocks of time: what is drawn, what is summed, and how often the truth is inside."""

import math

import numpy as np
import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.inference import infer
from edgewise.inference.confidence.bootstrap import (
    block_length,
    draw_counts,
    in_units,
    resampled_intervals,
    unit_sums,
)
from edgewise.inference.confidence.ensemble import Member
from edgewise.inference.superposition import graph_posterior, influence
from edgewise.inference.superposition.posterior import whole_form

from ..worlds import QUICK, planted, springs, untrained

PRIOR = torch.full((2,), 0.5, dtype=torch.float64).log()


def test_blocks_grow_with_the_recording_and_with_the_correlation():
    assert block_length(1000, 0) == 10
    assert block_length(1000, 12) == 26
    assert block_length(20, 12) == 5  # at most a quarter


def test_a_resample_is_as_long_as_the_recording_and_made_of_blocks():
    rng = np.random.default_rng(0)
    counts = draw_counts(30, 7, 2000, rng)
    assert (counts.sum(1) == 30).all()
    middle = counts.mean(0)[8:22]  # near the ends fewer blocks reach
    assert middle == pytest.approx(np.full(14, middle.mean()), rel=0.1)
    together = np.corrcoef(counts[:, 14], counts[:, 15])[0, 1]
    apart = np.corrcoef(counts[:, 14], counts[:, 22])[0, 1]
    assert together > 0.7
    assert apart < 0.2


def test_the_units_of_all_recordings_add_up_to_their_forms():
    model, data, _, config = untrained(springs(steps=15))
    units = in_units(data, 4)
    sums = unit_sums(model, units)
    assert sums.form.gram.shape[:3] == (3, 4, 4)
    whole, _ = whole_form(model, data, config.graph)
    torch.testing.assert_close(sums.form.gram.sum(1).flatten(0, 1), whole.gram[:, 0])
    torch.testing.assert_close(sums.form.square.sum(1).flatten(), whole.square[:, 0])
    assert sums.count.sum() == data.weight.sum()


@pytest.mark.parametrize(
    "settings", [{}, {"graph": "shared"}, {"undirected": True}, {"edge_types": 3}, {"neighbours": 2}]
)
def test_intervals_of_one_block_that_is_the_whole_are_points(settings, monkeypatch):
    """Drawing the whole recording gives what was found, for probabilities and influence alike."""
    model, data, _, config = untrained(springs(), no_interaction="yes", **settings)
    n_types = config.graph.edge_types
    prior = torch.full((n_types,), 1 / n_types, dtype=torch.float64).log()
    module = "edgewise.inference.confidence.bootstrap."
    monkeypatch.setattr(module + "draw_counts", lambda n_units, per, count, rng: np.ones((count, n_units)))
    member = Member(model, 2.0, tuple(range(n_types)))
    ends = resampled_intervals([member], data, config.graph, prior, count=20, n_lags=0, seed=0)
    found = graph_posterior(model, data, config.graph, prior, temperature=2.0).probability
    for name in ("low", "high"):
        np.testing.assert_allclose(ends[name], found.numpy(), atol=1e-9)
    sizes = influence(model, data, found.mean(1)).numpy()
    for name in ("influence_low", "influence_high"):
        np.testing.assert_allclose(ends[name], sizes, rtol=1e-4, atol=1e-6)


def test_the_order_of_a_member_is_that_of_the_first(monkeypatch):
    model, data, _, config = untrained(springs(), edge_types=3)
    prior = torch.full((3,), 1 / 3, dtype=torch.float64).log()
    plain = resampled_intervals(
        [Member(model, 1.0, (0, 1, 2))], data, config.graph, prior, count=20, n_lags=0, seed=0
    )
    other = resampled_intervals(
        [Member(model, 1.0, (0, 2, 1))], data, config.graph, prior, count=20, n_lags=0, seed=0
    )
    np.testing.assert_array_equal(plain["low"][..., [0, 2, 1]], other["low"])


def scores_of_worlds(share, count, rng):
    """Log-odds, their bootstrap ends, of one sender on AR(1) noise: y_t = strength a_t + noise, known law."""
    frames, strength, level = 400, 0.25, 1.0
    points, lows, highs = [], [], []
    for _ in range(count):
        noise = rng.normal(size=frames)
        for t in range(1, frames):
            noise[t] = share * noise[t - 1] + math.sqrt(1 - share**2) * noise[t]
        a = np.zeros(frames)
        for t in range(1, frames):
            a[t] = 0.8 * a[t - 1] + 0.6 * rng.normal()
        a *= strength
        y = a + noise
        per_frame = (a * y - a * a / 2) / level
        draws = draw_counts(frames, block_length(frames, 10), 200, rng) @ per_frame
        points.append(per_frame.sum())
        lows.append(np.quantile(draws, 0.05))
        highs.append(np.quantile(draws, 0.95))
    return np.array(points), np.array(lows), np.array(highs)


@pytest.mark.parametrize("share", [0.0, 0.7])
def test_intervals_cover_what_is_expected_nine_times_in_ten(share):
    """The expected log-odds, the mean over many worlds, must be inside about 90 % of the intervals."""
    points, lows, highs = scores_of_worlds(share, 150, np.random.default_rng(3))
    covered = ((lows <= points.mean()) & (points.mean() <= highs)).mean()
    assert 0.80 <= covered <= 0.97
    independent = np.std(points) / math.sqrt(np.mean((highs - lows) ** 2) / (2 * 1.645) ** 2)
    assert independent == pytest.approx(1.0, abs=0.2)  # as wide as worlds differ


def test_where_the_data_cannot_tell_the_intervals_are_wide():
    """With little noise edges are certain and intervals narrow; with much, neither."""
    widths = []
    for noise in (0.1, 3.0):
        ds, _ = planted(sequences=1, frames=150, noise=noise)
        result = infer(
            ds,
            graph="shared",
            hidden=8,
            max_steps=120,
            learning_rate=1e-2,
            bootstrap=60,
            no_interaction="yes",
        )
        width = (result.confidence["high"] - result.confidence["low"]).isel(type=1).to_numpy()[0]
        p = result.interaction().to_numpy()[0]
        unsure = (p > 0.1) & (p < 0.9)
        sure = (p > 0.999) & ~np.eye(4, dtype=bool)
        widths.append(
            (width[sure].mean() if sure.any() else None, width[unsure].mean() if unsure.any() else None)
        )
    assert widths[0][0] is not None
    assert widths[0][0] < 0.05
    assert widths[1][1] is not None
    assert widths[1][1] > 0.25


def test_intervals_of_many_candidates_are_sampled(monkeypatch):
    """Where both can be had, the ends from short chains are near those of the exact posteriors."""
    model, data, _, config = untrained(springs(), no_interaction="yes", graph="shared", level=0.3)
    reader = Member(model, 1.0, (0, 1))
    exact = resampled_intervals([reader], data, config.graph, PRIOR, count=60, n_lags=0, seed=0)
    monkeypatch.setattr("edgewise.inference.confidence.bootstrap.EXACTLY", 4)  # 2^3 configurations
    sampled = resampled_intervals([reader], data, config.graph, PRIOR, count=60, n_lags=0, seed=0)
    assert ((exact["high"] - exact["low"]) > 0.1).any()
    for name in ("low", "high"):
        np.testing.assert_allclose(sampled[name], exact[name], atol=0.05)
        assert not np.array_equal(sampled[name], exact[name])
    np.testing.assert_allclose(sampled["influence_high"], exact["influence_high"], rtol=0.1, atol=0.01)


def test_edges_have_their_intervals(tmp_path):
    result = infer(springs(sequences=1, steps=60), bootstrap=20, **QUICK | {"no_interaction": "no"})
    edges = result.edges()
    assert {"low", "high", "influence_low", "influence_high"} <= set(edges.columns)
    assert (edges["low"] <= edges["high"]).all()
    assert (edges["influence_low"] <= edges["influence_high"]).all()
    assert (
        (edges["influence_low"] <= edges["influence"]) & (edges["influence"] <= edges["influence_high"])
    ).mean() > 0.6
    folder = result.save(tmp_path / "run")
    assert (
        (folder / "edges.csv").read_text().splitlines()[0].endswith("low,high,influence_low,influence_high")
    )


def test_what_cannot_be_resampled_is_refused():
    with pytest.raises(ConfigError, match="bootstrap together with per-window graphs"):
        infer(springs(), graph="per-window", bootstrap=20)
    with pytest.raises(ConfigError, match=r"bootstrap is 5\n"):
        infer(springs(), bootstrap=5)
