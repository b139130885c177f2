"""What is chosen for data whose law is known; what is given stands; the record says it."""

import json

import numpy as np
import pytest

from edgewise.data import from_arrays
from edgewise.data.gate import validate
from edgewise.errors import ConfigError, DataError
from edgewise.inference import Inference, InferenceConfig, infer
from edgewise.inference.auto import choose
from edgewise.inference.auto.choose import choose_settings, named_in
from edgewise.inference.auto.survey import Survey
from edgewise.inference.auto.trials import STAGES, Trial, fixed_by_rule, laws, memory, nearness, scopes

from ..worlds import springs
from .series import autoregression, delayed, sampled_slowly

FAST = {"hidden": 8, "learning_rate": 2e-2}


@pytest.fixture(autouse=True)
def short_trials(monkeypatch):
    monkeypatch.setattr(choose, "STEPS", 80)


def chosen(ds, **given):
    return choose_settings(validate(ds), FAST | given)


def test_bodies_on_springs_have_a_graph_a_recording_and_a_law_of_relative_positions(monkeypatch):
    monkeypatch.setattr(choose, "STEPS", 160)
    ds = springs(sequences=24, entities=4, steps=30)
    config, record = chosen(ds, edge_types=2, rotation=True, batch_size=8)
    assert config.graph.graph == "per-sequence"
    assert config.law.translation
    assert "one graph for all recordings" in [each["name"] for each in record["tried"]]


def test_positions_that_are_given_as_they_are_are_worth_less_than_relative_ones(monkeypatch):
    monkeypatch.setattr(choose, "STEPS", 100)
    ds = springs(sequences=16, entities=3, steps=30)
    config, record = chosen(ds, edge_types=2, lags=0, graph="per-sequence", batch_size=8)
    assert config.law.translation
    assert [each["name"] for each in record["tried"]][1:] == [
        "messages that turn with the pair",
        "positions as they are",
    ]


def test_a_series_of_the_sender_alone_is_shared_additive_and_without_memory():
    config, record = chosen(autoregression())
    assert config.graph.graph == "shared"
    assert config.law.additive
    assert not config.law.instantaneous
    assert config.law.lags == 0
    assert config.graph.no_interaction == "yes"
    assert not any("within a frame" in each["name"] for each in record["tried"])


def test_a_delay_needs_an_earlier_frame():
    assert chosen(delayed(), additive=True)[0].law.lags >= 1


def test_effects_that_arrive_within_a_frame_are_instantaneous():
    config, _ = chosen(sampled_slowly(), graph="shared", additive=True, lags=0)
    assert config.law.instantaneous


def test_a_crowd_is_given_candidates_by_nearness():
    rng = np.random.default_rng(0)
    start = rng.uniform(-5, 5, size=(2, 1, 1, 200))
    x, y = start + 0.05 * rng.normal(size=(2, 1, 40, 200)).cumsum(2)
    seen = choose.survey(validate(from_arrays({"x": x, "y": y}, position=["x", "y"])))
    rules = fixed_by_rule(seen)
    assert rules["neighbours"] == 10
    assert [trial.settings["neighbours"] for trial in nearness(Trial("start", rules), seen)] == [5, 10]


def test_what_is_given_is_neither_changed_nor_varied():
    given = {"graph": "per-sequence", "additive": True, "lags": 1, "prior": [0.6, 0.4], "seed": 3}
    config, record = chosen(autoregression(sequences=2, frames=60), **given)
    assert config == InferenceConfig.from_dict(record["chosen"] | given | FAST)
    assert not given.keys() & record["chosen"].keys()
    assert all(not given.keys() & each["settings"].keys() for each in record["tried"])
    assert len(record["tried"]) == 1  # nothing was left to try
    assert "given, and left alone: additive = yes" in record["sentences"][1]


def test_settings_that_do_not_go_with_what_is_given_are_left_out():
    _, record = chosen(springs(sequences=8, entities=3, steps=16), symmetric=True, lags=1, edge_types=2)
    assert all("turn with the pair" not in each["name"] for each in record["tried"])


def test_the_same_seed_gives_the_same_choice():
    ds = autoregression(frames=80, n=4)
    one, two = chosen(ds, lags=0), chosen(ds, lags=0)
    assert one[0] == two[0]
    assert [each["nats"] for each in one[1]["tried"]] == [each["nats"] for each in two[1]["tried"]]


def test_the_record_says_what_and_why_in_three_sentences():
    _, record = chosen(autoregression(frames=80, n=4), lags=0)
    seen, what, why = record["sentences"]
    assert seen.startswith("Seen: 1 recording of 4 entities and 80 frames, no positions")
    assert what.startswith("Chosen: ")
    assert "max_steps = 600" in what
    best = next(each for each in record["tried"] if each["chosen"])
    assert f"{best['nats']:.3f} nats a number" in why
    assert sum(each["chosen"] for each in record["tried"]) == 1
    json.dumps(record)


def test_infer_does_it_in_one_call(tmp_path):
    ds = autoregression(frames=80, n=4)
    given = FAST | {"lags": 0, "additive": True, "max_steps": 40}
    result = infer(ds, auto=True, **given)
    record = result.about["auto"]
    assert result.about["notes"][:3] == record["sentences"]
    assert result.config.graph.graph == "shared"
    plain = infer(ds, InferenceConfig.from_dict(record["chosen"] | given))
    np.testing.assert_array_equal(result.probability, plain.probability)
    again = Inference.load(result.save(tmp_path / "run"))
    assert again.about["auto"]["tried"] == record["tried"]
    page = result.report(tmp_path / "page.html").read_text("utf-8")
    assert "Settings that were tried" in page
    assert record["tried"][0]["name"] in page


def test_a_configuration_gives_what_is_not_as_by_default():
    config = InferenceConfig.from_dict({"lags": 2, "graph": "shared", "seed": 4})
    assert named_in(config) == {"graph": "shared", "lags": 2, "seed": 4}
    assert named_in(InferenceConfig(method="hybrid")) == {"method": "hybrid"}


@pytest.mark.parametrize("given", [{"method": "correlation"}, {"method": "nri"}, {"gain": "profiled"}])
def test_what_has_no_likelihood_to_compare_is_refused(given):
    with pytest.raises(ConfigError, match=r"auto (with the method|together with gain)"):
        choose_settings(validate(autoregression(frames=40)), given)


def test_too_few_frames_to_choose_by_are_refused():
    with pytest.raises(DataError, match="too few to choose settings by"):
        infer(springs(sequences=2, steps=10), auto=True)


def test_a_wrong_setting_is_refused_at_once():
    with pytest.raises(ConfigError, match="lag_s"):
        infer(springs(), auto=True, lag_s=1)


def seen(**fields):
    plain = {
        "n_sequences": 10, "n_frames": 50, "n_entities": 5, "n_features": 4, "position": 2, "velocity": True,
        "rates": False, "n_numbers": 50_000, "missing": 0.0, "same_entities": True, "autocorrelation": 0.9,
        "within_frame": 0.0,
    }  # fmt: skip
    return Survey(**plain | fields)


def test_what_is_tried_follows_from_the_data():
    start = Trial("start", {"graph": "per-sequence"})
    assert [trial.settings["graph"] for trial in scopes(start, seen())] == ["shared", "per-sequence"]
    assert scopes(start, seen(same_entities=False)) == [start]
    assert scopes(start, seen(n_sequences=1)) == [start]
    assert len(laws(start, seen())) == 3
    assert len(laws(start, seen(position=1))) == 2
    assert len(laws(start, seen(position=0, rates=True))) == 1
    turning = start.but("turning", rotation=True)
    assert memory(turning, seen())[1].settings == {"graph": "per-sequence", "lags": 1, "rotation": False}
    assert fixed_by_rule(seen(n_numbers=500))["max_steps"] == 600
    assert fixed_by_rule(seen(n_numbers=10**7)) == {"hidden": 64, "max_steps": 4000, "graph": "per-sequence"}


def test_at_most_eight_trials_are_made():
    """The longest course: one trial to begin with, and what each stage adds if the last of its trials wins."""
    for data in (seen(), seen(position=0, within_frame=9.0), seen(n_entities=60)):
        best, count = Trial("start", fixed_by_rule(data)), 1
        for stage in STAGES:
            trials = stage(best, data)
            count += len(trials) - 1
            best = trials[-1]
        assert count <= 8
