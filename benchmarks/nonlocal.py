"""Non-local blocks against mmcv-lite's: the same weights and input, in turn.

A training step (forward and backward) of a block on 32 x 32 positions of 64 channels, batch 8, with batch normalisation
behind W_z. Each contest first checks that both sides give the same numbers. Ratios above 1 are in our favour. --growth
adds how time and memory of each form grow with the number of positions.
"""

from harness import Contest, arguments, begin, compare, finish, passes, peak_bytes, seconds  # isort: skip

import statistics
import time
import warnings

import harness
import torch
from torch import Tensor, nn

from edgewise.nn import NonLocalBlock
from edgewise.nn.mmcv_weights import non_local_from_mmcv
from edgewise.nn.non_local import Pairwise

with warnings.catch_warnings():  # its imports use what torch deprecates
    warnings.simplefilter("ignore")
    from mmcv.cnn.bricks.non_local import NonLocal2d

CHANNELS, BATCH, SIDE = 64, 8, 32
ASKED = {"dot": 6.0, "embedded_gaussian": 1.5, "concatenation": 6.0}
MOST_ROUNDS = {"concatenation": 3}
"""A step of mmcv's concatenation takes seconds and gigabytes."""


class Mended(NonLocal2d):
    """mmcv's block with a concatenation that can be trained: theirs divides in place what ReLU's gradient needs."""

    def concatenation(self, theta_x: Tensor, phi_x: Tensor) -> Tensor:
        n, m = theta_x.size(2), phi_x.size(3)
        pairs = torch.cat([theta_x.repeat(1, 1, 1, m), phi_x.repeat(1, 1, n, 1)], dim=1)
        return self.concat_project(pairs)[:, 0] / m


def theirs_of(pairwise: Pairwise) -> nn.Module:
    """With its defaults; weights of ordinary size, since zeros would hide a difference."""
    mode = {"dot": "dot_product"}.get(pairwise, pairwise)
    block = Mended(CHANNELS, mode=mode, norm_cfg={"type": "BN"})
    for parameter in block.parameters():
        nn.init.normal_(parameter, std=0.1)
    return block


def ours_like(theirs: nn.Module, pairwise: Pairwise) -> NonLocalBlock:
    scaled = "scaled_softmax" if pairwise == "embedded_gaussian" else None  # mmcv's use_scale
    block = NonLocalBlock(CHANNELS, pairwise=pairwise, normalisation=scaled)
    block.load_state_dict(non_local_from_mmcv(theirs.state_dict()))
    return block


def given(side: int, batch: int = BATCH) -> Tensor:
    draw = torch.Generator().manual_seed(1)
    return torch.randn(batch, CHANNELS, side, side, generator=draw).requires_grad_()


def contest(pairwise: Pairwise) -> Contest:
    theirs = theirs_of(pairwise)
    ours = ours_like(theirs, pairwise)
    return Contest(
        f"{pairwise}, {SIDE} x {SIDE} x {CHANNELS}, batch {BATCH}",
        "mmcv-lite's NonLocal2d",
        passes(ours, [given(SIDE)], list(ours.parameters())),
        passes(theirs, [given(SIDE)], list(theirs.parameters())),
        ASKED.get(pairwise, 0.0),
    )


def growth(repeats: int) -> None:
    print("\ngrowth: one image of 64 channels, forward and backward; an average position")
    for pairwise in ("dot", "concatenation", "embedded_gaussian"):
        for side in (32, 64, 128):
            block = NonLocalBlock(CHANNELS, pairwise=pairwise)
            run = passes(block, [given(side, 1)], list(block.parameters()))
            run()
            spent = statistics.median(seconds(run) for _ in range(repeats))
            positions = side * side
            print(
                f"{pairwise:<18} {positions:>6} positions  {spent / positions * 1e6:8.2f} us  "
                f"{peak_bytes(run) / positions / 1024:8.1f} KiB",
                flush=True,
            )


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="threads of torch, in turn")
    parser.add_argument("--cpu-time", action="store_true", help="time of the process, for a busy machine")
    asked = parser.parse_args()
    harness.clock = time.process_time if asked.cpu_time else time.perf_counter
    begin(", mmcv-lite")
    names: tuple[Pairwise, ...] = ("gaussian", "embedded_gaussian", "dot", "concatenation")
    rows = []
    for n_threads in asked.threads:
        torch.set_num_threads(n_threads)
        for pairwise in names:
            if asked.only in pairwise:
                pair = contest(pairwise)
                pair.check()
                repeats = min(asked.repeats, MOST_ROUNDS.get(pairwise, asked.repeats))
                rows.append(compare(pair, repeats, f"{n_threads} thread{'s' * (n_threads > 1)}"))
    if asked.growth:
        growth(min(asked.repeats, 3))
    finish(rows, asked.json)


if __name__ == "__main__":
    main()
