"""Typed reading of tables into records, and what is said of wrong ones. (More in tests/inference/test_config.py.)"""

from dataclasses import dataclass

import pytest

from edgewise.errors import ConfigError, RunError
from edgewise.settings import did_you_mean, one_of, plain, read_table, read_toml, require


@dataclass(frozen=True)
class Oven:
    """An oven.

    Attributes:
        heat: in degrees; name: of the oven; trays: heights of the trays; fan: whether it blows.
    """

    name: str
    heat: float = 180.0
    trays: tuple[int, ...] = (1, 3)
    fan: bool = False
    minutes: int = 30

    def __post_init__(self) -> None:
        require(0 < self.heat < 300, "heat", self.heat, "above 0 and below 300 degrees")


def test_a_table_becomes_its_record():
    oven = read_table(Oven, {"name": "big", "heat": 200, "trays": [2], "fan": True}, "kitchen.toml")
    assert oven == Oven("big", 200.0, (2,), True, 30)
    assert isinstance(oven.heat, float)
    assert plain(oven) == {"name": "big", "heat": 200.0, "trays": [2], "fan": True, "minutes": 30}


@pytest.mark.parametrize(
    ("table", "found", "expected"),
    [
        ({"name": "big", "haet": 1}, "k: unknown setting 'haet' (did you mean 'heat'?)", "one of fan, heat"),
        ({"name": "big", "zzz": 1}, "k: unknown setting 'zzz'\n", "one of fan, heat, minutes, name, trays"),
        ({"heat": 1.0}, "k: name is not given", "a value (str)"),
        ({"name": 3}, "k: name is 3", "a value like '' (str)"),
        ({"name": "big", "fan": 1}, "k: fan is 1", "a value like False (bool)"),
        ({"name": "big", "minutes": 1.5}, "k: minutes is 1.5", "a value like 30 (int)"),
        ({"name": "big", "heat": "hot"}, "k: heat is 'hot'", "a value like 180.0 (float)"),
        ({"name": "big", "trays": ["x"]}, "k: trays is ('x',)", "a value like (1, 3) (tuple)"),
        ({"name": "big", "heat": 400.0}, "k: heat is 400.0", "above 0 and below 300 degrees"),
        (7, "k is 7", "a table of settings"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(table, found, expected):
    with pytest.raises(ConfigError) as error:
        read_table(Oven, table, "k")
    assert found in f"{error.value}\n"
    assert expected in str(error.value)


def test_a_word_that_is_not_known_names_the_nearest():
    with pytest.raises(ConfigError) as error:
        one_of("colour", "gren", ("red", "green"), "paint.toml")
    assert str(error.value) == (
        "paint.toml: unknown colour 'gren' (did you mean 'green'?)\n  expected: one of red, green"
    )
    with pytest.raises(ConfigError, match=r"unknown colour 3\n"):
        one_of("colour", 3, ("red", "green"))
    one_of("colour", "red", ("red", "green"))
    assert did_you_mean("xyz", ["red"]) == ""


@pytest.mark.parametrize("content", [b"a = ", b"\xff\xfe", None])
def test_a_file_that_cannot_be_read_is_named(tmp_path, content):
    path = tmp_path / "a.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RunError) as error:
        read_toml(path, expected="a recipe", fix="take another")
    assert f"{path} cannot be read: " in str(error.value)
    assert str(error.value).endswith("expected: a recipe\n  to do: take another")
