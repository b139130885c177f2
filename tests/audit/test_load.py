"""Factories by name."""

import sys

import pytest
import torch

from edgewise.audit import Axes
from edgewise.audit.load import load_module
from edgewise.errors import ConfigError

AXES = Axes(entities=3, features=2)
SOURCE = """
import torch
from torch import nn

def net():
    return nn.Linear(2, 2)

def sized(features, n):
    return nn.Linear(features, n)

def wide(hidden):
    return nn.Linear(2, hidden)

def broken():
    raise ValueError("no weights")

def text():
    return "net"

class Net(nn.Linear):
    def __init__(self):
        super().__init__(2, 4)

class Nets:
    @staticmethod
    def small():
        return nn.Linear(2, 1)

instance = nn.Linear(2, 3)
number = 3
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    (tmp_path / "nets_of_a_user.py").write_text(SOURCE)
    (tmp_path / "half_a_net.py").write_text("import nothing_of_this_name")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("nets_of_a_user", "half_a_net"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("name", "width", "made"),
    [("net", 2, True), ("sized", 3, True), ("Net", 4, True), ("Nets.small", 1, True), ("instance", 3, False)],
)
def test_functions_classes_and_modules_are_taken(here, name, width, made):
    found = load_module(f"nets_of_a_user:{name}", AXES)
    assert found.module.out_features == width
    assert (found.factory is not None) == made


def test_the_seed_decides_the_weights(here):
    one, same, other = (
        load_module("nets_of_a_user:net", AXES, seed=seed).module.weight for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nets_of_a_user", "nets_of_a_user names no factory"),
        (":net", ":net names no factory"),
        (
            "nets_of_another:net",
            "nets_of_another:net: nets_of_another cannot be imported: ModuleNotFoundError",
        ),
        (
            "half_a_net:net",
            "half_a_net:net: half_a_net cannot be imported: ModuleNotFoundError: No module named 'nothing_of",
        ),
        ("nets_of_a_user:nat", "nets_of_a_user has no nat"),
        ("nets_of_a_user:wide", "nets_of_a_user:wide asks for hidden"),
        ("nets_of_a_user:broken", "nets_of_a_user:broken raised ValueError: no weights"),
        ("nets_of_a_user:text", "nets_of_a_user:text gave a str"),
        ("nets_of_a_user:number", "nets_of_a_user:number is of the type int"),
    ],
)
def test_what_gives_no_module_is_refused(here, name, said):
    with pytest.raises(ConfigError) as refused:
        load_module(name, AXES)
    assert refused.value.found.startswith(said)


def test_a_name_that_is_not_there_lists_those_that_are(here):
    with pytest.raises(ConfigError, match="Net, Nets, broken, instance, net"):
        load_module("nets_of_a_user:nat", AXES)
