"""The page of the simulators lists every system, every option and its default."""

import re
from dataclasses import asdict
from pathlib import Path

import pytest

from edgewise.physics import SIMULATORS, simulate

PAGE = (Path(__file__).parents[2] / "docs" / "simulators.md").read_text("utf-8")
ROW = r"^\| (`\w+`(?:, `\w+`)*) \| ([^|]+) \|"


def section(name: str) -> str:
    return PAGE.split(f"\n## `{name}`\n")[1].split("\n## ")[0]


def read(word: str) -> float | bool:
    return word == "true" if word in ("true", "false") else float(word)


def test_every_system_is_listed():
    assert re.findall(r"^\| `(\w+)` \| [^|]+ \| \w+ et al", PAGE, flags=re.MULTILINE) == list(SIMULATORS)


@pytest.mark.parametrize("name", ["nbody", "balls", "string"])
def test_every_option_stands_there_with_its_default(name):
    described = {}
    for names, defaults in re.findall(ROW, section(name), flags=re.MULTILINE):
        values = [read(word) for word in defaults.split(", ")]
        described |= dict(zip(re.findall(r"\w+", names), values, strict=True))
    assert described == asdict(SIMULATORS[name].defaults)


@pytest.mark.parametrize("name", ["nbody", "balls", "string"])
def test_every_feature_is_named(name):
    for feature in simulate(name, steps=2).drop_vars("edges").data_vars:
        assert f"`{feature}`" in section(name)
