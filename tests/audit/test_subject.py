"""How a module is called, which axes its answer has, and what is said where that is not possible."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from audit.modules import Row, seeded
from edgewise.audit import Axes, audit
from edgewise.audit.axes import Layout, layout_of
from edgewise.audit.subject import first_tensor, random_relation, signature_of, subject_of
from edgewise.errors import ConfigError
from edgewise.models import GCN, dense_input
from edgewise.relation import Complete


def called(forward, **attributes):
    return type("Made", (nn.Module,), {"forward": forward, **attributes})()


@pytest.mark.parametrize(
    ("axes", "shape", "words"),
    [
        (Axes(entities=6, features=8), (6, 8), "[batch, entity 6, feature 8]"),
        (Axes(entities=6, features=8, steps=5), (6, 5, 8), "[batch, entity 6, time 5, feature 8]"),
        (Axes(features=8, steps=5), (5, 8), "[batch, time 5, feature 8]"),
        (Axes(features=8, grid=(4, 7)), (8, 4, 7), "[batch, feature 8, grid 4, grid 7]"),
        (Axes(features=8, steps=3, grid=(4, 7)), (8, 3, 4, 7), "[batch, feature 8, time 3, grid 4, grid 7]"),
    ],
)
def test_inputs_have_the_shape_that_the_axes_say(axes, shape, words):
    assert axes.shape == shape
    assert axes.described() == words
    assert axes.sample(2, torch.Generator()).shape == (2, *shape)
    assert axes.n_places * axes.features == torch.Size(shape).numel()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"features": 3}, "no axis to audit"),
        ({"entities": 3, "grid": (4, 4)}, "entities and a grid at once"),
        ({"entities": 1}, "entities=1"),
        ({"steps": 0}, "steps=0"),
        ({"grid": (4, 1)}, "grid=1"),
        ({"grid": (2, 2, 2, 2)}, "a grid of 4 axes"),
        ({"entities": 3, "features": 0}, "features=0"),
        ({"entities": 3, "features": 2, "spatial": (0, 2)}, "spatial=[0, 2]"),
        (
            {"entities": 3, "features": 4, "spatial": (0, 1), "vectors": (1, 2)},
            "vectors=[1, 2] of 4 features",
        ),
        ({"entities": 3, "features": 4, "spatial": (0, 1), "vectors": (2,)}, "1 features of vectors for 2"),
        ({"entities": 3, "features": 4, "vectors": (2, 3)}, "2 features of vectors for 0"),
        ({"grid": (4, 4), "features": 2, "spatial": (0, 1)}, "coordinates on a grid"),
    ],
)
def test_axes_that_make_no_sense_are_refused(given, said):
    with pytest.raises(ConfigError) as refused:
        Axes(**given)
    assert said in refused.value.found


ENTITIES, BOTH = Axes(entities=6, features=8), Axes(entities=6, features=8, steps=5)


@pytest.mark.parametrize(
    ("axes", "shape", "dims", "pairs"),
    [
        (ENTITIES, (2, 6, 3), {"entity": (1,)}, False),
        (ENTITIES, (2, 6), {"entity": (1,)}, False),
        (ENTITIES, (2, 3), {}, False),
        (ENTITIES, (2, 6, 6, 3), {"entity": (1, 2)}, True),
        (ENTITIES, (2,), {}, False),
        (BOTH, (2, 6, 5, 3), {"entity": (1,), "time": (2,)}, False),
        (BOTH, (2, 6, 3), {"entity": (1,)}, False),
        (BOTH, (2, 6, 6, 3), {"entity": (1, 2)}, True),
        (BOTH, (2, 5, 3), {"time": (1,)}, False),
        (BOTH, (2, 3), {}, False),
        (Axes(steps=5), (2, 5, 3), {"time": (1,)}, False),
        (Axes(steps=5), (2, 4, 3), {}, False),
        (Axes(grid=(4, 7)), (2, 3, 4, 7), {"grid": (2, 3)}, False),
        (Axes(grid=(4, 7)), (2, 4, 7), {"grid": (1, 2)}, False),
        (Axes(grid=(4, 7)), (2, 3, 2, 3), {}, False),
        (Axes(grid=(4, 7), steps=3), (2, 9, 3, 4, 7), {"time": (2,), "grid": (3, 4)}, False),
        (Axes(grid=(4, 7), steps=3), (2, 9, 1, 4, 7), {"grid": (3, 4)}, False),
        (Axes(grid=(4, 7)), (2, 10), {}, False),
    ],
)
def test_the_axes_of_an_answer_are_read_off_its_shape(axes, shape, dims, pairs):
    assert layout_of(axes, shape) == Layout(dims, shape, pairs)


def test_places_come_first():
    layout = layout_of(Axes(features=2, grid=(2, 3)), (5, 4, 2, 3))
    output = torch.arange(5 * 4 * 6).view(5, 4, 2, 3)
    assert torch.equal(layout.places_first(output), output.flatten(2).transpose(1, 2))
    pairs = layout_of(Axes(entities=3), (2, 3, 3, 4))
    assert pairs.places_first(torch.zeros(2, 3, 3, 4)).shape == (2, 3, 12)


def test_one_number_an_entity_is_pointed_out():
    found = audit(called(lambda self, x: x.sum(-1)), Axes(entities=4, features=3), samples=8)
    assert "read as one number for each entity" in found.notes[0]


def test_a_grid_of_another_size_is_pointed_out():
    found = audit(nn.AvgPool2d(2), Axes(grid=(4, 4)), samples=8)
    assert "The answer [batch, 1, 2, 2] has no axes of the sizes of the grid" in found.notes[0]


def test_float64_is_used_where_a_module_runs_in_it():
    assert subject_of(nn.Linear(3, 3), Axes(entities=2, features=3)).dtype == torch.float64

    def single(self, x):
        if x.dtype != torch.float32:
            raise TypeError("float32 only")
        return x.cumsum(1)

    found = audit(called(single), Axes(entities=3, features=2), samples=8)
    assert found.dtype == torch.float32
    assert found.symmetries["permutation"].verdict == "broken"


def test_answers_in_single_precision_are_judged_as_that():
    found = audit(called(lambda self, x: x.float().cumsum(1)), Axes(entities=3, features=2), samples=8)
    assert (found.dtype, found.influence.density) == (torch.float32, 6 / 9)


def test_a_module_that_cannot_be_copied_is_refused():
    module = nn.Linear(8, 8)
    module.computed = module.weight * 2
    with pytest.raises(ConfigError, match="Linear cannot be copied: RuntimeError"):
        subject_of(module, ENTITIES)


def test_a_relation_of_ones_own_is_told_to_the_module():
    def forward(self, relation, x, edges):
        assert relation.layout == (6, 5)  # it knows no lists
        return relation.mean(relation.from_senders(x) * edges)

    given, axes = Complete(6, loops=False), Axes(entities=6, features=8, edge_features=1)
    found = audit(called(forward), axes, samples=8, relation=given)
    assert found.relation.n_edges == 30
    assert {name: one.verdict for name, one in found.symmetries.items()} == {"permutation": "exact"}
    assert not found.influence.pattern("entity").diagonal().any()


def test_rounding_in_single_precision_is_no_broken_symmetry():
    def attend(self, x):
        inside = x.float()
        return ((inside @ inside.mT).softmax(-1) @ inside).to(x.dtype)

    found = audit(called(attend), Axes(entities=5, features=8), samples=8)
    assert found.dtype == torch.float64
    assert 1e-9 < found.symmetries["permutation"].overall.error < 1e-6
    assert found.symmetries["permutation"].verdict == "exact"


@pytest.mark.parametrize(
    ("forward", "expected"),
    [
        (lambda self, x: x, ("x", None, False, None)),
        (lambda self, relation, nodes: nodes, ("nodes", "relation", False, None)),
        (lambda self, x, edge_index, edge_attr=None: x, ("x", "edge_index", True, "edge_attr")),
        (lambda self, nodes, edges, relation: nodes, ("nodes", "relation", False, "edges")),
        (lambda self, x, mask=None: x, ("x", None, False, None)),
        (lambda self, *args: args[0], (None, None, False, None)),
    ],
)
def test_a_forward_is_called_by_the_names_of_its_parameters(forward, expected):
    found = signature_of(called(forward))
    assert (found.input, found.relation, found.indexed, found.edges) == expected


def test_a_relation_is_known_by_its_annotation():
    assert signature_of(GCN(dense_input(2, 2), 2, 2)).relation == "relation"


@pytest.mark.parametrize(
    "forward", [lambda self, x, y: x, lambda self, x, *, mask: x], ids=["positional", "by name"]
)
def test_a_forward_that_asks_for_more_is_refused(forward):
    with pytest.raises(ConfigError, match=r"Made.forward asks for x, (y|mask)"):
        subject_of(called(forward), ENTITIES)


def test_a_shape_that_is_refused_is_said_with_the_modules_own_words():
    with pytest.raises(ConfigError) as refused:
        subject_of(seeded(Row, 5, 4), ENTITIES)
    found, _, rest = str(refused.value).partition("\n")
    assert found.startswith("Row refuses inputs [batch, entity 6, feature 8]: RuntimeError: ")
    assert "2x48 and 20x16" in found
    assert "--entities, --features, --steps, --grid" in rest


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (lambda self, x: x / 0, "not finite"),
        (lambda self, x: "no", "returned no tensor"),
        (lambda self, x: x.argmax(-1), "returned no tensor of floating-point numbers"),
    ],
)
def test_answers_that_cannot_be_measured_are_refused(forward, said):
    with pytest.raises(ConfigError, match=said):
        subject_of(called(forward), ENTITIES)


def test_too_few_samples_are_refused():
    with pytest.raises(ConfigError, match="samples=4"):
        audit(nn.Identity(), ENTITIES, samples=4)


def test_the_first_tensor_of_an_answer_counts():
    @dataclass
    class Answer:
        count: int
        value: torch.Tensor

    value = torch.zeros(2)
    for answer in (value, (value, torch.ones(1)), {"a": torch.arange(2), "b": [value]}, Answer(3, value)):
        assert first_tensor(answer) is value
    assert first_tensor((1, "a")) is None


def test_the_random_relation_is_connected():
    for n in (2, 3, 9):
        relation = random_relation(n, torch.Generator().manual_seed(n))
        reached = torch.eye(n)
        one = relation.to_dense(torch.ones(relation.n_edges, 1))[..., 0]
        for _ in range(n):
            reached = one @ reached
        assert (reached > 0).all()
        assert (one.diagonal() == 1).all()
    bare = random_relation(9, torch.Generator(), loops=False)
    assert not (bare.senders == bare.receivers).any()
