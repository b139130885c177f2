"""What a comparison is made of: labels, methods, settings for all and for one."""

import pytest

from edgewise.errors import ConfigError
from edgewise.inference.compare import DEFAULT, planned
from edgewise.inference.config import METHODS


def labels(*given, **more):
    return [entry.label for entry in planned(*given, **more)]


def test_nothing_named_means_what_is_always_there():
    assert labels() == list(DEFAULT)


def test_all_means_every_method_and_every_other_table():
    assert labels(["all"]) == list(METHODS)
    assert labels(["all"], {"slow": {"method": "nri"}}) == [*METHODS, "slow"]


def test_tables_alone_say_what_is_compared():
    found = planned(settings={"correlation": {}, "ours": {"method": "superposition", "hidden": 16}})
    assert [(entry.label, entry.config.method) for entry in found] == [
        ("correlation", "correlation"),
        ("ours", "superposition"),
    ]
    assert found[1].config.law.hidden == 16


def test_settings_for_all_and_for_one():
    settings = {
        "graph": "shared",
        "training": {"seed": 3},
        "pcmci": {"peers": {"longest_delay": 2}, "seed": 4},
        "nri": {"encoder": "cnn"},
    }
    pcmci, nri = planned(["pcmci", "nri"], settings)
    assert (pcmci.config.graph.graph, pcmci.config.training.seed) == ("shared", 4)
    assert pcmci.config.peers.longest_delay == 2
    assert (nri.config.nri.encoder, nri.config.training.seed) == ("cnn", 3)


def test_a_tables_own_graph_wins_over_a_table_for_all():
    settings = {"graph": {"graph": "shared", "window": 5}, "correlation": {"graph": "per-sequence"}}
    (one,) = planned(["correlation"], settings)
    assert (one.config.graph.graph, one.config.graph.window) == ("per-sequence", 5)


@pytest.mark.parametrize(
    ("methods", "settings", "message"),
    [
        (["pcmcy"], {}, "unknown method 'pcmcy' .did you mean 'pcmci'"),
        (["correlation", "correlation"], {}, "'correlation' is named twice"),
        ([], {}, "no method is named"),
        (["correlation"], {"pcmci": {}}, "settings: settings for 'pcmci', which is not compared"),
        (["ours"], {"ours": {"hidden": 8}}, "unknown method 'ours'"),
        (
            ["correlation"],
            {"hiden": 8},
            "settings, correlation: unknown setting 'hiden' .did you mean 'hidden'",
        ),
    ],
)
def test_wrong_plans_are_refused(methods, settings, message):
    with pytest.raises(ConfigError, match=message):
        planned(methods, settings)
