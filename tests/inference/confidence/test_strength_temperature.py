"""The temperature of continuous strengths, from what two laws say of them."""

import pytest
import torch

from edgewise.inference.confidence.strength_temperature import (
    crossed_strength_temperature,
    disagreement,
    halves,
    matching_temperature,
)
from edgewise.inference.superposition.model import QuadraticForm

from ..worlds import springs, untrained

CONTINUOUS = {"strengths": "continuous", "no_interaction": "yes"}
LEVEL = torch.tensor(0.5, dtype=torch.float64)


def drawn_halves(variance, n=3000, slots=3, numbers=25, factor=1.0):
    """Forms of two halves with the same strengths from N(0, 1); their noise has so many times the variance they claim.

    The law of the second half is `factor` times that of the first.
    """
    generator = torch.Generator().manual_seed(0)

    def normal(*size):
        return torch.randn(*size, generator=generator, dtype=torch.float64)

    strength, forms = normal(n, slots), []
    for law in (1.0, factor):
        a = 0.6 * normal(n, slots, numbers)
        r = (strength[..., None] * a).sum(1) + (variance * LEVEL).sqrt() * normal(n, numbers)
        a = law * a
        zero = torch.zeros(n).double()
        forms.append(
            QuadraticForm(a @ a.transpose(-1, -2), (a @ r[..., None])[..., 0], (r * r).sum(-1), zero, zero)
        )
    return tuple(forms)


@pytest.mark.parametrize("variance", [0.2, 1.0, 6.0])
def test_the_temperature_is_what_the_noise_is_larger_than_claimed(variance):
    found = disagreement(drawn_halves(variance), (LEVEL, LEVEL))
    assert matching_temperature(*found) == pytest.approx(variance, rel=0.1)


def test_the_sign_of_a_law_does_not_matter():
    plain = matching_temperature(*disagreement(drawn_halves(2.0), (LEVEL, LEVEL)))
    turned = matching_temperature(*disagreement(drawn_halves(2.0, factor=-1.0), (LEVEL, LEVEL)))
    assert turned == pytest.approx(plain, rel=1e-9)


def test_the_halves_share_no_frame_and_leave_none_out():
    _, data, _, _ = untrained(springs(steps=15), **CONTINUOUS)
    early, late = halves(data)
    torch.testing.assert_close(early.weight + late.weight, data.weight)
    assert float((early.weight * late.weight).sum()) == 0
    first = early.weight[0, :, 0, 0]
    assert (first[:7] == 1).all()
    assert (first[7:] == 0).all()


def test_one_recording_that_is_too_short_has_none():
    _, data, encoding, config = untrained(springs(sequences=1, steps=9), **CONTINUOUS)
    assert crossed_strength_temperature(data, encoding, config) is None
