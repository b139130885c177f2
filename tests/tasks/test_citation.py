"""Classifying nodes: the losses and protocols of the papers, and what a run tells of them."""

import csv
import json
import shutil
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
import torch

from edgewise.errors import ConfigError, DataError, RunError
from edgewise.nn.bag import Bag
from edgewise.relation import Sparse
from edgewise.tasks import TrainingRun, experiment_of, predictions, read_recipe, read_trained
from edgewise.tasks.citation import accuracy
from edgewise.tasks.nodes import normalised
from edgewise.tasks.recipe import recipe_from

from .papers import CLASSES, KINDS, paper_graph, write_papers


@pytest.fixture(scope="module", params=KINDS)
def trained(request, tmp_path_factory):
    """(recipe, run folder) of each kind of network."""
    folder = tmp_path_factory.mktemp(request.param)
    recipe = read_recipe(write_papers(folder, request.param))
    TrainingRun(experiment_of(recipe), folder / "run")(["train"])
    return recipe, folder / "run"


@pytest.fixture
def gcn(tmp_path):
    return experiment_of(read_recipe(write_papers(tmp_path, "gcn")))


@pytest.fixture
def gat(tmp_path):
    return experiment_of(read_recipe(write_papers(tmp_path, "gat")))


def record(folder, name):
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


def cross_entropy_by_hand(experiment, module, part):
    logits = module(experiment.nodes.relation, experiment.nodes.features)
    chosen = logits.log_softmax(-1)[part, experiment.data.labels[part]]
    return -chosen.mean()


def test_rows_are_divided_by_their_sum():
    words = Sparse(torch.tensor([0, 1, 2, 0, 1]), torch.tensor([0, 0, 2, 3, 3]), 4, 3)
    bag = normalised(Bag(words, torch.tensor([[1.0], [3.0], [5.0], [2.0], [-2.0]])))
    assert bag.values.flatten().tolist() == [
        0.25,
        0.75,
        1.0,
        2.0,
        -2.0,
    ]  # the last row adds up to 0 and stays


def test_the_loss_of_gcn_decays_its_first_layer_also_in_validation(gcn):
    module = gcn.network().eval()
    objective = gcn.learning("x", module, 0, 0).objective
    penalty = 5e-4 * 0.5 * module.first.weight.square().sum()
    expected = cross_entropy_by_hand(gcn, module, gcn.data.train) + penalty
    assert objective.loss(module, 0).item() == pytest.approx(expected.item(), rel=1e-6)
    with torch.no_grad():
        loss, metric = objective.validate(module)
    expected = cross_entropy_by_hand(gcn, module, gcn.data.validation) + penalty
    assert loss == pytest.approx(expected.item(), rel=1e-6)
    assert 0 <= metric <= 100


def test_the_loss_of_gat_decays_all_weights_but_biases_and_not_in_validation(gat):
    module = gat.network().eval()
    for name, weight in module.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.constant_(weight, 0.1)
    objective = gat.learning("x", module, 0, 0).objective
    decayed = [weight for name, weight in module.named_parameters() if "bias" not in name]
    assert len(decayed) == 6  # a matrix and two attention vectors a layer
    assert len(list(module.parameters())) == 8
    penalty = 5e-4 * sum(0.5 * weight.square().sum() for weight in decayed)
    expected = cross_entropy_by_hand(gat, module, gat.data.train) + penalty
    assert objective.loss(module, 0).item() == pytest.approx(expected.item(), rel=1e-6)
    with torch.no_grad():
        loss, _ = objective.validate(module)
    assert loss == pytest.approx(cross_entropy_by_hand(gat, module, gat.data.validation).item(), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_optimiser_is_that_of_the_papers(tmp_path, kind):
    experiment = experiment_of(read_recipe(write_papers(tmp_path, kind)))
    task = experiment.learning("x", experiment.network(), 0, 0)
    optimizer = task.optimizer()
    assert type(optimizer) is torch.optim.Adam
    (group,) = optimizer.param_groups
    assert (group["betas"], group["eps"], group["weight_decay"]) == ((0.9, 0.999), 1e-8, 0)
    assert task.learning_rate(0) == task.learning_rate(1000) == 0.05
    assert task.clip is None


def test_accuracy_is_in_percent():
    logits = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0], [0.0, 1.0]])
    assert accuracy(logits, torch.tensor([0, 1, 1, 1])) == 75.0


def test_labels_of_the_test_part_do_not_reach_the_training(tmp_path):
    recipe = read_recipe(write_papers(tmp_path))
    one = experiment_of(recipe)
    graph = nx.read_graphml(tmp_path / "papers.graphml")
    for node, values in graph.nodes(data=True):
        if values["part"] == "test":
            graph.nodes[node]["topic"] = CLASSES[(CLASSES.index(values["topic"]) + 1) % 3]
    (tmp_path / "other").mkdir()
    nx.write_graphml(graph, tmp_path / "other" / "papers.graphml")
    other = experiment_of(recipe.with_data(tmp_path / "other" / "papers.graphml"))
    assert one.fingerprint != other.fingerprint
    for experiment, name in ((one, "a"), (other, "b")):
        TrainingRun(experiment, tmp_path / name)([])
    for name in ("models/seed-0.safetensors", "models/seed-1.safetensors", "history.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert record(tmp_path / "a", "metrics")["mean"] > record(tmp_path / "b", "metrics")["mean"]


def test_a_run_beats_the_words_alone(trained):
    recipe, run = trained
    metrics = record(run, "metrics")
    (baseline,) = metrics["baselines"]
    assert baseline["name"] == "logistic regression on the words alone"
    assert metrics["mean"] > baseline["value"] > 100 / 3
    assert (metrics["metric"], metrics["unit"], metrics["higher_is_better"]) == ("accuracy", "%", True)
    assert metrics["published"] == {"value": 81.5, "sd": 0.7, "source": "Nobody 2020, table 1"}
    assert [(one["seed"], one["split"]) for one in metrics["runs"]] == [(0, 0), (1, 0)]
    if recipe.training.stopping == "rising-loss":
        assert all(one["best_epoch"] == one["epochs"] for one in metrics["runs"])


def test_the_records_fit_together(trained):
    _, run = trained
    metrics, preview, history = (record(run, name) for name in ("metrics", "preview", "history"))
    confusion = np.array(preview["confusion"])
    assert preview["classes"] == sorted(CLASSES)
    assert confusion.sum() == 2 * 42
    assert 100 * confusion.trace() / confusion.sum() == pytest.approx(metrics["mean"])
    with (run / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["seed", "node", "true", "predicted", "probability"]
    right = np.mean([row["true"] == row["predicted"] for row in rows])
    assert 100 * right == pytest.approx(metrics["mean"])
    assert rows[0]["node"] == "p48"
    for course, one in zip(history["runs"], metrics["runs"], strict=True):
        assert course["epoch"][-1] == one["epochs"]
        assert course["validation_metric"][one["best_epoch"] - 1] == pytest.approx(one["validation"])
    facts = dict(record(run, "run")["data"]["facts"])
    assert (facts["nodes"], facts["features a node"], facts["classes"]) == (90, 12, 3)


def test_predicting_the_same_graph_gives_the_classes_of_the_run(trained, tmp_path):
    recipe, run = trained
    found = predictions(read_trained(run), tmp_path.parent / recipe.data.path)
    assert list(found) == ["node", "predicted", "p(birds)", "p(fish)", "p(frogs)"]
    assert found["node"] == [f"p{k}" for k in range(90)]
    total = np.sum([found[f"p({name})"] for name in CLASSES], axis=0)
    assert total == pytest.approx(np.ones(90), abs=1e-5)
    right = np.mean([name == CLASSES[k % 3] for k, name in enumerate(found["predicted"])])
    assert right > 0.8


def test_predicting_a_new_graph_needs_no_classes(trained, tmp_path):
    _, run = trained
    graph = paper_graph(90, seed=5)
    for values in dict(graph.nodes(data=True)).values():
        del values["topic"], values["part"]
    nx.write_graphml(graph, tmp_path / "new.graphml")
    found = predictions(read_trained(run), tmp_path / "new.graphml")
    right = np.mean([name == CLASSES[k % 3] for k, name in enumerate(found["predicted"])])
    assert right > 0.7


def test_a_graph_with_other_features_is_refused(trained, tmp_path):
    _, run = trained
    graph = paper_graph(30)
    for values in dict(graph.nodes(data=True)).values():
        del values["w3"]
    nx.write_graphml(graph, tmp_path / "new.graphml")
    with pytest.raises(DataError, match="node 'p0' has no attribute 'w3'"):
        predictions(read_trained(run), tmp_path / "new.graphml")
    with pytest.raises(DataError, match=r"none\.graphml does not exist"):
        predictions(read_trained(run), tmp_path / "none.graphml")
    (tmp_path / "bad.graphml").write_text("<graphml")
    with pytest.raises(DataError, match=r"bad\.graphml cannot be read"):
        predictions(read_trained(run), tmp_path / "bad.graphml")


def test_networks_that_do_not_fit_the_recipe_are_refused(trained, tmp_path):
    recipe, run = trained
    out = shutil.copytree(run, tmp_path / "run")
    text = (out / "recipe.toml").read_text().replace("hidden = 4", "hidden = 5")
    (out / "recipe.toml").write_text(text)
    with pytest.raises(RunError, match=r"is damaged: seed-0\.safetensors does not fit the recipe"):
        predictions(read_trained(out), tmp_path.parent / recipe.data.path)


def test_skipping_molecules_makes_no_sense_here(tmp_path):
    recipe = read_recipe(write_papers(tmp_path))
    with pytest.raises(ConfigError, match="--skip-invalid with a recipe for citation"):
        experiment_of(recipe, skip_invalid=True)


@pytest.mark.shared
def test_a_gcn_learns_cora(shared, tmp_path):
    # the mean of 20 seeds is 81.5 (Kipf & Welling 2017, table 2), and single seeds stay within about 2
    folder = shared / "data" / "planetoid"
    values = {
        "task": "citation",
        "data": {"format": "planetoid", "path": str(folder), "name": "cora"},
        "model": {"kind": "gcn"},
        "training": {"seeds": 1},
    }
    outcome = TrainingRun(experiment_of(recipe_from(values, "here", "cora")), tmp_path / "run")([])
    metrics = outcome.metrics()
    assert metrics["mean"] > 78.0
    assert 50.0 < metrics["baselines"][0]["value"] < 65.0
    found = predictions(read_trained(tmp_path / "run"), folder)
    assert len(found["node"]) == 2708
    assert list(found)[:3] == ["node", "predicted", "p(0)"]
    run = read_trained(tmp_path / "run")
    pubmed = recipe_from({**values, "data": {**values["data"], "name": "pubmed"}}, "here", "pubmed")
    with pytest.raises(DataError, match=r"has 500 features a node\n  expected: 1433"):
        predictions(replace(run, recipe=pubmed), folder)
