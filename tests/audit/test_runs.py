"""The networks of run folders: which axes they have, and what is found of them."""

import json

import pytest
import torch

from audit.modules import seeded
from edgewise import InferenceConfig, infer, simulate
from edgewise.audit import Axes, audit
from edgewise.audit.runs import decoder_of, load_run, piece
from edgewise.errors import ConfigError, RunError
from edgewise.relation import Sparse
from edgewise.tasks import TrainingRun, experiment_of, read_recipe
from edgewise.tasks.networks import sequence_model
from edgewise.tasks.physics_tables import (
    FlatModel,
    InteractionModel,
    PairForcesModel,
    PhysicsTraining,
    SimulatedData,
)
from edgewise.tasks.recipe import Recipe
from tasks.papers import write_papers
from tasks.sentences import toy

TRAINING = PhysicsTraining(epochs=1, steps_an_epoch=4, batch_size=8)
SMALL = {"hidden": 8}
NETWORK = InteractionModel(effect_dim=4, relation_hidden=8, relation_layers=1, object_hidden=8)


def trained(folder, recipe):
    TrainingRun(experiment_of(recipe), folder / "run")(["train"])
    return folder / "run"


def simulator(folder, model, system="charged"):
    data = SimulatedData(system, entities=3, train=4, validation=2, test=2, steps=12)
    return trained(folder, Recipe("small", "physics", data, model, TRAINING))


def measured(folder, **sizes):
    run = load_run(folder, sizes)
    return audit(run.module, run.axes, samples=16, relation=run.relation)


def kept(found):
    return {name for name, each in found.symmetries.items() if each.verdict == "exact"}


def test_pair_forces_keep_translation_and_rotation(tmp_path):
    found = measured(simulator(tmp_path, PairForcesModel(**SMALL)), entities=5)
    assert kept(found) == {"permutation", "translation", "rotation", "edges"}
    assert found.symmetries["rotation"].kind == "equivariance"
    assert (found.axes.entities, found.axes.spatial, found.axes.vectors) == (5, (0, 1), (2, 3))


def test_an_interaction_network_keeps_translation_and_an_mlp_nothing(tmp_path):
    found = measured(simulator(tmp_path, NETWORK, "nbody"))
    assert kept(found) == {"permutation", "translation", "edges"}
    (tmp_path / "flat").mkdir()
    flat = simulator(tmp_path / "flat", FlatModel(hidden=8, layers=1))
    assert kept(measured(flat)) == {"edges"}
    with pytest.raises(ConfigError, match="--entities 5 for a run that has 3"):
        load_run(flat, {"entities": 5})


@pytest.mark.parametrize("kind", ["gcn", "gat"])
def test_a_classifier_of_nodes_is_read_on_a_piece_of_its_graph(tmp_path, kind):
    folder = trained(tmp_path, read_recipe(write_papers(tmp_path, kind, epochs=1)))
    found = measured(folder, entities=12)
    assert kept(found) == {"permutation", "edges"}
    assert found.relation is not None
    assert found.influence.pattern("entity").shape == (12, 12)


def test_the_decoder_of_a_run_is_causal(tmp_path):
    found = measured(trained(tmp_path, read_recipe(toy(tmp_path, "seq2seq"))), steps=6)
    assert found.influence.violations == []
    assert found.axes.features == 8
    assert found.symmetries["time_shift"].verdict == "broken"


@pytest.mark.parametrize("kind", ["transformer", "luong", "bahdanau"])
def test_decoders_read_vectors_in_the_place_of_words(tmp_path, kind):
    model = seeded(sequence_model, read_recipe(toy(tmp_path, kind)).model, 9, 9)
    decoder = decoder_of(model.eval(), 5)
    target = torch.tensor([[1, 4, 5, 3]])
    expected = model(decoder.source[None], target)
    assert torch.allclose(decoder(decoder.embedding(target)), expected, atol=1e-6)
    axes = Axes(steps=4, features=decoder.embedding.embedding_dim)
    assert audit(decoder, axes, samples=8).influence.violations == []


def test_the_law_of_an_inference_has_the_biases_that_were_chosen(tmp_path):
    ds = simulate("springs", entities=3, sequences=4, steps=12, seed=0)
    quick = {"training": {"max_steps": 3}}
    for name, law in (("turning", {"rotation": True}), ("fixed", {"translation": False})):
        infer(ds, InferenceConfig.from_dict({**quick, "law": law})).save(tmp_path / name)
    found = measured(tmp_path / "turning", entities=4)
    assert kept(found) == {"permutation", "translation", "rotation"}
    assert "translation" not in kept(measured(tmp_path / "fixed"))


def test_a_run_without_a_law_is_refused(tmp_path):
    ds = simulate("springs", entities=3, sequences=2, steps=12, seed=0)
    infer(ds, InferenceConfig(method="correlation")).save(tmp_path / "run")
    with pytest.raises(ConfigError, match="the method 'correlation', which learns no law of pairs"):
        load_run(tmp_path / "run", {})


def test_runs_without_axes_and_folders_without_runs_are_refused(tmp_path):
    with pytest.raises(RunError, match=r"is not a run folder: it has no run\.json"):
        load_run(tmp_path, {})
    (tmp_path / "run.json").write_text(json.dumps({"kind": "something"}))
    with pytest.raises(RunError):
        load_run(tmp_path, {})


def test_a_piece_of_a_graph_is_its_best_connected_neighbourhood():
    ring = torch.arange(8)
    senders, receivers = (
        torch.cat([ring, torch.tensor([3, 5])]),
        torch.cat([ring.roll(-1), torch.tensor([1, 1])]),
    )
    graph = Sparse(senders, receivers, 8)
    found = piece(graph, 4)  # node 1, whom 0, 3 and 5 act on
    assert found.n_receivers == 4
    edges = set(zip(found.senders.tolist(), found.receivers.tolist(), strict=True))
    assert edges == {(1, 0), (2, 0), (3, 0)}
    with pytest.raises(ConfigError, match="9 entities of a graph in which 8 nodes"):
        piece(graph, 9)
