"""The run folder: written whole, read back equal, and never on top of something else."""

import json
import shutil
import tomllib

import networkx as nx
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from edgewise.errors import ConfigError, RunError
from edgewise.inference import Inference, InferenceConfig, infer
from edgewise.inference.records import (
    STARTED,
    merged_config,
    prepare_folder,
    resumable,
    start_run,
    to_json,
    with_command,
)

from .worlds import QUICK, planted, springs

FILES = {
    "run.json",
    "config.toml",
    "config.json",
    "model.safetensors",
    "posterior.nc",
    "edges.csv",
    "graph.graphml",
    "metrics.json",
    "law.json",
    "history.json",
    "preview.json",
    "tail.nc",
}


@pytest.fixture(scope="module")
def kept(quick, tmp_path_factory):
    """A run folder that nobody may change."""
    return quick[1].save(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture
def run(kept, tmp_path):
    """A copy to do something to."""
    return shutil.copytree(kept, tmp_path / "run")


def as_json(value):
    return json.loads(to_json(value))


# Round trips


def assert_same(loaded, result):
    xr.testing.assert_identical(loaded.probability, result.probability)
    np.testing.assert_array_equal(loaded.influence, result.influence)
    for name in ("types", "no_interaction", "config"):
        assert getattr(loaded, name) == getattr(result, name)
    for name in ("metrics", "law_record", "history", "preview", "about"):
        assert getattr(loaded, name) == as_json(getattr(result, name))
    pd.testing.assert_frame_equal(loaded.edges(), result.edges())
    assert loaded.fitted.encoding == result.fitted.encoding
    assert loaded.fitted.entities == result.fitted.entities
    np.testing.assert_array_equal(loaded.forecast(steps=3)["x"], result.forecast(steps=3)["x"])


def test_what_is_saved_is_what_is_loaded(quick, kept):
    assert_same(Inference.load(kept), quick[1])


@pytest.mark.parametrize(
    "choice",
    [
        {"graph": "per-window", "window": 5},
        {"graph": "shared", "undirected": True},
        {"identity": 2, "lags": 1, "edge_types": 3, "prior": [0.5, 0.25, 0.25]},
        {"noise": "profiled", "rotation": True, "no_interaction": "no"},
    ],
    ids=str,
)
def test_results_of_all_kinds_survive_the_round_trip(tmp_path, choice):
    result = infer(springs(), **(QUICK | choice))
    assert_same(Inference.load(result.save(tmp_path / "run")), result)


def test_a_baseline_survives_the_round_trip(tmp_path):
    ds, _ = planted()
    result = infer(ds, method="lag-regression")
    loaded = Inference.load(result.save(tmp_path / "run"))
    xr.testing.assert_identical(loaded.probability, result.probability)
    assert loaded.fitted is None
    assert loaded.influence is None
    assert loaded.law_record is None
    assert loaded.metrics == as_json(result.metrics)


def test_a_loaded_law_reads_new_recordings_as_before(quick, kept):
    new = springs(seed=4)
    before, after = quick[1].apply(new), Inference.load(kept).apply(new)
    np.testing.assert_array_equal(after.probability, before.probability)


# What is in the folder


def test_the_folder_holds_the_records_and_nothing_else(kept):
    assert {path.name for path in kept.iterdir()} == FILES


def test_the_records_are_readable_by_others(quick, kept):
    _, result = quick
    table = pd.read_csv(kept / "edges.csv", dtype={"source": str, "target": str, "sequence": str})
    pd.testing.assert_frame_equal(table, result.edges())
    graph = nx.read_graphml(kept / "graph.graphml")
    assert set(graph.edges) == set(result.graph().edges)
    assert set(graph.nodes) == set(result.entities)
    config = tomllib.loads((kept / "config.toml").read_text())
    assert InferenceConfig.from_dict(config) == result.config
    with xr.open_dataset(kept / "posterior.nc", engine="h5netcdf") as file:
        assert set(file.data_vars) == {"probability", "influence"}


def test_the_same_seed_writes_the_same_posterior(kept, tmp_path):
    again = infer(springs(), **QUICK).save(tmp_path / "again")
    assert (again / "posterior.nc").read_bytes() == (kept / "posterior.nc").read_bytes()
    assert (again / "model.safetensors").read_bytes() == (kept / "model.safetensors").read_bytes()


def test_the_records_hold_no_nan(kept):
    for path in kept.glob("*.json"):
        text = path.read_text()
        json.loads(text, parse_constant=lambda word, path=path: pytest.fail(f"{word} in {path.name}"))


def test_what_json_has_no_word_for_becomes_null():
    value = {"a": float("nan"), 1: [np.float64(2.5), np.int64(3), float("inf")], "b": np.array([1.0, np.nan])}
    assert json.loads(to_json(value)) == {"a": None, "1": [2.5, 3, None], "b": [1.0, None]}


def test_the_command_and_its_file_are_noted(quick, tmp_path):
    noted = with_command(quick[1], "infer", ["tracks.csv", "--out", "run"], tmp_path / "tracks.csv")
    assert noted.about["command"] == "infer"
    assert noted.about["argv"] == ["tracks.csv", "--out", "run"]
    assert noted.about["data"]["path"] == str(tmp_path / "tracks.csv")
    assert quick[1].about["argv"] == []
    assert with_command(quick[1], "demo", [], None).about["data"]["path"] == ""


# Where a run may be written


def test_a_folder_that_holds_something_is_refused(quick, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(RunError) as error:
            quick[1].save(tmp_path, overwrite=overwrite)
        assert f"{tmp_path} is not empty: it holds thesis.tex" in str(error.value)
        assert "this is not a run folder" in str(error.value)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_run_json_of_another_program_makes_no_run_folder(quick, tmp_path):
    (tmp_path / "run.json").write_text('{"format": 1}')
    with pytest.raises(RunError, match="this is not a run folder"):
        quick[1].save(tmp_path, overwrite=True)


def test_a_run_is_replaced_only_when_asked_and_other_files_stay(quick, run):
    (run / "notes.txt").write_text("mine")
    (run / "report.html").write_text("of the run before")
    before = (run / "run.json").read_text()
    with pytest.raises(RunError) as error:
        quick[1].save(run)
    assert "pass --overwrite to replace the run" in str(error.value)
    assert (run / "run.json").read_text() == before
    other = infer(springs(seed=9), **QUICK)
    other.save(run, overwrite=True)
    assert (run / "notes.txt").read_text() == "mine"
    assert not (run / "report.html").exists()
    assert_same(Inference.load(run), other)


def test_a_file_is_no_folder(quick, tmp_path):
    path = tmp_path / "out"
    path.write_text("x")
    with pytest.raises(RunError, match="out is a file"):
        quick[1].save(path)


def test_an_empty_folder_and_a_free_name_will_do(quick, tmp_path):
    (tmp_path / "empty").mkdir()
    for place in (tmp_path / "empty", tmp_path / "deep" / "below"):
        assert Inference.load(quick[1].save(place)).sequences == quick[1].sequences


def test_a_write_that_fails_leaves_no_run(quick, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edgewise.inference.records.nx.write_graphml", full)
    with pytest.raises(RunError) as error:
        quick[1].save(tmp_path / "run")
    assert f"{tmp_path / 'run'} cannot be written: No space left on device" in str(error.value)
    assert list((tmp_path / "run").iterdir()) == []


# Folders that cannot be read


def test_what_is_no_run_folder_is_said(tmp_path):
    with pytest.raises(RunError) as error:
        Inference.load(tmp_path)
    assert f"{tmp_path} is not a run folder: it has no run.json" in str(error.value)


def test_an_unfinished_run_is_said_with_how_to_finish_it(tmp_path):
    start_run(tmp_path, InferenceConfig(), "abc")
    with pytest.raises(RunError) as error:
        Inference.load(tmp_path)
    assert "holds an unfinished run" in str(error.value)
    assert "--resume" in str(error.value)


def test_a_run_of_another_version_is_refused(run):
    about = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(about | {"format": 99, "edgewise": "7.0"}))
    with pytest.raises(RunError) as error:
        Inference.load(run)
    assert "has format 99 (written by edgewise 7.0)" in str(error.value)
    assert "format 1, which this version reads and writes" in str(error.value)


@pytest.mark.parametrize("name", sorted(FILES - {"run.json", "edges.csv", "graph.graphml"}))
def test_a_missing_record_is_named(run, name):
    (run / name).unlink()
    with pytest.raises(RunError, match=name):
        Inference.load(run)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        (name, damage)
        for name in sorted(FILES - {"edges.csv", "graph.graphml"})
        for damage in ("cut", "emptied", "overwritten")
        if (name, damage) != ("config.toml", "emptied")  # an empty table of settings is one: all defaults
    ],
)
def test_a_damaged_record_is_refused(run, name, damage):
    whole = (run / name).read_bytes()
    content = {"cut": whole[: len(whole) // 2], "emptied": b"", "overwritten": b"\x89not this at all\n"}
    (run / name).write_bytes(content[damage])
    with pytest.raises((RunError, ConfigError)) as error:
        Inference.load(run)
    assert str(run) in str(error.value)


@pytest.mark.parametrize("text", ["[]", "3", "null", '"run"'])
def test_a_record_that_is_no_table_is_refused(run, text):
    (run / "run.json").write_text(text)
    with pytest.raises(RunError):
        Inference.load(run)


# Runs that were begun


def test_a_begun_run_is_resumed_with_its_settings_on_its_data(tmp_path):
    config = InferenceConfig.from_dict({"hidden": 8, "prior": [0.25, 0.75]})
    prepare_folder(tmp_path / "run")
    start_run(tmp_path / "run", config, "f" * 64)
    assert resumable(tmp_path / "run", "f" * 64) == config
    with pytest.raises(RunError) as error:
        resumable(tmp_path / "run", "e" * 64)
    assert "was begun with other data (fingerprint ffffffffffff, these have eeeeeeeeeeee)" in str(error.value)
    about = json.loads((tmp_path / "run" / STARTED).read_text())
    (tmp_path / "run" / STARTED).write_text(json.dumps(about | {"format": 99}))
    with pytest.raises(RunError, match="has format 99"):
        resumable(tmp_path / "run", "f" * 64)


def test_what_was_not_begun_is_not_resumed(tmp_path, run):
    with pytest.raises(RunError, match="no run was begun in"):
        resumable(tmp_path / "nothing", "f")
    with pytest.raises(RunError, match="is complete: there is nothing to resume"):
        resumable(run, "f")


def test_completing_a_run_ends_its_beginning(quick, tmp_path):
    start_run(tmp_path, quick[1].config, "f")
    quick[1].save(tmp_path, overwrite=True)
    assert not (tmp_path / STARTED).exists()


# Settings from a file and one by one


def test_single_settings_overrule_those_of_the_file(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('[graph]\ngraph = "shared"\nedge_types = 3\n[law]\nhidden = 8\n')
    merged = merged_config(path, {"edge_types": 4, "seed": 7})
    assert (merged.graph.graph, merged.graph.edge_types) == ("shared", 4)
    assert (merged.law.hidden, merged.training.seed) == (8, 7)
    assert merged_config(None, {"method": "correlation"}).method == "correlation"
    with pytest.raises(ConfigError, match=r"unknown setting 'edge_typs' \(did you mean 'edge_types'\?\)"):
        merged_config(None, {"edge_typs": 4})


def test_a_file_of_settings_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(RunError, match=r"none\.toml cannot be read"):
        merged_config(tmp_path / "none.toml", {})
    path = tmp_path / "broken.toml"
    path.write_text("[graph\n")
    with pytest.raises(RunError, match=r"broken\.toml cannot be read"):
        merged_config(path, {})
    path.write_text("[law]\nhiden = 3\n")
    with pytest.raises(ConfigError) as error:
        merged_config(path, {})
    assert f"{path}, table [law]: unknown setting 'hiden' (did you mean 'hidden'?)" in str(error.value)
