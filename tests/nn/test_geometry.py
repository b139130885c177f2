"""What one object sees of another: unit vectors, invariants, and distances from surface to surface."""

import math

import pytest
import torch

from edgewise.nn.geometry import (
    COVARIANT,
    INVARIANT,
    between_surfaces,
    pair_geometry,
    tangent,
    transverse_velocity,
)


def turn(angle):
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor([[c, -s], [s, c]], dtype=torch.float64)


def pairs(d=2, n=7):
    draw = torch.Generator().manual_seed(0)
    return torch.randn(2, n, d, dtype=torch.float64, generator=draw).unbind()


def seen(r, w):
    pair = pair_geometry(r, w)
    return pair | {"transverse_velocity": transverse_velocity(pair)}


def test_a_pair_at_three_four_five():
    pair = seen(torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 2.0]]))
    assert pair["distance"].item() == pytest.approx(5)
    assert pair["closeness"].item() == pytest.approx(0.2)
    assert pair["direction"][0].tolist() == pytest.approx([0.6, 0.8])
    assert pair["radial_velocity"].item() == pytest.approx(0.6 + 1.6)
    assert pair["transverse_velocity"].item() == pytest.approx(-0.8 + 1.2)


def test_turning_a_pair_leaves_invariants_and_turns_vectors():
    r, w = pairs()
    by = turn(0.7)
    before, after = seen(r, w), seen(r @ by.T, w @ by.T)
    for name in INVARIANT:
        torch.testing.assert_close(after[name], before[name])
    for name in COVARIANT:
        turned = before[name] @ by.T if before[name].shape[-1] == 2 else before[name]
        torch.testing.assert_close(after[name], turned)


def test_a_mirror_changes_the_sign_of_the_transverse_velocity_alone():
    r, w = pairs()
    mirror = torch.tensor([1.0, -1.0])
    before, after = seen(r, w), seen(r * mirror, w * mirror)
    torch.testing.assert_close(after["transverse_velocity"], -before["transverse_velocity"])
    torch.testing.assert_close(after["radial_velocity"], before["radial_velocity"])


def test_in_space_the_tangent_lies_along_the_transverse_velocity():
    r, w = pairs(d=3)
    pair = pair_geometry(r, w)
    t = tangent(pair)
    torch.testing.assert_close(t.norm(dim=-1), torch.ones(7, dtype=torch.float64))
    torch.testing.assert_close((t * pair["direction"]).sum(-1), torch.zeros(7, dtype=torch.float64))
    torch.testing.assert_close(pair["radial_velocity"] * pair["direction"] + transverse_velocity(pair) * t, w)


def test_coincident_points_have_a_finite_direction_of_length_zero():
    pair = pair_geometry(torch.zeros(1, 2), torch.ones(1, 2))
    assert pair["direction"].tolist() == [[0.0, 0.0]]
    assert all(value.isfinite().all() for value in pair.values())


@pytest.mark.parametrize(
    ("r", "half", "found"),
    [
        ([5.0, 0.3], [1.0, 4.0], [4.0, 0.0]),  # beside a wall: straight to it
        ([-5.0, 0.3], [1.0, 4.0], [-4.0, 0.0]),
        ([5.0, -6.0], [1.0, 4.0], [4.0, -2.0]),  # past its corner
        ([0.5, 0.5], [1.0, 4.0], [0.0, 0.0]),  # inside
    ],
)
def test_between_surfaces(r, half, found):
    assert between_surfaces(torch.tensor(r), torch.tensor(half)).tolist() == pytest.approx(found)
