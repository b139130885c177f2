"""edgewise doctor"""

import os
import platform
import shutil
import time
from importlib.metadata import version
from typing import Annotated, Any

from cyclopts import Parameter

from edgewise.cli.out import print_json

PACKAGES = (
    "torch",
    "accelerate",
    "numpy",
    "xarray",
    "pandas",
    "zarr",
    "h5netcdf",
    "scikit-learn",
    "networkx",
)


def doctor(*, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Check the installation and say how fast this machine is.

    Args:
        json: print one JSON object on stdout.
    """
    found: dict[str, Any] = {
        "edgewise": version("edgewise"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "packages": {name: version(name) for name in PACKAGES},
        "threads wait": os.environ.get("OMP_WAIT_POLICY", "spinning"),
        "chromium (browser tests)": shutil.which("chromium")
        or shutil.which("chromium-browser")
        or "not found",
        "torch devices": _devices(),
        "matrix product, GFLOP/s": _gflops(),
        "step of a small law, ms": _step_ms(),
    }
    if json:
        print_json(found)
        return
    for name, value in found.items():
        shown = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
        print(f"{name:<26} {shown}")


def _devices() -> str:
    import torch

    more = f", {torch.cuda.device_count()} CUDA" if torch.cuda.is_available() else ""
    return f"cpu ({torch.get_num_threads()} threads){more}"


def _gflops() -> float:
    """fp32 matrix product of 1024 x 1024, the best of five."""
    import torch

    a = torch.randn(1024, 1024)
    return round(2 * 1024**3 / _best(lambda: a @ a) / 1e9, 1)


def _step_ms() -> float:
    """Forward and backward of an MLP on 40 000 pairs, about what a step of the demo costs; the best of five."""
    import torch

    from edgewise.nn import PairMLP
    from edgewise.relation import Complete

    relation, law = Complete(5, loops=False), PairMLP((64, 64, 4), edge_dim=9)
    pairs = torch.randn(2000, 5, 4, 9)
    return round(1e3 * _best(lambda: law(relation, edges=pairs).square().mean().backward()), 1)


def _best(work: Any) -> float:
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
