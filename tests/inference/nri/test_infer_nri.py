"""Neural relational inference behind the common interface: graphs, forecasts, run folders, time limits, resumption."""

import signal

import numpy as np
import pytest
import torch

from edgewise.data import from_arrays
from edgewise.errors import ConfigError, DataError
from edgewise.inference import Inference, infer
from edgewise.physics import simulate
from edgewise.training import Checkpoints

from ..worlds import planted, springs, with_values, without_velocity

QUICK = {"method": "nri", "hidden": 8, "max_steps": 12, "frames": 14, "batch_size": 4}


@pytest.fixture(scope="module")
def quick():
    """(data, result) of a training that has hardly begun, of recordings longer than a window."""
    ds = springs(sequences=5, steps=20)
    return ds, infer(ds, **QUICK)


def is_a_posterior(p):
    values = p.to_numpy()
    assert np.isfinite(values).all()
    assert (values >= 0).all()
    np.testing.assert_allclose(values.sum(-1), 1, atol=1e-9)
    n = p.sizes["receiver"]
    assert (values[..., range(n), range(n), 0] == 1).all()
    return True


def test_it_answers_in_the_form_of_the_other_methods(quick):
    _, result = quick
    p = result.probability
    assert is_a_posterior(p)
    assert p.dims == ("sequence", "receiver", "sender", "type")
    assert p.shape == (5, 4, 4, 2)
    assert result.no_interaction
    assert result.types == ("no interaction", "type 1")
    assert result.about["settings"]["frames"] == 14
    assert result.about["settings"]["hidden"] == 8
    assert any("hundreds or more" in note for note in result.about["notes"])
    assert any("windows of 14" in note for note in result.about["notes"])
    assert result.metrics["edge_accuracy"] is not None
    assert result.metrics["forecast"]["ours"]
    assert len(result.history["evidence"]) == result.history["steps"] == 12
    assert list(result.edges().columns[:4]) == ["source", "target", "type", "probability"]


CHOICES = {
    "three types": {"edge_types": 3},
    "every type acts": {"no_interaction": "no"},
    "a prior": {"prior": [0.9, 0.1]},
    "undirected": {"undirected": True},
    "shared": {"graph": "shared"},
    "convolutions": {"encoder": "cnn"},
    "no factor graph": {"factor_graph": False},
    "recurrent": {"decoder": "rnn"},
    "recurrent with burn-in": {"decoder": "rnn", "burn_in": 8},
    "hard samples": {"hard": True},
    "dropout": {"dropout": 0.2},
    "products in bfloat16": {"precision": "bfloat16"},
    "recurrent in bfloat16": {"precision": "bfloat16", "decoder": "rnn", "encoder": "cnn"},
    "graphs anew": {"dynamic": True},
    "no time at all": {"time_limit": 1e-6},
    "shorter recordings than windows": {"frames": 49},
}


@pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)
def test_every_choice_runs_and_gives_a_posterior_and_a_forecast(choice):
    result = infer(springs(sequences=4, steps=20), **(QUICK | {"max_steps": 3} | choice))
    assert is_a_posterior(result.probability)
    assert result.probability.sizes["type"] == choice.get("edge_types", 2)
    assert result.no_interaction == (choice.get("no_interaction") != "no")
    assert np.isfinite(result.forecast(steps=3)["x"]).all()
    if choice.get("undirected"):
        p = result.probability.to_numpy()
        np.testing.assert_allclose(p, p.swapaxes(1, 2), atol=1e-6)


def test_a_known_law_takes_the_place_of_a_learnt_one():
    ds = springs(sequences=30, entities=3, steps=14, seed=3, sample_every=20, speed=2.0, strength=1.0)
    settings = {"decoder": "springs", "prediction_steps": 4, "variance": 1e-5, "max_steps": 2}
    with pytest.raises(ConfigError, match="the decoder charged with 3 edge types"):
        infer(ds, **QUICK, decoder="charged", edge_types=3)
    with pytest.raises(ConfigError, match=r"frames 0[.]00037 apart"):
        infer(_at_pace(ds, 0.00037), **(QUICK | settings))
    result = infer(ds, **(QUICK | settings))
    assert result.types == ("type 0", "type 1")
    assert any("law of the springs was given" in sentence for sentence in result.about["law"])
    assert np.isfinite(result.forecast(steps=1)["x"]).all()


def _at_pace(ds, step):
    return ds.assign_coords(time=step * np.arange(1, 1 + ds.sizes["time"]))


def test_the_same_seed_gives_the_same_bytes(quick):
    ds, result = quick
    again = infer(ds, **QUICK)
    assert again.probability.to_numpy().tobytes() == result.probability.to_numpy().tobytes()
    assert not np.allclose(infer(ds, **QUICK, seed=1).probability, result.probability, atol=1e-6)


@pytest.mark.parametrize("truth", ["permuted", "none"])
def test_the_truth_never_reaches_the_training(quick, truth):
    ds, result = quick
    edges = ds["edges"].to_numpy()
    changed = (
        ds.drop_vars("edges") if truth == "none" else ds.assign(edges=(ds["edges"].dims, edges[::-1, ::-1]))
    )
    other = infer(changed, **QUICK)
    assert other.probability.to_numpy().tobytes() == result.probability.to_numpy().tobytes()
    assert other.metrics["forecast"] == result.metrics["forecast"]


def test_what_does_not_help_the_bound_is_not_kept():
    """The weights of the best validation, not the last ones."""
    from edgewise.inference.nri.fit import Split, WindowsTask

    class Falling:
        """A loss that is lowest at the weight 1; every step goes on by 1."""

        def loss(self, module, index):
            return (module.weight - 1.0).square().sum()

    module = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(module.weight)
    some = torch.arange(4)
    task = WindowsTask(
        "t", module, Falling(), Split(some, some), seed=0, steps=6, batch_size=4, learning_rate=1e-3
    )
    for step in range(6):
        with torch.no_grad():
            module.weight += 0.5
        task.after(step, 0.0)
    task.finish()
    assert module.weight.item() == 1.0
    assert not module.training


def test_validation_recordings_are_not_trained_on():
    from edgewise.inference.nri.fit import split_windows

    split = split_windows(10, 3, 0.2, seed=0)
    held, trained = {int(w) // 3 for w in split.validation}, {int(w) // 3 for w in split.train}
    assert len(held) == 2
    assert held | trained == set(range(10))
    assert not held & trained
    alone = split_windows(1, 4, 0.2, seed=0)
    assert alone.train.tolist() == alone.validation.tolist() == [0, 1, 2, 3]


def test_a_network_reads_and_forecasts_systems_of_another_size(quick):
    _, result = quick
    new = result.apply(springs(sequences=2, entities=7, steps=16, seed=9))
    assert is_a_posterior(new.probability)
    assert new.probability.shape == (2, 7, 7, 2)
    assert np.isfinite(new.forecast(steps=2)["vx"]).all()
    with pytest.raises(DataError, match="recordings of 12 frames"):
        result.apply(springs(steps=12))


def test_reading_a_recording_does_not_depend_on_its_company(quick):
    ds, result = quick
    alone = result.apply(ds.isel(sequence=[2]))
    np.testing.assert_allclose(alone.probability[0], result.probability[2], atol=1e-6)


def test_windows_cover_all_frames_and_their_posteriors_are_averaged(quick):
    ds, result = quick
    from edgewise.inference.nri.frames import window_starts

    assert window_starts(49, 49) == [0]
    assert window_starts(50, 49) == [0, 1]
    assert window_starts(100, 40) == [0, 30, 60]
    first, last = (result.apply(ds.isel(time=part)) for part in (slice(0, 14), slice(6, 20)))
    logs = np.log(first.probability.to_numpy()[:, ~np.eye(4, dtype=bool)]) + np.log(
        last.probability.to_numpy()[:, ~np.eye(4, dtype=bool)]
    )
    mean = np.exp(logs / 2)
    expected = mean / mean.sum(-1, keepdims=True)
    found = result.probability.to_numpy()[:, ~np.eye(4, dtype=bool)]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_run_folder_brings_everything_back(quick, tmp_path):
    ds, result = quick
    result.save(tmp_path / "run")
    loaded = Inference.load(tmp_path / "run")
    assert loaded.probability.identical(result.probability)
    assert loaded.config == result.config
    assert loaded.types == result.types
    assert loaded.forecast(steps=4).identical(result.forecast(steps=4))
    np.testing.assert_array_equal(loaded.apply(ds).probability, result.apply(ds).probability)
    assert result.report(tmp_path / "page.html").stat().st_size > 10_000


def test_samples_of_the_future_scatter_and_are_repeatable(quick):
    _, result = quick
    one, again, other = (result.forecast(steps=3, samples=4, seed=seed)["x"] for seed in (0, 0, 1))
    assert one.dims[0] == "sample"
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    assert (one.std("sample") > 0).all()
    with pytest.raises(ConfigError, match="steps=0"):
        result.forecast(steps=0)


def test_a_forecast_starts_from_the_last_frame(quick):
    """The first frame ahead is the decoder's step from the last one."""
    ds, result = quick
    from edgewise.inference.belief import belief_of

    law = result.fitted
    frames = law.scale.frames(ds)
    belief = belief_of(result.probability.to_numpy()).weight
    with torch.no_grad():
        ahead = law.model.roll(frames[:, -14:], belief, 1)[:, 0]
    values = np.stack([result.forecast(steps=1)[name].to_numpy()[:, 0] for name in law.scale.names], -1)
    np.testing.assert_allclose(values, law.scale.unscaled(ahead), rtol=1e-6)


def test_features_are_scaled_to_one_by_their_extremes(quick):
    ds, result = quick
    scale = result.fitted.scale
    frames = scale.frames(ds)
    assert scale.names == ("x", "y", "vx", "vy")
    assert scale.scale[0] == scale.scale[1] != scale.scale[2] == scale.scale[3]
    for part in (frames[..., :2], frames[..., 2:]):
        assert part.min().item() == pytest.approx(-1)
        assert part.max().item() == pytest.approx(1)
    values = np.stack([ds[name].to_numpy() for name in scale.names], -1)
    np.testing.assert_allclose(scale.unscaled(frames), values, rtol=1e-5, atol=1e-6)


def test_data_without_positions_and_velocities_run():
    ds, _ = planted(frames=30)
    assert is_a_posterior(infer(ds, **QUICK).probability)
    bare = infer(without_velocity(springs(steps=20)), **QUICK)
    assert is_a_posterior(bare.probability)
    assert "vx" not in bare.forecast(steps=1)
    oscillators = simulate("kuramoto", entities=4, sequences=3, steps=16, seed=0)
    assert is_a_posterior(infer(oscillators, **QUICK).probability)


def test_gaps_are_bridged_or_refused():
    def lost(name, x):
        x[1, 3:5, 2] = np.nan
        return x

    ds = with_values(springs(steps=20), lost)
    assert is_a_posterior(infer(ds, **QUICK).probability)
    with pytest.raises(DataError) as error:
        infer(ds, **QUICK, fill_gaps=1)
    assert "x of entity 2 is missing at frame 3 of recording 1 (2 frames of an entity in all)" in str(
        error.value
    )
    assert "fill_gaps = 1" in str(error.value)


def test_a_clock_that_is_not_even_is_refused():
    ds = springs(steps=20)
    uneven = from_arrays(
        {name: ds[name].to_numpy() for name in ("x", "y", "vx", "vy")},
        position=["x", "y"],
        velocity=["vx", "vy"],
        time=np.cumsum(np.linspace(0.1, 0.2, 20)),
    )
    with pytest.raises(DataError, match="not equally far apart"):
        infer(uneven, **QUICK)


REFUSED = [
    ({"graph": "per-window", "window": 5}, "nri has no per-window graphs"),
    ({"neighbours": 2}, "nri with neighbours=2"),
    ({"lags": 1}, "nri with lags=1"),
    ({"most_types": 3}, "most_types with the method nri"),
    ({"noise": "profiled"}, "nri with noise='profiled'"),
    ({"fdr": 0.05}, "fdr = 0.05 with the method nri"),
    ({"symmetric": True}, "nri with symmetric=True"),
    ({"decoder": "lstm"}, "unknown decoder 'lstm'"),
    ({"encoder": "gnn"}, "unknown encoder 'gnn'"),
    ({"burn_in": 3}, "burn_in=3 with the decoder mlp"),
    ({"tau": 0.0}, "tau is 0.0"),
    ({"encoder": "cnn", "frames": 9}, "trajectories of 9 frames"),
]


@pytest.mark.parametrize(("settings", "message"), REFUSED, ids=[m for _, m in REFUSED])
def test_what_it_cannot_do_is_said(settings, message):
    with pytest.raises((ConfigError, DataError), match=message):
        infer(springs(steps=20), **(QUICK | settings))


def test_products_in_bfloat16_train_nearly_the_same_network(tmp_path):
    ds = springs(sequences=6, steps=14)
    settings = QUICK | {"max_steps": 3}
    full, half = (infer(ds, **settings, precision=p) for p in ("float32", "bfloat16"))
    first = full.history["evidence"][0]
    assert half.history["evidence"][0] == pytest.approx(first, rel=0.02)
    assert half.history["evidence"][0] != first
    assert {p.dtype for p in half.fitted.model.parameters()} == {torch.float32}
    again = Inference.load(half.save(tmp_path / "run"))
    np.testing.assert_array_equal(again.apply(ds).probability, half.apply(ds).probability)


def stopping(step):
    def told(progress):
        if progress.step == step:
            signal.raise_signal(signal.SIGINT)

    return told


@pytest.mark.parametrize("step", [1, 7, 12])
def test_an_interrupted_training_goes_on_to_the_same_bytes(tmp_path, step):
    ds = springs(sequences=5, steps=14)
    settings = QUICK | {"dropout": 0.2}
    whole, seen = infer(ds, **settings), []
    with pytest.raises(KeyboardInterrupt):
        infer(ds, **settings, checkpoints=Checkpoints(tmp_path), on_progress=stopping(step))
    assert Checkpoints(tmp_path).load().step == step
    again = infer(ds, **settings, checkpoints=Checkpoints(tmp_path), resume=True, on_progress=seen.append)
    assert again.probability.to_numpy().tobytes() == whole.probability.to_numpy().tobytes()
    assert again.history["steps"] == whole.history["steps"]
    assert again.history["evidence"] == whole.history["evidence"][step:]
    assert [p.step for p in seen] == list(range(step + 1, 13))


def test_a_time_limit_ends_the_training_with_the_learning_rate_at_its_end():
    result = infer(springs(sequences=20), **(QUICK | {"max_steps": 100_000}), time_limit=1.5)
    assert result.history["seconds"][-1] < 3.0
    assert 2 <= result.history["steps"] < 100_000
