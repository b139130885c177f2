"""Settings: what they may be, how they are written down, and what is said of wrong ones."""

import dataclasses

import pytest

from edgewise.errors import ConfigError
from edgewise.inference import GraphConfig, InferenceConfig, LawConfig, TrainingConfig
from edgewise.inference.config import METHODS

EVERYTHING_ELSE = {
    "method": "superposition",
    "graph": {
        "edge_types": 3,
        "layers": [],
        "most_types": 0,
        "no_interaction": "no",
        "undirected": True,
        "graph": "per-window",
        "window": 7,
        "stay": 0.75,
        "neighbours": 4,
        "nearest": "correlation",
        "prior": [0.5, 0.25, 0.25],
        "fill_gaps": 0,
        "strengths": "types",
        "acyclic": False,
    },
    "law": {
        "translation": False,
        "rotation": False,
        "local_frames": False,
        "symmetric": True,
        "additive": False,
        "lags": 2,
        "identity": 3,
        "angles": [],
        "gain": "profiled",
        "separable": 0,
        "instantaneous": True,
        "hidden": 16,
    },
    "training": {
        "seed": 5,
        "max_steps": 10,
        "min_steps": 5,
        "refit_steps": 0,
        "refit_horizon": 1,
        "refit_error": "squared",
        "time_limit": 2.5,
        "batch_size": 8,
        "learning_rate": 0.01,
        "noise": "profiled",
        "temperature": 2.0,
    },
    "confidence": {"fdr": 0.0, "calibrate": False, "ensemble": 1, "bootstrap": 0},
    "nri": {
        "encoder": "cnn",
        "decoder": "rnn",
        "frames": 30,
        "prediction_steps": 5,
        "burn_in": 20,
        "tau": 0.7,
        "hard": True,
        "variance": 1e-3,
        "dropout": 0.5,
        "factor_graph": False,
        "validation": 0.25,
        "dynamic": True,
        "precision": "bfloat16",
    },
    "hybrid": {"dreams": 0.5, "encoder_steps": 20, "encoder_hidden": 32},
    "peers": {"series": "increments", "shortest_delay": 0, "longest_delay": 3},
}


def test_a_dictionary_of_everything_survives_the_round_trip():
    config = InferenceConfig.from_dict(EVERYTHING_ELSE)
    assert config.to_dict() == EVERYTHING_ELSE
    assert InferenceConfig.from_dict(config.to_dict()) == config
    defaults = InferenceConfig().to_dict()
    for section in ("graph", "law", "training", "confidence", "nri", "hybrid", "peers"):
        assert EVERYTHING_ELSE[section].keys() == defaults[section].keys()
        assert EVERYTHING_ELSE[section] != defaults[section]


def test_the_defaults_survive_the_round_trip():
    assert InferenceConfig.from_dict(InferenceConfig().to_dict()) == InferenceConfig()
    assert InferenceConfig.from_dict({}) == InferenceConfig()


def test_flat_keys_find_their_table():
    flat = {"method": "superposition"}
    for section in ("graph", "law", "training", "confidence", "nri", "hybrid", "peers"):
        flat |= EVERYTHING_ELSE[section]
    assert InferenceConfig.from_dict(flat) == InferenceConfig.from_dict(EVERYTHING_ELSE)


def test_tables_and_flat_keys_may_be_mixed():
    config = InferenceConfig.from_dict({"graph": {"graph": "shared"}, "hidden": 8, "seed": 3})
    assert (config.graph.graph, config.law.hidden, config.training.seed) == ("shared", 8, 3)
    assert InferenceConfig.from_dict({"graph": "shared"}).graph.graph == "shared"


def test_whole_numbers_pass_for_floats_and_lists_for_tuples():
    config = InferenceConfig.from_dict({"time_limit": 60, "prior": [0.5, 0.5]})
    assert config.training.time_limit == 60.0
    assert isinstance(config.training.time_limit, float)
    assert config.graph.prior == (0.5, 0.5)


def test_an_unknown_key_names_the_nearest():
    with pytest.raises(ConfigError) as error:
        InferenceConfig.from_dict({"edge_type": 3}, source="recipe.toml")
    assert "recipe.toml: unknown setting 'edge_type' (did you mean 'edge_types'?)" in str(error.value)
    assert "learning_rate" in str(error.value)


def test_an_unknown_key_in_a_table_is_compared_with_that_table_only():
    with pytest.raises(ConfigError) as error:
        InferenceConfig.from_dict({"law": {"edge_types": 3}})
    assert "settings, table [law]: unknown setting 'edge_types'" in str(error.value)
    assert (
        "one of additive, angles, gain, hidden, identity, instantaneous, lags, local_frames, rotation, separable,"
        " symmetric, translation" in str(error.value)
    )
    with pytest.raises(ConfigError, match=r"unknown setting 'hiden' \(did you mean 'hidden'\?\)"):
        InferenceConfig.from_dict({"law": {"hiden": 3}})


def test_a_key_like_no_other_gets_no_suggestion():
    with pytest.raises(ConfigError) as error:
        InferenceConfig.from_dict({"zzz": 3})
    assert "unknown setting 'zzz'\n" in str(error.value)


def test_an_unknown_method_names_the_nearest():
    with pytest.raises(ConfigError) as error:
        InferenceConfig.from_dict({"method": "superpositon"})
    assert "unknown method 'superpositon' (did you mean 'superposition'?)" in str(error.value)
    assert f"one of {', '.join(METHODS)}" in str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "like"),
    [
        ("edge_types", "3", "a value like 2 (int)"),
        ("edge_types", 3.0, "a value like 2 (int)"),
        ("edge_types", True, "a value like 2 (int)"),
        ("undirected", 1, "a value like False (bool)"),
        ("learning_rate", "fast", "a value like 0.003 (float)"),
        ("stay", True, "a value like 0.9 (float)"),
        ("graph", 3, "a value like 'per-sequence' (str)"),
        ("prior", 0.5, "a value like () (tuple)"),
        ("prior", ["a", "b"], "a value like () (tuple)"),
    ],
)
def test_a_value_of_another_type_is_refused(key, value, like):
    with pytest.raises(ConfigError) as error:
        InferenceConfig.from_dict({key: value}, source="recipe.toml")
    assert f"recipe.toml: {key} is " in str(error.value)
    assert like in str(error.value)


@pytest.mark.parametrize(
    ("record", "name", "value", "expected"),
    [
        (GraphConfig, "edge_types", 1, "2 to 16 types"),
        (GraphConfig, "edge_types", 17, "2 to 16 types"),
        (GraphConfig, "no_interaction", "maybe", "auto, yes, no"),
        (GraphConfig, "graph", "per-frame", "one of per-sequence, shared, per-window"),
        (GraphConfig, "window", 0, "at least 1 frame"),
        (GraphConfig, "stay", 0.0, "between 0 and 1, ends excluded"),
        (GraphConfig, "stay", 1.0, "between 0 and 1, ends excluded"),
        (GraphConfig, "neighbours", -1, "0 (all) or a positive number"),
        (GraphConfig, "fill_gaps", -1, "0 or a positive number of frames"),
        (GraphConfig, "prior", (0.5, 0.25, 0.25), "2 positive probabilities that sum to 1"),
        (GraphConfig, "prior", (0.5, 0.6), "2 positive probabilities that sum to 1"),
        (GraphConfig, "prior", (1.0, 0.0), "2 positive probabilities that sum to 1"),
        (LawConfig, "lags", -1, "0 to 50 earlier frames"),
        (LawConfig, "lags", 51, "0 to 50 earlier frames"),
        (LawConfig, "identity", -1, "0 to 64 numbers an entity"),
        (LawConfig, "identity", 65, "0 to 64 numbers an entity"),
        (LawConfig, "hidden", 3, "4 to 4096 units"),
        (LawConfig, "hidden", 4097, "4 to 4096 units"),
        (TrainingConfig, "seed", -1, "0 or a positive whole number"),
        (TrainingConfig, "max_steps", 0, "at least 1 step"),
        (TrainingConfig, "time_limit", -0.5, "seconds, or 0 for none"),
        (TrainingConfig, "time_limit", float("nan"), "seconds, or 0 for none"),
        (TrainingConfig, "batch_size", -1, "0 (chosen) or a positive number"),
        (TrainingConfig, "learning_rate", 0.0, "above 0, at most 1"),
        (TrainingConfig, "learning_rate", 1.5, "above 0, at most 1"),
        (TrainingConfig, "noise", "loud", "learnt or profiled"),
        (TrainingConfig, "temperature", 0.5, "at least 1"),
    ],
)
def test_a_value_out_of_range_is_refused_with_what_it_may_be(record, name, value, expected):
    with pytest.raises(ConfigError) as error:
        record(**{name: value})
    assert f"{name} is {value!r}" in str(error.value)
    assert expected in str(error.value)


def test_biases_that_exclude_each_other_are_refused():
    with pytest.raises(ConfigError, match="rotation without translation"):
        LawConfig(rotation=True, translation=False)
    for other in ("symmetric", "rotation"):
        with pytest.raises(ConfigError, match="additive together with symmetric or rotation"):
            LawConfig(additive=True, **{other: True})


def test_a_law_that_turns_has_no_lags():
    with pytest.raises(ConfigError, match="rotation together with lags"):
        LawConfig(rotation=True, lags=1)


def test_settings_cannot_be_changed_behind_ones_back():
    with pytest.raises(dataclasses.FrozenInstanceError):
        InferenceConfig().law.hidden = 3  # ty: ignore


def test_angles_are_a_list_of_names():
    config = InferenceConfig.from_dict({"law": {"angles": ["sin_a", "sin_b"], "separable": 4}})
    assert config.law.angles == ("sin_a", "sin_b")
    assert InferenceConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ConfigError, match="angles is"):
        InferenceConfig.from_dict({"angles": [1, 2]})
    with pytest.raises(ConfigError, match="prior is"):
        InferenceConfig.from_dict({"prior": ["a", "b"]})


@pytest.mark.parametrize("other", ["additive", "symmetric", "rotation"])
def test_a_separable_law_has_no_bias_of_pairs(other):
    with pytest.raises(ConfigError, match="separable together with"):
        InferenceConfig.from_dict({"separable": 2, other: True})
