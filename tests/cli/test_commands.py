"""Every command does what it says, on small data."""

import json
import os
import re
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path

import networkx as nx
import pandas as pd
import pytest
import xarray as xr
from safetensors.numpy import load_file

from cli.conftest import QUICK
from edgewise.cli.app import COMMANDS, app
from edgewise.data import fingerprint, load, validate
from edgewise.inference.config import InferenceConfig
from edgewise.inference.records import RUN_FILES
from edgewise.physics import SIMULATORS, simulate

HERE = Path(__file__)
LATER = {"forecast.nc", "rollout.nc", "rollout.json", "checkpoints", "started.json"}
METRICS = {"edge_accuracy", "auroc", "auprc", "f1", "ece", "brier", "n_edges", "seconds"}


def test_every_command_has_a_test():
    text = "\n".join(path.read_text("utf-8") for path in HERE.parent.glob("test_*.py"))
    tests = re.findall(r"^def test_([a-z]+)_", text, flags=re.MULTILINE)
    assert [command for command in COMMANDS if command not in tests] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_help_describes_every_flag_in_a_sentence(command):
    # One row an argument; in a process of its own, since the width is read once a process.
    answer = subprocess.run(
        [sys.executable, "-m", "edgewise", command, "--help"],
        env=os.environ | {"COLUMNS": "400"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert COMMANDS[command] in answer.stdout
    rows = answer.stdout.splitlines()
    for argument in app[command].assemble_argument_collection():
        if argument.show:
            flag, about = argument.names[0], _described(command, argument).partition(" [")[0]
            assert re.fullmatch(r'["A-Z0-9].*\.', about), f"{flag}: {about}"
            assert [row for row in rows if f" {flag} " in row and about.replace("`", "") in row], (
                f"{flag} is not shown"
            )


def _described(command: str, argument) -> str:
    """The help of an argument: its own, or the entry in the docstring of the command."""
    if argument.parameter.help:
        return argument.parameter.help
    text = app[command].default_command.__doc__
    entry = re.search(rf"^ +{argument.field_info.name}: (.*)$", text, flags=re.MULTILINE)
    assert entry, f"{command}: {argument.names[0]} has no help"
    return entry[1]


def test_simulate_makes_the_same_file_twice(edgewise, tmp_path):
    made = []
    for name in ("a.nc", "b.zarr"):
        words = ("--entities", 3, "--sequences", 2, "--steps", 5, "--seed", 7, "--missing", 0.1)
        answer = edgewise("simulate", "charged", *words, "--out", tmp_path / name, "--json")
        assert (answer.code, answer.err) == (0, "")
        assert answer.record["n_entities"] == 3
        assert answer.record["has_truth"] is True
        assert answer.record["path"] == str(tmp_path / name)
        made.append(fingerprint(load(tmp_path / name)))
    assert made[0] == made[1]


def test_simulate_names_every_simulator_in_its_help(edgewise):
    answer = edgewise("simulate", "--help")
    assert all(re.search(rf"\b{name}\b", answer.out) for name in SIMULATORS)


def test_simulate_takes_options_of_the_system(edgewise, tmp_path):
    words = ("--entities", 3, "--sequences", 2, "--steps", 4)
    options = ("--option", "fixed=false", "--option", "steps-per-frame=5", "--option", "softening=1e-1")
    answer = edgewise("simulate", "nbody", *words, *options, "--out", tmp_path / "a.nc")
    assert (answer.code, answer.err) == (0, f"nbody: 2 systems of 3, 4 frames each -> {tmp_path / 'a.nc'}\n")
    made = simulate("nbody", entities=3, sequences=2, steps=4, fixed=False, steps_per_frame=5, softening=0.1)
    assert fingerprint(load(tmp_path / "a.nc")) == fingerprint(validate(made))


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet", "npz", "zarr"])
def test_convert_there_and_back_keeps_the_data(edgewise, springs, tmp_path, suffix):
    there, back = tmp_path / f"there.{suffix}", tmp_path / "back.nc"
    answer = edgewise("convert", springs, there)
    expected = f"8 recordings, 14 frames, 3 entities, features x, y, vx, vy -> {there}\n"
    assert (answer.code, answer.out, answer.err) == (0, "", expected)
    assert edgewise("convert", there, back, "--json").record["n_frames"] == 14
    assert fingerprint(load(back)) == fingerprint(load(springs))


def test_convert_to_two_tables_shares_their_edges(edgewise, springs, tmp_path):
    assert edgewise("convert", springs, tmp_path / "a.csv").code == 0
    assert edgewise("convert", springs, tmp_path / "a.parquet").code == 0
    assert load(tmp_path / "a.csv")["edges"].equals(load(tmp_path / "a.parquet")["edges"])


def test_convert_to_the_folder_of_nri(edgewise, springs, tmp_path):
    folder = tmp_path / "nri"
    assert edgewise("convert", springs, folder, "--target-split", "train_springs3").code == 0
    assert {path.name for path in folder.iterdir()} == {
        "loc_train_springs3.npy",
        "vel_train_springs3.npy",
        "edges_train_springs3.npy",
    }
    assert edgewise("convert", folder, tmp_path / "b.nc", "--split", "train").code == 0
    assert load(tmp_path / "b.nc")["edges"].to_numpy().shape == (8, 3, 3)


def test_infer_leaves_every_record_of_a_run(run):
    assert {path.name for path in run.iterdir()} == RUN_FILES - LATER
    about = json.loads((run / "run.json").read_text("utf-8"))
    assert about["format"] == 1
    assert about["command"] == "infer"
    assert about["argv"][0] == "infer"
    assert about["argv"][-1] == str(run)
    assert about["data"]["fingerprint"]
    config = tomllib.loads((run / "config.toml").read_text("utf-8"))
    assert InferenceConfig.from_dict(config).training.max_steps == 40
    assert json.loads((run / "config.json").read_text("utf-8"))["types"]
    assert load_file(run / "model.safetensors")
    with xr.open_dataset(run / "posterior.nc", engine="h5netcdf") as posterior:
        assert dict(posterior["probability"].sizes) == {"sequence": 8, "receiver": 3, "sender": 3, "type": 2}
        assert float(posterior["probability"].max()) <= 1
    edges = pd.read_csv(run / "edges.csv")
    assert list(edges.columns[:4]) == ["source", "target", "type", "probability"]
    graph = nx.read_graphml(run / "graph.graphml")
    assert set(graph.nodes) == {"0", "1", "2"}
    metrics = json.loads((run / "metrics.json").read_text("utf-8"))
    assert metrics.keys() >= METRICS
    assert metrics["n_edges"] == len(edges)
    forecast = metrics["forecast"]
    for name in ("ours", "nothing moves", "constant velocity"):
        assert len(forecast[name]) == len(forecast["steps"]) > 0
    page = (run / "report.html").read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "springs.nc" in page


def test_infer_prints_one_json_object_and_nothing_else_on_stdout(edgewise, springs, tmp_path):
    out = tmp_path / "r"
    answer = edgewise("infer", springs, *QUICK, "--out", out, "--json")
    assert answer.record.keys() >= METRICS | {"run", "page", "types"}
    assert answer.record["page"] == str(out / "report.html")
    shown = answer.err.splitlines()
    for phase in ("strengths", "types"):  # the first and the last step of each
        lines = [line for line in shown if line.startswith(phase)]
        assert re.fullmatch(
            rf"{phase} +step +1  log p [+-][\d.]+/number  temperature [\d.]+  \d+ s \(.+\)", lines[0]
        )
        assert lines[-1].endswith("(done)")


def test_infer_takes_names_of_columns_settings_of_a_file_and_flags(edgewise, springs, tmp_path):
    table, settings, out = tmp_path / "tracks.csv", tmp_path / "settings.toml", tmp_path / "r"
    frame = _renamed(springs, table)
    settings.write_text('[graph]\nundirected = true\n[training]\nmax_steps = 9\nnoise = "profiled"\n')
    words = ("--time", "when", "--entity", "who", "--sequence", "trial", "--position", "px,py")
    choices = ("--config", settings, "--max-steps", 5, "--prior", "0.9,0.1", "--no-translation")
    answer = edgewise("infer", table, *words, *choices, "--out", out, "--quiet")
    assert answer.code == 0
    assert [line for line in answer.err.splitlines() if not line.startswith("note: ")] == []
    assert f"between 3 entities in {frame['trial'].nunique()} recordings" in answer.out
    assert f"page: {out / 'report.html'}" in answer.out
    config = InferenceConfig.from_dict(tomllib.loads((out / "config.toml").read_text("utf-8")))
    assert config.graph.undirected
    assert config.graph.prior == (0.9, 0.1)
    assert not config.law.translation
    assert (config.training.max_steps, config.training.noise) == (5, "profiled")


AUTO = ("--auto", "--graph", "per-sequence", "--edge-types", 2, "--lags", 0, "--no-rotation")


def test_infer_chooses_settings_and_says_which(edgewise, springs, tmp_path):
    out = tmp_path / "r"
    answer = edgewise("infer", springs, *AUTO, "--max-steps", 20, "--out", out, "--quiet")
    assert answer.code == 0, answer.err
    record = json.loads((out / "run.json").read_text("utf-8"))["auto"]
    for sentence in record["sentences"]:
        assert f"note: {sentence}" in answer.err
    assert [each["name"] for each in record["tried"]] == [
        "messages of relative positions, one graph a recording",
        "positions as they are",
    ]
    assert re.search(
        r"^\* messages of relative positions|^\* positions as they are", answer.out, flags=re.MULTILINE
    )
    config = InferenceConfig.from_dict(tomllib.loads((out / "config.toml").read_text("utf-8")))
    assert (config.graph.graph, config.training.max_steps) == ("per-sequence", 20)
    assert config.law.hidden == record["chosen"]["hidden"] == 32


def _renamed(springs: Path, table: Path) -> pd.DataFrame:
    frame = load(springs)[["x", "y"]].to_dataframe().reset_index()
    names = {"sequence": "trial", "time": "when", "entity": "who", "x": "px", "y": "py"}
    frame = frame.rename(columns=names)[list(names.values())]
    frame.to_csv(table, index=False)
    return frame


def test_infer_overwrites_a_run_and_leaves_foreign_files(edgewise, springs, tmp_path):
    out = tmp_path / "r"
    assert edgewise("infer", springs, "--method", "correlation", "--out", out).code == 0
    (out / "notes.txt").write_text("mine")
    (out / "forecast.nc").write_text("of the old run")
    answer = edgewise("infer", springs, "--method", "lag-regression", "--out", out, "--overwrite")
    assert answer.code == 0
    assert json.loads((out / "run.json").read_text("utf-8"))["method"] == "lag-regression"
    assert (out / "notes.txt").read_text() == "mine"
    assert not (out / "forecast.nc").exists()


def test_infer_stops_within_its_time_limit(edgewise, springs, tmp_path):
    words = ("--time-limit", 1.0, "--json")
    answer = edgewise("infer", springs, *words, "--out", tmp_path / "r")
    assert answer.code == 0
    assert answer.record["n_edges"] >= 0
    assert answer.err.count("(done)") == 2


def test_infer_says_how_strongly(edgewise, tmp_path):
    data, out = tmp_path / "springs.nc", tmp_path / "r"
    words = ("--entities", 3, "--sequences", 6, "--steps", 14, "--strength-spread", 0.5)
    assert edgewise("simulate", "springs", *words, "--out", data).code == 0
    answer = edgewise("infer", data, "--strengths", "continuous", *QUICK, "--quiet", "--out", out)
    assert (answer.code, answer.err) == (0, "")
    assert "strengths: correlation " in answer.out
    with (out / "edges.csv").open() as table:
        assert "strength,strength_low,strength_high" in table.readline()
    assert "strengths: correlation " in edgewise("evaluate", out, data).out
    measured = edgewise("evaluate", out, data, "--json").record
    assert measured["strength"] == json.loads((out / "metrics.json").read_text("utf-8"))["strength"]


def test_apply_reads_new_recordings_with_a_law(edgewise, run, springs, tmp_path):
    out = tmp_path / "r"
    fresh = tmp_path / "fresh.csv"
    words = ("--entities", 4, "--sequences", 3, "--steps", 14, "--seed", 5)
    assert edgewise("simulate", "springs", *words, "--out", fresh).code == 0
    answer = edgewise("apply", run, fresh, "--out", out, "--json")
    assert answer.code == 0, answer.err
    assert answer.record.keys() >= METRICS
    assert json.loads((out / "run.json").read_text("utf-8"))["command"] == "apply"
    assert (out / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
    again = edgewise("apply", run, springs, "--out", out, "--overwrite")
    assert again.code == 0
    assert "entities in 8 recordings" in again.out


def test_apply_exact_answers_by_the_posterior_and_else_at_once(edgewise, run, springs, tmp_path):
    hybrid = tmp_path / "hybrid"
    words = ("--method", "hybrid", "--encoder-steps", 3, *QUICK, "--quiet")
    assert edgewise("infer", springs, *words, "--out", hybrid).code == 0
    assert not (hybrid / "checkpoints").exists()
    for flags, who in (((), "encoder"), (("--exact",), "exact posterior")):
        out = tmp_path / who
        answer = edgewise("apply", hybrid, springs, *flags, "--out", out, "--json")
        assert answer.code == 0
        about = json.loads((out / "run.json").read_text("utf-8"))
        assert about["answered_by"] == who
        assert (out / "report.html").exists()
    exact, of_the_fit = (
        xr.load_dataset(folder / "posterior.nc", engine="h5netcdf")["probability"]
        for folder in (tmp_path / "exact posterior", hybrid)
    )
    assert exact.equals(of_the_fit)
    # A superposition has no other answer; an encoder alone has no exact one.
    assert edgewise("apply", run, springs, "--exact", "--out", tmp_path / "same").code == 0
    nri = tmp_path / "nri"
    words = ("--method", "nri", "--max-steps", 2, "--hidden", 8, "--quiet")
    assert edgewise("infer", springs, *words, "--out", nri).code == 0
    answer = edgewise("apply", nri, springs, "--exact", "--out", tmp_path / "none")
    assert answer.code == 1
    assert "nri has no exact posterior" in answer.err
    assert not (tmp_path / "none").exists()


def test_forecast_writes_every_format(edgewise, run, tmp_path):
    for name in ("f.nc", "f.csv", "f.parquet", "f.npz", "f.zarr"):
        answer = edgewise("forecast", run, "--steps", 3, "--out", tmp_path / name)
        assert (answer.code, answer.err) == (0, f"3 frames ahead -> {tmp_path / name}\n")
        assert load(tmp_path / name).sizes["time"] == 3


def test_forecast_draws_samples(edgewise, run, tmp_path):
    for name, opened in (("f.nc", xr.open_dataset), ("f.zarr", xr.open_zarr)):
        path = tmp_path / name
        answer = edgewise("forecast", run, "--steps", 1, "--samples", 2, "--out", path, "--json")
        assert answer.record == {
            "path": str(path),
            "steps": 1,
            "samples": 2,
            "features": ["x", "y", "vx", "vy"],
        }
        options = {"engine": "h5netcdf"} if name == "f.nc" else {"consolidated": False}
        with opened(path, decode_times=False, **options) as drawn:
            assert dict(drawn["x"].sizes) == {"sample": 2, "sequence": 8, "time": 1, "entity": 3}


def test_forecast_lies_in_the_run_by_default(edgewise, springs, tmp_path):
    out = tmp_path / "r"
    words = ("--max-steps", 5, "--graph", "shared", "--quiet")
    assert edgewise("infer", springs, *words, "--out", out).code == 0
    assert edgewise("forecast", out, "--steps", 2).code == 0
    assert edgewise("forecast", out, "--steps", 4, "--data", springs).code == 0
    with xr.open_dataset(out / "forecast.nc", engine="h5netcdf", decode_times=False) as ahead:
        assert ahead.sizes["time"] == 4


def test_evaluate_gives_the_metrics_of_the_run(edgewise, run, springs):
    measured = edgewise("evaluate", run, springs, "--json").record
    known = json.loads((run / "metrics.json").read_text("utf-8"))
    for name in METRICS - {"seconds"}:
        assert measured[name] == known[name]
    shown = edgewise("evaluate", run, springs)
    assert shown.code == 0
    assert [line.split()[0] for line in shown.out.splitlines()] == [
        "against",
        "edgewise",
        *known["baselines"],
    ]


def test_evaluate_takes_the_truth_from_a_table(edgewise, run, springs, tmp_path):
    table, truth = tmp_path / "tracks.csv", tmp_path / "known.csv"
    load(springs)[["x", "y", "vx", "vy"]].to_dataframe().reset_index().to_csv(table, index=False)
    pairs = [f"{s},{t}" for s in range(3) for t in range(3) if s != t]
    truth.write_text("source,target\n" + "\n".join(pairs) + "\n")
    answer = edgewise("evaluate", run, table, "--truth", truth, "--json")
    assert answer.code == 0
    assert answer.record["n_pairs"] == 8 * 6


def test_report_writes_the_page_anew(edgewise, run, tmp_path):
    page = tmp_path / "page.html"
    assert edgewise("report", run, "--out", page).out == f"{page}\n"
    assert page.read_bytes() == (run / "report.html").read_bytes()
    assert edgewise("report", run, "--out", page, "--json").record == {"page": str(page)}


@pytest.mark.usefixtures("run")
def test_demo_infers_simulated_springs(edgewise, monkeypatch, tmp_path):
    for name, value in (("SYSTEMS", 6), ("FRESH", 3), ("FRAMES", 14)):
        monkeypatch.setattr(f"edgewise.cli.demo.{name}", value)
    module = sys.modules["edgewise.inference.infer"]
    monkeypatch.setattr(module, "infer", partial(module.infer, max_steps=10))
    out = tmp_path / "demo"
    answer = edgewise("demo", "--out", out)
    assert answer.code == 0, answer.err
    assert answer.out.endswith(f"look at {out / 'report.html'}\n")
    assert re.search(r"^3 fresh systems, same law: [\d.]+ % of 60 pairs right", answer.out, re.MULTILINE)
    assert answer.err.startswith("springs: 6 systems of 5 bodies, 14 frames each")
    again = edgewise("demo", "--out", out, "--json")
    assert again.record["fresh"]["n_pairs"] == 60
    assert json.loads((out / "run.json").read_text("utf-8"))["command"] == "demo"


def test_doctor_says_what_is_there(edgewise):
    answer = edgewise("doctor", "--json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.record["missing"] == []
    assert answer.record["packages"]["torch"]
    assert answer.record["matrix_product_gflops"] > 0
    assert answer.record["law_step_ms"] > 0


def test_doctor_names_what_is_missing(edgewise, monkeypatch):
    monkeypatch.setattr("edgewise.cli.doctor.PACKAGES", ("numpy", "no-such-package", "torch"))
    for work in ("_gflops", "_step_ms"):
        monkeypatch.setattr(f"edgewise.cli.doctor.{work}", lambda: 1.0)
    answer = edgewise("doctor")
    assert answer.code == 1
    assert "no-such-package missing" in answer.out
    assert answer.err.startswith("error: not installed: no-such-package\n")


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["infer", "--help"], ["report", "RUN"]], ids=" ".join
)
def test_light_commands_import_nothing_heavy(words, run, tmp_path):
    words = [str(run) if word == "RUN" else word for word in words]
    if words[0] == "report":
        words += ["--out", str(tmp_path / "page.html")]
    code = (
        "import sys\nfrom edgewise.cli import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit as left:\n    assert not left.code\n"
        "print(sorted({'torch', 'pandas', 'xarray', 'numpy'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True
    )
    assert answer.stdout.splitlines()[-1] == "[]"
    assert answer.stderr == ""
