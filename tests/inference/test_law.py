"""The pairwise law keeps the inductive biases that were asked for, and says which it cannot keep."""

import math

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.inference import LawConfig
from edgewise.inference.candidates import CandidateRelation
from edgewise.inference.law import NoiseShape, PairwiseLaw, antisymmetric, geometry
from edgewise.nn.geometry import tangent
from edgewise.relation import Complete

STRETCHES, FRAMES, N, TYPES = 2, 3, 5, 3


def state(space_dim=2, context_dim=2, n=N, seed=0):
    """Position, velocity and context of a few frames."""
    generator = torch.Generator().manual_seed(seed)
    sizes = (space_dim, space_dim, context_dim)
    return [
        torch.randn(STRETCHES, FRAMES, n, size, generator=generator, dtype=torch.float64) for size in sizes
    ]


def law_of(*, space_dim=2, context_dim=2, n_targets=None, **biases):
    torch.manual_seed(1)
    n_targets = space_dim + 1 if n_targets is None else n_targets
    config = LawConfig(hidden=8, **biases)
    law = PairwiseLaw(config, TYPES, space_dim=space_dim, context_dim=context_dim, n_targets=n_targets)
    return law.double()


def everybody(n=N):
    return Complete(n, loops=False).slots().expand(STRETCHES, n, n - 1)


def messages_of(law, position, velocity, context, slots=None):
    """[stretch, time, receiver, slot, type, target]"""
    pairs = CandidateRelation(everybody(position.shape[2]) if slots is None else slots)
    pair = geometry(position, velocity, pairs) if position.shape[-1] else {}
    return law(position, velocity, context, pairs, pair)


def dense(messages):
    """[..., receiver, slot, type, target] -> [..., receiver, sender, type, target] of everybody with everybody."""
    n = messages.shape[2]
    out = messages.new_zeros(*messages.shape[:3], n, *messages.shape[4:])
    for receiver, senders in enumerate(Complete(n, loops=False).slots().tolist()):
        out[:, :, receiver, senders] = messages[:, :, receiver]
    return out


BIASES = {
    "translation": {},
    "none": {"translation": False},
    "rotation": {"rotation": True},
    "symmetric": {"symmetric": True},
    "additive": {"additive": True},
    "rotation and symmetric": {"rotation": True, "symmetric": True},
}
every_bias = pytest.mark.parametrize("biases", BIASES.values(), ids=BIASES)


@every_bias
def test_permuting_entities_permutes_messages(biases):
    law, (position, velocity, context) = law_of(**biases), state()
    order = torch.tensor([3, 0, 4, 2, 1])
    permuted = messages_of(law, position[:, :, order], velocity[:, :, order], context[:, :, order])
    expected = dense(messages_of(law, position, velocity, context))[:, :, order][:, :, :, order]
    torch.testing.assert_close(dense(permuted), expected, rtol=1e-10, atol=1e-12)


@every_bias
def test_shifting_all_positions_changes_no_message_unless_places_matter(biases):
    law, (position, velocity, context) = law_of(**biases), state()
    before = messages_of(law, position, velocity, context)
    after = messages_of(law, position + torch.tensor([10.0, -3.0]), velocity, context)
    same = torch.allclose(before, after, rtol=1e-9, atol=1e-10)
    assert same == biases.get("translation", True)


@every_bias
def test_a_common_velocity_changes_no_relative_message(biases):
    law, (position, velocity, context) = law_of(**biases), state()
    before = messages_of(law, position, velocity, context)
    after = messages_of(law, position, velocity + torch.tensor([1.0, -3.0]), context)
    assert torch.allclose(before, after, rtol=1e-9, atol=1e-10) == (not biases.get("additive", False))


def rotation_matrix(d):
    """A proper rotation by an odd angle; in 3-D about an odd axis."""
    c, s = math.cos(0.7), math.sin(0.7)
    plane = torch.tensor([[c, -s], [s, c]], dtype=torch.float64)
    if d == 2:
        return plane
    first, second = torch.eye(3, dtype=torch.float64), torch.eye(3, dtype=torch.float64)
    first[:2, :2], second[1:, 1:] = plane, plane @ plane
    return first @ second


@pytest.mark.parametrize("space_dim", [2, 3])
@pytest.mark.parametrize("symmetric", [False, True])
def test_messages_turn_with_the_system(space_dim, symmetric):
    law = law_of(space_dim=space_dim, rotation=True, symmetric=symmetric)
    position, velocity, context = state(space_dim)
    turn = rotation_matrix(space_dim)
    before = messages_of(law, position, velocity, context)
    after = messages_of(law, position @ turn.T, velocity @ turn.T, context)
    d = space_dim
    torch.testing.assert_close(after[..., :d], before[..., :d] @ turn.T, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(after[..., d:], before[..., d:], rtol=1e-9, atol=1e-11)  # scalars stay
    other = messages_of(law_of(space_dim=d), position, velocity, context)
    turned = messages_of(law_of(space_dim=d), position @ turn.T, velocity @ turn.T, context)
    assert not torch.allclose(turned[..., :d], other[..., :d] @ turn.T, atol=1e-3)


@pytest.mark.parametrize("space_dim", [2, 3])
def test_a_law_that_turns_hears_how_fast_a_sender_passes_by(space_dim):
    """The force of a fly-by depends on the speed across the line between two bodies, which a rotation leaves alone."""
    law = law_of(space_dim=space_dim, rotation=True)
    position, velocity, context = state(space_dim)
    across = torch.zeros_like(velocity)
    line = position[..., 1, :] - position[..., 0, :]
    sideways = torch.roll(line, 1, -1) * torch.tensor([-1.0, 1.0, 0.0][:space_dim])
    across[..., 1, :] = (
        sideways - (sideways * line).sum(-1, keepdim=True) / line.square().sum(-1, keepdim=True) * line
    )
    before, after = (dense(messages_of(law, position, v, context)) for v in (velocity, velocity + across))
    assert (after[:, :, 0, 1] - before[:, :, 0, 1]).abs().max() > 1e-4  # body 1, seen from body 0


@pytest.mark.parametrize("space_dim", [2, 3])
def test_the_tangent_is_a_unit_vector_across_the_pair(space_dim):
    position, velocity, _ = state(space_dim)
    pair = geometry(position, velocity, CandidateRelation(everybody()))
    across = tangent(pair)
    torch.testing.assert_close(across.norm(dim=-1), torch.ones(STRETCHES, FRAMES, N, N - 1).double())
    assert (across * pair["direction"]).sum(-1).abs().max() < 1e-12


def test_the_geometry_of_a_pair_is_seen_from_its_receiver():
    position = torch.zeros(1, 1, 3, 2, dtype=torch.float64)
    position[0, 0, 1] = torch.tensor([3.0, 4.0])
    velocity = torch.zeros_like(position)
    velocity[0, 0, 1] = torch.tensor([0.6, 0.8])
    pair = geometry(position, velocity, CandidateRelation(everybody(3)[:1]))
    seen = {name: values[0, 0, 0, 0].tolist() for name, values in pair.items()}  # of 1, by 0
    assert seen["displacement"] == [3.0, 4.0]
    assert seen["direction"] == pytest.approx([0.6, 0.8])
    assert seen["distance"] == [5.0]
    assert seen["log_distance"] == pytest.approx([math.log(5)])
    assert seen["closeness"] == pytest.approx([0.2])
    assert seen["radial_velocity"] == pytest.approx([1.0])  # it moves away
    # entities 0 and 2 are at one place: everything stays finite
    assert all(values.isfinite().all() for values in pair.values())


@pytest.mark.parametrize("rotation", [False, True])
def test_action_equals_reaction(rotation):
    law = law_of(symmetric=True, rotation=rotation)
    both = dense(messages_of(law, *state()))
    assert both.abs().max() > 1e-3
    torch.testing.assert_close(both, -both.transpose(2, 3), rtol=1e-12, atol=1e-14)
    without = dense(messages_of(law_of(rotation=rotation), *state()))
    assert not torch.allclose(without, -without.transpose(2, 3), atol=1e-3)


def test_the_antisymmetric_part_of_antisymmetric_messages_is_themselves():
    edges = torch.randn(2, 3, N, N - 1, 4, dtype=torch.float64)
    once = antisymmetric(edges)
    torch.testing.assert_close(antisymmetric(once), once, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("translation", [True, False])
def test_an_additive_message_depends_on_its_sender_alone(translation):
    law = law_of(additive=True, translation=translation)
    sent = dense(messages_of(law, *state()))
    for sender in range(N):
        received = [sent[:, :, receiver, sender] for receiver in range(N) if receiver != sender]
        for other in received[1:]:
            torch.testing.assert_close(other, received[0], rtol=1e-12, atol=1e-13)
    assert not torch.allclose(sent[:, :, 0, 1], sent[:, :, 0, 2], atol=1e-3)


@pytest.mark.parametrize("biases", [BIASES[name] for name in ("translation", "none", "rotation", "additive")])
@pytest.mark.parametrize("space_dim", [0, 2])
def test_candidates_get_the_messages_that_everybody_would(biases, space_dim):
    """The sparse relation of n - 2 candidates against the same pairs of the complete one."""
    if biases.get("rotation") and not space_dim:
        biases = {}
    law, values = law_of(space_dim=space_dim, n_targets=3, **biases), state(space_dim)
    generator = torch.Generator().manual_seed(4)
    kept = torch.rand(STRETCHES, N, N - 1, generator=generator).argsort(-1)[..., : N - 2].sort(-1).values
    slots = everybody().gather(2, kept)
    some, all_of_them = messages_of(law, *values, slots=slots), messages_of(law, *values)
    index = kept[:, None, :, :, None, None].expand_as(some)
    torch.testing.assert_close(some, all_of_them.gather(3, index), rtol=1e-11, atol=1e-13)


def test_combined_heads_send_the_combination_of_the_messages():
    for biases in BIASES.values():
        law, values = law_of(**biases), state()
        before = messages_of(law, *values)
        mix = torch.randn(TYPES, TYPES, generator=torch.Generator().manual_seed(0))
        law.combine_heads(mix)
        expected = torch.einsum("kr,...rd->...kd", mix.double(), before)
        torch.testing.assert_close(messages_of(law, *values), expected, rtol=1e-10, atol=1e-12)


def test_the_noise_pools_the_neighbours_whatever_their_order():
    position, velocity, context = state()
    torch.manual_seed(0)
    noise = NoiseShape(16, space_dim=2, context_dim=2, n_targets=3).double()
    assert (noise_of(noise, position, velocity, context) == 0).all()  # starts level
    for parameter in noise.network[-1].parameters():
        torch.nn.init.normal_(parameter)
    out = noise_of(noise, position, velocity, context)
    order = torch.tensor([3, 0, 4, 2, 1])
    permuted = noise_of(noise, position[:, :, order], velocity[:, :, order], context[:, :, order])
    torch.testing.assert_close(permuted, out[:, :, order], rtol=1e-10, atol=1e-12)
    assert out.abs().max() <= NoiseShape.LIMIT


def noise_of(noise, position, velocity, context):
    pairs = CandidateRelation(everybody())
    there = position.new_ones(STRETCHES, FRAMES, N, N - 1, 1)
    return noise(position, velocity, context, geometry(position, velocity, pairs), there)


@pytest.mark.parametrize("space_dim", [0, 1])
def test_a_rotation_needs_a_plane(space_dim):
    with pytest.raises(ConfigError) as error:
        law_of(space_dim=space_dim, rotation=True)
    assert f"rotation asked for data with {space_dim} position columns" in str(error.value)
    assert "positions in 2 or 3 dimensions" in str(error.value)


def test_a_law_that_reads_nothing_is_refused():
    with pytest.raises(ConfigError, match="the law has nothing to read"):
        law_of(space_dim=0, context_dim=0, n_targets=1)
