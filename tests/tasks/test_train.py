"""Several networks into one run folder: whole or not at all, and resumed without repeating what is done."""

import csv
import json
import signal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from edgewise.errors import RunError
from edgewise.folders import TRAINING_FILES
from edgewise.tasks.recipe import read_recipe
from edgewise.tasks.records import read_trained
from edgewise.tasks.train import TrainingRun, check_resumable

from .toys import ToyExperiment

SAME = ("config.json", "history.json", "preview.json", "predictions.csv", "recipe.toml")


def trained(folder, experiment=None, **choices):
    return TrainingRun(experiment or ToyExperiment(), folder, **choices)(["train", "toy.toml"])


def stopping(network, step):
    def told(progress):
        if (progress.phase, progress.step) == (f"network {network} of 6", step):
            signal.raise_signal(signal.SIGINT)

    return told


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that was never stopped."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    trained(folder)
    return folder


def record(folder, name):
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


def test_a_run_leaves_its_records_and_nothing_else(whole):
    assert {path.name for path in whole.iterdir()} == TRAINING_FILES - {
        "report.html",
        "checkpoints",
        "tokenizers",
        "rollout.nc",
        "rollout.json",
        "started.json",
    }
    assert {path.name for path in (whole / "models").iterdir()} == {f"seed-{k}.safetensors" for k in range(6)}
    about = record(whole, "run")
    assert (about["format"], about["kind"], about["method"], about["name"]) == (1, "training", "train", "toy")
    assert about["argv"] == ["train", "toy.toml"]
    assert about["data"]["facts"] == [["points", 40]]
    assert about["settings"]["training.ensemble"] == 2
    assert about["protocol"] == ["A line is fitted."]
    assert read_recipe(whole / "recipe.toml") == ToyRecipe


ToyRecipe = ToyExperiment().recipe


def test_the_metrics_are_those_of_the_runs(whole):
    metrics = record(whole, "metrics")
    values = np.array([run["test"] for run in metrics["runs"]])
    assert metrics["n"] == len(values) == 3
    assert metrics["mean"] == pytest.approx(values.mean())
    assert metrics["sd"] == pytest.approx(values.std(ddof=1))
    assert metrics["standard_error"] == pytest.approx(values.std(ddof=1) / 3**0.5)
    assert metrics["published"] == {"value": 0.2, "sd": None, "source": "Nobody 2020, table 1"}
    assert (metrics["metric"], metrics["unit"], metrics["higher_is_better"]) == ("RMSE", "m", False)
    assert [(run["seed"], run["split"], run["networks"]) for run in metrics["runs"]] == [
        (0, 0, 2),
        (2, 1, 2),
        (4, 2, 2),
    ]
    for run in metrics["runs"]:
        assert run["epochs"] == 6
        assert 1 <= run["best_epoch"] <= 6
        assert run["test"] < run["alone"]  # an average of two networks beats their mean
    assert metrics["mean"] < metrics["baselines"][0]["value"]


def test_the_models_are_those_of_the_best_epoch(whole):
    history = record(whole, "history")["runs"]
    assert [course["seed"] for course in history] == list(range(6))
    for course in history:
        assert course["epoch"] == [1, 2, 3, 4, 5, 6]
        module = ToyExperiment().network()
        module.load_state_dict(load_file(whole / "models" / f"seed-{course['seed']}.safetensors"))
        with torch.no_grad():
            _, error = ToyExperiment().data.validate(module.eval())
        assert error == min(course["validation_metric"])


def test_predictions_of_all_runs_are_in_one_table(whole):
    with (whole / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 36
    assert [row["run"] for row in rows[::12]] == ["0", "1", "2"]


@pytest.mark.parametrize("places", [[(1, 1)], [(3, 12)], [(6, 30)], [(1, 30), (2, 5), (5, 29)]], ids=str)
def test_an_interrupted_run_goes_on_to_the_same_bytes(tmp_path, whole, places):
    out = tmp_path / "run"
    for k, place in enumerate(places):
        with pytest.raises(KeyboardInterrupt):
            trained(out, resume=k > 0, on_progress=stopping(*place))
        assert {path.name for path in out.iterdir()} == {"checkpoints", "recipe.toml", "started.json"}
    seen = []
    trained(out, resume=True, on_progress=seen.append)
    first, step = places[-1]
    assert {p.phase for p in seen} == {f"network {k} of 6" for k in range(first + (step == 30), 7)}
    for name in SAME:
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    for k in range(6):
        name = f"models/seed-{k}.safetensors"
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name
    assert {path.name for path in out.iterdir()} == {path.name for path in whole.iterdir()}
    ours, theirs = record(out, "metrics"), record(whole, "metrics")
    for run in (*ours["runs"], *theirs["runs"]):
        del run["seconds"]
    assert ours == theirs


def test_a_run_whose_records_were_being_moved_in_can_be_resumed(tmp_path, whole, monkeypatch):
    out = tmp_path / "run"

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("edgewise.tasks.records.write_table", full)
        with pytest.raises(RunError, match="cannot be written: No space left on device"):
            trained(out)
    assert {path.name for path in out.iterdir()} == {"checkpoints", "recipe.toml", "started.json"}
    (out / "models").mkdir()
    (out / "models" / "seed-0.safetensors").write_bytes(b"of an earlier attempt")
    seen = []
    trained(out, resume=True, on_progress=seen.append)
    assert seen == []  # every network was kept
    assert (out / "predictions.csv").read_bytes() == (whole / "predictions.csv").read_bytes()


def test_progress_tells_how_long_all_networks_take(tmp_path):
    seen = []
    trained(tmp_path / "run", on_progress=seen.append)
    left = [p.seconds_left for p in seen]
    assert None not in left
    first = [p for p in seen if p.phase == "network 1 of 6"]
    assert all(p.seconds_left >= 5 * p.seconds for p in first)
    assert left[-1] <= max(left)


def test_nothing_is_lost_to_a_run_that_does_not_start(tmp_path, whole):
    class Broken(ToyExperiment):
        def network(self):
            raise RuntimeError("no network")

    out = tmp_path / "run"
    trained(out, ToyExperiment(1, 1))
    kept = (out / "run.json").read_bytes()
    with pytest.raises(RuntimeError, match="no network"):
        trained(out, Broken(), overwrite=True)
    assert (out / "run.json").read_bytes() == kept
    with pytest.raises(RunError, match="is not empty"):
        trained(out)
    trained(out, ToyExperiment(2, 1), overwrite=True)
    assert len(list((out / "models").iterdir())) == 2


def test_one_run_has_a_mean_and_no_spread(tmp_path):
    trained(tmp_path / "run", ToyExperiment(1, 1))
    metrics = record(tmp_path / "run", "metrics")
    assert (metrics["n"], metrics["sd"], metrics["standard_error"]) == (1, None, None)
    assert "networks" not in metrics["runs"][0]


def test_only_the_same_recipe_and_data_are_resumed(tmp_path, whole):
    out = tmp_path / "run"
    with pytest.raises(RunError, match="no run was begun in"):
        check_resumable(ToyRecipe, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        trained(out, on_progress=stopping(1, 2))
    check_resumable(ToyRecipe, out)
    with pytest.raises(RunError) as error:
        check_resumable(ToyRecipe.with_seeds(5), out)
    assert "was begun with training.seeds = 3, and the recipe has 5" in str(error.value)
    with pytest.raises(RunError) as error:
        trained(out, ToyExperiment(fingerprint="xyz"), resume=True)
    assert "was begun with other data (fingerprint abc, these have xyz)" in str(error.value)
    with pytest.raises(RunError, match="is complete: there is nothing to resume"):
        check_resumable(ToyRecipe, whole)
    begun = json.loads((out / "started.json").read_text())
    (out / "started.json").write_text(json.dumps(begun | {"kind": "inference"}))
    with pytest.raises(RunError) as error:
        trained(out, resume=True)
    assert f"{out} holds a run of another kind (inference)" in str(error.value)


def test_reading_a_run_back_names_what_is_wrong(tmp_path, whole):
    import shutil

    found = read_trained(whole)
    assert found.seeds == [[0, 1], [2, 3], [4, 5]]
    assert found.weights.keys() == set(range(6))
    with pytest.raises(RunError, match=r"is not a run folder: it has no run\.json"):
        read_trained(tmp_path)
    out = shutil.copytree(whole, tmp_path / "run")
    (out / "models" / "seed-3.safetensors").write_bytes(b"abc")
    with pytest.raises(RunError, match="is damaged"):
        read_trained(out)
    about = record(out, "run")
    (out / "run.json").write_text(json.dumps(about | {"format": 99}))
    with pytest.raises(RunError, match=r"has format 99 .*") as error:
        read_trained(out)
    assert "run `edgewise train` again" in str(error.value)
    (out / "run.json").write_text(json.dumps({**about, "kind": "inference"}))
    with pytest.raises(RunError, match="it was not trained by a recipe"):
        read_trained(out)
    (out / "run.json").unlink()
    (out / "started.json").write_text("{}")
    with pytest.raises(RunError, match="holds an unfinished run"):
        read_trained(out)
