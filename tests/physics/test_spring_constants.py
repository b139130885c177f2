"""Springs with constants of their own."""

import numpy as np
import pytest

from edgewise.errors import ConfigError
from edgewise.physics import simulate
from edgewise.physics.springs import MANY, spring_force


def test_constants_lie_within_the_spread_and_are_those_of_both_ends():
    ds = simulate("springs", entities=5, sequences=40, steps=2, strength_spread=0.5)
    constants, edges = ds["strength"].to_numpy(), ds["edges"].to_numpy()
    np.testing.assert_array_equal(constants, constants.swapaxes(1, 2))
    np.testing.assert_array_equal(constants > 0, edges == 1)
    found = constants[constants > 0] / 0.1
    assert 0.5 <= found.min() < 0.6
    assert 1.4 < found.max() <= 1.5
    assert found.mean() == pytest.approx(1, abs=0.05)


def test_graphs_and_starts_are_those_of_springs_that_are_all_alike():
    alike = simulate("springs", sequences=3, steps=2, seed=4)
    spread = simulate("springs", sequences=3, steps=2, seed=4, strength_spread=0.3)
    assert "strength" not in alike
    np.testing.assert_array_equal(alike["edges"], spread["edges"])
    np.testing.assert_allclose(alike["x"][:, 0], spread["x"][:, 0], atol=1e-2)


def test_a_system_does_not_depend_on_how_many_others_there_are():
    one = simulate("springs", sequences=1, steps=3, strength_spread=0.5)
    many = simulate("springs", sequences=4, steps=3, strength_spread=0.5)
    assert many.isel(sequence=[0]).identical(one)


def test_the_force_is_the_constant_times_the_distance():
    constants = np.zeros((2, 2, 1))
    constants[0, 1] = constants[1, 0] = 1.3
    positions = np.array([[[0.0], [2.0]], [[0.0], [1.0]]])  # [axis, entity, system]
    out = np.empty_like(positions)
    spring_force(constants, 0.1)(positions, out)
    np.testing.assert_allclose(out[:, 0, 0], [0.13 * 2, 0.13 * 1])
    np.testing.assert_allclose(out[:, 1], -out[:, 0])


def test_springs_that_push_are_refused():
    with pytest.raises(ConfigError, match=r"strength_spread = 1\.5"):
        simulate("springs", strength_spread=1.5)
    with pytest.raises(ConfigError, match="unknown option of charged 'strength_spread'"):
        simulate("charged", strength_spread=0.5)


def test_with_many_entities_the_force_is_still_the_sum_over_springs():
    rng = np.random.default_rng(0)
    constants = rng.uniform(size=(MANY, MANY, 3)) * (rng.random((MANY, MANY, 3)) < 0.05)
    constants[range(MANY), range(MANY)] = 0.0
    positions = rng.normal(size=(2, MANY, 3))
    out = np.empty_like(positions)
    spring_force(constants.copy(), 0.1)(positions, out)
    differences = positions[:, :, None] - positions[:, None]  # [axis, receiver, sender, system]
    np.testing.assert_allclose(out, -0.1 * (constants * differences).sum(2), atol=1e-12)


def test_many_entities_do_not_depend_on_how_many_other_systems_there_are():
    one = simulate("springs", entities=MANY, sequences=1, steps=2)
    many = simulate("springs", entities=MANY, sequences=3, steps=2)
    assert many.isel(sequence=[0]).identical(one)
