"""What a user can do wrong: one message (found, expected, to do), exit code 1, nothing half-written."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edgewise.data import load

FRAMES = 12


def good() -> pd.DataFrame:
    """Three entities, 12 frames; row k of the table is line k + 2 of its file."""
    rows = [(t, name, 0.1 * t * t + k * t, t - k) for t in range(FRAMES) for k, name in enumerate("abc")]
    return pd.DataFrame(rows, columns=["t", "id", "x", "y"]).astype({"x": object, "y": float})


def changed(**cells: Any) -> pd.DataFrame:
    """The good table with other values in row 4 (t = 1, entity b, line 6)."""
    frame = good()
    for name, value in cells.items():
        frame.loc[4, name] = value
    return frame


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working directory with a good table."""
    monkeypatch.chdir(tmp_path)
    good().to_csv("good.csv", index=False)
    return tmp_path


def refused(answer: Any, *parts: str, out: str | None = "out") -> None:
    """The answer is one message with these parts, in full; `out` was not left behind."""
    assert answer.code == 1, answer
    assert answer.out == ""
    assert answer.err.startswith("error: ")
    assert "Traceback" not in answer.err
    assert "defect" not in answer.err
    assert re.fullmatch(r"error: .+\n(  expected: .+\n)?(  to do: .+\n)?", answer.err), answer.err
    for part in parts:
        assert part in answer.err
    if out is not None:
        assert not Path(out).exists()
    assert [path.name for path in Path().iterdir() if path.name.startswith(".")] == []


def truncated(path: Path, source: Path) -> None:
    content = source.read_bytes()
    path.write_bytes(content[: len(content) // 2])


# --- data ------------------------------------------------------------------------------------------------------

TABLES: dict[str, tuple[Callable[[], pd.DataFrame], tuple[str, ...]]] = {
    "a missing column": (
        lambda: good().rename(columns={"t": "tt"}),
        ("no column has a common name for the time; the columns are tt, id, x, y", "--time"),
    ),
    "text in a number column": (
        lambda: changed(x="oops"),
        ("row 6, column 'x' holds 'oops'", "expected: a number", "to do: correct or remove the row"),
    ),
    "an infinite value": (
        lambda: changed(x=np.inf),
        ("row 6, column 'x' holds 'inf'", "expected: a finite number", "to do: correct or remove the row"),
    ),
    "duplicate rows": (
        lambda: pd.concat([good(), good().iloc[[5]]]),
        ("rows 7 and 38 are both about t 1, id c", "expected: one row for each", "to do: "),
    ),
    "an empty table": (lambda: good().iloc[:0], ("table.csv has no rows", "expected: one row", "to do: ")),
    "one entity": (
        lambda: good().query("id == 'a'"),
        ("has one entity", "expected: at least two entities", "to do: check which column"),
    ),
    "one frame": (
        lambda: good().query("t == 0"),
        ("has one frame", "expected: at least two frames", "to do: check which column"),
    ),
    "two frames": (lambda: good().query("t < 2"), ("recordings of 2 frames", "at least 3 frames", "to do: ")),
    "a feature that is NaN throughout": (
        lambda: good().assign(x=np.nan),
        ("the feature 'x' has no value at all", "expected: at least one observed value", "leave 'x' out"),
    ),
    "nothing moves": (
        lambda: good().assign(x=1.0, y=2.0),
        ("nothing moves", "expected: trajectories in which something changes", "to do: check the units"),
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_bad_table(case, edgewise, place):
    make, parts = TABLES[case]
    make().to_csv("table.csv", index=False)
    refused(edgewise("infer", "table.csv", "--out", "out"), *parts)


FLAGS: dict[str, tuple[tuple[object, ...], tuple[str, ...]]] = {
    "no such column of time": (
        ("--time", "tt"),
        ("good.csv: there is no column 'tt'; the columns are t, id, x, y", "did you mean 't'?"),
    ),
    "unknown features as position": (
        ("--position", "x,q"),
        ("good.csv: there is no column 'q'; the columns are t, id, x, y", "to do: name columns"),
    ),
    "no table of truth": (("--truth", "none.csv"), ("none.csv does not exist", "source, target and type")),
    "a split of a table": (("--split", "train"), ("split='train' was asked for, but good.csv is no NRI",)),
    "lags that the recordings are too short for": (
        ("--lags", 11),
        ("recordings of 12 frames", "at least 14 frames for 11 lags", "to do: use fewer lags"),
    ),
    "more neighbours than there are": (("--neighbours", 3), ("neighbours=3 among 3 entities", "at most 2")),
    "neighbours without positions": (
        ("--position", "", "--neighbours", 1),
        ("neighbours=1 for data without positions", "expected: position columns", "to do: name them"),
    ),
    "a window longer than the recordings": (
        ("--graph", "per-window", "--window", 13),
        ("window=13 for recordings of 12 frames", "at most 12", "to do: name a shorter window"),
    ),
    "more types than a baseline has": (
        ("--method", "correlation", "--edge-types", 3),
        ("correlation with 3 edge types", "expected: 2"),
    ),
    "priors that are no numbers": (("--prior", "0.5,x"), ("--prior 0.5,x", "'x'", "e.g. 0.9,0.1")),
    "priors that do not sum to 1": (("--prior", "0.5,0.6"), ("prior is (0.5, 0.6)", "sum to 1")),
    "too few priors": (("--prior", "1"), ("prior is (1.0,)", "2 positive probabilities")),
    "a negative time limit": (("--time-limit", -1), ("time_limit is -1.0", "expected: seconds, or 0")),
    "one type": (("--edge-types", 1), ("edge_types is 1", "expected: 2 to 16 types")),
    "biases that exclude each other": (
        ("--rotation", "--no-translation"),
        ("rotation without translation", "to do: set translation = true"),
    ),
    "no configuration": (
        ("--config", "none.toml"),
        ("none.toml cannot be read: No such file", "a TOML file"),
    ),
}


@pytest.mark.parametrize("case", FLAGS)
def test_flags_that_do_not_fit(case, edgewise, place):
    words, parts = FLAGS[case]
    refused(edgewise("infer", "good.csv", *words, "--out", "out"), *parts)


def test_a_position_that_a_data_set_does_not_have(edgewise, place, springs):
    answer = edgewise("infer", springs, "--position", "x,why", "--out", "out")
    refused(answer, f"{springs}: the position names 'why'", "the features are x, y, vx, vy", "to do: ")


def test_data_that_are_not_there(edgewise, place):
    answer = edgewise("infer", "god.csv", "--out", "out")
    refused(answer, "god.csv does not exist", "expected: a file", "did you mean 'good.csv'?")


def test_a_file_without_a_line(edgewise, place):
    Path("table.csv").touch()
    refused(edgewise("infer", "table.csv", "--out", "out"), "table.csv is empty", "the names of the columns")


@pytest.mark.parametrize(("suffix", "what"), [(".parquet", "Parquet table"), (".nc", "NetCDF-4 file")])
def test_a_truncated_file(suffix, what, edgewise, place, springs):
    assert edgewise("convert", springs, f"whole{suffix}").code == 0
    path = place / f"part{suffix}"
    truncated(path, place / f"whole{suffix}")
    answer = edgewise("infer", path.name, "--out", "out")
    refused(answer, f"{path.name} cannot be read", f"expected: a complete {what}", "copied in full")


def test_objects_in_an_npz_are_not_unpickled(edgewise, place):
    np.savez("objects.npz", x=np.array([{}, 1], dtype=object))
    answer = edgewise("infer", "objects.npz", "--out", "out")
    refused(answer, "the array 'x' holds Python objects", "expected: arrays of numbers", "to do: save 'x'")


# --- settings in a file ----------------------------------------------------------------------------------------

CONFIGS = {
    "[graph\n": (
        "settings.toml cannot be read: Expected ']'",
        "at line 1",
        "expected: a TOML file",
        "to do: ",
    ),
    "[graph]\nedge_type = 3\n": (
        "settings.toml, table [graph]: unknown setting 'edge_type' (did you mean 'edge_types'?)",
        "expected: one of acyclic, edge_types, fill_gaps",
    ),
    "[grph]\nwindow = 3\n": ("settings.toml: unknown setting 'grph' (did you mean 'graph'?)",),
    "max_steps = 'many'\n": ("settings.toml: max_steps is 'many'", "a value like 4000 (int)"),
    "method = 'magic'\n": ("unknown method 'magic'", "superposition, hybrid, linear, nri, correlation"),
}


@pytest.mark.parametrize("text", CONFIGS)
def test_a_bad_configuration(text, edgewise, place):
    Path("settings.toml").write_text(text)
    answer = edgewise("infer", "good.csv", "--config", "settings.toml", "--out", "out")
    refused(answer, *CONFIGS[text])


# --- usage -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "part", "hint"),
    [
        (["infre"], '"infre"', "`edgewise --help`"),
        (["infer", "good.csv"], "--out", "`edgewise infer --help`"),
        (["infer", "good.csv", "--out", "out", "--method", "magic"], '"magic"', "`edgewise infer --help`"),
        (["infer", "good.csv", "--out", "out", "--edge-types", "x"], '"x"', "`edgewise infer --help`"),
        (["infer", "good.csv", "--out", "out", "--edgetypes", "2"], "--edgetypes", "`edgewise infer --help`"),
        (["simulate", "spring", "--out", "a.nc"], '"springs"', "`edgewise simulate --help`"),
    ],
)
def test_wrong_usage_exits_2(words, part, hint, edgewise, place):
    answer = edgewise(*words)
    assert (answer.code, answer.out) == (2, "")
    assert part in answer.err
    assert answer.err.endswith(f"{hint} lists what there is.\n")
    assert sorted(path.name for path in place.iterdir()) == ["good.csv"]


@pytest.mark.parametrize(
    ("flag", "value", "part"),
    [
        ("--entities", 1, "entities = 1"),
        ("--steps", 0, "steps = 0"),
        ("--missing", 2, "missing = 2.0"),
        ("--noise", "nan", "noise = nan"),
        ("--seed", -2, "seed = -2"),
        ("--edge-probability", 7, "edge_probability = 7.0"),
    ],
)
def test_simulations_that_make_no_sense(flag, value, part, edgewise, place):
    refused(edgewise("simulate", "springs", flag, value, "--out", "a.nc"), part, "expected: ", out="a.nc")


@pytest.mark.parametrize(
    ("system", "option", "part", "hint"),
    [
        ("balls", "gravty=9", "unknown option of balls 'gravty'", "did you mean 'gravity'?"),
        ("balls", "gravity", "the option 'gravity'", "expected: NAME=VALUE"),
        ("balls", "=3", "the option '=3'", "expected: NAME=VALUE"),
        ("balls", "dt=soon", "dt = 'soon'", "expected: a finite number above 0"),
        ("nbody", "fixed=2", "fixed = 2", "expected: True or False"),
        ("string", "pinned=1.5", "pinned = 1.5", "expected: a whole number from 0 on"),
        ("charged", "strength_spread=0.5", "unknown option of charged 'strength_spread'", "'strength'?"),
    ],
)
def test_options_of_a_system_that_make_no_sense(system, option, part, hint, edgewise, place):
    refused(edgewise("simulate", system, "--option", option, "--out", "a.nc"), part, hint, out="a.nc")


def test_an_option_of_a_system_that_is_given_twice(edgewise, place):
    words = ("--option", "gravity=1", "--option", "gravity=2")
    refused(
        edgewise("simulate", "balls", *words, "--out", "a.nc"), "gravity is given twice", "once", out="a.nc"
    )


# --- where to write --------------------------------------------------------------------------------------------

WRITERS = {
    "infer": ("good.csv", "--out"),
    "apply": ("RUN", "DATA", "--out"),
    "demo": ("--out",),
}


def writer(command: str, run: Path, springs: Path) -> list[object]:
    words = {"RUN": run, "DATA": springs}
    return [command, *(words.get(word, word) for word in WRITERS[command])]


@pytest.mark.parametrize("command", WRITERS)
def test_a_run_below_a_file(command, edgewise, place, run, springs):
    answer = edgewise(*writer(command, run, springs), "good.csv/out")
    refused(
        answer, "good.csv/out cannot be written: Not a directory", "expected: ", "to do: choose another --out"
    )


@pytest.mark.parametrize("command", WRITERS)
def test_a_run_in_place_of_a_file(command, edgewise, place, run, springs):
    answer = edgewise(*writer(command, run, springs), "good.csv")
    refused(answer, "good.csv is a file", "expected: a folder", "to do: choose another --out")
    assert pd.read_csv("good.csv").shape == (36, 4)


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]], ids=["", "overwrite"])
@pytest.mark.parametrize("command", ["infer", "apply"])
def test_a_folder_of_something_else_is_never_cleared(command, overwrite, edgewise, place, run, springs):
    theirs = Path("theirs")
    theirs.mkdir()
    (theirs / "run.json").write_text('{"laps": 3}')  # of another program
    (theirs / "metrics.json").write_text("[]")
    answer = edgewise(*writer(command, run, springs), theirs, *overwrite)
    refused(
        answer, "theirs is not empty: it holds metrics.json, run.json", "expected: an empty folder", "to do: "
    )
    assert sorted(path.name for path in theirs.iterdir()) == ["metrics.json", "run.json"]


@pytest.mark.parametrize("command", ["infer", "apply"])
def test_a_run_is_replaced_on_demand_only(command, edgewise, place, run, springs):
    shutil.copytree(run, "old")
    answer = edgewise(*writer(command, run, springs), "old")
    refused(answer, "old is not empty: it holds config.json", "to do: pass --overwrite to replace the run")
    assert_untouched(Path("old"), run)


def assert_untouched(folder: Path, original: Path) -> None:
    for path in original.iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("case", ["two frames", "text in a number column"])
def test_a_run_survives_the_bad_data_that_were_to_replace_it(case, edgewise, place, run):
    shutil.copytree(run, "old")
    TABLES[case][0]().to_csv("table.csv", index=False)
    refused(edgewise("infer", "table.csv", "--out", "old", "--overwrite"))
    assert_untouched(Path("old"), run)


def test_a_run_survives_recordings_that_a_law_does_not_fit(edgewise, place, run):
    shutil.copytree(run, "old")
    answer = edgewise("apply", run, "good.csv", "--out", "old", "--overwrite")
    refused(answer, "the data have no feature vx, vy", "found x, y", "to do: rename the columns")
    assert_untouched(Path("old"), run)


@pytest.mark.parametrize(
    "words",
    [
        ("simulate", "springs", "--sequences", 2, "--out"),
        ("convert", "good.csv"),
        ("forecast", "RUN", "--steps", 2, "--out"),
    ],
    ids=lambda words: words[0],
)
def test_a_file_that_cannot_be_written(words, edgewise, place, run):
    words = [run if word == "RUN" else word for word in words]
    refused(
        edgewise(*words, "good.csv"), "good.csv exists already", "a name that is free", "pass --overwrite"
    )
    refused(edgewise(*words, "good.csv/a.nc"), "good.csv/a.nc cannot be written", "to do: check the folder")
    refused(
        edgewise(*words, "a.xlsx"), "a.xlsx has the suffix '.xlsx'", "expected: one of .csv", out="a.xlsx"
    )
    assert pd.read_csv("good.csv").shape == (36, 4)


def test_a_page_that_cannot_be_written(edgewise, place, run):
    answer = edgewise("report", run, "--out", "nowhere/page.html")
    refused(answer, "nowhere/page.html cannot be written", "to do: create the folder", out="nowhere")


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("--samples", 2, "--out", "f.csv"), ("2 samples for f.csv", ".nc or .zarr", "write f.nc instead")),
        (("--steps", 1, "--out", "f.csv"), ("one frame for f.csv", ".nc or .zarr", "write f.nc instead")),
        (("--steps", 0, "--out", "f.nc"), ("steps=0", "at least 1 step")),
        (("--data", "DATA", "--out", "f.nc"), ("no graph yet", "expected: a shared graph", "to do: infer")),
    ],
)
def test_forecasts_that_cannot_be(words, parts, edgewise, place, run, springs):
    words = [springs if word == "DATA" else word for word in words]
    refused(edgewise("forecast", run, *words), *parts, out=str(words[-1]))


# --- runs ------------------------------------------------------------------------------------------------------


def spoil(name: str, change: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda folder: change(folder / name)


def of_another_version(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99, "edgewise": "7.1"}))


RUNS: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "another version": (
        spoil("run.json", of_another_version),
        ("run.json has format 99 (written by edgewise 7.1)", "expected: format 1", "to do: use the version"),
    ),
    "no run": (
        spoil("run.json", Path.unlink),
        ("no run.json", "edgewise infer --out", "to do: check the path"),
    ),
    "run.json is a list": (
        spoil("run.json", lambda path: path.write_text("[]")),
        ("run.json is not a record of a run", "expected: a JSON object"),
    ),
    "a truncated posterior": (
        spoil("posterior.nc", lambda path: truncated(path, path)),
        (
            "is damaged: ",
            "truncated file",
            "expected: the records that a run leaves",
            "to do: run `edgewise infer`",
        ),
    ),
    "truncated weights": (spoil("model.safetensors", lambda path: truncated(path, path)), ("is damaged: ",)),
    "no weights": (spoil("model.safetensors", Path.unlink), ("is damaged: ", "model.safetensors")),
    "no last frames": (spoil("tail.nc", Path.unlink), ("is damaged: tail.nc is missing",)),
    "an empty description": (
        spoil("config.json", lambda path: path.write_text("{}")),
        ("is damaged: there is no 'encoding'",),
    ),
    "broken metrics": (
        spoil("metrics.json", lambda path: path.write_text("{")),
        ("metrics.json cannot be read", "expected: a JSON record", "to do: run `edgewise infer` again"),
    ),
    "an unknown setting": (
        spoil("config.toml", lambda path: path.write_text("[graph]\nwindw = 3\n")),
        ("unknown setting 'windw' (did you mean 'window'?)",),
    ),
}


@pytest.mark.parametrize("command", ["apply", "forecast", "evaluate"])
@pytest.mark.parametrize("case", RUNS)
def test_a_run_that_cannot_be_read(case, command, edgewise, place, run, springs):
    change, parts = RUNS[case]
    shutil.copytree(run, "old")
    change(Path("old"))
    words = {
        "apply": ("old", springs, "--out", "out"),
        "forecast": ("old", "--out", "out.nc"),
        "evaluate": ("old", springs),
    }
    refused(edgewise(command, *words[command]), "old", *parts)
    assert not Path("out.nc").exists()


REPORTS = {
    "another version": RUNS["another version"][1][:2],
    "no run": ("run.json is missing", "expected: run.json in the run folder", "to do: "),
    "run.json is a list": ("run.json holds a list", "expected: a JSON object"),
    "broken metrics": ("metrics.json cannot be read", "expected: a JSON file", "to do: "),
}


@pytest.mark.parametrize("case", REPORTS)
def test_a_run_that_no_page_can_be_made_of(case, edgewise, place, run):
    shutil.copytree(run, "old")
    RUNS[case][0](Path("old"))
    refused(edgewise("report", "old", "--out", "page.html"), "old", *REPORTS[case], out="page.html")


def test_a_run_that_was_not_finished(edgewise, place, begun):
    folder, _ = begun
    answer = edgewise("forecast", folder, "--out", "f.nc")
    refused(answer, f"{folder} holds an unfinished run", "--resume", out="f.nc")


def test_the_truth_of_other_recordings(edgewise, place, run, springs):
    refused(edgewise("evaluate", run, "good.csv"), "good.csv holds no truth", "to do: name a table of them")
    other = place / "other.nc"
    words = ("--entities", 4, "--sequences", 8, "--steps", 5)
    assert edgewise("simulate", "springs", *words, "--out", other).code == 0
    answer = edgewise("evaluate", run, other)
    refused(answer, f"{other} has 4 entity names: 0, 1, 2, 3", "those of the run: 3, 0, 1, 2", "to do: ")


# --- resuming --------------------------------------------------------------------------------------------------


@pytest.fixture
def begun(run, springs, tmp_path):
    """A run that was begun with its settings on its data and left no checkpoint: folder and data."""
    from edgewise.data import fingerprint
    from edgewise.inference.records import read_config, start_run

    folder = tmp_path / "begun"
    folder.mkdir()
    start_run(folder, read_config(run / "config.toml"), fingerprint(load(springs)))
    return folder, springs


def test_resume_without_a_run(edgewise, place):
    answer = edgewise("infer", "good.csv", "--out", "out", "--resume")
    refused(answer, "no run was begun in out", "the folder of an interrupted run", "without --resume")


def test_resume_of_a_complete_run(edgewise, place, run, springs):
    answer = edgewise("infer", springs, "--out", run, "--resume")
    refused(answer, f"{run} is complete: there is nothing to resume", "to do: start anew with --overwrite")


def test_resume_with_other_data(edgewise, place, begun):
    folder, _ = begun
    before = sorted(folder.iterdir())
    answer = edgewise("infer", "good.csv", "--out", folder, "--resume")
    refused(
        answer, f"{folder} was begun with other data", "expected: the same data", "to do: resume with that"
    )
    assert sorted(folder.iterdir()) == before


def test_resume_with_another_setting(edgewise, place, begun):
    folder, data = begun
    answer = edgewise("infer", data, "--out", folder, "--resume", "--seed", 3)
    refused(
        answer,
        "--resume with seed = 3",
        "expected: 0, with which the run was begun",
        "to do: drop the setting",
    )
    Path("settings.toml").write_text("lags = 2\n")
    answer = edgewise("infer", data, "--out", folder, "--resume", "--config", "settings.toml")
    refused(answer, "--resume with lags = 2", "expected: 0")


def test_resume_of_a_run_of_another_version(edgewise, place, begun):
    folder, data = begun
    of_another_version(folder / "started.json")
    answer = edgewise("infer", data, "--out", folder, "--resume")
    refused(answer, "started.json has format 99", "expected: format 1", "to do: use the version")


def test_resume_with_overwrite(edgewise, place, begun):
    folder, data = begun
    answer = edgewise("infer", data, "--out", folder, "--resume", "--overwrite")
    refused(answer, "--resume together with --overwrite", "expected: one of them", "to do: drop one")


# --- the process -----------------------------------------------------------------------------------------------


def process(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgewise", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder, env=os.environ)


def test_a_process_prints_one_message_without_a_traceback(place):
    changed(x="oops").to_csv("table.csv", index=False)
    answer = process("infer", "table.csv", "--out", "out", "--json", folder=place)
    assert (answer.returncode, answer.stdout) == (1, "")
    assert len(answer.stderr.splitlines()) == 3
    assert answer.stderr.startswith("error: table.csv: row 6, column 'x' holds 'oops'\n")
    assert not Path("out").exists()


def test_debug_shows_the_traceback(place):
    answer = process("report", "nowhere", "--debug", folder=place)
    assert answer.returncode == 1
    assert "Traceback" in answer.stderr
    assert "RunError" in answer.stderr


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (
            PermissionError(13, "Permission denied", "a.csv"),
            ("error: a.csv: Permission denied\n", "  to do: check"),
        ),
        (MemoryError("3 GiB"), ("error: not enough memory: 3 GiB\n", "--neighbours")),
        (RuntimeError("you tried to allocate memory"), ("error: not enough memory", "--batch-size")),
        (
            ZeroDivisionError("by zero"),
            ("error: ZeroDivisionError: by zero\n", "a defect of edgewise", "--debug"),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_nobody_foresaw_is_one_message(error, parts, edgewise, monkeypatch):
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("edgewise.cli.report.write_report", fails)
    answer = edgewise("report", "somewhere")
    assert (answer.code, answer.out) == (1, "")
    assert "Traceback" not in answer.err
    for part in parts:
        assert part in answer.err
