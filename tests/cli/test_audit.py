"""`edgewise audit`: a table, a record, a page; networks by name and of run folders."""

import base64
import json
import re
import sys

import pytest

SOURCE = """
from torch import nn

def convolution():
    return nn.Conv2d(3, 2, 3, padding=1)

def encoder():
    return nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

def recurrence():
    return nn.GRU(3, 4, batch_first=True)

class Noisy(nn.Module):
    def forward(self, x):
        return nn.functional.dropout(x)
"""


@pytest.fixture
def networks(tmp_path, monkeypatch):
    (tmp_path / "my_networks.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("my_networks", None)


def refused(answer, *parts):
    assert (answer.code, answer.out) == (1, ""), answer
    assert answer.err.startswith("error: ")
    assert "defect" not in answer.err
    for part in parts:
        assert part in answer.err


def test_audit_prints_a_table(edgewise, networks):
    answer = edgewise("audit", "my_networks:convolution", "--grid", "8,8", "--features", 3, "--samples", 8)
    assert (answer.code, answer.err) == (0, "")
    lines = answer.out.splitlines()
    assert lines[0].split() == [
        "symmetry",
        "measured",
        "as",
        "error",
        "95",
        "%",
        "interval",
        "verdict",
        "interior",
        "border",
    ]
    assert [line.split()[0] for line in lines[1:5]] == [
        "permutation",
        "translation",
        "rotation",
        "reflection",
    ]
    assert re.search(r"broken +0 exact +[\d.]+ broken$", lines[2])
    assert "  along grid 0: 1 before, 1 after (3 of 8)" in lines
    sharing = next(line for line in lines if line.startswith("sharing: 56 parameters drive "))
    assert sharing.endswith("growth with grid: none")


def test_audit_prints_one_json_object(edgewise, networks):
    answer = edgewise(
        "audit", "my_networks:encoder", "--entities", 6, "--features", 8, "--samples", 8, "--json"
    )
    assert (answer.code, answer.err) == (0, "")
    found = answer.record
    assert found["permutation"]["verdict"] == "exact"
    assert (
        found["permutation"]["low"] <= found["permutation"]["error"] <= found["permutation"]["high"] < 1e-12
    )
    assert found["influence"]["density"] == 1.0
    assert found["argv"][:2] == ["audit", "my_networks:encoder"]
    same = edgewise(
        "audit", "my_networks:encoder", "--entities", 6, "--features", 8, "--samples", 8, "--json"
    )
    assert same.record == found


def test_audit_writes_a_record_a_picture_and_a_page(edgewise, networks):
    words = ("audit", "my_networks:recurrence", "--steps", 8, "--features", 3, "--samples", 8, "--out", "out")
    answer = edgewise(*words)
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[-1] == "page: out/audit.html"
    assert "  causal: yes" in answer.out
    out = networks / "out"
    assert {path.name for path in out.iterdir()} == {"audit.json", "influence.png", "audit.html"}
    record = json.loads((out / "audit.json").read_text("utf-8"))
    assert record["influence"]["causal"]
    page = (out / "audit.html").read_text("utf-8")
    assert base64.b64encode((out / "influence.png").read_bytes()).decode() in page
    assert "Shift in time" in page
    refused(edgewise(*words), "out exists already", "--overwrite")
    assert edgewise(*words, "--overwrite", "--json").record["page"] == "out/audit.html"


def test_audit_says_of_a_random_network_that_it_is_random(edgewise, networks):
    answer = edgewise("audit", "my_networks:Noisy", "--entities", 4, "--samples", 8)
    assert answer.code == 0
    assert answer.err.startswith("note: Two passes on the same input in evaluation mode differ")
    assert re.search(r"permutation +equivariance +- +- +random", answer.out)


def test_audit_reads_the_law_of_a_run(edgewise, run):
    found = edgewise("audit", run, "--samples", 8, "--json").record
    assert found["permutation"]["verdict"] == found["translation"]["verdict"] == "exact"
    assert found["axes"]["spatial"] == [0, 1]
    refused(edgewise("audit", run, "--features", 3), "--features 3 for a run that has 4")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("my_networks:encoder", "--entities", 6, "--features", 7), ("refuses inputs [batch, entity 6, feature 7]",)),
        (("my_networks:encoder", "--features", 8), ("no axis to audit", "--entities 6")),
        (("my_networks:convolution", "--grid", "8,x"), ("--grid 8,x", "whole numbers")),
        (("my_networks:nothing", "--entities", 6), ("my_networks has no nothing", "convolution")),
        (("nowhere", "--entities", 6), ("nowhere names no factory", "a run folder")),
        ((".", "--entities", 6), ("is not a run folder",)),
    ],
)  # fmt: skip
def test_audit_explains_what_is_wrong(edgewise, networks, words, parts):
    refused(edgewise("audit", *words), *parts)


def test_audit_needs_a_network(edgewise):
    refused(edgewise("audit"), "nothing to audit", "my_models:make_net")
