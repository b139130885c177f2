"""What happens next: rolled from the last frames, by the law and what is believed of the graph."""

import numpy as np
import pytest
import torch

from edgewise.data import clock, from_arrays
from edgewise.errors import ConfigError
from edgewise.inference import infer
from edgewise.inference.fitted_law import observed
from edgewise.inference.forecast import belief_of, roll_out, sampled_graph

from .worlds import QUICK, planted, springs, with_values, without_velocity


def positions_of(ds):
    return np.stack([ds["x"].to_numpy(), ds["y"].to_numpy()], -1)


def test_a_forecast_continues_the_recordings(quick):
    ds, result = quick
    ahead = result.forecast(steps=7)
    assert dict(ahead.sizes) == {"sequence": 3, "time": 7, "entity": 4}
    assert list(ahead.data_vars) == ["x", "y", "vx", "vy"]
    assert ahead["step"].to_numpy().tolist() == list(range(1, 8))
    assert ahead["entity"].to_numpy().tolist() == ["0", "1", "2", "3"]
    assert ahead.attrs["position"] == ["x", "y"]
    last, step = clock(ds)[0, -1], np.diff(clock(ds)[0]).mean()
    np.testing.assert_allclose(clock(ahead)[0], last + step * np.arange(1, 8))


def test_positions_follow_from_the_velocities(quick):
    ds, result = quick
    ahead = result.forecast(steps=5)
    dt = np.diff(clock(ds)[0]).mean()
    for x, v in (("x", "vx"), ("y", "vy")):
        where = np.concatenate([ds[x].to_numpy()[:, -1:], ahead[x].to_numpy()], 1)
        speed = np.concatenate([ds[v].to_numpy()[:, -1:], ahead[v].to_numpy()], 1)
        expected = result.fitted.encoding.kinematic * dt * (speed[:, 1:] + speed[:, :-1]) / 2
        np.testing.assert_allclose(np.diff(where, axis=1), expected, rtol=1e-6, atol=1e-7)


def test_the_future_of_springs_is_foretold_far_better_than_by_constant_velocity(learnt):
    ds, result = learnt
    future = springs(sequences=40, entities=5, steps=60, seed=3).isel(time=slice(40, 60))
    ahead = result.forecast(steps=20)
    error = ((positions_of(ahead) - positions_of(future)) ** 2).mean((0, 2, 3))
    start, speed = (
        np.stack([ds[a].to_numpy()[:, -1], ds[b].to_numpy()[:, -1]], -1)[:, None]
        for a, b in (("x", "y"), ("vx", "vy"))
    )
    coasting = start + speed * 0.1 * np.arange(1, 21)[:, None, None]
    simple = ((coasting - positions_of(future)) ** 2).mean((0, 2, 3))
    assert (error < 0.01 * simple).all()
    measured = result.metrics["forecast"]
    assert measured["steps"] == [1, 2, 5, 10, 20]
    assert all(
        ours < 0.01 * theirs
        for ours, theirs in zip(measured["ours"], measured["constant velocity"], strict=True)
    )


def test_the_same_seed_draws_the_same_futures(quick):
    _, result = quick
    first, again, other = (result.forecast(steps=4, samples=3, seed=seed) for seed in (5, 5, 6))
    assert dict(first.sizes) == {"sample": 3, "sequence": 3, "time": 4, "entity": 4}
    assert first.identical(again)
    assert not np.allclose(first["x"], other["x"], atol=1e-9)
    assert not np.allclose(first["x"][0], first["x"][1], atol=1e-9)


def test_drawn_futures_scatter_around_the_expected_one(learnt):
    _, result = learnt
    expected = positions_of(result.forecast(steps=5))
    drawn = positions_of(result.forecast(steps=5, samples=12))
    off = np.abs(drawn.mean(0) - expected)
    spread = drawn.std(0)
    assert (spread > 0).all()
    assert np.median(off / spread) < 1.0


def test_samples_draw_types_as_often_as_they_are_probable():
    p = np.zeros((400, 2, 2, 3))
    p[..., 0] = 1
    p[:, 0, 1] = [0.2, 0.5, 0.3]
    belief = belief_of(p)
    assert belief.slots.shape == (400, 2, 1)
    drawn = sampled_graph(belief, torch.Generator().manual_seed(0)).weight
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    assert drawn.sum(-1).eq(1).all()
    np.testing.assert_allclose(drawn[:, 0, 0].mean(0), [0.2, 0.5, 0.3], atol=0.08)
    assert drawn[:, 1, 0].mean(0).tolist() == [1, 0, 0]


def test_a_belief_lists_every_other_entity():
    p = np.random.default_rng(0).dirichlet([1, 1], size=(2, 4, 4))
    belief = belief_of(p)
    for receiver in range(4):
        for slot, sender in enumerate(s for s in range(4) if s != receiver):
            assert (belief.slots[:, receiver, slot] == sender).all()
            np.testing.assert_allclose(belief.weight[:, receiver, slot], p[:, receiver, sender], rtol=1e-6)


@pytest.mark.parametrize("choice", [{}, {"lags": 2}, {"identity": 2}], ids=str)
@pytest.mark.parametrize("derived", [False, True])
def test_the_last_frames_are_enough(choice, derived):
    """The tail that a run keeps gives the forecast that the whole recordings give."""
    ds = without_velocity(springs()) if derived else springs()
    result = infer(ds, **QUICK, **choice)
    law = result.fitted
    whole = roll_out(law.model, law.encoding, ds, result.probability.to_numpy(), steps=4)
    ahead = result.forecast(steps=4)
    for name in ahead.data_vars:
        np.testing.assert_allclose(ahead[name], whole[name], rtol=1e-10, atol=1e-12)


def test_recordings_of_different_length_are_continued_from_their_ends():
    ds = springs(sequences=2, steps=20)
    stamps = clock(ds).copy()
    stamps[1, 15:] = np.nan

    def change(name, x):
        x[1, 15:] = np.nan
        return x

    names = ["x", "y", "vx", "vy"]
    cut = from_arrays(
        {name: change(name, ds[name].to_numpy().copy()) for name in names},
        position=names[:2],
        velocity=names[2:],
        time=stamps,
    )
    result = infer(cut, **QUICK)
    ahead = result.forecast(steps=2)
    assert np.isfinite(ahead["x"]).all()
    np.testing.assert_allclose(clock(ahead)[:, 0], [stamps[0, -1] + 0.1, stamps[1, 14] + 0.1])
    off = np.abs(ahead["x"][:, 0].to_numpy() - np.stack([ds["x"][0, -1], ds["x"][1, 14]]))
    assert off.max() < 0.2  # no further than a frame's way


def test_who_has_left_is_not_foretold_and_moves_nobody():
    def change(name, x):
        x[0, 10:, 1] = np.nan
        return x

    ds = with_values(springs(), change)
    result = infer(ds, **QUICK)
    ahead = result.forecast(steps=3)
    assert np.isnan(ahead["x"][0, :, 1]).all()
    others = ahead.isel(entity=[0, 2, 3])
    assert np.isfinite(others["x"]).all()
    louder = result.probability.to_numpy().copy()
    louder[0, :, 1] = [0, 1]
    law = result.fitted
    again = roll_out(law.model, law.encoding, ds, louder, steps=3)
    np.testing.assert_array_equal(again["x"][0][:, [0, 2, 3]], ahead["x"][0][:, [0, 2, 3]])


def test_features_without_positions_are_foretold():
    ds, _ = planted(sequences=8, frames=120)
    result = infer(ds, hidden=16, max_steps=200, learning_rate=1e-2, no_interaction="yes")
    measured = result.metrics["forecast"]
    assert measured["ours"][0] < 0.8 * measured["nothing moves"][0]


def test_other_recordings_of_the_same_entities_are_foretold_with_a_shared_graph(quick):
    _, alone = quick
    ds = springs()
    result = infer(ds, **QUICK, graph="shared")
    other = springs(seed=8, sequences=2)
    ahead = result.forecast(steps=2, data=other)
    assert ahead.sizes["sequence"] == 2
    assert np.abs(ahead["x"][:, 0].to_numpy() - other["x"][:, -1].to_numpy()).max() < 0.2
    with pytest.raises(ConfigError) as error:
        alone.forecast(steps=2, data=other)
    assert "these recordings have no graph yet" in str(error.value)
    assert "result.apply(data).forecast" in str(error.value)


def test_who_is_no_candidate_moves_nobody_where_every_type_acts():
    ds = springs(entities=5)
    result = infer(ds, **(QUICK | {"no_interaction": "no"}), neighbours=2)
    far = result.probability.to_numpy()[0, :, 3].sum(-1) == 0
    assert far.any()

    def change(name, x):
        x[0, -1, 3] += 0.5
        return x

    law, p = result.fitted, result.probability.to_numpy()
    before = roll_out(law.model, law.encoding, ds, p, steps=1)
    after = roll_out(law.model, law.encoding, with_values(ds, change), p, steps=1)
    np.testing.assert_allclose(after["vx"][0, 0, far], before["vx"][0, 0, far], atol=1e-9)


def test_other_recordings_need_the_entities_of_the_shared_graph():
    from edgewise.errors import DataError

    result = infer(springs(), **QUICK, graph="shared")
    for n in (3, 6):
        with pytest.raises(DataError) as error:
            result.forecast(steps=1, data=springs(entities=n))
        assert f"the data have {n} entities, not those of the shared graph" in str(error.value)
        assert "4, in this order: 0, 1, 2, 3" in str(error.value)


@pytest.mark.parametrize(("steps", "samples"), [(0, 0), (-2, 0), (3, -1)])
def test_a_forecast_of_nothing_is_refused(quick, steps, samples):
    with pytest.raises(ConfigError) as error:
        quick[1].forecast(steps=steps, samples=samples)
    assert f"steps={steps}, samples={samples}" in str(error.value)
    assert "at least 1 step, and samples >= 0" in str(error.value)


def test_a_forecast_with_windows_goes_on_with_the_last_graph():
    ds = springs(steps=22)
    result = infer(ds, **QUICK, graph="per-window", window=6)
    law = result.fitted
    last = result.probability.isel(window=-1).to_numpy()
    expected = roll_out(law.model, law.encoding, ds, last, steps=2)
    np.testing.assert_allclose(result.forecast(steps=2)["x"], expected["x"], rtol=1e-10)


def test_senders_that_act_within_a_frame_are_found_with_the_frame_itself():
    """The next frame is on both sides of the law's equation: what a forecast gives must solve it."""
    ds, truth = planted(sequences=3, frames=40)
    result = infer(ds, instantaneous=True, max_steps=40, hidden=16)
    assert result.metrics["forecast"]["steps"][0] == 1
    law, belief = result.fitted, result.probability.to_numpy()
    ahead = law.forecast(ds, belief, steps=1)["level"].to_numpy()
    joined = np.concatenate([ds["level"].to_numpy(), ahead], 1)
    longer = from_arrays({"level": joined}, edges=truth)
    whole = observed(longer, law.encoding, result.config)
    with torch.no_grad():
        own, messages, _ = law.model.terms(whole)
    weight = belief_of(belief).weight.clone()
    weight[..., 0] *= not bool(law.model.null)
    expected = own[:, -1] + torch.einsum("srjk,srjkd->srd", weight, messages[:, -1])
    torch.testing.assert_close(whole.target[:, -1], expected, rtol=1e-3, atol=1e-3)


def test_drawn_futures_with_effects_within_a_frame_are_the_same_again():
    result = infer(planted(sequences=3, frames=40)[0], instantaneous=True, max_steps=20, hidden=16)
    first, second = (result.forecast(steps=4, samples=3, seed=2) for _ in range(2))
    assert first.identical(second)
    assert first["level"].std("sample").min() > 0


def test_who_left_early_does_not_trouble_the_last_frames_of_others():
    """Frames before a recording's first are empty: no time step of zero, and nothing foretold from them."""
    ds = springs(sequences=3, steps=20)
    for name in ("x", "y", "vx", "vy"):
        ds[name][0, 6:] = np.nan
    result = infer(ds, lags=4, hidden=8, max_steps=8, calibrate=False)
    assert (result.tail["clock"].diff("time") > 0).all()
    assert result.tail["x"][0].isnull().any()
    ahead = result.forecast(2)
    assert np.isfinite(ahead["x"].to_numpy()).all()
