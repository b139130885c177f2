"""The law made visible: force against distance, and the mean effect of one feature on another."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from edgewise.inference.candidates import CandidateRelation
from edgewise.inference.curves import BINS, law_curves, mean_effects, type_names

from .worlds import planted, springs, untrained


@torch.no_grad()
def bumped_effect(model, data, feature, size=0.05):
    """The mean derivative of messages [type, target] by a sender's feature, by moving one entity at a time."""
    n = data.n_entities
    sends = CandidateRelation(data.slots).senders(data.present[..., None])
    heard = ((sends[..., 0] > 0) & (data.weight.amax(-1) > 0)[..., None])[..., None, None]
    sides = []
    for sign in (1, -1):
        total = torch.zeros(model.n_types, model.n_targets, dtype=torch.float64)
        for sender in range(n):
            context = data.context.clone()
            context[..., sender, feature] += sign * size
            sent = model.terms(replace(data, context=context))[1].double()
            total += (sent * heard * (data.slots == sender)[:, None, :, :, None, None]).sum((0, 1, 2, 3))
        sides.append(total)
    return (sides[0] - sides[1]) / (2 * size) / heard.sum()


def two_features(frames=20):
    ds, _ = planted(frames=frames)
    return ds.assign(other=(ds["level"].dims, np.cos(ds["level"].to_numpy()[::-1])))


@pytest.mark.parametrize(
    "bias",
    [
        {},
        {"additive": True},
        {"identity": 2},
        {"lags": 1},
        {"symmetric": True},
    ],
    ids=str,
)
def test_the_mean_effect_is_the_derivative_of_the_messages(bias):
    model, data, encoding, _ = untrained(two_features(), **bias)
    effects = mean_effects(model, data, encoding)
    assert len(effects) == 2
    assert effects[0].shape == (2, 2)
    for feature in range(2):
        expected = bumped_effect(model, data, feature)
        found = torch.stack([effect[:, feature] for effect in effects]).double()
        # finite differences of a law of float32, over the kinks of hardswish
        torch.testing.assert_close(found, expected, rtol=0.02, atol=2e-3)


def test_padding_has_no_part_in_the_mean_effect():
    model, data, encoding, _ = untrained(two_features(frames=130))
    assert (data.weight == 0).any()
    found = torch.stack([effect[:, 0] for effect in mean_effects(model, data, encoding)]).double()
    torch.testing.assert_close(found, bumped_effect(model, data, 0), rtol=0.02, atol=2e-3)


def test_a_type_that_does_nothing_has_no_effect():
    model, data, encoding, _ = untrained(two_features())
    model.null.fill_(True)
    idle, other = mean_effects(model, data, encoding)
    assert (idle == 0).all()
    assert (other != 0).all()


def test_curves_are_forces_toward_the_sender_in_the_units_of_the_data():
    ds = springs(sequences=2, entities=3)
    model, data, encoding, _ = untrained(ds)
    curves = law_curves(model, data, encoding)
    where = np.stack([ds["x"].to_numpy(), ds["y"].to_numpy()], -1)[:, :-1]
    with torch.no_grad():
        messages = model.terms(data)[1].double().numpy()
    distances, forces = [], []
    for receiver in range(3):
        for slot, sender in enumerate(s for s in range(3) if s != receiver):
            away = where[:, :, sender] - where[:, :, receiver]
            distance = np.linalg.norm(away, axis=-1)
            sent = messages[:, :, receiver, slot] * encoding.target_scale[0] / encoding.step
            distances.append(distance)
            forces.append((sent * (away / distance[..., None])[..., None, :]).sum(-1))
    distances, forces = np.concatenate(distances, None), np.stack(forces).reshape(-1, 2)
    for kind in range(2):
        curve = curves[kind]
        assert len(curve["distance"]) <= BINS
        assert sum(curve["density"]) == pytest.approx(1)
        assert min(curve["low"]) == pytest.approx(np.min(curve["low"]))
        mean = np.dot(curve["force"], curve["density"])
        assert mean == pytest.approx(np.mean(forces[:, kind]), abs=0.1 * np.abs(forces[:, kind]).mean())
        assert distances.min() <= curve["distance"][0]
        assert curve["distance"][-1] <= distances.max()


def test_types_are_named_by_what_they_do():
    model, _, _, _ = untrained(springs(), edge_types=4)

    def curve(*force):
        return {"force": list(force), "density": [1 / len(force)] * len(force)}

    curves = [curve(0.1, 0.1), curve(1, 2), curve(-1, -2), curve(1, -1)]
    assert type_names(model, curves, 4) == [
        "type 0 (attracts)",
        "type 1 (attracts)",
        "type 2 (repels)",
        "type 3",
    ]
    model.null.fill_(True)
    assert type_names(model, curves, 4)[0] == "no interaction"
    assert type_names(model, None, 4) == ["no interaction", "type 1", "type 2", "type 3"]
