"""How the learning rate goes."""

import pytest

from edgewise.training import cosine, inverse_sqrt


def test_half_a_cosine_falls_from_the_rate_to_zero_and_stays_there():
    rate = cosine(0.4, 100)
    assert [rate(step) for step in (0, 50, 100, 150)] == pytest.approx([0.4, 0.2, 0.0, 0.0])
    assert rate(25) == pytest.approx(0.4 * (2 + 2**0.5) / 4)
    assert all(rate(step) > rate(step + 1) for step in range(100))


def test_the_rate_rises_in_a_line_and_falls_with_the_root_of_the_step():
    rate = inverse_sqrt(0.8, 4)
    assert [rate(step) for step in range(4)] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert [rate(step) for step in (15, 63)] == pytest.approx([0.4, 0.2])


def test_with_the_papers_peak_it_is_the_papers_rate():
    dim, warmup = 512, 4000  # Vaswani et al. 2017, eq. 3
    rate = inverse_sqrt((dim * warmup) ** -0.5, warmup)
    for step in (1, 100, 4000, 9000):
        assert rate(step - 1) == pytest.approx(dim**-0.5 * min(step**-0.5, step * warmup**-1.5))


def test_without_a_warm_up_the_first_step_has_the_peak():
    assert [inverse_sqrt(0.8, 0)(step) for step in (0, 3)] == pytest.approx([0.8, 0.4])
