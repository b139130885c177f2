"""Products of matrices by oneDNN, which is twice as fast as MKL in float32 where the processor is not Intel's."""

import torch
from torch import Tensor

ONE_DNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
"""Whether torch offers the product that its own compiler uses for linear layers on a CPU."""


def times_transposed(left: Tensor, right: Tensor) -> Tensor:
    """left right^T, without a gradient of its own.

    MKL, which torch's matrix product calls, does not use AVX-512 on AMD's processors. oneDNN does: with torch 2.13 on
    one core of an EPYC, [1024, 32] by [32, 1024] takes 0.31 ms in place of 0.69 ms. It is slow where the rows of `left`
    are not contiguous.

    Shapes: left [n, k], right [m, k] -> [n, m].
    """
    if ONE_DNN and left.dtype == torch.float32 and left.device.type == "cpu":
        return torch.ops.mkldnn._linear_pointwise(left, right, None, "none", [], "")
    return left @ right.T
