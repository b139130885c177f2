"""New recordings in another unit or at another rate than those of the fit."""

import pytest

from edgewise.data import resample, thin
from edgewise.inference.encoding import fit_encoding
from edgewise.inference.scale_notes import scale_notes
from edgewise.physics import simulate

from .worlds import springs


@pytest.fixture(scope="module")
def encoding():
    return fit_encoding(springs(sequences=8, steps=40), lags=0, bridge=0)


def test_recordings_like_those_of_the_fit_are_not_worth_a_word(encoding):
    assert scale_notes(springs(sequences=3, steps=40, seed=9), encoding) == []
    assert scale_notes(springs(sequences=1, steps=6, seed=5), encoding) == []


def test_another_unit_is_named_with_both_sizes(encoding):
    ds = springs(sequences=3, steps=40, seed=9)
    far = ds.assign({name: 1000 * ds[name] for name in ("x", "y")})
    (note,) = scale_notes(far, encoding)
    assert note.startswith("'x', 'y' spread over ")
    assert f" in these recordings and {encoding.length:.3g} in those of the fit: is it another unit?" in note
    slow = ds.assign({name: 1e-3 * ds[name] for name in ("vx", "vy")})
    (note,) = scale_notes(slow, encoding)
    assert note.startswith("'vx', 'vy' spread over ")


def test_another_rate_is_named_with_the_command_that_changes_it(encoding):
    ds = springs(sequences=3, steps=40, seed=9)
    (note,) = scale_notes(thin(ds, 2), encoding)
    step = encoding.step
    assert note.startswith(
        f"These recordings have a time step of {2 * step:.4g}, those of the fit {step:.4g}."
    )
    assert f"`edgewise convert --resample {step:.4g}`" in note
    assert scale_notes(resample(thin(ds, 2), step), encoding) == []


def test_other_features_have_their_own_scale():
    ds = simulate("kuramoto", entities=4, sequences=6, steps=30, seed=0)
    encoding = fit_encoding(ds, lags=0, bridge=0)
    assert scale_notes(simulate("kuramoto", entities=4, sequences=6, steps=30, seed=1), encoding) == []
    name = encoding.others[0]
    (note,) = scale_notes(ds.assign({name: 1000 * ds[name]}), encoding)
    assert note.startswith(f"'{name}' spreads over ")
