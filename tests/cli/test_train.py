"""`edgewise train` and `edgewise predict`: a run, its interruption, and what can be wrong."""

import csv
import io
import json
import signal
import sys
from pathlib import Path

import networkx as nx
import pytest

from edgewise.cli.progress import ProgressLine, line
from edgewise.folders import TRAINING_FILES
from edgewise.training import Progress

sys.path.insert(0, str(Path(__file__).parents[1]))
from tasks.papers import write_papers

SAME = ("recipe.toml", "config.json", "history.json", "preview.json", "predictions.csv")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    return write_papers(tmp_path_factory.mktemp("papers"))


@pytest.fixture(scope="module")
def run(edgewise, recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    answer = edgewise("train", recipe, "--out", folder)
    assert answer.code == 0, answer.err
    return folder


def weights(folder):
    return {path.name: path.read_bytes() for path in (folder / "models").iterdir()}


def refused(answer, *parts):
    assert (answer.code, answer.out) == (1, ""), answer
    assert answer.err.startswith("error: ")
    assert "Traceback" not in answer.err
    assert "defect" not in answer.err
    for part in parts:
        assert part in answer.err


def test_train_leaves_every_record_and_says_how_good_it_is(edgewise, recipe, tmp_path):
    out = tmp_path / "run"
    answer = edgewise("train", recipe, "--out", out)
    assert answer.code == 0, answer.err
    assert {path.name for path in out.iterdir()} == TRAINING_FILES - {
        "checkpoints",
        "tokenizers",
        "rollout.nc",
        "rollout.json",
        "started.json",
    }
    about = json.loads((out / "run.json").read_text("utf-8"))
    assert about["argv"] == ["train", str(recipe), "--out", str(out)]
    metrics = json.loads((out / "metrics.json").read_text("utf-8"))
    lines = answer.out.splitlines()
    assert lines[0].startswith("papers-gcn: test accuracy, %")
    assert lines[0].endswith(f"(2 runs, standard error {metrics['standard_error']:.2g})")
    assert f"{metrics['mean']:.4g} ± {metrics['sd']:.2g}" in lines[0]
    assert "published (Nobody 2020, table 1)" in lines[1]
    assert lines[1].endswith("81.5 ± 0.7")
    assert "logistic regression on the words alone" in lines[2]
    assert lines[3:] == [f"run:  {out}", f"page: {out / 'report.html'}"]
    assert "network 1 of 2" in answer.err
    assert "validation accuracy" in answer.err
    assert (out / "report.html").read_text("utf-8").startswith("<!doctype html>")


def test_train_twice_gives_the_same_networks(edgewise, recipe, run, tmp_path):
    answer = edgewise("train", recipe, "--out", tmp_path / "run", "--quiet", "--json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.record["run"] == str(tmp_path / "run")
    assert answer.record["page"] == str(tmp_path / "run" / "report.html")
    assert answer.record["mean"] == json.loads((run / "metrics.json").read_text())["mean"]
    assert weights(tmp_path / "run") == weights(run)


def test_train_takes_other_seeds_and_other_data(edgewise, recipe, run, tmp_path):
    graph = nx.read_graphml(recipe.parent / "papers.graphml")
    nx.write_graphml(graph, tmp_path / "mine.graphml")
    words = ("--seeds", 1, "--data", tmp_path / "mine.graphml", "--out", tmp_path / "run", "--quiet")
    answer = edgewise("train", recipe, *words, "--json")
    assert answer.code == 0, answer.err
    assert answer.record["n"] == 1
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    assert about["data"]["path"] == str((tmp_path / "mine.graphml").resolve())
    name = "seed-0.safetensors"
    assert weights(tmp_path / "run") == {name: weights(run)[name]}
    answer = edgewise("train", tmp_path / "run" / "recipe.toml", "--out", tmp_path / "again", "--quiet")
    assert answer.code == 0, answer.err
    assert weights(tmp_path / "again") == weights(tmp_path / "run")


def test_train_goes_on_after_ctrl_c_to_the_same_bytes(edgewise, recipe, run, tmp_path, monkeypatch):
    out, stops = tmp_path / "run", [("network 1 of 2", 7), ("network 2 of 2", 20)]

    def shown(self, progress):
        if stops and (progress.phase, progress.step) == stops[0]:
            stops.pop(0)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(ProgressLine, "__call__", shown)
    for more in ([], ["--resume"]):
        answer = edgewise("train", recipe, "--out", out, *more)
        assert (answer.code, answer.out) == (130, "")
        assert answer.err == f"interrupted: go on with\n  edgewise train {recipe} --out {out} --resume\n"
    answer = edgewise("train", recipe, "--out", out, "--resume")
    assert answer.code == 0, answer.err
    for name in SAME:
        assert (out / name).read_bytes() == (run / name).read_bytes(), name
    assert weights(out) == weights(run)
    assert {path.name for path in out.iterdir()} == {path.name for path in run.iterdir()}


def test_train_for_tensorboard(edgewise, recipe, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    board = tmp_path / "board"
    words = ("--seeds", 1, "--quiet", "--tensorboard", board)
    answer = edgewise("train", recipe, "--out", tmp_path / "run", *words)
    assert answer.code == 0, answer.err
    assert [path.name for path in board.iterdir() if path.name.startswith("events.out")]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    answer = edgewise("train", recipe, "--out", tmp_path / "other", *words)
    refused(answer, "the package tensorboard is not installed", "pip install 'edgewise[tracking]'")
    assert not (tmp_path / "other").exists()


def test_train_keeps_what_is_in_the_folder(edgewise, recipe, run, tmp_path):
    out = tmp_path / "run"
    assert edgewise("train", recipe, "--out", out, "--quiet", "--seeds", 1).code == 0
    refused(edgewise("train", recipe, "--out", out), "is not empty", "pass --overwrite to replace the run")
    refused(
        edgewise("train", recipe, "--out", out, "--resume"), f"{out} is complete: there is nothing to resume"
    )
    both = edgewise("train", recipe, "--out", out, "--resume", "--overwrite")
    refused(both, "--resume together with --overwrite")
    (out / "mine.txt").write_text("mine")
    before = (out / "metrics.json").read_bytes()
    broken = recipe.with_name("broken.toml")
    broken.write_text(recipe.read_text().replace("papers.graphml", "gone.graphml"))
    refused(edgewise("train", broken, "--out", out, "--overwrite"), "gone.graphml does not exist")
    assert (out / "metrics.json").read_bytes() == before
    assert edgewise("train", recipe, "--out", out, "--quiet", "--overwrite").code == 0
    assert weights(out) == weights(run)
    assert (out / "mine.txt").exists()


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("seeds", "sedes", "unknown setting 'sedes' (did you mean 'seeds'?)"),
        ("[model]", "[modell]", "unknown table or setting 'modell' (did you mean 'model'?)"),
        ('"gcn"', '"gnn"', "unknown kind 'gnn'"),
        ("hidden = 4", 'hidden = "4"', "hidden is '4'"),
        ("hidden = 4", "hidden = ", "cannot be read"),
        ('"topic"', '"topics"', "no node has the attribute 'topics'"),
        ("citation", "citations", "unknown task 'citations' (did you mean 'citation'?)"),
    ],
)
def test_train_names_a_mistake_in_the_recipe_before_any_work(edgewise, recipe, tmp_path, old, new, part):
    wrong = recipe.with_name("wrong.toml")
    text = recipe.read_text()
    assert old in text
    wrong.write_text(text.replace(old, new))
    refused(edgewise("train", wrong, "--out", tmp_path / "out"), part)
    assert not (tmp_path / "out").exists()


def test_train_refuses_numbers_and_files_that_cannot_be(edgewise, recipe, tmp_path):
    out = ("--out", tmp_path / "out")
    refused(edgewise("train", recipe, *out, "--seeds", 0), "seeds is 0", "1 to 1000 networks")
    refused(edgewise("train", tmp_path / "no.toml", *out), "no.toml cannot be read")
    refused(edgewise("train", recipe, *out, "--skip-invalid"), "--skip-invalid with a recipe for citation")
    refused(edgewise("train", recipe, *out, "--resume"), "no run was begun in")
    assert not (tmp_path / "out").exists()


def test_train_resumes_its_own_recipe_only(edgewise, recipe, tmp_path, monkeypatch):
    out = tmp_path / "run"

    def shown(self, progress):
        signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(ProgressLine, "__call__", shown)
        assert edgewise("train", recipe, "--out", out).code == 130
    answer = edgewise("train", recipe, "--out", out, "--resume", "--seeds", 3)
    refused(answer, "was begun with training.seeds = 2, and the recipe has 3")
    refused(edgewise("predict", out, recipe.parent / "papers.graphml"), "holds an unfinished run", "--resume")


def test_predict_prints_or_writes_a_row_a_node(edgewise, recipe, run, tmp_path):
    data = recipe.parent / "papers.graphml"
    answer = edgewise("predict", run, data)
    assert (answer.code, answer.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(answer.out)))
    assert len(rows) == 90
    assert list(rows[0]) == ["node", "predicted", "p(birds)", "p(fish)", "p(frogs)"]
    out = tmp_path / "found.csv"
    answer = edgewise("predict", run, data, "--out", out)
    assert (answer.code, answer.out, answer.err) == (0, "", f"90 rows -> {out}\n")
    assert list(csv.DictReader(io.StringIO(out.read_text("utf-8")))) == rows
    refused(edgewise("predict", run, data, "--out", out), f"{out} exists already")
    answer = edgewise("predict", run, data, "--out", out, "--overwrite", "--json")
    assert answer.record == {"path": str(out), "rows": 90, "columns": list(rows[0])}
    answer = edgewise("predict", run, data, "--json")
    assert [{k: str(v) for k, v in row.items()} for row in answer.record["rows"]] == rows


def test_predict_refuses_runs_of_another_kind(edgewise, recipe, run, springs, tmp_path):
    data = recipe.parent / "papers.graphml"
    refused(edgewise("predict", tmp_path, data), "is not a run folder: it has no run.json")
    inferred = tmp_path / "inferred"
    assert edgewise("infer", springs, "--method", "correlation", "--out", inferred, "--quiet").code == 0
    refused(edgewise("predict", inferred, data), "it was not trained by a recipe", "edgewise apply")
    answer = edgewise("apply", run, springs, "--out", tmp_path / "out")
    refused(answer, f"{run} holds a run of another kind (training)", "edgewise predict RUN DATA")


def test_progress_shows_loss_validation_and_the_time_left():
    figures = {"loss": 1.25, "validation accuracy": 78.2}
    progress = Progress("network 3 of 20", 12, 1.25, 3.2, None, 41.0, figures)
    expected = "network 3 of 20 step   12  loss 1.250  validation accuracy 78.200  3 s (41 s left)"
    assert line(progress) == expected
