"""Numbers for readers: enough digits, and never a perfection that was not reached."""

import pytest

from edgewise.report import formatting


def plain_spaces(text: str) -> str:
    return text.replace(formatting.NARROW, " ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "50 %"),
        (0.123456, "12.3 %"),
        (0.99949999, "99.95 %"),
        (0.9999999, "> 99.99 %"),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.00001, "< 0.01 %"),
        (0.0123, "1.2 %"),
        (None, "–"),
        (float("nan"), "–"),
    ],
)
def test_percent(value: float | None, text: str):
    assert plain_spaces(formatting.percent(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1.000"),
        (0.99997, "> 0.999"),
        (0.9994, "0.999"),
        (0.0001, "< 0.001"),
        (0.0, "0.000"),
        (None, "–"),
    ],
)
def test_score_is_never_rounded_to_perfect(value: float | None, text: str):
    assert plain_spaces(formatting.score(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.0123456, "0.0123"),
        (123.456, "123"),
        (9999.0, "9999"),
        (-1.5, "-1.50"),
        (4.2e-8, "4.20 × 10⁻⁸"),
        (31234.0, "3.12 × 10⁴"),
    ],
)
def test_number_has_three_significant_digits(value: float, text: str):
    assert plain_spaces(formatting.number(value)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.3, "0.3 s"),
        (12.34, "12.3 s"),
        (99.99, "1 min 40 s"),
        (754.2, "12 min 34 s"),
        (3599.7, "1 h 0 min"),
        (7300, "2 h 2 min"),
        (None, "–"),
    ],
)
def test_duration(value: float | None, text: str):
    assert plain_spaces(formatting.duration(value)) == text


def test_counts_are_grouped_from_five_digits_on():
    assert formatting.count(9999) == "9999"
    assert plain_spaces(formatting.count(1234567)) == "1 234 567"


def test_moment_keeps_a_text_that_is_no_time():
    assert formatting.moment("2026-03-02T04:05:06+00:00") == "2 March 2026, 04:05"
    assert formatting.moment("yesterday") == "yesterday"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "yes"),
        (None, "–"),
        (0.1 + 0.2, "0.3"),
        (["a", 1], "a, 1"),
        ([], "–"),
        ({"k": 2}, "k 2"),
        (7, "7"),
    ],
)
def test_settings_of_any_type_are_words(value: object, text: str):
    assert formatting.plain(value) == text
