"""Classifying images and videos: a network with non-local blocks beside the same one without; the task "images"."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn

from edgewise.data.images import Pictures
from edgewise.models.non_local_net import FRAMES_TOGETHER
from edgewise.tasks.experiment import Measured, Metric
from edgewise.tasks.fingerprints import fingerprint
from edgewise.tasks.images_arrows import arrows_of
from edgewise.tasks.images_data import PictureParts
from edgewise.tasks.images_learning import (
    PicturesLearning,
    PicturesObjective,
    SideBySide,
    accuracy,
    logits_of,
    side_by_side,
)
from edgewise.tasks.images_tables import ImagesTraining, MovingDigitsData, NonLocalModel
from edgewise.tasks.learning import Learning
from edgewise.tasks.recipe import Recipe
from edgewise.tasks.stopping import FixedEpochs

PLAIN = "the same network without non-local blocks"


class ImagesExperiment:
    """A recipe of the task "images" on its data; see `edgewise.tasks.experiment.Experiment`.

    Every run trains two networks that start from the same weights and see the same batches: with non-local blocks,
    which is the figure of the run, and without, which stands among the simple answers.
    """

    random_split = False
    metric = Metric("accuracy", "%", higher_is_better=True)

    def __init__(self, recipe: Recipe, parts: PictureParts) -> None:
        self.recipe, self.parts = recipe, parts
        tensors = [tensor for part in parts for tensor in (part.pixels, cast(Tensor, part.labels))]
        self.fingerprint = fingerprint([*parts.train.classes, *tensors])
        self.plain: dict[int, float] = {}
        self.examples: dict[str, Any] = {}

    @property
    def training(self) -> ImagesTraining:
        return cast(ImagesTraining, self.recipe.training)

    @property
    def model(self) -> NonLocalModel:
        return cast(NonLocalModel, self.recipe.model)

    def seeds(self, run: int) -> tuple[int, ...]:
        return (run,)

    def network(self) -> nn.Module:
        return networks_of(self.model, self.shape())

    def learning(self, name: str, module: nn.Module, run: int, seed: int) -> Learning:
        objective = PicturesObjective(self.parts, self.training, seed)
        return PicturesLearning(name, module, objective, seed=seed, stopping=FixedEpochs())

    def measure(self, run: int, members: Sequence[nn.Module]) -> Measured:
        both, test = cast(SideBySide, members[0]), self.parts.test
        logits = [[logits_of(one, part) for part in self.parts] for one in both.networks()]
        found = [[accuracy(*pair) for pair in zip(one, self.parts, strict=True)] for one in logits]
        more: dict[str, Any] = {"parameters": sum(weight.numel() for weight in both.network.parameters())}
        if both.plain is not None:
            names = ("train", "validation", "test")
            more["without_blocks"] = dict(zip(names, found[1], strict=True)) | {
                "parameters": sum(weight.numel() for weight in both.plain.parameters())
            }
            self.plain[run] = found[1][2]
            self.examples = arrows_of(both.network, test)
        train, validation, tested = found[0]
        table = self._table(run, [one[2] for one in logits])
        return Measured(run, train, validation, tested, (tested,), table, more)

    def _table(self, run: int, logits: Sequence[Tensor]) -> dict[str, list[Any]]:
        """The test pictures: their class, what each network takes them for, and how surely."""
        test = self.parts.test
        table: dict[str, list[Any]] = {
            "seed": [run] * len(test),
            "picture": list(range(len(test))),
            "true": _named(test, cast(Tensor, test.labels)),
        }
        for ending, values in zip(("", "_without_blocks"), logits, strict=False):
            best = values.softmax(-1).max(-1)
            table[f"predicted{ending}"] = _named(test, best.indices)
            table[f"probability{ending}"] = [round(p, 6) for p in best.values.tolist()]
        return table

    def baselines(self) -> list[dict[str, Any]]:
        train, test = self.parts.train, self.parts.test
        labels, true = (cast(Tensor, part.labels).numpy() for part in (train, test))
        largest = np.bincount(labels).argmax()
        answers = {
            "the largest class of the training part": 100.0 * float((true == largest).mean()),
            "logistic regression on the pixels": 100.0 * _regression(train, test),
        }
        if self.plain:
            answers[PLAIN] = float(np.mean(list(self.plain.values())))
        return [{"name": name, "value": value} for name, value in answers.items()]

    def preview(self, measured: Sequence[Measured]) -> dict[str, Any]:
        """The confusion over all runs, and the arrows of some test pictures in the last one."""
        classes = list(self.parts.train.classes)
        counts = np.zeros((len(classes), len(classes)), dtype=int)
        place = {name: k for k, name in enumerate(classes)}
        for one in measured:
            for true, predicted in zip(one.predictions["true"], one.predictions["predicted"], strict=True):
                counts[place[true], place[predicted]] += 1
        shown: dict[str, Any] = {"kind": "classification", "classes": classes, "confusion": counts.tolist()}
        if self.plain:
            runs = [
                {"seed": one.run, "with": one.test, "without": one.more["without_blocks"]["test"]}
                for one in measured
            ]
            shown |= {"blocks": runs, "arrows": self.examples}
        return shown

    def facts(self) -> list[list[Any]]:
        train = self.parts.train
        rows: list[list[Any]] = [
            ["classes", len(train.classes)],
            ["training, validation, test", ", ".join(str(len(part)) for part in self.parts)],
            ["channels", train.pixels.shape[1]],
            ["grid", " x ".join(map(str, train.grid))],
        ]
        data = self.recipe.data
        if isinstance(data, MovingDigitsData):
            rows.append(["frames before, in and after the dark", f"{data.before}, {data.dark}, {data.after}"])
        return rows

    def protocol(self) -> list[str]:
        training = self.training
        sentences = [
            "The test part is looked at once, after the last network was trained.",
            f"AdamW, learning rate {training.learning_rate:g} falling to 0 along half a cosine over {training.epochs}"
            f" epochs, weight decay {training.weight_decay:g} on matrices, batches of {training.batch_size} pictures;"
            " the last weights are tested.",
        ]
        if self.model.blocks:
            sentences.append(
                "Every run trains two networks, with non-local blocks and without, from the same weights and on the"
                " same batches; with blocks it starts as the one without, since a block starts as the identity."
            )
        if len(self.parts.train.grid) == 3:
            sentences.append(
                f"Without blocks a position sees {FRAMES_TOGETHER} frames, and the mean over positions only adds up"
                " what each of them saw."
            )
        return sentences

    def files(self) -> Mapping[str, bytes]:
        return {}

    def shape(self) -> dict[str, Any]:
        train = self.parts.train
        return {
            "classes": list(train.classes),
            "n_channels": train.pixels.shape[1],
            "grid": list(train.grid),
        }


def networks_of(model: NonLocalModel, shape: Mapping[str, Any]) -> SideBySide:
    """The untrained networks of a recipe, from what `ImagesExperiment.shape` says."""
    return side_by_side(model, shape["n_channels"], len(shape["classes"]), len(shape["grid"]))


def _named(pictures: Pictures, labels: Tensor) -> list[str]:
    return [pictures.classes[k] for k in labels.tolist()]


def _regression(train: Pictures, test: Pictures) -> float:
    """Share of the test pictures that a logistic regression on all pixels gets right."""
    features = [part.pixels.flatten(1).numpy() / np.float32(255) for part in (train, test)]
    fit = LogisticRegression(C=0.01, max_iter=200, tol=1e-3).fit(features[0], train.labels)
    return float(fit.score(features[1], test.labels))
