"""The page of an audit from its record: what it says, and what it refuses."""

import copy
import json

import pytest

from edgewise.errors import RunError
from edgewise.report.audit_page import context, found, growth, write_audit_page

EXACT = {"kind": "equivariance", "of": "steps", "error": 0.0, "low": 0.0, "high": 0.0, "verdict": "exact"}
INSIDE = {"error": 0.0, "low": 0.0, "high": 0.0, "verdict": "exact"}
RECORD = {
    "permutation": EXACT | {"interior": None, "border": None, "note": ""},
    "time_shift": EXACT
    | {"error": 0.5, "low": 0.4, "high": 0.6, "verdict": "broken", "note": "interior: <middle>"}
    | {"interior": INSIDE, "border": {"error": 0.7, "low": 0.6, "high": 0.8, "verdict": "broken"}},
    "symmetries": ["permutation", "time_shift"],
    "influence": {
        "edges": 12,
        "density": 0.75,
        "receptive_field": [{"axis": "time", "back": 3, "ahead": 1, "width": 4, "size": 4, "wraps": False}],
        "causal": False,
        "causality_violations": [{"output": 1, "input": 2, "strength": 0.25}],
        "n_causality_violations": 1,
        "given": {"edges": 7, "senders": [], "receivers": [], "hops": 2},
    },
    "sharing": {
        "parameters": 10,
        "connections": 40,
        "connections_per_parameter": 4.0,
        "axis": "steps",
        "parameters_at": {"4": 10, "8": 10},
        "growth": "none",
        "message": "",
    },
    "random": False,
    "verdict": {
        "entities": "timesteps",
        "relations": "edges",
        "hops": 2,
        "bias": "arbitrary",
        "invariance": ["time translation"],
    },
    "module": "Some<Net>",
    "axes": {"entities": None, "features": 2, "steps": 4},
    "output": {"shape": ["batch", 4, 2]},
    "dtype": "float64",
    "samples": 8,
    "seed": 0,
    "notes": [],
    "argv": ["audit", "nets:net", "--steps", "4"],
}


def written(folder, record=RECORD):
    (folder / "audit.json").write_text(json.dumps(record))
    (folder / "influence.png").write_bytes(b"picture")
    return write_audit_page(folder).read_text("utf-8")


def test_the_page_says_what_was_found(tmp_path):
    page = written(tmp_path)
    assert "Symmetries – exact: permutation; broken: shift in time (exact away from the ends)." in page
    assert "Along time a place sees 3 before and 1 after its own: 4 of 4." in page
    assert "all influence comes over paths of at most 2 of them" in page
    assert "1 pair of steps from later to earlier" in page
    assert "Answers that depend on later steps" in page
    assert "<span>edgewise</span> <span>audit</span> <span>nets:net</span>" in page
    assert "Some&lt;Net&gt;" in page
    assert "<Net>" not in page
    assert "interior: &lt;middle&gt;" in page


def test_the_page_asks_for_nothing(tmp_path):
    page = written(tmp_path)
    assert "http" not in page.replace("http-equiv", "")
    assert "noscript" not in page
    assert 'src="data:image/png;base64,' in page


def test_a_random_module_has_no_verdicts():
    record = copy.deepcopy(RECORD) | {"random": True, "verdict": None}
    assert found(record) == "The module is random at evaluation, so its symmetries cannot be told."
    assert not context(record, b"")["checked_known"]


def test_growth_in_words():
    assert growth(RECORD["sharing"]) == "none with steps"
    assert growth(RECORD["sharing"] | {"growth": None}) == "takes one number of steps only"


def test_a_folder_without_a_record_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"audit\.json"):
        write_audit_page(tmp_path)
    (tmp_path / "audit.json").write_text("{}")
    with pytest.raises(RunError, match="symmetries"):
        write_audit_page(tmp_path)
