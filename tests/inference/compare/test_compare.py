"""Comparisons as a whole: rows, records, and what happens to methods that fail."""

import json

import pandas as pd
import pytest

from edgewise.errors import ConfigError, DataError
from edgewise.inference.compare import Comparison, compare
from edgewise.inference.compare.answers import blind

from ..worlds import QUICK, planted, springs

CHEAP = ["correlation", "lag-regression"]


@pytest.fixture(scope="module")
def known():
    return compare(planted()[0], ["superposition", *CHEAP], settings={"superposition": QUICK}, isolated=False)


def test_rows_stand_in_the_order_in_which_they_were_named(known):
    assert [row["label"] for row in known.rows] == ["superposition", *CHEAP]
    assert [row["status"] for row in known.rows] == ["done"] * 3
    for row in known.rows:
        assert 0.5 <= row["auroc"] <= 1
        assert row["seconds"] > 0
        assert row["n_edges"] >= 0
    assert known.rows[1]["orientation"] == 0.5


def test_without_truth_graphs_are_compared_by_what_they_foretell():
    rows = []
    found = compare(
        blind(planted()[0]), ["superposition", "correlation"], settings={"superposition": QUICK}, isolated=False,
        on_row=rows.append,
    )  # fmt: skip
    assert tuple(rows) == found.rows
    ours, simple = found.rows
    assert 0 < ours["graph_error"] < 2
    assert ours["law_error"] > 0
    assert simple["law_error"] is None
    assert "error on the graph" in found.text()
    assert "auroc" not in ours


def test_a_method_that_fails_has_its_message_and_the_others_go_on(monkeypatch):
    monkeypatch.setattr("edgewise.inference.peers.names.find_spec", lambda package: None)
    settings = {"correlation": {"edge_types": 3}, "superposition": {"neighbours": 2}}
    found = compare(
        planted()[0],
        ["superposition", "correlation", "pcmci", "lag-regression"],
        settings=settings,
        isolated=False,
    )
    assert [row["status"] for row in found.rows] == ["failed", "failed", "not installed", "done"]
    assert "neighbours=2 for data without positions" in found.rows[0]["message"]
    assert "correlation with 3 edge types" in found.rows[1]["message"]
    assert "edgewise[peers]" in found.rows[2]["message"]
    last = found.text().splitlines()[-1]
    assert last.startswith("pcmci")
    assert "not installed: the method pcmci needs the package tigramite" in last


def test_a_defect_of_a_method_does_not_end_the_others(monkeypatch):
    def broken(ds, config):
        raise RuntimeError("out of luck") if config.method == "correlation" else MemoryError("much")

    monkeypatch.setattr("edgewise.inference.compare.measure.answer", broken)
    found = compare(planted()[0], CHEAP, isolated=False)
    assert [row["message"] for row in found.rows] == ["RuntimeError: out of luck", "not enough memory: much"]


def test_the_table_and_the_text_show_the_best_first(known):
    table = known.table()
    assert list(table["label"]) == [row["label"] for row in known.rows]
    assert list(table.columns[:5]) == ["label", "method", "graph", "status", "auroc"]
    lines = known.text().splitlines()
    assert lines[0].split() == [
        "method", "AUROC", "AUPRC", "F1", "orientation", "ECE", "accuracy", "edges", "seconds", "MB",
    ]  # fmt: skip
    aurocs = [float(line.split()[1]) for line in lines[1:]]
    assert aurocs == sorted(aurocs, reverse=True)


def test_the_folder_holds_a_table_a_record_and_a_picture(known, tmp_path):
    folder = known.save(tmp_path / "made" / "out")
    assert {path.name for path in folder.iterdir()} == {"comparison.csv", "comparison.json", "comparison.png"}
    table = pd.read_csv(folder / "comparison.csv")
    assert list(table["label"]) == ["superposition", *CHEAP]
    record = json.loads((folder / "comparison.json").read_text("utf-8"))
    assert record["known_edges"] is True
    assert record["data"]["n_entities"] == 4
    assert record["settings"]["superposition"]["law"]["hidden"] == 8
    assert record["versions"]["numpy"]
    assert (folder / "comparison.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(DataError, match="exists already"):
        known.save(folder)
    known.save(folder, overwrite=True)


def test_a_picture_of_nothing_is_a_picture(tmp_path):
    row = {
        "label": "nri",
        "method": "nri",
        "graph": "shared",
        "status": "stopped",
        "message": "not done after 1 s",
    }
    empty = Comparison(rows=(row,), known=False, settings={}, data={})
    empty.save(tmp_path / "out")
    assert "stopped: not done after 1 s" in empty.text()


def test_each_method_runs_in_a_process_of_its_own_and_gives_the_same(known):
    (row,) = compare(planted()[0], ["correlation"]).rows
    for name in ("auroc", "auprc", "f1", "ece", "n_edges"):
        assert row[name] == pytest.approx(known.rows[1][name])
    assert row["memory_mb"] >= 0


def test_a_process_that_dies_or_takes_too_long_is_a_row(monkeypatch):
    monkeypatch.setattr("edgewise.inference.compare.run.WORKER", ["-c", "import os; os.abort()"])
    (row,) = compare(springs(), ["correlation"]).rows
    assert (row["status"], row["message"][:34]) == ("failed", "the process was ended by signal 6,")
    monkeypatch.setattr("edgewise.inference.compare.run.WORKER", ["-c", "raise SystemExit('no room')"])
    (row,) = compare(springs(), ["correlation"]).rows
    assert row["message"] == "the process ended with code 1: no room"
    monkeypatch.setattr("edgewise.inference.compare.run.WORKER", ["-c", "import time; time.sleep(60)"])
    monkeypatch.setattr("edgewise.inference.compare.run.STARTING", 0.0)
    (row,) = compare(springs(), ["correlation"], time_limit=0.2).rows
    assert (row["status"], row["message"], row["seconds"]) == ("stopped", "not done after 0.2 s", 0.2)


def test_a_fit_is_brought_to_its_end_within_the_limit(monkeypatch):
    from edgewise.inference.compare import planned
    from edgewise.inference.compare.measure import measured_row

    asked = []
    monkeypatch.setattr("edgewise.inference.compare.measure.answer", lambda ds, config: asked.append(config))
    measured_row(springs(), planned(["superposition"])[0], 10.0)
    measured_row(springs(), planned(["superposition"], {"time_limit": 3})[0], 10.0)
    assert [config.training.time_limit for config in asked] == [7.0, 3.0]


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"time_limit": -1.0}, "time_limit is -1"),
        ({"time_limit": 1.0, "isolated": False}, "a time limit for methods in this process"),
        ({"methods": ["granger"]}, "unknown method 'granger'"),
    ],
)
def test_wrong_choices_are_refused(choices, message):
    with pytest.raises(ConfigError, match=message):
        compare(springs(), **choices)
