"""`edgewise compare`: methods side by side, in a folder and on the terminal."""

import json
from pathlib import Path

import pandas as pd
import pytest

from edgewise.data import load, save


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch):
    """Methods run here, not in processes of their own, which take seconds to start."""
    from edgewise.inference.compare import run
    from edgewise.inference.compare.measure import measured_row

    def here(folder: Path, entry, time_limit):
        return measured_row(load(folder / run.DATA), entry, time_limit)

    monkeypatch.setattr(run, "_process", here)


def test_compare_writes_a_table_a_record_and_a_picture(edgewise, springs, tmp_path):
    out = tmp_path / "out"
    answer = edgewise("compare", springs, "--methods", "correlation, lag-regression", "--out", out)
    assert answer.code == 0, answer.err
    assert answer.out.splitlines()[0].split()[:3] == ["method", "AUROC", "AUPRC"]
    assert f"table:   {out / 'comparison.csv'}" in answer.out
    assert answer.err.startswith("correlation: done in ")
    assert {path.name for path in out.iterdir()} == {"comparison.csv", "comparison.json", "comparison.png"}
    assert list(pd.read_csv(out / "comparison.csv")["label"]) == ["correlation", "lag-regression"]


def test_compare_as_json_with_settings_for_all_and_for_one(edgewise, springs, tmp_path):
    settings = tmp_path / "methods.toml"
    settings.write_text('[graph]\nwindow = 5\n[simple]\nmethod = "correlation"\n[lag-regression]\nseed = 4\n')
    words = ("--config", settings, "--graph", "shared", "--out", tmp_path / "out", "--json", "--quiet")
    answer = edgewise("compare", springs, *words)
    assert (answer.code, answer.err) == (0, "")
    record = answer.record
    assert [row["label"] for row in record["rows"]] == ["simple", "lag-regression"]
    assert record["settings"]["simple"]["graph"]["graph"] == "shared"
    assert record["settings"]["simple"]["graph"]["window"] == 5
    assert record["settings"]["lag-regression"]["training"]["seed"] == 4
    assert json.loads((tmp_path / "out" / "comparison.json").read_text("utf-8"))["rows"] == record["rows"]


def test_compare_without_truth_shows_errors_of_forecasts(edgewise, springs, tmp_path):
    unknown = tmp_path / "unknown.nc"
    save(load(springs).drop_vars("edges"), unknown)
    answer = edgewise("compare", unknown, "--methods", "correlation", "--out", tmp_path / "out")
    assert answer.code == 0
    assert "error on the graph" in answer.out


def test_compare_lists_a_method_that_is_not_installed(edgewise, springs, tmp_path, monkeypatch):
    monkeypatch.setattr("edgewise.inference.peers.names.find_spec", lambda package: None)
    answer = edgewise("compare", springs, "--methods", "correlation,pcmci", "--out", tmp_path / "out")
    assert answer.code == 0
    assert "pcmci: not installed: the method pcmci needs the package tigramite" in answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--methods", "pcmcy"), "unknown method 'pcmcy' (did you mean 'pcmci'?)"),
        (("--time-limit", "-1"), "time_limit is -1"),
        (("--config", "gone.toml"), "gone.toml cannot be read"),
    ],
)
def test_compare_refuses_what_is_wrong_and_writes_nothing(edgewise, springs, tmp_path, words, message):
    out = tmp_path / "out"
    answer = edgewise("compare", springs, *words, "--out", out)
    assert answer.code == 1
    assert message in answer.err
    assert not out.exists()


def test_compare_does_not_write_over_what_is_there(edgewise, springs, tmp_path):
    answer = edgewise("compare", springs, "--methods", "correlation", "--out", tmp_path)
    assert answer.code == 1
    assert "exists already" in answer.err
