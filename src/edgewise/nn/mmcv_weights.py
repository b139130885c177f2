"""Weights of mmcv's non-local blocks for ours.

`non_local_from_mmcv` takes the `state_dict()` of mmcv's NonLocal1d, NonLocal2d or NonLocal3d and returns what
`load_state_dict` of `NonLocalBlock` takes. What is called differently:

    mode="dot_product"                pairwise="dot"
    use_scale=True, mmcv's default    normalisation="scaled_softmax" (mmcv scales the embedded Gaussian only)
    sub_sample=True                   pool=2, in 3 dimensions pool=(1, 2, 2)
    norm_cfg={"type": "BN"}           batch_norm=True; without it batch_norm=False
"""

from collections.abc import Mapping

from torch import Tensor

from edgewise.nn.foreign_weights import State, check_keys

NAMES = {
    "g.conv": "value",
    "theta.conv": "attend.score.theta",
    "phi.conv": "attend.score.phi",
    "concat_project.conv": "attend.score.vector",
    "conv_out.conv": "out",
    "conv_out.bn": "norm",
}
"""Parts of mmcv's block, and of ours."""
EMBEDDINGS = {f"{part}.{key}" for part in ("theta.conv", "phi.conv") for key in ("weight", "bias")}
CONCATENATION = {"concat_project.conv.weight"}
BATCH_NORM = {
    f"conv_out.bn.{key}" for key in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
}


def non_local_from_mmcv(state_dict: Mapping[str, Tensor]) -> State:
    """Of NonLocal1d, NonLocal2d or NonLocal3d, any mode, for a `NonLocalBlock` of the same kind.

    Raises:
        ConfigError: for keys that are not its own.
    """
    # With sub_sample, g and phi are sequences of the convolution and the pool.
    state = {key.replace(".0.conv.", ".conv."): value for key, value in state_dict.items()}
    needed = {"g.conv.weight", "g.conv.bias", "conv_out.conv.weight"}
    needed |= EMBEDDINGS if EMBEDDINGS & set(state) else set()
    normalised = bool(BATCH_NORM & set(state))
    needed |= BATCH_NORM if normalised else {"conv_out.conv.bias"}
    check_keys("mmcv's non-local block", state, needed, CONCATENATION)
    ours: State = {}
    for key, value in state.items():
        part, _, kind = key.rpartition(".")
        ours[f"{NAMES[part]}.{kind}"] = value.flatten(1) if value.dim() > 2 else value  # a kernel of size 1
    return ours
