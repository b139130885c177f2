"""A small residual network for images and videos, with or without non-local blocks (Wang et al. 2018, section 4)."""

import torch
from torch import Tensor, nn

from edgewise.nn.non_local import NonLocalBlock, Normalisation, Pairwise

CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
NORMALISATION = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
FRAMES_TOGETHER = 5
"""Frames that a position sees without non-local blocks: two convolutions reach one frame back and ahead each."""
LAYOUT = {2: torch.channels_last, 3: torch.channels_last_3d}
"""How features lie in memory: channels last, with which convolutions of few channels are faster on a CPU."""


class ResidualBlock(nn.Module):
    """relu(x + BN(conv(relu(BN(conv(x)))))), two convolutions of 3 x 3 (He et al. 2016, section 3.3).

    In a video the first may reach one frame back and ahead, the second never does. Where the sizes differ, x passes a
    convolution of 1 x 1.

    Args:
        dims: 2 for images, 3 for videos; in_channels, channels: before and after.
        stride: of the first convolution, in height and width; across_frames: whether it reaches the next frames.

    Shapes: x [batch, in_channels, *grid] -> [batch, channels, *grid / stride].
    """

    def __init__(
        self, dims: int, in_channels: int, channels: int, *, stride: int, across_frames: bool
    ) -> None:
        super().__init__()
        self.first = convolution(dims, in_channels, channels, stride=stride, across_frames=across_frames)
        self.second = convolution(dims, channels, channels, stride=1, across_frames=False)
        self.norms = nn.ModuleList([NORMALISATION[dims](channels) for _ in range(2)])
        same = in_channels == channels and stride == 1
        strides = (1,) * (dims - 2) + (stride, stride)
        self.short = (
            nn.Identity() if same else CONVOLUTION[dims](in_channels, channels, 1, strides, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        inner = self.norms[0](self.first(x)).relu()
        return (self.short(x) + self.norms[1](self.second(inner))).relu()


class NonLocalNet(nn.Module):
    """A residual network with non-local blocks between its stages.

        stem       convolution 3 x 3 to `channels`, batch normalisation, ReLU
        stage 1    residual block to 2 `channels`, half the height and width
                   a non-local block, if `blocks` is 1 or 2
        stage 2    residual block
                   a non-local block, if `blocks` is 2
        head       mean over all positions, linear

    In a video the stem and the first convolution of stage 1 reach one frame back and ahead, nothing behind them does.
    So without blocks every position sees `FRAMES_TOGETHER` = 5 frames, and the mean over positions adds up what is seen
    by each: what only frames further apart tell together, it cannot know. A block starts as the identity, so that with
    equal weights the network with blocks and the one without give the same.

    Args:
        in_channels: of the pictures; n_classes: logits; dims: 2 for images, 3 for videos.
        channels: after the stem; stem_stride: its stride in height and width.
        blocks: 0, 1 or 2; pairwise, normalisation: of them, see `edgewise.nn.non_local.pairwise`.

    Shapes: x [batch, in_channels, *grid] -> logits [batch, n_classes].
    """

    def __init__(
        self,
        in_channels: int,
        n_classes: int,
        *,
        dims: int,
        channels: int = 16,
        stem_stride: int = 1,
        blocks: int = 1,
        pairwise: Pairwise = "embedded_gaussian",
        normalisation: Normalisation | None = None,
    ) -> None:
        super().__init__()
        wide, self.layout = 2 * channels, LAYOUT[dims]
        self.stem = nn.Sequential(
            convolution(dims, in_channels, channels, stride=stem_stride, across_frames=True),
            NORMALISATION[dims](channels),
            nn.ReLU(),
        )
        self.stages = nn.ModuleList(
            [
                ResidualBlock(dims, channels, wide, stride=2, across_frames=True),
                ResidualBlock(dims, wide, wide, stride=1, across_frames=False),
            ]
        )
        self.head = nn.Linear(wide, n_classes)
        # Last, so that the same seed gives the other parts the same weights with any number of blocks.
        self.blocks = nn.ModuleList(
            [NonLocalBlock(wide, dims, pairwise=pairwise, normalisation=normalisation) for _ in range(blocks)]
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self._stem(x)
        for place, stage in enumerate(self.stages):
            x = stage(x)
            if place < len(self.blocks):
                x = self.blocks[place](x)
        return self.head(x.flatten(2).mean(-1))

    def before_first_block(self, x: Tensor) -> Tensor:
        """What the first non-local block reads: [batch, 2 channels, *grid]."""
        return self.stages[0](self._stem(x))

    def _stem(self, x: Tensor) -> Tensor:
        return self.stem(x).contiguous(memory_format=self.layout)


def convolution(dims: int, in_channels: int, channels: int, *, stride: int, across_frames: bool) -> nn.Module:
    """3 x 3 in height and width, padded with zeros, without bias; over three frames or one."""
    sizes = (3 if across_frames else 1,) * (dims - 2) + (3, 3)
    strides = (1,) * (dims - 2) + (stride, stride)
    padding = tuple(size // 2 for size in sizes)
    return CONVOLUTION[dims](in_channels, channels, sizes, strides, padding, bias=False)
