"""`edgewise audit --zoo` and `--learn`: what is measured without a module of one's own."""

import json
from dataclasses import replace
from functools import partial

import pytest

from edgewise.audit import learn as learning
from edgewise.audit import zoo_table
from edgewise.audit.learners import LEARNERS
from edgewise.audit.zoo import ZOO

MEMBERS = [member for member in ZOO if member.name in ("MLP", "convolution, circular")]


@pytest.fixture
def small_zoo(monkeypatch):
    monkeypatch.setattr(zoo_table, "rows", partial(zoo_table.rows, MEMBERS))


@pytest.fixture
def quick(monkeypatch):
    training = replace(learning.TRAINING, epochs=1, steps_an_epoch=2)
    picked = [each for each in LEARNERS if each.name in ("deep set", "pair forces")]
    short = partial(learning.learn, systems=(4, 8), learners=picked, training=training)
    monkeypatch.setattr(learning, "learn", short)
    monkeypatch.setattr(learning, "TEST_SYSTEMS", 20)


def refused(answer, *parts):
    assert (answer.code, answer.out) == (1, ""), answer
    assert "defect" not in answer.err
    for part in parts:
        assert part in answer.err


def test_audit_zoo_prints_the_table(edgewise, small_zoo):
    answer = edgewise("audit", "--zoo", "--samples", 8)
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert lines[0] == "| architecture | entities | relations | relational inductive bias | invariance |"
    assert lines[2] == "| MLP | units | all-to-all | weak | - |"
    assert lines[3] == "| convolution, circular | grid elements | local | locality | spatial translation |"


def test_audit_zoo_answers_in_json(edgewise, small_zoo):
    found = json.loads(edgewise("audit", "--zoo", "--samples", 8, "--json").out)
    first = found["architectures"][0]
    assert (first["architecture"], first["bias"], first["invariance"]) == ("MLP", "weak", [])
    assert first["measured"]["pairs"] == "100 %"


def test_audit_zoo_writes_into_a_page(edgewise, small_zoo, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# A\n\n{zoo_table.BEGIN}\n{zoo_table.END}\n\nB\n")
    answer = edgewise("audit", "--zoo", "--samples", 8, "--write", page)
    assert (answer.code, answer.out) == (0, f"page: {page}\n")
    text = page.read_text()
    assert text.startswith("# A\n")
    assert text.endswith("B\n")
    assert zoo_table.read_back(text)["MLP"]["entities"] == "units"


def test_audit_zoo_refuses_pages_without_place(edgewise, tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A\n")
    refused(edgewise("audit", "--zoo", "--write", page), "no place for the table", zoo_table.BEGIN)
    assert page.read_text() == "# A\n"
    refused(edgewise("audit", "--zoo", "--write", tmp_path / "gone.md"), "gone.md cannot be read")


def test_audit_learn_prints_errors_and_keeps_them(edgewise, quick, tmp_path):
    out = tmp_path / "learnt"
    answer = edgewise("audit", "--learn", "--out", out)
    assert answer.code == 0
    assert len(answer.err.splitlines()) == 12  # two networks, two numbers of systems, three seeds
    lines = answer.out.splitlines()
    assert lines[1].split() == ["network", "keeps", "4", "8", "systems", "for", "0.5"]
    assert lines[2].startswith("deep set")
    assert lines[2].split()[2] == "p---"
    assert lines[3].split()[2] == "ptr-"
    assert lines[-1] == f"picture: {out / 'learn.png'}"
    assert {path.name for path in out.iterdir()} == {"learn.json", "learn.png"}
    kept = json.loads((out / "learn.json").read_text())
    assert kept["argv"][:2] == ["audit", "--learn"]
    assert [model["model"] for model in kept["models"]] == ["deep set", "pair forces"]
    refused(edgewise("audit", "--learn", "--out", out), "exists already", "--overwrite")


def test_audit_learn_answers_in_json(edgewise, quick):
    found = json.loads(edgewise("audit", "--learn", "--seed", 5, "--json").out)
    assert found["seeds"] == [5, 6, 7]
    assert found["models"][0]["errors"]["8"]["seeds"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing to audit"),
        (("--zoo", "--learn"), "--zoo and --learn at once"),
        (("a:b", "--learn"), "a:b and --learn at once"),
        (("--learn", "--entities", 3, "--edge-features", 2), "--entities, --edge-features with --learn"),
        (("--learn", "--write", "page.md"), "--write with --learn"),
        (("--learn", "--samples", 8), "--samples with --learn"),
        (("--zoo", "--out", "folder"), "--out with --zoo"),
        (("a:b", "--entities", 3, "--write", "page.md"), "--write with a:b"),
    ],
)
def test_audit_measures_one_thing_at_a_time(edgewise, words, said):
    refused(edgewise("audit", *words), said)
