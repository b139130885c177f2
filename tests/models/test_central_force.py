"""Central forces: the equation, what is built in, derivatives in closed form, the start."""

import numpy as np
import pytest
import torch

from edgewise.errors import ConfigError, DataError
from edgewise.models.central_force import CentralForce, RadialLaw, refuse_coincident


def filled(hidden: int, *, n: int = 4, unit: float = 1.3, n_identities: int | None = None) -> CentralForce:
    torch.manual_seed(3)
    force = CentralForce(n, RadialLaw(hidden, unit=unit, spread=0.8), n_identities=n_identities)
    with torch.no_grad():
        for parameter in force.parameters():
            parameter.copy_(0.6 * torch.randn_like(parameter))
    return force


def places(n: int = 4, d: int = 3, frames: int = 5) -> torch.Tensor:
    return torch.randn(frames, n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def by_loops(position: np.ndarray, strength: np.ndarray, exponent: float, unit: float) -> np.ndarray:
    found = np.zeros_like(position)
    for i in range(len(position)):
        for j in range(len(position)):
            if i != j:
                r = position[j] - position[i]
                size = np.linalg.norm(r)
                found[i] += strength[j] * (size / unit) ** exponent * r / size
    return found


@pytest.mark.parametrize("d", [2, 3])
def test_a_power_law_is_the_sum_over_senders_by_loops(d):
    force, position = filled(0), places(d=d)
    strength = force.identity.detach().exp().numpy()
    for found, place in zip(force(position).detach().numpy(), position.numpy(), strict=True):
        expected = by_loops(place, strength, float(force.law.exponent.detach()), 1.3)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("hidden", [0, 6])
def test_the_law_is_one_at_its_unit(hidden):
    assert filled(hidden).law(torch.zeros(1, dtype=torch.float64)).tolist() == [0.0]


def test_it_starts_without_a_dependence_on_distance():
    law = RadialLaw(6)
    assert law(torch.linspace(-3, 3, 7, dtype=torch.float64)).detach().tolist() == [0.0] * 7


@pytest.mark.parametrize("hidden", [0, 6])
@pytest.mark.parametrize("n_identities", [1, 4])
def test_the_jacobian_is_that_of_autograd(hidden, n_identities):
    force, position = filled(hidden, n_identities=n_identities), places(frames=2)
    parameters = dict(force.named_parameters())

    def accelerations(*values: torch.Tensor) -> torch.Tensor:
        given = dict(zip(parameters, values, strict=True))
        return torch.func.functional_call(force, given, (position,))

    parts = torch.autograd.functional.jacobian(accelerations, tuple(parameters.values()))
    expected = torch.cat([part.reshape(2, 4, 3, -1) for part in parts], -1)
    torch.testing.assert_close(force.jacobian(position).detach(), expected, rtol=1e-10, atol=1e-12)


def test_the_slope_is_the_exponent_of_a_power_and_that_of_differences_else():
    at = torch.tensor([-1.0, 0.2, 1.5], dtype=torch.float64)
    power, free = filled(0).law, filled(6).law
    torch.testing.assert_close(power.slope(at).detach(), power.exponent.detach().expand(3))
    differences = (free(at + 1e-6) - free(at - 1e-6)) / 2e-6
    torch.testing.assert_close(free.slope(at).detach(), differences.detach(), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("hidden", [0, 6])
def test_translation_rotation_and_permutation(hidden):
    force, position = filled(hidden), places()
    found = force(position)
    torch.testing.assert_close(force(position + 7.0), found, rtol=1e-9, atol=1e-10)
    turn = torch.linalg.qr(places(3, 3, 1)[0]).Q
    torch.testing.assert_close(force(position @ turn), found @ turn, rtol=1e-9, atol=1e-10)
    order = torch.tensor([2, 0, 3, 1])
    with torch.no_grad():
        force.identity.copy_(force.identity[order])
    torch.testing.assert_close(force(position[:, order]), found[:, order], rtol=1e-9, atol=1e-10)


def test_pulls_superpose():
    force, position = filled(0, n=3), places(n=3)
    alone = [position[:, [0, j]] for j in (1, 2)]
    pair = CentralForce(2, RadialLaw(0, unit=1.3))
    total = torch.zeros_like(position[:, 0])
    with torch.no_grad():
        pair.law.exponent.copy_(force.law.exponent)
        for j, two in zip((1, 2), alone, strict=True):
            pair.identity.copy_(force.identity[[0, j]])
            total += pair(two)[:, 0]
    torch.testing.assert_close(force(position)[:, 0].detach(), total, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_start_is_the_common_strength_with_its_sign(sign):
    truth, found = filled(0, n_identities=1), CentralForce(4, RadialLaw(0, unit=1.3))
    with torch.no_grad():
        truth.law.exponent.zero_()
        truth.sign.fill_(sign)
        found.start(places(), truth(places()))
    assert float(found.sign) == sign
    torch.testing.assert_close(
        found.identity.detach(), truth.identity.detach().expand(4), rtol=1e-12, atol=1e-13
    )


def test_bodies_at_one_place_are_named():
    position = places()
    position[3, 2] = position[3, 1]
    with pytest.raises(DataError) as caught:
        refuse_coincident(position, ["a", "b", "c", "d"])
    assert caught.value.found == "b and c are at one place in frame 3"


def test_bodies_that_nothing_acts_on_are_refused():
    with pytest.raises(DataError) as caught:
        CentralForce(4, RadialLaw()).start(places(), torch.zeros_like(places()))
    assert caught.value.found == "no body is accelerated"


@pytest.mark.parametrize(("n", "identities"), [(1, None), (4, 3)])
def test_numbers_that_do_not_fit_are_refused(n, identities):
    with pytest.raises(ConfigError, match="two bodies or more"):
        CentralForce(n, RadialLaw(), n_identities=identities)


def test_a_negative_width_is_refused():
    with pytest.raises(ConfigError, match="hidden is -1"):
        RadialLaw(-1)
