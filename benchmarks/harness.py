"""What the comparisons of layers share: turns in one process, medians of ratios, peak memory beside time.

Import it before torch: it sets the allocator for both sides.
"""

import edgewise
import edgewise.runtime

edgewise.tune_runtime()

import argparse  # noqa: E402
import gc  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import statistics  # noqa: E402
import threading  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Sequence  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402

import psutil  # noqa: E402
import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

THREADS = 2
Pass = Callable[[], list[Tensor]]
"""What is timed; gives what both sides must agree on, of `passes` the result and the gradients of the inputs."""
Row = dict[str, object]
clock: Callable[[], float] = time.perf_counter
"""What times a pass; `time.process_time` leaves out what other programs take."""


@dataclass(frozen=True)
class Contest:
    """Ours and theirs.

    Args:
        asked, asked_memory: how many times faster, and which part of the memory, 0 where nothing is asked.
        same: whether both sides compute the same function.
    """

    name: str
    against: str
    ours: Pass
    theirs: Pass
    asked: float = 0.0
    asked_memory: float = 0.0
    same: bool = True

    def check(self) -> None:
        if self.same:
            torch.testing.assert_close(self.ours(), self.theirs(), rtol=2e-3, atol=2e-3)


def seconds(run: Pass) -> float:
    gc.disable()
    begin = clock()
    run()
    spent = clock() - begin
    gc.enable()
    return spent


def peak_bytes(run: Pass) -> int:
    """How far the resident set grows during a pass, with everything freed returned to the system before it."""
    edgewise.runtime.release_memory()
    process, top, done = psutil.Process(), 0, threading.Event()
    before = process.memory_info().rss

    def watch() -> None:
        nonlocal top
        while not done.is_set():
            top = max(top, process.memory_info().rss)
            time.sleep(0.0005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    run()
    done.set()
    watcher.join()
    return max(top - before, 1)


def passes(module: Callable[..., Tensor], inputs: list[Tensor], parameters: list[nn.Parameter]) -> Pass:
    """Forward and backward with a fixed gradient; inputs and parameters get theirs."""
    fixed: list[Tensor] = []

    def run() -> list[Tensor]:
        for tensor in (*inputs, *parameters):
            tensor.grad = None
        out = module(*inputs)
        if not fixed:
            fixed.append(torch.randn(out.shape, generator=torch.Generator().manual_seed(9)))
        out.backward(fixed[0])
        return [out.detach(), *(x.grad for x in inputs if x.grad is not None)]

    return run


def compare(contest: Contest, repeats: int, kind: str = "") -> Row:
    """Time both sides in turn, then take the peak memory of each; print and return a row."""
    for run in (contest.ours, contest.theirs):
        run()
    times = [(seconds(contest.ours), seconds(contest.theirs)) for _ in range(repeats)]
    ours_bytes, theirs_bytes = peak_bytes(contest.ours), peak_bytes(contest.theirs)
    memory = theirs_bytes / ours_bytes
    ratios = sorted(theirs / ours for ours, theirs in times)
    ours, theirs = (statistics.median(column) * 1e3 for column in zip(*times, strict=True))
    name = contest.name + (f", {kind}" if kind else "")
    asked = f"; asked {contest.asked:g}" if contest.asked else ""
    asked_memory = f" (asked 1/{contest.asked_memory:g})" if contest.asked_memory else ""
    print(
        f"{name:<62} {ours:8.1f} ms  {contest.against:<26} {theirs:8.1f} ms   "
        f"{statistics.median(ratios):5.2f} times faster ({ratios[0]:.2f} to {ratios[-1]:.2f}{asked})   "
        f"1/{memory:.2f} of the memory{asked_memory}, {ours_bytes / 1e6:.0f} and {theirs_bytes / 1e6:.0f} MB",
        flush=True,
    )
    return {
        "name": name,
        "against": contest.against,
        "ratio": statistics.median(ratios),
        "memory_ratio": memory,
        "spread": [ratios[0], ratios[-1]],
    }


def arguments(about: str) -> argparse.ArgumentParser:
    """The options that every comparison has."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=11, help="rounds; ratios are medians over them")
    parser.add_argument("--only", default="", help="only contests whose name holds this text")
    parser.add_argument("--growth", action="store_true", help="measure how time and memory grow as well")
    parser.add_argument(
        "--json", type=Path, help="write rows {name, against, ratio, memory_ratio, spread} here"
    )
    return parser


def begin(also: str = "") -> None:
    """Set threads and seed, and say on what this runs."""
    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    print(f"torch {torch.__version__}{also}, {THREADS} threads of {os.cpu_count()} cores, fp32")


def finish(rows: Sequence[Row], path: Path | None) -> None:
    if path:
        path.write_text(json.dumps(list(rows), indent=2) + "\n")
