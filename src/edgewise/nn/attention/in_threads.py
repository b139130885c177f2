"""Independent parts of a computation, each in a thread of its own.

Operations that are short, one after another, lose much of what a second core gives to meeting at the end of each; parts
that need nothing of each other meet once.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from threading import Barrier
from typing import TypeVar

import torch

Part = TypeVar("Part")
Result = TypeVar("Result")


@lru_cache(maxsize=1)
def _pool(n_threads: int) -> ThreadPoolExecutor:
    """Threads in which torch takes one thread an operation.

    torch keeps that number for each thread; a thread takes at its first question the last one set anywhere. So all of
    the pool start here, ask, and set their own, and that last number is then set back for everybody else.
    """
    pool, all_there = ThreadPoolExecutor(n_threads, "edgewise-parts"), Barrier(n_threads)

    def start(_: int) -> None:
        torch.get_num_threads()
        torch.set_num_threads(1)
        all_there.wait()

    list(pool.map(start, range(n_threads)))
    torch.set_num_threads(n_threads)
    return pool


os.register_at_fork(after_in_child=_pool.cache_clear)


def in_threads(work: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
    """work(part) of each part, in order, without gradients; the results do not depend on the number of threads.

    With fewer parts than threads, one part comes after another, with all threads on each operation.
    """

    def without_gradients(part: Part) -> Result:
        with torch.no_grad():
            return work(part)

    n_threads = torch.get_num_threads()
    if n_threads == 1 or len(parts) < n_threads:
        return [without_gradients(part) for part in parts]
    return list(_pool(n_threads).map(without_gradients, parts))
