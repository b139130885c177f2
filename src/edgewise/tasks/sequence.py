"""Sequences to sequences: translation, inflection and the toy, trained and measured."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, cast

from torch import nn

from edgewise.data.tokenizers import Subwords
from edgewise.models.ensemble import together
from edgewise.models.sequence import SequenceModel
from edgewise.tasks.experiment import Measured, Metric
from edgewise.tasks.fingerprints import fingerprint
from edgewise.tasks.learning import Learning
from edgewise.tasks.networks import sequence_model
from edgewise.tasks.recipe import Recipe
from edgewise.tasks.scoring import Bleu, ExactMatch, Scoring, by_length
from edgewise.tasks.sequence_learning import AveragedLearning, TokenObjective
from edgewise.tasks.sequence_tables import (
    ParallelData,
    ReversalData,
    SequenceData,
    SequenceTraining,
    most_positions,
)
from edgewise.tasks.sequences import (
    Pairs,
    Parts,
    check_positions,
    learn_vocabularies,
    read_parts,
    tokenised,
)
from edgewise.tasks.translator import Translator

SHOWN = 300
"""Training pairs that the score on the training part is measured on."""
EXAMPLES = 6
"""Test pairs that the page shows, with their alignments."""


class SequenceExperiment:
    """A recipe of the task "sequences" on its data; see `edgewise.tasks.experiment.Experiment`."""

    random_split = False

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        data = cast(SequenceData, recipe.data)
        self.parts: Parts = read_parts(data)
        self.vocabularies = learn_vocabularies(data, self.parts.train)
        check_positions(most_positions(recipe.model), self.parts, self.vocabularies)
        self.scoring: Scoring = Bleu() if isinstance(data, ParallelData) else ExactMatch()
        self.metric: Metric = self.scoring.metric
        texts = (self.parts.train, self.parts.validation, self.parts.test)
        self.fingerprint = fingerprint("\n".join([*text.source, *text.target]) for text in texts)
        self.examples: list[dict[str, Any]] = []

    @property
    def training(self) -> SequenceTraining:
        return cast(SequenceTraining, self.recipe.training)

    @cached_property
    def pairs(self) -> Pairs:
        """The training part as tokens."""
        return tokenised(self.parts.train, self.vocabularies, self.training.longest)

    def seeds(self, run: int) -> tuple[int, ...]:
        count = self.training.ensemble
        return tuple(range(run * count, (run + 1) * count))

    def network(self) -> nn.Module:
        sizes = self.vocabularies.source.size, self.vocabularies.target.size
        return sequence_model(self.recipe.model, *sizes)

    def learning(self, name: str, module: nn.Module, run: int, seed: int) -> Learning:
        training = self.training
        held = tokenised(self.parts.validation, self.vocabularies)
        objective = TokenObjective(self.pairs, held, training, seed)
        settings = {"patience": training.patience, "average": training.average}
        return AveragedLearning(name, module, objective, seed=seed, **settings)

    def measure(self, run: int, members: Sequence[nn.Module]) -> Measured:
        parts, score = self.parts, self.scoring.score
        networks = [cast(SequenceModel, member) for member in members]
        model = together(networks)
        translate = self._translator(model)
        train = score(translate(parts.train.source[:SHOWN]), parts.train.target[:SHOWN])
        validation = score(translate(parts.validation.source), parts.validation.target)
        said = translate(parts.test.source)
        test = score(said, parts.test.target)
        alone = (test,)
        if len(networks) > 1:
            alone = tuple(
                score(self._translator(one)(parts.test.source), parts.test.target) for one in networks
            )
        sizes = {"parameters": model.n_parameters, "training_tokens": self.pairs.n_tokens}
        more = self.scoring.more(said, parts.test.target) | sizes
        more["by_length"] = by_length(self.scoring, parts.test.source, said, parts.test.target)
        if parts.longer is not None:
            beyond = translate(parts.longer.source)
            more["longer"] = score(beyond, parts.longer.target)
            more["longer_by_length"] = by_length(
                self.scoring, parts.longer.source, beyond, parts.longer.target
            )
        self._note_examples(translate, said)
        table = {
            "seed": [run] * len(said),
            "source": list(parts.test.source),
            "reference": list(parts.test.target),
            "hypothesis": said,
        }
        return Measured(run, train, validation, test, alone, table, more)

    def _translator(self, model: SequenceModel) -> Translator:
        training = self.training
        return Translator(model, self.vocabularies, training.beam, training.length_penalty)

    def _note_examples(self, translate: Translator, said: Sequence[str]) -> None:
        """What the page shows, of the run measured last: test pairs spread over the lengths."""
        test = self.parts.test
        order = sorted(range(len(said)), key=lambda k: len(test.source[k]))
        picked = [order[round(q * (len(order) - 1) / (EXAMPLES + 1))] for q in range(1, EXAMPLES + 1)]
        pairs = [(test.source[k], said[k]) for k in picked]
        found = translate.alignments(pairs) or [None] * len(pairs)
        self.examples = [
            {"source": s, "hypothesis": h, "reference": test.target[k], "alignment": alignment}
            for k, (s, h), alignment in zip(picked, pairs, found, strict=True)
        ]

    def baselines(self) -> list[dict[str, Any]]:
        test = self.parts.test
        copied = [source.partition("\t")[0] for source in test.source]
        name = "the lemma as it is" if "\t" in test.source[0] else "the source as it is"
        return [{"name": name, "value": self.scoring.score(copied, test.target)}]

    def preview(self, measured: Sequence[Measured]) -> dict[str, Any]:
        last = measured[-1]
        return {"kind": "sequences", "examples": self.examples, "by_length": last.more["by_length"]}

    def facts(self) -> list[list[Any]]:
        data, parts = cast(SequenceData, self.recipe.data), self.parts
        rows: list[list[Any]] = [
            ["training pairs", len(parts.train)],
            ["validation pairs", len(parts.validation)],
        ]
        rows.append(["test pairs", len(parts.test)])
        if parts.longer is not None:
            rows.append(["longer test pairs", len(parts.longer)])
        if parts.train.left_out:
            rows.append(["training pairs left out, one side empty", len(parts.train.left_out)])
        if isinstance(data, ParallelData):
            return [
                ["languages", f"{data.source} to {data.target}"],
                *rows,
                ["pieces", self.vocabularies.source.size],
            ]
        if not isinstance(data, ReversalData):
            rows.append(["source symbols", self.vocabularies.source.size])
        return [*rows, ["target symbols", self.vocabularies.target.size]]

    def protocol(self) -> list[str]:
        training = self.training
        ends = f"at most {training.epochs} epochs"
        if training.minutes:
            ends += f" or {training.minutes:g} minutes"
        tested = "of the lowest validation loss"
        if training.average > 1:
            tested = f"that are the mean of those after the last {training.average} epochs"
        return [
            "The test part is looked at once, after the last network was trained.",
            f"Cross-entropy a token, label smoothing {training.label_smoothing:g}; batches of at most"
            f" {training.tokens} tokens of about equal length.",
            f"Adam (0.9, 0.98, 1e-9), learning rate up to {training.learning_rate:g} after {training.warmup} steps,"
            f" then falling with 1 / sqrt(step); {ends}; the weights {tested} are tested.",
            *(
                [
                    f"{training.ensemble} networks of different seeds write together: their probabilities are averaged."
                ]
                if training.ensemble > 1
                else []
            ),
            f"Beam search, {training.beam} hypotheses, length penalty {training.length_penalty:g}.",
            *(["Vocabularies are learnt from the training part alone."] if self._learnt else []),
        ]

    @property
    def _learnt(self) -> bool:
        return isinstance(self.vocabularies.source, Subwords)

    def shape(self) -> dict[str, Any]:
        both = {"source": self.vocabularies.source, "target": self.vocabularies.target}
        files = {
            side: {"file": name, "fingerprint": both[side].fingerprint}
            for side, name in self._names().items()
        }
        return {"tokenizers": files}

    def _names(self) -> dict[str, str]:
        """The file of each side's tokenizer; one for a joint vocabulary."""
        ending = "model" if self._learnt else "json"
        if self.vocabularies.source is self.vocabularies.target:
            return dict.fromkeys(("source", "target"), f"tokenizers/both.{ending}")
        return {side: f"tokenizers/{side}.{ending}" for side in ("source", "target")}

    def files(self) -> Mapping[str, bytes]:
        both = {"source": self.vocabularies.source, "target": self.vocabularies.target}
        return {name: both[side].content for side, name in self._names().items()}
