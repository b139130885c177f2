"""Hybrid inference behind the common interface: exact where it was fitted, at once on new data, exact when asked."""

import signal

import numpy as np
import pytest

from edgewise.errors import ConfigError, DataError, RunError
from edgewise.inference import Inference, infer
from edgewise.physics import simulate
from edgewise.training import Checkpoints

from ..worlds import QUICK, planted, springs, with_values

TINY = QUICK | {"method": "hybrid", "encoder_steps": 6}
LEARN = {"hidden": 16, "max_steps": 300, "batch_size": 6, "learning_rate": 1e-2}
"""The settings of the fixture `learnt`."""


@pytest.fixture(scope="module")
def hybrid(learnt):
    """The systems of `learnt`, its superposition, and the hybrid of the same settings."""
    ds, superposition = learnt
    return ds, superposition, infer(ds, method="hybrid", encoder_steps=40, **LEARN)


@pytest.fixture(scope="module")
def tiny():
    ds = springs(sequences=4)
    return ds, infer(ds, **TINY)


def is_a_posterior(p):
    values = p.to_numpy()
    np.testing.assert_allclose(values.sum(-1), 1, atol=1e-9)
    n = p.sizes["receiver"]
    return bool((values >= 0).all()) and bool((values[..., range(n), range(n), 0] == 1).all())


def test_on_the_data_of_the_fit_it_is_superposition(hybrid):
    _, superposition, result = hybrid
    assert result.probability.to_numpy().tobytes() == superposition.probability.to_numpy().tobytes()
    assert result.types == superposition.types
    assert result.law_record == superposition.law_record
    assert result.about["answered_by"] == "exact posterior"
    assert result.about["evidence"] == superposition.about["evidence"]
    assert result.about["settings"]["encoder_steps"] == 40
    assert len(result.history["encoder_loss"]) == 40
    assert result.history["evidence"] == superposition.history["evidence"]


def test_new_recordings_are_answered_at_once_nearly_as_exactly(hybrid):
    _, _, result = hybrid
    fresh = springs(sequences=20, entities=5, steps=40, seed=77)
    at_once, exact = result.apply(fresh), result.apply(fresh, exact=True)
    assert is_a_posterior(at_once.probability)
    assert at_once.about["answered_by"] == "encoder"
    assert exact.about["answered_by"] == "exact posterior"
    assert at_once.metrics["edge_accuracy"] > 0.99
    assert not np.array_equal(at_once.probability, exact.probability)
    np.testing.assert_allclose(at_once.probability, exact.probability, atol=0.1)
    agreement = result.about["agreement"]
    assert agreement["same"] > 0.99
    assert 0 <= agreement["divergence"] < 0.02
    assert agreement["n_recordings"] == 4
    said = "the encoder names the same likeliest type as the exact posterior for"
    assert any(said in note for note in at_once.about["notes"])
    assert any(said in note for note in result.about["notes"])


def test_exact_answers_are_those_of_superposition(hybrid):
    _, superposition, result = hybrid
    fresh = springs(sequences=3, entities=5, steps=40, seed=78)
    exact, theirs = result.apply(fresh, exact=True), superposition.apply(fresh)
    assert exact.probability.to_numpy().tobytes() == theirs.probability.to_numpy().tobytes()
    assert exact.influence.equals(theirs.influence)
    # Superposition has no other answer, so that asking for it changes nothing.
    assert superposition.apply(fresh, exact=True).probability.equals(theirs.probability)


def test_an_instant_answer_keeps_names_law_and_forecasts_of_the_fit(tiny):
    ds, result = tiny
    new = result.apply(springs(sequences=2, steps=30, seed=5))
    assert new.types == result.types
    assert new.law_record == result.law_record
    assert new.influence is None
    assert np.isfinite(new.forecast(steps=3)["x"]).all()
    assert new.metrics["forecast"]["ours"]
    assert list(new.edges().columns[:4]) == ["source", "target", "type", "probability"]
    again = new.apply(ds)  # of a result that was itself applied
    assert again.about["answered_by"] == "encoder"
    assert again.probability.equals(result.apply(ds).probability)


def test_a_run_folder_brings_both_answers_back(tiny, tmp_path):
    ds, result = tiny
    loaded = Inference.load(result.save(tmp_path / "run"))
    assert loaded.config == result.config
    assert loaded.about["agreement"] == result.about["agreement"]
    for exact in (False, True):
        one, other = loaded.apply(ds, exact=exact), result.apply(ds, exact=exact)
        assert one.probability.to_numpy().tobytes() == other.probability.to_numpy().tobytes()
    new = Inference.load(result.apply(ds).save(tmp_path / "new"))
    assert new.influence is None
    assert new.report(tmp_path / "page.html").stat().st_size > 10_000


CHOICES = {
    "three types": {"edge_types": 3},
    "layers": {"layers": [2, 2]},
    "every type acts": {"no_interaction": "no"},
    "undirected": {"undirected": True},
    "shared": {"graph": "shared"},
    "a prior": {"prior": [0.9, 0.1]},
    "the nearest": {"neighbours": 2},
    "lags": {"lags": 1},
    "identity": {"identity": 2},
    "only dreams": {"dreams": 1.0},
    "no dreams": {"dreams": 0.0},
    "a width of its own": {"encoder_hidden": 12},
    "an ensemble": {"ensemble": 2},
    "a copy of the law for forecasts": {"refit_steps": 3},
    "no time at all": {"time_limit": 1e-6},
}


@pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)
def test_every_choice_of_superposition_has_an_instant_answer(choice, tmp_path):
    ds = springs(sequences=4)
    result = infer(ds, **(TINY | choice))
    loaded = Inference.load(result.save(tmp_path / "run"))
    assert loaded.forecast(steps=2).identical(result.forecast(steps=2))
    new = loaded.apply(ds)
    assert new.about["answered_by"] == "encoder"
    assert is_a_posterior(new.probability) or "prior" in choice or choice.get("no_interaction") == "no"
    assert new.probability.shape == result.probability.shape
    if choice.get("undirected"):
        p = new.probability.to_numpy()
        np.testing.assert_allclose(p, p.swapaxes(1, 2), atol=1e-9)
    if "encoder_hidden" in choice:
        assert result.fitted.encoder.hidden == 12


def test_data_without_positions_rates_and_profiled_gains_are_read_too():
    ds, _ = planted(frames=30)
    assert is_a_posterior(infer(ds, **TINY).apply(ds).probability)
    oscillators = simulate("kuramoto", entities=4, sequences=4, steps=16, seed=0)[
        ["dphi", "sin_phi", "omega"]
    ]
    settings = {"angles": ["sin_phi"], "gain": "profiled", "separable": 2}
    result = infer(oscillators, **(TINY | settings))
    assert is_a_posterior(result.apply(oscillators).probability)


def test_missing_values_and_other_lengths_are_read_at_once(tiny):
    _, result = tiny

    def lost(name, x):
        x[1, 3:9, 2] = np.nan
        return x

    new = result.apply(with_values(springs(sequences=3, steps=25, seed=4), lost))
    assert is_a_posterior(new.probability)
    assert is_a_posterior(result.apply(springs(sequences=2, steps=8)).probability)

    def everything(name, x):
        x[:, 1:] = np.nan
        return x

    with pytest.raises(DataError, match="no increment can be used"):
        result.apply(with_values(springs(), everything))


def test_a_reader_is_told_what_was_not_measured(tiny):
    ds, result = tiny
    more = result.apply(springs(sequences=2, entities=6))
    assert any("taught with 4 entities and read 6" in note for note in more.about["notes"])
    assert not any("taught with 4" in note for note in result.apply(ds).about["notes"])
    controlled = infer(ds, **TINY, fdr=0.1)
    at_once, exact = controlled.apply(ds), controlled.apply(ds, exact=True)
    assert "q_value" not in at_once.confidence
    assert "q_value" in exact.confidence
    assert any(note.startswith("fdr: instant answers carry nothing of it") for note in at_once.about["notes"])


def test_few_recordings_are_measured_on_dreams():
    result = infer(springs(sequences=2), **TINY)
    assert result.about["agreement"]["n_recordings"] == 0
    assert any("On dreamt evidence" in note for note in result.about["notes"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"graph": "per-window", "window": 5}, "hybrid with per-window graphs"),
        ({"strengths": "continuous"}, "hybrid"),
        ({"dreams": 1.5}, r"dreams is 1\.5"),
        ({"encoder_steps": 0}, "encoder_steps is 0"),
        ({"encoder_hidden": 3}, "encoder_hidden is 3"),
    ],
)
def test_what_it_cannot_do_is_said(settings, message):
    with pytest.raises(ConfigError, match=message):
        infer(springs(), **(TINY | settings))


def test_a_network_without_a_likelihood_has_no_exact_answer():
    ds = springs(sequences=4)
    result = infer(ds, method="nri", hidden=8, max_steps=2, frames=14)
    with pytest.raises(ConfigError, match="nri has no exact posterior"):
        result.apply(ds, exact=True)
    with pytest.raises(ConfigError, match="correlation learns no law"):
        infer(ds, method="correlation").apply(ds, exact=True)


def test_entities_that_a_law_knows_by_name_must_be_the_same(tiny):
    result = infer(springs(), **TINY, identity=2)
    other = springs().assign_coords(entity=["a", "b", "c", "d"])
    other = other.assign_coords(receiver=other["entity"].to_numpy(), sender=other["entity"].to_numpy())
    with pytest.raises(DataError, match="the entities are a, b, c, d"):
        result.apply(other)


@pytest.mark.parametrize("truth", ["permuted", "none"])
def test_the_truth_never_reaches_the_training(tiny, truth):
    ds, result = tiny
    edges = ds["edges"].to_numpy()
    changed = (
        ds.drop_vars("edges") if truth == "none" else ds.assign(edges=(ds["edges"].dims, edges[::-1, ::-1]))
    )
    other = infer(changed, **TINY)
    assert (
        other.apply(ds).probability.to_numpy().tobytes() == result.apply(ds).probability.to_numpy().tobytes()
    )
    assert other.about["agreement"] == result.about["agreement"]


def test_the_temperature_of_the_evidence_makes_instant_answers_less_sure(tiny):
    from dataclasses import replace

    ds, result = tiny
    law = result.fitted.law
    hot = replace(law.assurance, calibration=replace(law.assurance.calibration, temperature=1e6))
    fitted = replace(result.fitted, law=replace(law, assurance=hot))
    p = replace(result, fitted=fitted).apply(ds).probability.to_numpy()
    np.testing.assert_allclose(p[:, ~np.eye(4, dtype=bool)], 0.5, atol=0.02)


def stopping(phase, step):
    def told(progress):
        if (progress.phase, progress.step) == (phase, step):
            signal.raise_signal(signal.SIGINT)

    return told


@pytest.mark.parametrize(("phase", "step"), [("strengths", 3), ("types", 7), ("encoder", 1), ("encoder", 6)])
@pytest.mark.parametrize("fdr", [0.0, 0.1])
def test_an_interrupted_fit_goes_on_to_the_same_bytes(tmp_path, phase, step, fdr):
    ds, settings = springs(sequences=4), TINY | {"fdr": fdr}
    whole, seen = infer(ds, **settings), []
    with pytest.raises(KeyboardInterrupt):
        infer(ds, **settings, checkpoints=Checkpoints(tmp_path), on_progress=stopping(phase, step))
    again = infer(ds, **settings, checkpoints=Checkpoints(tmp_path), resume=True, on_progress=seen.append)
    assert again.probability.to_numpy().tobytes() == whole.probability.to_numpy().tobytes()
    assert (
        again.apply(ds).probability.to_numpy().tobytes() == whole.apply(ds).probability.to_numpy().tobytes()
    )
    assert again.confidence.equals(whole.confidence)
    assert again.history["encoder_loss"] == whole.history["encoder_loss"]
    assert again.history["steps"] == whole.history["steps"]
    if phase == "encoder":
        fits_of_law = {p.phase for p in seen} - {"encoder"}
        assert bool(fits_of_law) == bool(fdr)  # the law is not fitted again, only the halves that judge it


def test_a_law_of_an_earlier_run_is_not_taken_for_this_one(tmp_path):
    ds = springs(sequences=4)
    with pytest.raises(KeyboardInterrupt):
        infer(ds, **TINY, checkpoints=Checkpoints(tmp_path), on_progress=stopping("encoder", 2))
    assert Checkpoints(tmp_path, "law").load() is not None
    with pytest.raises(RunError, match="another model"):
        infer(ds, **(TINY | {"hidden": 16}), checkpoints=Checkpoints(tmp_path), resume=True)
    with pytest.raises(KeyboardInterrupt):
        infer(ds, **TINY, seed=1, checkpoints=Checkpoints(tmp_path), on_progress=stopping("strengths", 2))
    assert Checkpoints(tmp_path, "law").load() is None
    again = infer(ds, **TINY, seed=1, checkpoints=Checkpoints(tmp_path), resume=True)
    assert again.probability.equals(infer(ds, **TINY, seed=1).probability)
