"""Strengths against known ones."""

import numpy as np
import pytest
import xarray as xr

from edgewise.inference.strength_metrics import strength_metrics

from .worlds import springs

PAIR = ("sequence", "receiver", "sender")


def known(strength, reach):
    parts = {"strength": strength, "strength_low": strength - reach, "strength_high": strength + reach}
    return xr.Dataset({name: (PAIR, values) for name, values in parts.items()})


@pytest.fixture(scope="module")
def ds():
    return springs(sequences=3, entities=4, strength_spread=0.5)


def test_the_scale_is_matched_before_anything_is_compared(ds):
    truth = ds["strength"].to_numpy()
    found = strength_metrics(known(-7 * truth, 0.01), ds)
    assert found["correlation"] == pytest.approx(1)
    assert found["scale"] == pytest.approx(-1 / 7)
    assert found["coverage"] == found["coverage_acting"] == 1.0
    assert found["n_pairs"] == 3 * 12


def test_coverage_is_the_share_of_pairs_within_their_interval(ds):
    truth = ds["strength"].to_numpy()
    off = ~np.eye(4, dtype=bool)
    wrong = truth.copy()
    wrong[0, 0, 1:] += 1e-3  # three pairs: too little to change the scale, too much for the interval
    found = strength_metrics(known(wrong, 3e-4), ds)
    scale = (truth * wrong)[:, off].sum() / (wrong**2)[:, off].sum()
    inside = np.abs(scale * wrong - truth)[:, off] <= scale * 3e-4
    assert found["coverage"] == pytest.approx(inside.mean())
    assert 0.5 < found["coverage"] < 1


def test_without_truth_there_is_nothing_to_measure():
    ds = springs()
    assert strength_metrics(known(np.zeros((3, 4, 4)), 1.0), ds) is None


def test_unknown_strengths_are_left_out_and_equal_ones_have_no_correlation(ds):
    truth = ds["strength"].to_numpy().copy()
    truth[0] = np.nan
    some = ds.assign(strength=(PAIR, truth))
    found = strength_metrics(known(np.ones((3, 4, 4)), 1.0), some)
    assert found["n_pairs"] == 2 * 12
    assert found["correlation"] is None
