"""What a result says of doubtful data, and that its probabilities do not say more than such data hold."""

import numpy as np
import pandas as pd
import pytest

from edgewise.data import from_frame
from edgewise.errors import DataError
from edgewise.inference import infer

from .worlds import QUICK, springs


def without(ds, entity: int, start: int):
    """The data with an entity unseen from a frame on."""
    ds = ds.copy(deep=True)
    for name in ("x", "y", "vx", "vy"):
        ds[name][:, start:, entity] = np.nan
    return ds


def test_good_data_have_no_notes(learnt):
    assert learnt[1].apply(springs(sequences=4, entities=5, steps=40, seed=8)).about["notes"] == []


def test_an_entity_that_is_hardly_there_keeps_the_prior(learnt):
    _, result = learnt
    found = result.apply(without(springs(sequences=4, entities=5, steps=40, seed=8), 1, 1))
    assert found.about["notes"][0].startswith(
        "1 of 5 entities are seen too briefly; the most frames in a row: '1' (1)."
    )
    prior = result.fitted.log_prior.exp().numpy()
    p = found.probability.to_numpy()  # [sequence, receiver, sender, type]
    others = [0, 2, 3, 4]
    np.testing.assert_allclose(p[:, 1, others], np.broadcast_to(prior, (4, 4, 2)), atol=1e-6)


def test_of_two_copies_neither_is_surely_the_sender(learnt):
    _, result = learnt
    ds = springs(sequences=6, entities=5, steps=40, seed=8).copy(deep=True)
    alone = result.apply(ds).interaction().to_numpy()
    for name in ("x", "y", "vx", "vy"):
        ds[name][:, :, 4] = ds[name][:, :, 3]
    found = result.apply(ds)
    assert any(
        note.startswith("Entities are copies of each other") and "'3', '4'" in note
        for note in found.about["notes"]
    )
    p = found.interaction().to_numpy()[:, :3]  # [sequence, receiver, sender]
    np.testing.assert_allclose(p[..., 3], p[..., 4], atol=1e-5)
    acts = (alone[:, :3, 3] > 0.9) & (alone[:, :3, 4] < 0.1)  # who surely acts where there is no copy of it
    assert acts.sum() > 3
    np.testing.assert_allclose(p[..., 3][acts], 0.5, atol=0.01)


def test_clocks_that_never_meet_are_refused_before_any_fit():
    rows = [(0.1 * k + 0.003 * (name == "b"), name, np.sin(k)) for k in range(30) for name in "ab"]
    ds = from_frame(pd.DataFrame(rows, columns=["t", "id", "u"]))
    with pytest.raises(DataError, match="'a', 'b' share 0 of 30 time stamps") as caught:
        infer(ds, **QUICK)
    assert "--round-time 0.1" in str(caught.value.fix)
    with pytest.raises(DataError, match="share 0 of 30 time stamps"):
        infer(ds, method="correlation")


def test_new_data_in_another_unit_are_noted(learnt):
    ds = springs(sequences=3, entities=5, steps=40, seed=8)
    far = ds.assign({name: 1000 * ds[name] for name in ("x", "y", "vx", "vy")})
    notes = learnt[1].apply(far).about["notes"]
    assert any(note.startswith("'x', 'y' spread over") for note in notes)


def test_a_baseline_is_told_of_the_data_as_well():
    notes = infer(without(springs(sequences=4, entities=5, steps=40), 1, 1), method="correlation").about[
        "notes"
    ]
    assert notes[0].startswith("1 of 5 entities are seen too briefly")
