"""Positions are waves or a table; where a sentence begins is an argument, so that a decoder may go step by step."""

import math

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.nn.position import LearntPositions, SinusoidalPositions, sinusoids


def random(*size, seed=0):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("n", "dim", "first"), [(7, 8, 0), (3, 2, 5), (2, 6, 100_000), (0, 4, 0)])
def test_waves_are_the_papers_equation(n, dim, first):
    """Vaswani et al. (2017), section 3.5."""
    waves = sinusoids(n, dim, first)
    assert waves.shape == (n, dim)
    assert waves.dtype == torch.float32
    for row, t in zip(waves.tolist(), range(first, first + n), strict=True):
        for i in range(dim // 2):
            angle = t / 10000 ** (2 * i / dim)
            assert row[2 * i : 2 * i + 2] == pytest.approx([math.sin(angle), math.cos(angle)], abs=1e-7)


def test_a_shift_is_a_rotation_that_does_not_depend_on_the_place():
    """Why the paper chose waves: p_(t + 3) is a linear function of p_t."""
    waves = sinusoids(50, 6).double().unflatten(-1, (3, 2))
    here, there = waves[:-3], waves[3:]
    angles = 3 / 10000 ** (torch.arange(0, 6, 2, dtype=torch.float64) / 6)
    sine, cosine = here.unbind(-1)
    turned = torch.stack(
        [
            sine * angles.cos() + cosine * angles.sin(),
            cosine * angles.cos() - sine * angles.sin(),
        ],
        -1,
    )
    torch.testing.assert_close(there, turned, rtol=0, atol=5e-7)


@pytest.mark.parametrize("dim", [1, 7])
def test_waves_come_in_pairs(dim):
    for make in (lambda: sinusoids(3, dim), lambda: SinusoidalPositions(dim)):
        with pytest.raises(ConfigError) as error:
            make()
        assert f"sinusoids of {dim} features" in str(error.value)
        assert "an even number" in str(error.value)


@pytest.mark.parametrize(("n", "first"), [(5, 0), (1, 3), (512, 0), (1, 511), (2, 511), (513, 0), (4, 900)])
@pytest.mark.parametrize("lead", [(), (2, 3)])
def test_waves_are_added_at_any_length(n, first, lead):
    nodes = random(*lead, n, 4)
    found = SinusoidalPositions(4)(nodes, first=first)
    assert torch.equal(found, nodes + sinusoids(n, 4, first))


POSITIONS = {"waves": lambda: SinusoidalPositions(6), "table": lambda: LearntPositions(9, 6)}
every_kind = pytest.mark.parametrize("make", POSITIONS.values(), ids=POSITIONS)


@every_kind
def test_step_by_step_is_the_whole_sentence(make):
    positions, nodes = make(), random(2, 9, 6)
    whole = positions(nodes)
    steps = [positions(nodes[:, at : at + 1], first=at) for at in range(9)]
    assert torch.equal(torch.cat(steps, 1), whole)
    assert torch.equal(positions(nodes[:, 4:], first=4), whole[:, 4:])


@every_kind
@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_the_precision_of_the_nodes_stays(make, dtype):
    positions = make()
    if dtype == torch.float64 or isinstance(positions, SinusoidalPositions):
        assert positions.to(dtype)(random(2, 6).to(dtype)).dtype == dtype
    if isinstance(positions, SinusoidalPositions):
        assert make()(random(2, 6).to(dtype)).dtype == dtype
        assert make()(random(600, 6).to(dtype)).dtype == dtype


def test_waves_are_no_part_of_what_is_saved():
    positions = SinusoidalPositions(6)
    assert not positions.state_dict()
    assert not list(positions.parameters())


def test_a_learnt_vector_is_added_and_gets_the_gradient_of_its_place():
    positions, nodes = LearntPositions(9, 6), random(2, 3, 6)
    assert torch.equal(positions(nodes, first=4), nodes + positions.table[4:7])
    upstream = random(2, 3, 6, seed=1)
    (grad,) = torch.autograd.grad((positions(nodes, first=4) * upstream).sum(), positions.table)
    assert not torch.cat([grad[:4], grad[7:]]).any()
    torch.testing.assert_close(grad[4:7], upstream.sum(0))


def test_learnt_vectors_begin_with_length_one_or_so():
    torch.manual_seed(0)
    table = LearntPositions(400, 100).table.detach()
    assert float(table.std()) == pytest.approx(0.1, rel=0.02)  # 40,000 numbers of deviation dim^-1/2


@pytest.mark.parametrize(("n", "first", "last"), [(10, 0, 10), (1, 9, 10), (3, 8, 11)])
def test_a_position_beyond_the_table_is_refused(n, first, last):
    with pytest.raises(ConfigError) as error:
        LearntPositions(9, 6)(random(n, 6), first=first)
    assert f"position {last}" in str(error.value)
    assert "at most 9, as it was made for" in str(error.value)


@every_kind
def test_exporting_and_compiling_give_the_same_numbers(make):
    positions, nodes = make(), random(2, 5, 6)
    torch._dynamo.reset()
    compiled = torch.compile(positions, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(nodes), positions(nodes))
    program, other = torch.export.export(positions, (nodes,)), random(2, 5, 6, seed=1)
    torch.testing.assert_close(program.module()(other), positions(other))
