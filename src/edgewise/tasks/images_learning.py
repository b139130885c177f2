"""Training a network with non-local blocks and the same one without, on the same batches."""

from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from edgewise.data.images import Pictures
from edgewise.models.non_local_net import NonLocalNet
from edgewise.tasks.images_data import PictureParts, shares_of
from edgewise.tasks.images_tables import ImagesTraining, NonLocalModel
from edgewise.tasks.learning import Learning, adamw
from edgewise.training import batch_indices, cosine

AT_ONCE = 128
"""Pictures that are classified together."""


class SideBySide(nn.Module):
    """A network with non-local blocks, and one without that starts from the same weights.

    Attributes:
        network: with blocks; plain: without, or None where the first one has none either.
    """

    def __init__(self, network: NonLocalNet, plain: NonLocalNet | None) -> None:
        super().__init__()
        self.network, self.plain = network, plain
        if plain is not None:
            weights = network.state_dict()
            plain.load_state_dict({name: weights[name] for name in plain.state_dict()})

    def networks(self) -> list[NonLocalNet]:
        """One or two, that with blocks first."""
        return [self.network] if self.plain is None else [self.network, self.plain]

    def forward(self, pixels: Tensor) -> Tensor:
        """pixels: [batch, channel, *grid] -> logits [1 or 2, batch, n_classes]."""
        return torch.stack([one(pixels) for one in self.networks()])


def side_by_side(model: NonLocalModel, in_channels: int, n_classes: int, dims: int) -> SideBySide:
    """Untrained networks; their weights come from torch's generator."""
    build = partial(
        NonLocalNet, in_channels, n_classes, dims=dims, channels=model.channels, stem_stride=model.stem_stride
    )
    network = build(blocks=model.blocks, pairwise=model.pairwise, normalisation=model.block_normalisation)
    plain = build(blocks=0) if model.blocks else None
    return SideBySide(network, plain)


class PicturesObjective:
    """Cross-entropy of the classes, a loss a network; the networks share no weights, so their sum trains each alone.

    Args:
        parts: the pictures, of which the test part is not looked at.
        training: the recipe's table; seed: of the batches.
    """

    metric, precision = "accuracy", "no"
    clip: float | None = None

    def __init__(self, parts: PictureParts, training: ImagesTraining, seed: int) -> None:
        self.train, self.validation = parts.train, parts.validation
        self.training, self.seed, self.together = training, seed, parts.together
        self.groups = len(parts.train) // parts.together, max(training.batch_size // parts.together, 1)
        self.steps_an_epoch = max(self.groups[0] // self.groups[1], 1)
        self.max_epochs = training.epochs
        self.rate = cosine(training.learning_rate, training.epochs * self.steps_an_epoch)

    def optimizer(self, module: nn.Module) -> torch.optim.Optimizer:
        return adamw(module, self.training.weight_decay)

    def learning_rate(self, step: int) -> float:
        return self.rate(step)

    def batch(self, step: int) -> Tensor:
        """The pictures of a step, groups that belong together whole: [batch_size] int64."""
        groups = batch_indices(self.seed, step, *self.groups)
        return (groups[:, None] * self.together + torch.arange(self.together)).flatten()

    def losses(self, module: nn.Module, step: int) -> Tensor:
        """The loss of each network: [1 or 2]."""
        picked = self.batch(step)
        logits = module(shares_of(self.train.pixels[picked]))
        target = cast(Tensor, self.train.labels)[picked].expand(len(logits), -1)
        return (
            cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none").view(target.shape).mean(1)
        )

    def loss(self, module: nn.Module, step: int) -> Tensor:
        return self.losses(module, step).sum()

    def validate(self, module: nn.Module) -> tuple[float, float]:
        """Cross-entropy and accuracy in % of the first network."""
        logits = logits_of(cast(SideBySide, module).network, self.validation)
        loss = cross_entropy(logits, cast(Tensor, self.validation.labels))
        return float(loss), accuracy(logits, self.validation)


class PicturesLearning(Learning):
    """`Learning` whose curves are those of the first network alone."""

    def loss(self, module: nn.Module, step: int) -> Tensor:
        module.train()
        losses = cast(PicturesObjective, self.objective).losses(module, step)
        self.first = losses[0].detach()
        return losses.sum()

    def after(self, step: int, loss: float) -> None:
        super().after(step, float(self.first))


@torch.no_grad()
def logits_of(network: NonLocalNet, pictures: Pictures) -> Tensor:
    """[n_pictures, n_classes], in the module's present mode."""
    parts = pictures.pixels.split(AT_ONCE)
    return torch.cat([network(shares_of(part)) for part in parts])


def accuracy(logits: Tensor, pictures: Pictures) -> float:
    """Share of the pictures whose largest logit is that of their class, in %."""
    return 100.0 * float((logits.argmax(-1) == pictures.labels).double().mean())
