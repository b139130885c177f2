"""Options of a simulator as words."""

import pytest

from edgewise.errors import ConfigError
from edgewise.physics.options import read_options


def test_words_are_numbers_truths_or_text():
    found = read_options(["dt=0.01", "steps-per-frame = 3", "fixed=True", "spacing=1e-3", "of=cheese"])
    assert found == {"dt": 0.01, "steps_per_frame": 3, "fixed": True, "spacing": 1e-3, "of": "cheese"}
    assert isinstance(found["steps_per_frame"], int)


@pytest.mark.parametrize("word", ["dt", "dt=", "=3", ""])
def test_other_words_are_refused(word):
    with pytest.raises(ConfigError, match=f"the option '{word}'\n  expected: NAME=VALUE"):
        read_options([word])


def test_an_option_is_given_once():
    with pytest.raises(ConfigError, match="the option dt is given twice"):
        read_options(["dt=1", "dt=2"])
