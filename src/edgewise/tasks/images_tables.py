"""What a recipe for images and videos may say: one small record a table, each field with its own help."""

from dataclasses import dataclass
from typing import Literal, get_args

from edgewise.data.moving_digits import TOGETHER
from edgewise.nn.non_local import Normalisation, Pairwise
from edgewise.nn.non_local.pairwise import checked
from edgewise.settings import one_of, require


@dataclass(frozen=True)
class Picked:
    """Which pictures are used: parts of all, drawn once.

    Attributes:
        path: the file, relative to the recipe.
        train: pictures that are learnt from.
        validation: pictures that settings are chosen by.
        test: pictures that are looked at once, at the end.
        seed: decides which ones.
    """

    path: str
    train: int = 1000
    validation: int = 500
    test: int = 1000
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("train", "validation", "test"):
            require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1 picture")
        require(self.seed >= 0, "seed", self.seed, "0 or a positive number")


@dataclass(frozen=True)
class IdxData(Picked):
    """Images with classes in two IDX files, as MNIST has them; see `Picked` for the fields.

    Attributes:
        path: the file of images, relative to the recipe; that of the labels stands beside it.
    """


@dataclass(frozen=True)
class ArchiveData(Picked):
    """Images or videos of one's own in a NumPy archive (.npz); see `edgewise.data.images.load_pictures`.

    Attributes:
        path: the archive, relative to the recipe.
    """


@dataclass(frozen=True)
class MovingDigitsData(Picked):
    """Videos of two digits, of which one comes back; see `edgewise.data.moving_digits`.

    Attributes:
        path: the file of the digits (IDX images), relative to the recipe. Each part has digits of its own: 70 %, 10 %
            and 20 % of them.
        size: height and width of a frame, pixels.
        before: frames with both digits, one above the other.
        dark: empty frames behind them.
        after: frames with the digit that comes back.
    """

    size: int = 20
    before: int = 4
    dark: int = 4
    after: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.train >= TOGETHER, "train", self.train, f"at least {TOGETHER} videos, one scene")
        require(20 <= self.size <= 64, "size", self.size, "20 to 64 pixels")
        for name in ("before", "after"):
            require(2 <= getattr(self, name) <= 32, name, getattr(self, name), "2 to 32 frames")
        require(1 <= self.dark <= 32, "dark", self.dark, "1 to 32 frames")


@dataclass(frozen=True)
class NonLocalModel:
    """A small residual network with non-local blocks (Wang et al. 2018), trained beside the same one without.

    Attributes:
        blocks: non-local blocks, 0, 1 or 2; with 0 there is nothing to compare with.
        pairwise: their function: "gaussian", "embedded_gaussian", "dot" or "concatenation".
        normalisation: "paper" (a softmax for the Gaussians, the mean for the others), "softmax", "scaled_softmax" (of
            the logits over the root of their width) or "mean", where they go with `pairwise`.
        channels: behind the first convolution; twice as many in what follows.
        stem_stride: of the first convolution, in height and width: 1, or 2 for half of each.
    """

    blocks: int = 1
    pairwise: Pairwise = "embedded_gaussian"
    normalisation: Literal["paper", "softmax", "scaled_softmax", "mean"] = "paper"
    channels: int = 16
    stem_stride: int = 1

    def __post_init__(self) -> None:
        require(self.blocks in (0, 1, 2), "blocks", self.blocks, "0, 1 or 2")
        one_of("pairwise", self.pairwise, get_args(Pairwise))
        one_of("normalisation", self.normalisation, ("paper", *get_args(Normalisation)))
        checked(self.pairwise, self.block_normalisation)
        require(1 <= self.channels <= 512, "channels", self.channels, "1 to 512 channels")
        require(self.stem_stride in (1, 2), "stem_stride", self.stem_stride, "1 or 2")

    @property
    def block_normalisation(self) -> Normalisation | None:
        """As a block takes it: None for the paper's."""
        return None if self.normalisation == "paper" else self.normalisation


@dataclass(frozen=True)
class ImagesTraining:
    """How networks that classify pictures are trained.

    Attributes:
        seeds: runs with seeds 0, 1, ...; the mean and spread over them are reported.
        learning_rate: step size of AdamW at the start; it falls to 0 along half a cosine.
        weight_decay: decoupled decay of the weight matrices (not of biases).
        epochs: passes over the training pictures.
        batch_size: pictures a step.
    """

    seeds: int = 3
    learning_rate: float = 3e-3
    weight_decay: float = 1e-4
    epochs: int = 10
    batch_size: int = 32

    def __post_init__(self) -> None:
        require(1 <= self.seeds <= 1000, "seeds", self.seeds, "1 to 1000 runs")
        require(0 < self.learning_rate <= 1, "learning_rate", self.learning_rate, "above 0, at most 1")
        require(self.weight_decay >= 0, "weight_decay", self.weight_decay, "0 or a positive number")
        require(self.epochs >= 1, "epochs", self.epochs, "at least 1 epoch")
        require(self.batch_size >= 2, "batch_size", self.batch_size, "at least 2 pictures")
