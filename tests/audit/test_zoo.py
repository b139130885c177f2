"""The zoo, and the page that says what was measured of it."""

from pathlib import Path

import pytest
import torch
from torch import nn

from edgewise.audit.zoo import ZOO, DecodedStep, redrawn
from edgewise.audit.zoo_table import (
    BEGIN,
    END,
    MEASURED,
    NUMBERS,
    VERDICTS,
    number_in,
    placed,
    read_back,
    row_of,
    tables,
)
from edgewise.errors import DataError
from edgewise.nn.non_local import NonLocalBlock
from edgewise.relation import Sparse

PAGE = (Path(__file__).parents[2] / "docs" / "inductive-biases.md").read_text("utf-8")
ALIKE = 0.2
"""How far a number of the page may be from one measured on another machine, as a share of it."""


@pytest.fixture(scope="module")
def page():
    return read_back(PAGE)


def test_the_page_has_the_whole_zoo_in_order(page):
    assert list(page) == [member.name for member in ZOO]
    assert all(set(cells) == {*VERDICTS, *MEASURED} for cells in page.values())


@pytest.mark.parametrize("member", ZOO, ids=lambda member: member.name)
def test_a_line_of_the_page_is_what_is_measured(page, member):
    measured, written = row_of(member).words(), page[member.name]
    words = [name for name in measured if name not in NUMBERS]
    assert {name: written[name] for name in words} == {name: measured[name] for name in words}
    for name in NUMBERS:
        now, then = number_in(measured[name]), number_in(written[name])
        assert (now is None) == (then is None), name
        if now is not None and then is not None:
            assert now == pytest.approx(then, rel=ALIKE), name


def test_a_table_goes_into_the_page_and_back():
    rows = [row_of(member) for member in ZOO[:1]]
    before = f"above\n{BEGIN}\nold\n{END}\nbelow\n"
    after = placed(before, tables(rows))
    assert after.startswith(f"above\n{BEGIN}\n")
    assert after.endswith(f"{END}\nbelow\n")
    assert "old" not in after
    assert read_back(after) == {"MLP": rows[0].words()}
    assert placed(after, tables(rows)) == after


@pytest.mark.parametrize("page", ["no marks", BEGIN, f"{END} {BEGIN}"])
def test_a_page_without_marks_is_refused(page):
    with pytest.raises(DataError, match="no place for the table") as caught:
        placed(page, "text")
    assert BEGIN in str(caught.value)


def test_numbers_in_cells():
    assert [number_in(cell) for cell in ("-", "0.026", "39 %", "x 3.9", "1e-05")] == [
        None,
        0.026,
        39,
        3.9,
        1e-5,
    ]


def test_redrawn_weights_wake_a_block_that_starts_as_the_identity():
    block, x = NonLocalBlock(4).eval(), torch.randn(2, 4, 3, 3)
    assert torch.equal(block(x), x)
    redrawn(block, torch.Generator().manual_seed(0))
    assert (block(x) - x).abs().max() > 0.1


def test_redrawn_weights_have_variance_one_over_the_fan_in():
    layer = nn.Linear(400, 300)
    redrawn(layer, torch.Generator().manual_seed(0))
    assert float(layer.weight.detach().std()) == pytest.approx(1 / 20, rel=0.02)
    assert float(layer.bias.detach().std()) == pytest.approx(1.0, rel=0.2)


def test_a_decoded_step_hears_the_edges_alone():
    torch.manual_seed(0)
    step = DecodedStep()
    x = torch.randn(1, 3, 4)
    relation = Sparse(torch.tensor([0]), torch.tensor([1]), 3)
    moved = x.clone()
    moved[:, 0] += 1.0
    changed = (step(moved, relation) - step(x, relation)).abs().amax(-1)[0] > 0
    assert changed.tolist() == [True, True, False]


def test_every_audit_of_a_seed_is_the_same():
    member = ZOO[0]
    first, second = (member.audited(samples=8, seed=3).symmetries["permutation"] for _ in range(2))
    assert first == second
