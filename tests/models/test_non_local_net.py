"""A residual network with non-local blocks: what it is without them, and what each of its positions sees."""

import pytest
import torch
from torch import nn

from edgewise.models.non_local_net import FRAMES_TOGETHER, NonLocalNet, ResidualBlock

VIDEO = (2, 1, 12, 12, 12)


def open_up(net: NonLocalNet) -> NonLocalNet:
    """Let the blocks do something: they start as the identity."""
    for block in net.blocks:
        nn.init.constant_(block.norm.weight, 1.0)
    return net.eval()


@pytest.mark.parametrize(("dims", "shape"), [(2, (2, 3, 9, 11)), (3, (2, 1, 4, 8, 8))])
@pytest.mark.parametrize("blocks", [0, 1, 2])
@pytest.mark.parametrize("stem_stride", [1, 2])
def test_pictures_become_logits(dims, shape, blocks, stem_stride):
    net = NonLocalNet(shape[1], 5, dims=dims, channels=4, blocks=blocks, stem_stride=stem_stride)
    x = torch.rand(shape)
    assert net(x).shape == (2, 5)
    across = [-(-size // (2 * stem_stride)) for size in shape[-2:]]
    assert net.before_first_block(x).shape == (2, 8, *shape[2:-2], *across)


@pytest.mark.parametrize("blocks", [1, 2])
def test_at_the_start_blocks_change_nothing(blocks):
    x = torch.rand(VIDEO)
    torch.manual_seed(3)
    plain = NonLocalNet(1, 2, dims=3, channels=4, blocks=0)
    torch.manual_seed(3)
    net = NonLocalNet(1, 2, dims=3, channels=4, blocks=blocks)
    weights = net.state_dict()
    assert all(torch.equal(tensor, weights[name]) for name, tensor in plain.state_dict().items())
    assert torch.equal(net(x), plain(x))
    assert not torch.allclose(open_up(net)(x), plain.eval()(x))


def influence(net: NonLocalNet, frame: int) -> list[int]:
    """The frames of a video by which the positions of one frame, before the mean, are changed."""
    x = torch.rand(VIDEO, requires_grad=True)
    features = net.before_first_block(x)
    if net.blocks:
        features = net.blocks[0](features)
    features = net.stages[1](features)
    (grad,) = torch.autograd.grad(features[:, :, frame].square().sum(), x)
    return grad.abs().amax((0, 1, 3, 4)).nonzero().flatten().tolist()


def test_without_blocks_a_position_sees_five_frames_and_with_one_all():
    torch.manual_seed(0)
    plain = NonLocalNet(1, 2, dims=3, channels=4, blocks=0).eval()
    assert influence(plain, 6) == [4, 5, 6, 7, 8]
    assert len(influence(plain, 6)) == FRAMES_TOGETHER
    assert influence(open_up(NonLocalNet(1, 2, dims=3, channels=4, blocks=1)), 6) == list(range(12))


@torch.no_grad()
def test_without_blocks_far_parts_of_a_video_only_add_up():
    """f(early, late) - f(early, dark) - f(dark, late) + f(dark, dark) = 0, where no position sees both."""
    torch.manual_seed(0)
    early, late = torch.rand(VIDEO).double(), torch.rand(VIDEO).double()
    early[:, :, 4:], late[:, :, :8] = 0, 0
    dark = torch.zeros_like(early)

    def together(net: NonLocalNet) -> float:
        net = net.double()
        return float((net(early + late) - net(early) - net(late) + net(dark)).abs().max())

    assert together(NonLocalNet(1, 2, dims=3, channels=4, blocks=0).eval()) < 1e-12
    assert together(open_up(NonLocalNet(1, 2, dims=3, channels=4, blocks=1))) > 1e-6


def test_a_residual_block_is_its_formula():
    torch.manual_seed(1)
    block = ResidualBlock(2, 3, 6, stride=2, across_frames=False).eval()
    x = torch.rand(2, 3, 8, 8)
    inner = block.norms[0](nn.functional.conv2d(x, block.first.weight, stride=2, padding=1)).relu()
    inner = block.norms[1](nn.functional.conv2d(inner, block.second.weight, padding=1))
    short = nn.functional.conv2d(x, block.short.weight, stride=2)
    assert torch.allclose(block(x), (short + inner).relu(), atol=1e-6)
    assert isinstance(ResidualBlock(2, 3, 3, stride=1, across_frames=False).short, nn.Identity)


def test_gradients_reach_every_weight():
    net = NonLocalNet(1, 3, dims=3, channels=4, blocks=2, pairwise="dot")
    for block in net.blocks:
        nn.init.constant_(block.norm.weight, 0.5)
    net(torch.rand(VIDEO)).square().sum().backward()
    assert all(weight.grad is not None for weight in net.parameters())
