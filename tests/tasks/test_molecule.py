"""Predicting a number a molecule: splits, scales, ensembles, and what a run tells of them."""

import csv
import json
import signal

import numpy as np
import pytest
import torch

from edgewise.errors import ConfigError, DataError
from edgewise.tasks import TrainingRun, experiment_of, predictions, read_recipe, read_trained
from edgewise.tasks.baselines import regressions, rmse
from edgewise.tasks.regression import random_split
from edgewise.training import batch_indices

from .alcohols import number_of, smiles_of, write_alcohols

pytest.importorskip("rdkit")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("alcohols")


@pytest.fixture(scope="module")
def recipe(folder):
    return read_recipe(write_alcohols(folder))


@pytest.fixture(scope="module")
def experiment(recipe):
    return experiment_of(recipe)


@pytest.fixture(scope="module")
def run(folder, experiment):
    TrainingRun(experiment, folder / "run")(["train"])
    return folder / "run"


def record(folder, name):
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize("n", [10, 642, 1128])
def test_a_split_is_a_partition_80_10_10(n):
    parts = random_split(n, 0, 0.1, 0.1)
    assert sorted(np.concatenate(parts)) == list(range(n))
    assert [len(parts[0]), len(parts[0]) + len(parts[1])] == [int(0.8 * n), int(0.9 * n)]
    assert [part.tolist() for part in random_split(n, 0, 0.1, 0.1)] == [part.tolist() for part in parts]
    assert parts[2].tolist() != random_split(n, 1, 0.1, 0.1)[2].tolist()


def test_targets_are_standardised_by_the_training_part_alone(experiment):
    objective = experiment.learning("x", experiment.network(), 1, 2).objective
    train = experiment.parts(1)[0]
    assert objective.mean == pytest.approx(experiment.targets.numpy()[train].mean())
    assert objective.sd == pytest.approx(experiment.targets.numpy()[train].std())
    assert objective.scaled[train].mean().item() == pytest.approx(0, abs=1e-6)


def test_a_step_is_the_squared_error_of_its_batch(experiment):
    module = experiment.network().eval()
    objective = experiment.learning("x", module, 0, 3).objective
    picked = experiment.parts(0)[0][batch_indices(3, 4, len(experiment.parts(0)[0]), 16).numpy()]
    with torch.no_grad():
        one_by_one = torch.stack([module(experiment.data.graphs[k])[0, 0] for k in picked])
        loss = objective.loss(module, 4)
    expected = (one_by_one - objective.scaled[picked]).square().mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-4)


def test_the_validation_is_in_the_targets_unit(experiment):
    module = experiment.network().eval()
    objective = experiment.learning("x", module, 0, 0).objective
    with torch.no_grad():
        loss, error = objective.validate(module)
        predicted = [module(experiment.data.graphs[k])[0, 0].item() for k in experiment.parts(0)[1]]
    true = experiment.targets.numpy()[experiment.parts(0)[1]]
    assert error == pytest.approx(rmse(np.array(predicted) * objective.sd + objective.mean, true), rel=1e-4)
    assert loss == pytest.approx((error / objective.sd) ** 2)


def test_only_matrices_decay_and_the_rate_falls_to_zero(experiment):
    module = experiment.network()
    task = experiment.learning("x", module, 0, 0)
    matrices, vectors = task.optimizer().param_groups
    assert (matrices["weight_decay"], vectors["weight_decay"]) == (0.0, 0.0)  # the recipe's
    assert all(weight.dim() > 1 for weight in matrices["params"])
    assert all(weight.dim() == 1 for weight in vectors["params"])
    assert len(matrices["params"]) + len(vectors["params"]) == len(list(module.parameters()))
    assert task.learning_rate(0) == 0.02
    assert task.learning_rate(task.most) == pytest.approx(0)
    assert task.clip == 1.0


def test_no_two_networks_share_a_seed(experiment):
    assert [experiment.seeds(run) for run in range(3)] == [(0, 1), (2, 3), (4, 5)]


def test_a_run_beats_the_training_mean(run):
    metrics = record(run, "metrics")
    names = [row["name"] for row in metrics["baselines"]]
    assert names == [
        "the training mean",
        "ridge regression on summed atom features",
        "random forest on summed atom features",
    ]
    assert metrics["mean"] < 0.6 * metrics["baselines"][0]["value"]
    assert (metrics["metric"], metrics["unit"]) == ("RMSE", "mol/L")
    for one in metrics["runs"]:
        assert one["networks"] == 2
        assert one["test"] <= one["alone"]


def test_the_records_fit_together(run, experiment):
    metrics, preview = record(run, "metrics"), record(run, "preview")
    assert (preview["kind"], preview["target"], preview["unit"]) == (
        "regression",
        "solubility in mol/L",
        "mol/L",
    )
    for split, one in enumerate(metrics["runs"]):
        points = [point for point in preview["points"] if point["split"] == split]
        assert len(points) == len(experiment.parts(split)[2])
        error = rmse(np.array([p["predicted"] for p in points]), np.array([p["true"] for p in points]))
        assert error == pytest.approx(one["test"], abs=1e-5)
    with (run / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["split", "smiles", "true", "predicted", "sd"]
    assert [row["smiles"] for row in rows] == [point["name"] for point in preview["points"]]
    about = record(run, "run")
    assert any("2 networks of different seeds are averaged" in said for said in about["protocol"])
    assert about["versions"]["rdkit"]


def test_it_resumes_to_the_same_bytes(run, experiment, tmp_path):
    def stop(progress):
        if (progress.phase, progress.step) == ("network 2 of 4", 17):
            signal.raise_signal(signal.SIGINT)

    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        TrainingRun(experiment, out, on_progress=stop)(["train"])
    TrainingRun(experiment, out, resume=True)(["train"])
    for path in sorted((run / "models").iterdir()):
        assert path.read_bytes() == (out / "models" / path.name).read_bytes()
    assert (out / "predictions.csv").read_bytes() == (run / "predictions.csv").read_bytes()


def test_predicting_keeps_the_columns_of_the_table(run, tmp_path):
    smiles = smiles_of(20, seed=9)
    rows = [f"{k},{s},,a; b" for k, s in enumerate(smiles)]
    (tmp_path / "new.csv").write_text("\n".join(["id,smiles,target,note", *rows]))
    found = predictions(read_trained(run), tmp_path / "new.csv")
    assert list(found) == ["id", "smiles", "target", "note", "predicted", "sd"]
    assert found["id"] == [str(k) for k in range(20)]
    assert found["target"] == [""] * 20
    assert all(sd >= 0 for sd in found["sd"])
    true = np.array([number_of(s) for s in smiles])
    assert rmse(np.array(found["predicted"]), true) < 0.6 * true.std()


def test_a_column_of_the_same_name_is_kept(run, tmp_path):
    (tmp_path / "new.csv").write_text("smiles,predicted\nCCO,7\nCC,8\n")
    found = predictions(read_trained(run), tmp_path / "new.csv")
    assert list(found) == ["smiles", "predicted", "predicted (edgewise)", "sd"]
    assert found["predicted"] == ["7", "8"]


def test_a_smiles_that_does_not_parse_is_named_or_left_out(run, tmp_path):
    (tmp_path / "new.csv").write_text("smiles\nCCO\nC(C\nCC\n")
    with pytest.raises(DataError) as error:
        predictions(read_trained(run), tmp_path / "new.csv")
    assert "row 3, column 'smiles' holds 'C(C'" in str(error.value)
    assert "--skip-invalid" in str(error.value)
    found = predictions(read_trained(run), tmp_path / "new.csv", skip_invalid=True)
    assert found["smiles"] == ["CCO", "CC"]


def test_training_names_or_leaves_out_such_a_row_too(tmp_path):
    recipe = read_recipe(write_alcohols(tmp_path, n=30, extra="bad,C(C,1.0\n"))
    with pytest.raises(DataError, match=r"row 32, column 'smiles' holds 'C\(C'"):
        experiment_of(recipe)
    experiment = experiment_of(recipe, skip_invalid=True)
    assert len(experiment.data.graphs) == 30
    assert dict(experiment.facts())["rows left out (invalid SMILES)"] == 1


def test_data_that_cannot_be_split_or_have_no_target_are_refused(tmp_path):
    recipe = read_recipe(write_alcohols(tmp_path, n=3))
    with pytest.raises(DataError, match="has 3 molecules") as error:
        experiment_of(recipe)
    assert "at least one in each part of the split" in str(error.value)
    (tmp_path / "plain.csv").write_text("smiles,colour\nCC,red\n")
    text = (tmp_path / "alcohols.toml").read_text().replace('target = "solubility in mol/L"\n', "")
    (tmp_path / "plain.toml").write_text(text)
    with pytest.raises(DataError, match="no column whose name says that it is to be predicted"):
        experiment_of(read_recipe(tmp_path / "plain.toml").with_data(tmp_path / "plain.csv"))


def test_without_rdkit_the_extra_is_named(recipe, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "rdkit", None)
    with pytest.raises(ConfigError, match="RDKit") as error:
        experiment_of(recipe)
    assert "pip install 'edgewise[molecules]'" in str(error.value)


def test_simple_answers_are_what_they_say():
    draw = np.random.default_rng(0)
    features = draw.normal(size=(120, 4))
    targets = features @ np.array([1.0, -1.0, 0.5, 0.0]) + 3.0
    parts = tuple(np.split(np.arange(120), [80, 100]))
    found = regressions(features, targets, parts)
    assert found["the training mean"] == pytest.approx(rmse(np.full(20, targets[:80].mean()), targets[100:]))
    assert found["ridge regression on summed atom features"] < 0.01
    assert found["random forest on summed atom features"] < found["the training mean"]


@pytest.mark.shared
@pytest.mark.parametrize(("name", "n", "unit"), [("esol", 1128, "log mol/L"), ("freesolv", 642, "kcal/mol")])
def test_the_shipped_recipes_read_their_tables(shared, name, n, unit):
    from pathlib import Path

    root = Path(__file__).parents[2]
    experiment = experiment_of(read_recipe(root / "recipes" / f"{name}-mpnn.toml"))
    assert len(experiment.data.graphs) == n
    assert experiment.metric.unit == unit
