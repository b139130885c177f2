"""What a recipe of sequences may say: translation, inflection, and the toy of words backwards."""

from dataclasses import dataclass
from typing import Literal

from edgewise.models.luong import ALIGNMENTS, SCORES, LuongSettings
from edgewise.nn.transformer import LayerDims
from edgewise.settings import one_of, require


@dataclass(frozen=True)
class ParallelData:
    """Sentences and their translations in text files, one a line: PATH/TRAIN.SOURCE and so on, perhaps with `.gz`.

    Attributes:
        path: folder of the files, relative to the recipe.
        source: ending of the files' names of the source, e.g. en; target: of the translations, e.g. de.
        train: beginning of the names of the training files; validation: of those for validation; test: of the test's.
        vocabulary: pieces that both languages share, the four special tokens included.
        pieces: "unigram" or "bpe", how SentencePiece learns them; from the training part alone.
    """

    path: str
    source: str
    target: str
    train: str = "train"
    validation: str = "val"
    test: str = "test"
    vocabulary: int = 4000
    pieces: Literal["unigram", "bpe"] = "unigram"

    def __post_init__(self) -> None:
        require(self.vocabulary >= 8, "vocabulary", self.vocabulary, "8 pieces or more")
        one_of("pieces", self.pieces, ("unigram", "bpe"))


@dataclass(frozen=True)
class InflectionData:
    """Lemmas, tags and forms with tabs between (SIGMORPHON 2016); characters and tags are the tokens.

    Attributes:
        path: folder of the files, relative to the recipe.
        train: name of the training file, with or without `.gz`; test: of that for the test.
        validation: share of the training lines that is held out for validation.
    """

    path: str
    train: str
    test: str
    validation: float = 0.05

    def __post_init__(self) -> None:
        require(0 < self.validation < 0.5, "validation", self.validation, "a share above 0 and below 0.5")


@dataclass(frozen=True)
class ReversalData:
    """A toy: words of random letters and the same backwards; longer ones are tested too.

    Attributes:
        words: number of training words; validation and test have 500 each, and so have the longer words.
        shortest: letters of the shortest word; longest: of the longest one.
        beyond: letters of the longest word of the second test, whose words are all longer than those of the training.
        seed: decides all words.
        path: none is needed.
    """

    words: int = 10000
    shortest: int = 1
    longest: int = 10
    beyond: int = 20
    seed: int = 0
    path: str = ""

    def __post_init__(self) -> None:
        require(self.words >= 1, "words", self.words, "at least 1")
        lengths = 1 <= self.shortest <= self.longest < self.beyond
        require(lengths, "beyond", self.beyond, "1 <= shortest <= longest < beyond")


SequenceData = ParallelData | InflectionData | ReversalData


@dataclass(frozen=True)
class LuongModel(LuongSettings):
    """The attention model of Luong, Pham & Manning (2015).

    Attributes:
        score: "dot", "general", "concat" or "location" (section 3.1).
        alignment: "global", "local-m", "local-p" or "local-p-renormalised" (sections 3.1 and 3.2).
        reach: D of a local alignment, in positions.
        longest_source: tokens of the longest source, its end included, for the score by location.
    """

    score: str = "general"
    alignment: str = "global"
    reach: int = 10
    longest_source: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        one_of("score", self.score, list(SCORES))
        one_of("alignment", self.alignment, list(ALIGNMENTS))
        require(self.reach >= 1, "reach", self.reach, "at least 1 position")


def most_positions(model: object) -> int | None:
    """Most tokens of a source, its end included, that a model is made for; None where any number will do."""
    return model.longest_source if isinstance(model, LuongModel) and model.score == "location" else None


@dataclass(frozen=True)
class TransformerModel(LayerDims):
    """The Transformer (Vaswani et al. 2017), with `relative` above 0 that of Shaw et al. (2018).

    Attributes:
        encoder_layers: number of layers that read; decoder_layers: of those that write.
        tied: "all": one table for source, target and output; "target": for target and output; or "none".
    """

    encoder_layers: int = 6
    decoder_layers: int = 6
    tied: Literal["all", "target", "none"] = "all"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("encoder_layers", "decoder_layers"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        one_of("tied", self.tied, ("all", "target", "none"))


@dataclass(frozen=True)
class SequenceTraining:
    """How a model of sequences is trained and searched.

    Attributes:
        seeds: runs, whose mean and spread are reported; the networks have the seeds 0, 1, ...
        ensemble: networks a run, whose next-token probabilities are averaged (Sutskever et al. 2014).
        learning_rate: the largest step size of Adam (betas 0.9 and 0.98, eps 1e-9).
        warmup: steps in which it is reached; then it falls with 1 / sqrt(step) (Vaswani et al. 2017, eq. 3).
        weight_decay: decoupled decay of all weights.
        label_smoothing: share of each target that is spread over the vocabulary.
        tokens: a batch, padding included, on the longer side.
        epochs: most passes over the training part; minutes: of training a network, 0 for no limit.
        patience: epochs without a lower validation loss after which the training stops (0: none).
        average: the mean of the weights after the last so many epochs is tested; 1: those of the lowest loss.
        clip: largest norm of the gradient (0: none).
        precision: "float32", or "bfloat16" for the products (a half to a third of the time on recent processors).
        beam: hypotheses of the search; length_penalty: alpha of Wu et al. (2016, eq. 14).
        longest: tokens of a sentence; longer ones are left out of the training.
    """

    seeds: int = 1
    ensemble: int = 1
    learning_rate: float = 1e-3
    warmup: int = 1000
    weight_decay: float = 0.0
    label_smoothing: float = 0.1
    tokens: int = 3000
    epochs: int = 30
    minutes: float = 0.0
    patience: int = 0
    average: int = 1
    clip: float = 1.0
    precision: Literal["float32", "bfloat16"] = "float32"
    beam: int = 5
    length_penalty: float = 1.0
    longest: int = 200

    def __post_init__(self) -> None:
        require(1 <= self.seeds <= 1000, "seeds", self.seeds, "1 to 1000 runs")
        require(1 <= self.ensemble <= 100, "ensemble", self.ensemble, "1 to 100 networks a run")
        require(0 < self.learning_rate <= 1, "learning_rate", self.learning_rate, "above 0, at most 1")
        for name in ("warmup", "weight_decay", "patience", "minutes", "clip", "length_penalty"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "0 or a positive number")
        require(
            0 <= self.label_smoothing < 1,
            "label_smoothing",
            self.label_smoothing,
            "a share from 0 to below 1",
        )
        for name in ("tokens", "epochs", "average", "beam", "longest"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "1 or more")
        one_of("precision", self.precision, ("float32", "bfloat16"))
