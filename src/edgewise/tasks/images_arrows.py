"""To which positions of a picture each position attends most, for the page (Wang et al. 2018, figure 3)."""

from typing import Any, cast

import torch
from torch import Tensor

from edgewise.data.images import Pictures
from edgewise.models.non_local_net import NonLocalNet
from edgewise.nn.non_local import NonLocalBlock
from edgewise.tasks.images_data import shares_of

EXAMPLES = 4
"""Test pictures that are shown: the first ones, none chosen by hand."""
STRONGEST = 8
"""Arrows a position."""


@torch.no_grad()
def arrows_of(network: NonLocalNet, test: Pictures) -> dict[str, Any]:
    """The first test pictures with the strongest arrows of every position in the first non-local block.

    Returns:
        size: height and width of a frame; grid: the sizes of the block's grid; examples: each with
            true, predicted: its class, and what it is taken for;
            frames: [frame][pixel] bytes, rows below each other (the mean over channels; an image is one frame);
            chosen: the position first shown, that of the last frame whose largest weight is largest;
            senders: [position][arrow] the positions that it attends to, row-major numbers, strongest first;
            weights: alike, as shares of the sum of the sizes of all weights of the position.
    """
    shown = test.chosen(torch.arange(min(EXAMPLES, len(test))).numpy())
    pixels = shares_of(shown.pixels)
    features = network.before_first_block(pixels)
    weights = cast(NonLocalBlock, network.blocks[0]).weights(features)  # [batch, N, N]
    total = weights.abs().sum(-1, keepdim=True).clamp_min(torch.finfo(weights.dtype).tiny)
    shares = weights / total
    senders = shares.abs().topk(min(STRONGEST, shares.shape[-1]), -1).indices
    strongest = shares.gather(-1, senders)
    predicted = network(pixels).argmax(-1).tolist()
    examples = [
        {
            "true": test.classes[label],
            "predicted": test.classes[predicted[k]],
            "frames": _frames(shown.pixels[k]),
            "chosen": _chosen(weights[k], features.shape[-2] * features.shape[-1]),
            "senders": senders[k].tolist(),
            "weights": [[round(value, 5) for value in row] for row in strongest[k].tolist()],
        }
        for k, label in enumerate(cast(Tensor, shown.labels).tolist())
    ]
    return {"size": list(test.grid[-2:]), "grid": list(features.shape[2:]), "examples": examples}


def _frames(pixels: Tensor) -> list[list[int]]:
    """[channel, (frame,) height, width] -> [frame][pixel], the mean over channels."""
    grey = pixels.float().mean(0).round().to(torch.int64)
    return grey.reshape(-1, pixels.shape[-2] * pixels.shape[-1]).tolist()


def _chosen(weights: Tensor, frame_size: int) -> int:
    """The position of the last frame, [N, N] weights given, whose largest weight is largest."""
    first = len(weights) - frame_size
    return first + int(weights[first:].abs().amax(-1).argmax())
