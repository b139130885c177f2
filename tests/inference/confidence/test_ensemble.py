"""Several fits: types put in one order, posteriors pooled, disagreement said."""

import itertools

import numpy as np
import pytest

from edgewise.inference import Inference, infer
from edgewise.inference.confidence.alignment import aligned_types, layered_orders
from edgewise.inference.confidence.ensemble import disagreement, ensemble_notes, orders_of, pooled

from ..worlds import QUICK, springs


def posterior(seed, types=3, sharp=4.0):
    rng = np.random.default_rng(seed)
    p = np.exp(sharp * rng.normal(size=(2, 1, 4, 4, types)))
    return p / p.sum(-1, keepdims=True)


@pytest.mark.parametrize("idle", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_types_is_the_best_of_all(seed, idle):
    """Against every permutation, one by one."""
    reference, other = posterior(seed), posterior(seed + 100)
    allowed = [order for order in itertools.permutations(range(3)) if not idle or order[0] == 0]
    agreement = {order: (reference * other[..., list(order)]).sum() for order in allowed}
    assert aligned_types(reference, other, idle=idle) == max(agreement, key=agreement.__getitem__)


def test_renamed_types_are_recognised():
    p = posterior(0)
    renamed = p[..., [0, 2, 1]]
    orders = orders_of([p, renamed], [True, True])
    assert orders == [(0, 1, 2), (0, 2, 1)]
    mean, spread = pooled([p, renamed], orders)
    np.testing.assert_allclose(mean, p)
    assert np.abs(spread).max() == 0


def test_only_what_keeps_layers_apart_is_tried():
    """Two layers of two: their joint types (0,0), (0,1), (1,0), (1,1) may only change names with the layers."""
    assert set(layered_orders((2, 2), idle=True)) == {(0, 1, 2, 3), (0, 2, 1, 3)}
    free = set(layered_orders((2, 3), idle=False))
    assert len(free) == 2 * 6
    assert all(sorted(order) == list(range(6)) for order in free)
    for order in free:  # (a, b) and (a, c) stay in one row
        rows = np.array(order).reshape(2, 3) // 3
        assert (rows == rows[:, :1]).all()
    p = posterior(1, types=4)
    assert aligned_types(p, p[..., [0, 2, 1, 3]], idle=True, layers=(2, 2)) == (0, 2, 1, 3)


def test_the_pool_is_the_mean_and_the_spread_its_range():
    members = [posterior(seed) for seed in range(3)]
    mean, spread = pooled(members, [(0, 1, 2)] * 3)
    place = (1, 0, 2, 3, 1)
    values = [member[place] for member in members]
    assert mean[place] == pytest.approx(sum(values) / 3)
    assert spread[place] == pytest.approx(max(values) - min(values))
    np.testing.assert_allclose(mean.sum(-1), 1)


def test_a_member_that_is_sure_of_its_error_does_not_overrule_the_others():
    mild, sure = np.array([0.1, 0.9]), np.array([1 - 1e-12, 1e-12])
    mean, spread = pooled([mild, mild, sure], [(0, 1)] * 3)
    assert mean[1] == pytest.approx(0.6)
    assert spread[1] == pytest.approx(0.9)


def test_members_that_differ_are_reported():
    p = posterior(0)
    other = p.copy()
    other[0, 0, 1, 2] = np.roll(p[0, 0, 1, 2], 1)
    assert disagreement([p, other], [(0, 1, 2)] * 2) == pytest.approx(1 / 24)
    assert ensemble_notes([p, p], [(0, 1, 2)] * 2, [True, True]) == []
    notes = ensemble_notes([p, other], [(0, 1, 2)] * 2, [True, False])
    assert notes[0].startswith("The 2 fits of the ensemble name different types for 4% of the pairs")
    assert notes[1].startswith("1 of the 2 fits of the ensemble have a type that means 'no interaction'")


@pytest.fixture(scope="module")
def ensemble():
    ds = springs()
    return ds, infer(ds, ensemble=2, **QUICK)


def test_an_ensemble_is_the_pool_of_its_fits(ensemble):
    ds, result = ensemble
    law = result.fitted
    found = []
    for seed, one in ((0, (law.model, 1.0)), (1, (law.assurance.members[0].model, None))):
        model, temperature = one
        single = infer(ds, seed=seed, **QUICK)
        for name, weight in single.fitted.model.state_dict().items():
            np.testing.assert_array_equal(model.state_dict()[name], weight)
        assert temperature is None or single.fitted.assurance.calibration == law.assurance.calibration
        found.append(single.probability.to_numpy())
    assert law.assurance.members[0].order == (0, 1)  # an idle type stays, and there is one other
    np.testing.assert_allclose(result.probability, np.mean(found, axis=0), atol=1e-12)
    np.testing.assert_allclose(result.confidence["spread"], np.abs(found[0] - found[1]), atol=1e-12)


def test_edges_say_how_far_members_are_apart(ensemble):
    _, result = ensemble
    edges = result.edges()
    row = edges.iloc[0]
    spread = result.confidence["spread"].sel(
        sequence=row["sequence"], receiver=row["target"], sender=row["source"], type=row["type"]
    )
    assert row["spread"] == float(spread)


def test_the_members_are_kept_in_the_run_folder(ensemble, tmp_path):
    _, result = ensemble
    again = Inference.load(result.save(tmp_path / "run"))
    fresh = springs(seed=8)
    applied, expected = again.apply(fresh), result.apply(fresh)
    np.testing.assert_array_equal(applied.probability, expected.probability)
    np.testing.assert_array_equal(applied.confidence["spread"], expected.confidence["spread"])
    assert again.edges().equals(result.edges())
    ahead = again.forecast(3)
    np.testing.assert_array_equal(ahead["x"], result.forecast(3)["x"])


def test_a_single_fit_has_no_spread(quick):
    _, result = quick
    assert "spread" not in result.edges()
    assert result.fitted.assurance.members == ()
