"""The hand-over from strengths to types: constants that could cancel before are taken out."""

import pytest
import torch

from edgewise.inference.config import InferenceConfig
from edgewise.inference.superposition.fit import centre_effects, name_types

from ..worlds import planted, untrained


def test_types_start_with_messages_of_mean_zero():
    ds, _ = planted()
    model, data, _, _ = untrained(ds, no_interaction="yes")
    with torch.no_grad():
        before = model.terms(data)[1]
        centre_effects(model, data)
        after = model.terms(data)[1]
    there = (data.weight > 0).any(-1)[:, :, :, None, None, None].expand_as(after)
    assert bool(there.all())  # every pair is there, so that a plain mean is that of the function
    mean, was = after.mean((0, 1, 2, 3)), before.mean((0, 1, 2, 3))
    torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(after - mean, before - was, atol=1e-5, rtol=1e-4)  # nothing else has changed


def test_who_is_not_there_does_not_count():
    ds, _ = planted(sequences=2)
    ds["level"][1, :, 3] = float("nan")
    model, data, _, _ = untrained(ds, no_interaction="yes")
    with torch.no_grad():
        centre_effects(model, data)
        messages = model.terms(data)[1][..., 1, :]
    there = torch.ones(2, 1, 4, 3, 1, dtype=torch.bool)
    there[1, :, :3, 2] = False  # entity 3 is the last sender of the others
    heard = messages[there.expand_as(messages)]
    assert float(heard.mean()) == pytest.approx(0, abs=1e-5)
    assert bool((messages[1, :, :3, 2] == 0).all())


def test_the_hand_over_itself_takes_them_out_where_a_type_is_idle():
    """As the fit does it: strengths are learnt with a base law that is always on, whatever is idle afterwards."""
    ds, _ = planted()
    config = InferenceConfig.from_dict({"no_interaction": "yes", "hidden": 8})
    model, data, _, _ = untrained(ds, no_interaction="yes", hidden=8)
    model.null.fill_(False)
    with torch.no_grad():
        name_types(model, data, config)
        mean = model.terms(data)[1].mean((0, 1, 2, 3))
    assert bool(model.null)
    torch.testing.assert_close(mean, torch.zeros_like(mean), atol=1e-5, rtol=1e-4)
