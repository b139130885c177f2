"""How the learning rate goes."""

import pytest

from edgewise.training import cosine


def test_half_a_cosine_falls_from_the_rate_to_zero_and_stays_there():
    rate = cosine(0.4, 100)
    assert [rate(step) for step in (0, 50, 100, 150)] == pytest.approx([0.4, 0.2, 0.0, 0.0])
    assert rate(25) == pytest.approx(0.4 * (2 + 2**0.5) / 4)
    assert all(rate(step) > rate(step + 1) for step in range(100))
