"""How this process uses the machine: settings that make CPU training several times faster."""

import contextlib
import ctypes
import gc
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEEP = 1 << 30


def tune_runtime() -> None:
    """Let idle threads sleep and let the allocator keep freed memory; call it before torch is imported.

    - OpenMP threads that spin while they wait starve each other when the cores are shared: on a busy two-core machine
      a training step took three to five times longer (docs/results/inference.md). A setting of the user's wins.
    - glibc returns large blocks to the system as soon as they are freed, so every large tensor is mapped, and its
      pages zeroed, anew: element-wise work ran at 7 GB/s, and at 40 to 80 GB/s with the blocks kept (DESIGN 7).

    Does nothing where it cannot (other systems, other C libraries). The command calls it at its start.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if not sys.platform.startswith("linux"):
        return
    try:
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_MMAP_THRESHOLD, KEEP)
        libc.mallopt(M_TRIM_THRESHOLD, KEEP)
    except (OSError, AttributeError):  # no glibc
        return


def release_memory() -> None:
    """Give freed memory back to the system, so that a measurement of the peak starts low."""
    gc.collect()
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL("libc.so.6").malloc_trim(0)
