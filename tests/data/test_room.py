"""The names of the room: which are there, and what loading them costs."""

import subprocess
import sys

import pytest

import edgewise.data


@pytest.mark.parametrize("name", edgewise.data.__all__)
def test_every_name_is_there(name):
    assert getattr(edgewise.data, name) is not None


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match=r"module 'edgewise\.data' has no attribute 'load_planetiod'"):
        edgewise.data.load_planetiod  # noqa: B018


def test_the_room_opens_without_heavy_imports():
    code = (
        "import edgewise.data, sys; "
        "sys.exit(not {'torch', 'rdkit', 'torch_geometric', 'networkx'}.isdisjoint(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
