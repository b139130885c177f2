"""Dropout from raw bits has the distribution of `nn.Dropout`."""

import pytest
import torch

from edgewise.nn.dropout import QuickDropout


@pytest.mark.parametrize("p", [0.1, 0.5, 0.6])
def test_each_number_is_dropped_with_probability_p_and_the_rest_is_scaled(p):
    torch.manual_seed(0)
    n = 400_003  # no multiple of the four numbers that a draw serves
    out = QuickDropout(p)(torch.ones(n, dtype=torch.float64))
    error = (p * (1 - p) / n) ** 0.5
    assert abs(float((out == 0).double().mean()) - p) < 5 * error
    assert out.unique().tolist() == pytest.approx([0.0, 1 / (1 - p)])


def test_neighbours_are_dropped_independently():
    torch.manual_seed(0)
    dropped = (QuickDropout(0.5)(torch.ones(400_000)) == 0).double() - 0.5
    for apart in range(1, 9):
        correlation = float((dropped[:-apart] * dropped[apart:]).mean()) * 4
        assert abs(correlation) < 5 / 400_000**0.5


def test_gradients_pass_where_values_do():
    torch.manual_seed(0)
    values = torch.randn(5, 7, 3, requires_grad=True)
    out = QuickDropout(0.5)(values)
    out.sum().backward()
    torch.testing.assert_close(values.grad, torch.where(out == 0, 0.0, 2.0))


def test_the_seed_decides_and_evaluation_drops_nothing():
    layer, values = QuickDropout(0.5), torch.randn(33)
    found = []
    for _ in range(2):
        torch.manual_seed(3)
        found.append(layer(values))
    assert torch.equal(*found)
    assert torch.equal(layer.eval()(values), values)
    assert torch.equal(QuickDropout(0.0)(values), values)


def test_a_probability_outside_its_range_is_refused():
    from edgewise.errors import ConfigError

    with pytest.raises(ConfigError, match=r"dropout of 1\.0"):
        QuickDropout(1.0)
