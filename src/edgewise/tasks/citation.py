"""Classifying the nodes of one graph: GCN and GAT by the protocols of their papers."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from edgewise.data.citations import NodeClassification
from edgewise.tasks.baselines import logistic_regression
from edgewise.tasks.experiment import Measured, Metric
from edgewise.tasks.fingerprints import fingerprint
from edgewise.tasks.learning import Learning
from edgewise.tasks.networks import decayed_weights, node_classifier
from edgewise.tasks.nodes import Nodes, feature_names, nodes_of
from edgewise.tasks.recipe import CitationData, CitationModel, Recipe
from edgewise.tasks.stopping import Patience, RisingLoss, Stopping
from edgewise.tasks.tables import CitationTraining


def half_squares(weights: Iterable[Tensor]) -> Tensor:
    """1/2 the sum of all squared weights (`tf.nn.l2_loss`)."""
    return torch.stack([0.5 * weight.square().sum() for weight in weights]).sum()


class NodeObjective:
    """Cross-entropy of the training nodes, plus `l2` times 1/2 the squared weights; one step an epoch, on all nodes.

    With `l2_on = "first-layer"` (GCN) the penalty is that of the first layer's weights, and the validation loss has
    it too, as in the authors' code. Else it is that of "all-weights" (matrices and attention vectors) or of
    "everything", and the validation loss is the cross-entropy alone. GAT's code has a list of names that means to leave
    biases out and does not match TensorFlow's names, so its published figures are those of "everything".
    """

    steps_an_epoch, metric, precision = 1, "accuracy", "no"
    clip: float | None = None

    def __init__(self, nodes: Nodes, data: NodeClassification, training: CitationTraining) -> None:
        self.nodes, self.data, self.training = nodes, data, training
        self.max_epochs = training.max_epochs

    def optimizer(self, module: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.Adam(
            module.parameters(), lr=1.0
        )  # betas 0.9, 0.999; eps 1e-8: those of TensorFlow

    def learning_rate(self, step: int) -> float:
        return self.training.learning_rate

    def logits(self, module: nn.Module) -> Tensor:
        return module(self.nodes.relation, self.nodes.features)

    def penalty(self, module: nn.Module) -> Tensor:
        return self.training.l2 * half_squares(decayed_weights(module, self.training.l2_on))

    def loss(self, module: nn.Module, step: int) -> Tensor:
        picked = self.data.train
        return cross_entropy(self.logits(module)[picked], self.data.labels[picked]) + self.penalty(module)

    def validate(self, module: nn.Module) -> tuple[float, float]:
        picked = self.data.validation
        logits, labels = self.logits(module)[picked], self.data.labels[picked]
        loss = cross_entropy(logits, labels)
        if self.training.l2_on == "first-layer":
            loss = loss + self.penalty(module)
        return float(loss), accuracy(logits, labels)


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of the nodes whose largest logit is that of their class, in %."""
    return 100.0 * int((logits.argmax(-1) == labels).sum()) / len(labels)


class CitationExperiment:
    """A recipe of the task "citation" on its data; see `edgewise.tasks.experiment.Experiment`."""

    metric = Metric("accuracy", "%", higher_is_better=True)
    random_split = False

    def __init__(self, recipe: Recipe, data: NodeClassification) -> None:
        self.recipe = recipe
        self.data, self.nodes = data, nodes_of(data, cast(CitationData, recipe.data))
        parts = (data.train, data.validation, data.test, data.labels)
        edges = (data.relation.senders, data.relation.receivers, data.words.senders, data.words.receivers)
        self.fingerprint = fingerprint([*data.classes, *parts, *edges, data.values])

    @property
    def training(self) -> CitationTraining:
        return cast(CitationTraining, self.recipe.training)

    def seeds(self, run: int) -> tuple[int, ...]:
        return (run,)

    def network(self) -> nn.Module:
        model = cast(CitationModel, self.recipe.model)
        return node_classifier(model, self.nodes.n_features, len(self.data.classes))

    def _objective(self) -> NodeObjective:
        return NodeObjective(self.nodes, self.data, self.training)

    def learning(self, name: str, module: nn.Module, run: int, seed: int) -> Learning:
        patience = self.training.patience
        rules: dict[str, Stopping] = {
            "rising-loss": RisingLoss(patience),
            "patience": Patience(patience),
            "patience-loss": Patience(patience, keep="loss"),
        }
        rule = rules[self.training.stopping]
        return Learning(name, module, self._objective(), seed=seed, stopping=rule)

    def measure(self, run: int, members: Sequence[nn.Module]) -> Measured:
        logits = self._objective().logits(members[0])
        labels, test = self.data.labels, self.data.test
        parts = (self.data.train, self.data.validation, test)
        train, validation, tested = (accuracy(logits[part], labels[part]) for part in parts)
        weights, predicted = logits[test].softmax(-1).max(-1)
        table = {
            "seed": [run] * len(test),
            "node": [self.nodes.names[k] for k in test.tolist()],
            "true": [self.data.classes[k] for k in labels[test].tolist()],
            "predicted": [self.data.classes[k] for k in predicted.tolist()],
            "probability": [round(weight, 6) for weight in weights.tolist()],
        }
        return Measured(run, train, validation, tested, (tested,), table)

    def baselines(self) -> list[dict[str, Any]]:
        return [{"name": "logistic regression on the words alone", "value": logistic_regression(self.data)}]

    def preview(self, measured: Sequence[Measured]) -> dict[str, Any]:
        classes = list(self.data.classes)
        number = {name: k for k, name in enumerate(classes)}
        counts = np.zeros((len(classes), len(classes)), dtype=int)
        for one in measured:
            rows = [number[name] for name in one.predictions["true"]]
            np.add.at(counts, (rows, [number[name] for name in one.predictions["predicted"]]), 1)
        return {"kind": "classification", "classes": classes, "confusion": counts.tolist()}

    def facts(self) -> list[list[Any]]:
        data = self.data
        return [
            ["data set", data.name],
            ["nodes", data.relation.n_receivers],
            ["directed edges", data.relation.n_edges],
            ["features a node", self.nodes.n_features],
            ["classes", len(data.classes)],
            ["training nodes", len(data.train)],
            ["validation nodes", len(data.validation)],
            ["test nodes", len(data.test)],
        ]

    def protocol(self) -> list[str]:
        training, model = self.training, cast(CitationModel, self.recipe.model)
        where = {
            "first-layer": "the first layer's weights",
            "all-weights": "all weights but biases",
            "everything": "all weights and biases",
        }[training.l2_on]
        waiting = (
            f"Training stops after {training.patience} epochs in which neither validation accuracy nor loss"
        )
        rules = {
            "rising-loss": "Training stops when the validation loss exceeds the mean of the"
            f" {training.patience} before it; the last weights are tested.",
            "patience": f"{waiting} reached its best; the weights where both did last are tested.",
            "patience-loss": f"{waiting} reached its best; the weights of the lowest validation loss are tested.",
        }
        return [
            "The labels of the test nodes are looked at once, after the last network was trained.",
            *(["Each node's features are divided by their sum."] if self._normalises else []),
            f"Dropout {model.dropout:g}; L2 {training.l2:g} on {where}, as a part of the loss.",
            f"Adam, learning rate {training.learning_rate:g}, at most {training.max_epochs} epochs of one step each.",
            rules[training.stopping],
            f"{training.seeds} networks with seeds 0 to {training.seeds - 1}; the split is the same for all.",
        ]

    @property
    def _normalises(self) -> bool:
        return cast(CitationData, self.recipe.data).normalise_rows

    def files(self) -> Mapping[str, bytes]:
        return {}

    def shape(self) -> dict[str, Any]:
        names = feature_names(cast(CitationData, self.recipe.data))
        return {"n_features": self.nodes.n_features, "features": names, "classes": list(self.data.classes)}
