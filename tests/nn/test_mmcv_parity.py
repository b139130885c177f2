"""The same weights on the same grid give the same numbers and gradients as mmcv's non-local blocks."""

import warnings

import pytest
import torch
from torch import nn

from edgewise.errors import ConfigError
from edgewise.nn import NonLocalBlock
from edgewise.nn.mmcv_weights import non_local_from_mmcv
from edgewise.nn.non_local import softmax

with warnings.catch_warnings():  # its imports use what torch deprecates
    warnings.simplefilter("ignore")
    pytest.importorskip("mmcv.cnn", reason="mmcv-lite is not installed")
    from mmcv.cnn.bricks.non_local import NonLocal1d, NonLocal2d, NonLocal3d

C = 6
BLOCKS = {1: (NonLocal1d, (10,), 2), 2: (NonLocal2d, (4, 6), 2), 3: (NonLocal3d, (3, 4, 2), (1, 2, 2))}
MODES = {
    "gaussian": ("gaussian", "softmax", {}),
    "embedded_gaussian": ("embedded_gaussian", "scaled_softmax", {}),
    "embedded_gaussian, unscaled": ("embedded_gaussian", "softmax", {"use_scale": False}),
    "dot_product": ("dot", "mean", {}),
    "concatenation": ("concatenation", "mean", {}),
}
every_mode = pytest.mark.parametrize("mode", MODES)
every_dimension = pytest.mark.parametrize("dims", [1, 2, 3])
every_pool = pytest.mark.parametrize("pooled", [False, True], ids=["all", "pooled"])
every_norm = pytest.mark.parametrize("normalised", [False, True], ids=["no norm", "batch norm"])


def both(mode, dims, pooled, normalised):
    """mmcv's block with weights of ordinary size, and ours with the same."""
    torch.manual_seed(0)
    kind, _, window = BLOCKS[dims]
    pairwise, normalisation, options = MODES[mode]
    norm = {"type": f"BN{dims}d"} if normalised else None
    theirs = kind(C, sub_sample=pooled, norm_cfg=norm, mode=mode.partition(",")[0], **options).double()
    for parameter in theirs.parameters():
        nn.init.normal_(parameter, std=0.5)
    ours = NonLocalBlock(
        C,
        dims,
        pairwise=pairwise,
        normalisation=normalisation,
        pool=window if pooled else None,
        batch_norm=normalised,
    ).double()
    ours.load_state_dict(non_local_from_mmcv(theirs.state_dict()))
    return ours, theirs


def given(dims):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, C, *BLOCKS[dims][1], dtype=torch.float64, generator=generator)


@every_mode
@every_dimension
@every_pool
@every_norm
def test_the_same_weights_give_the_same_numbers_and_gradients(mode, dims, pooled, normalised, monkeypatch):
    monkeypatch.setattr(softmax, "LEAST_PAIRS", 0)
    ours, theirs = both(mode, dims, pooled, normalised)
    x = given(dims).requires_grad_()
    out, expected = ours(x), theirs(x)
    torch.testing.assert_close(out, expected, rtol=1e-10, atol=1e-10)
    if mode == "concatenation":
        return  # mmcv 2.2 divides in place what the gradient of its ReLU needs, so it has none
    names, parameters = zip(*theirs.named_parameters(), strict=True)
    grad = torch.randn(expected.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    to_x, *wanted = torch.autograd.grad(expected, [x, *parameters], grad)
    buffers = {name: value for name, value in theirs.state_dict().items() if name not in names}
    wanted = non_local_from_mmcv(dict(zip(names, wanted, strict=True)) | buffers)
    own_names, own = zip(*ours.named_parameters(), strict=True)
    own_to_x, *found = torch.autograd.grad(out, [x, *own], grad)
    torch.testing.assert_close(own_to_x, to_x, rtol=1e-9, atol=1e-9)
    for name, value in zip(own_names, found, strict=True):
        torch.testing.assert_close(value, wanted[name], rtol=1e-9, atol=1e-9)


@every_mode
def test_running_statistics_are_the_same_after_training_steps(mode):
    ours, theirs = both(mode, 2, False, True)
    x = given(2)
    for module in (ours, theirs):
        for step in range(3):
            module(x + step)
        module.eval()
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-10, atol=1e-10)


def test_mmcvs_concatenation_still_has_no_gradient():
    """When this fails, mmcv has mended it: compare gradients above, and drop `Mended` of benchmarks/nonlocal.py."""
    _, theirs = both("concatenation", 1, False, False)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        theirs(given(1).requires_grad_()).sum().backward()


def test_weights_that_are_not_a_non_local_blocks_are_refused():
    _, theirs = both("embedded_gaussian", 2, False, True)
    state = theirs.state_dict()
    with pytest.raises(ConfigError, match=r"mmcv's non-local block have no theta\.conv\.bias"):
        non_local_from_mmcv({key: value for key, value in state.items() if key != "theta.conv.bias"})
    with pytest.raises(ConfigError, match=r"unexpected other\.weight"):
        non_local_from_mmcv(state | {"other.weight": torch.zeros(1)})
