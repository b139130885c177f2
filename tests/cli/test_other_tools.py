"""Commands on what other tools hold: runs on a hub, trajectories of molecular dynamics."""

import huggingface_hub
import pytest

from edgewise.data import load


@pytest.fixture
def hub(run, monkeypatch):
    """A hub that holds one run under the name me/springs."""

    def snapshot_download(name, *, revision):
        assert (name, revision) == ("me/springs", None)
        return str(run)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    return "hf://me/springs"


def test_apply_takes_a_run_from_a_hub(edgewise, hub, springs, tmp_path):
    answer = edgewise("apply", hub, springs, "--out", tmp_path / "new", "--json")
    assert answer.code == 0, answer.err
    assert (tmp_path / "new" / "report.html").is_file()


def test_evaluate_takes_a_run_from_a_hub(edgewise, hub, springs):
    assert edgewise("evaluate", hub, springs, "--json").record["edge_accuracy"] is not None


def test_forecast_and_report_of_a_run_on_a_hub_name_their_file(edgewise, hub, run, tmp_path):
    before = sorted(run.iterdir())
    assert edgewise("forecast", hub, "--steps", 3, "--out", tmp_path / "ahead.nc").code == 0
    assert load(tmp_path / "ahead.nc").sizes["time"] == 3
    assert edgewise("report", hub, "--out", tmp_path / "page.html").code == 0
    for words in (("forecast", hub), ("report", hub)):
        answer = edgewise(*words)
        assert answer.code == 1
        assert "of a run on a hub has no folder to be written to" in answer.err
    assert sorted(run.iterdir()) == before


def test_a_hub_without_the_run_is_one_message(edgewise, springs, tmp_path):
    answer = edgewise("apply", "hf://springs", springs, "--out", tmp_path / "new")
    assert answer.code == 1
    assert "names no run on a hub" in answer.err


def test_convert_reads_molecular_dynamics(edgewise, tmp_path):
    pytest.importorskip("MDAnalysis", reason="the extra md is not installed")
    files = pytest.importorskip("MDAnalysisTests.datafiles", reason="MDAnalysisTests is not installed")
    words = ("--topology", files.PSF, "--select", "name CA and resid 1:20", "--align", "--every", 14)
    answer = edgewise("convert", files.DCD, tmp_path / "protein.nc", *words, "--json")
    assert answer.code == 0, answer.err
    assert answer.record["n_entities"] == 20
    assert load(tmp_path / "protein.nc").sizes["time"] == 7
    answer = edgewise("convert", files.DCD, tmp_path / "all.nc")
    assert answer.code == 1
    assert "name the topology (--topology)" in answer.err


def test_infer_refuses_choices_of_molecular_dynamics_for_other_files(edgewise, springs, tmp_path):
    answer = edgewise("infer", springs, "--align", "--out", tmp_path / "run")
    assert answer.code == 1
    assert "align=True was asked for" in answer.err
