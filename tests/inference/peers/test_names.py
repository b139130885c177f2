"""Which peers there are, and what is said of those that are not here."""

import subprocess
import sys

import pytest

from edgewise.errors import ConfigError
from edgewise.inference import InferenceConfig, infer
from edgewise.inference.config import LEARNED, METHODS
from edgewise.inference.peers import PEERS, installed
from edgewise.inference.peers.reconstructors import RECONSTRUCTORS
from edgewise.inference.peers.score import ADAPTERS

from ..worlds import springs


def test_every_peer_is_a_method_and_has_an_adapter():
    assert set(ADAPTERS) == set(PEERS) <= set(METHODS)
    assert set(LEARNED).isdisjoint(PEERS)
    assert {name for name in PEERS if name.startswith("netrd:")} == set(RECONSTRUCTORS)


def test_our_methods_and_scikit_learns_are_always_installed():
    assert all(installed(method) for method in (*LEARNED, "correlation", "graphical-lasso"))


def test_a_peer_that_is_not_installed_names_the_extra(monkeypatch):
    monkeypatch.setattr("edgewise.inference.peers.names.find_spec", lambda package: None)
    assert not installed("pcmci")
    with pytest.raises(ConfigError, match="pcmci needs the package tigramite") as error:
        infer(springs(), method="pcmci")
    assert error.value.expected == "the extra `peers`"
    assert "edgewise[peers]" in str(error.value.fix)


def test_settings_load_no_peer():
    code = (
        "import sys, edgewise.inference.config\n"
        "assert {'torch', 'pandas', 'numpy', 'sklearn', 'tigramite', 'netrd'}.isdisjoint(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"series": "rates"}, "unknown series 'rates'"),
        ({"shortest_delay": 2}, "shortest_delay is 2"),
        ({"longest_delay": 0}, "longest_delay is 0"),
    ],
)
def test_settings_of_peers_are_checked(settings, message):
    with pytest.raises(ConfigError, match=message):
        InferenceConfig.from_dict({"method": "pcmci"} | settings)
