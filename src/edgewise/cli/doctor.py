"""edgewise doctor"""

import os
import platform
import shutil
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from edgewise.cli.options import Flag
from edgewise.cli.out import print_json
from edgewise.errors import EdgewiseError

PACKAGES = (
    "torch", "accelerate", "safetensors", "numpy", "scipy", "scikit-learn", "xarray", "zarr", "h5netcdf", "h5py",
    "pandas", "pyarrow", "networkx", "cyclopts", "rich", "jinja2", "matplotlib", "tomli-w",
)  # fmt: skip

LABELS = {
    "matrix_product_gflops": "matrix product, GFLOP/s",
    "law_step_ms": "step of a small law, ms",
    "chromium": "chromium (browser tests)",
}


def doctor(*, json: Flag = False) -> None:
    """Check the installation and say how fast this machine is.

    Args:
        json: Print one JSON object on stdout.
    """
    packages = {name: _version(name) for name in PACKAGES}
    missing = [name for name, found in packages.items() if found is None]
    found: dict[str, Any] = {
        "edgewise": _version("edgewise"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads_wait": os.environ.get("OMP_WAIT_POLICY", "spinning"),
        "chromium": shutil.which("chromium") or shutil.which("chromium-browser"),
        "packages": packages,
        "missing": missing,
    }
    if "torch" not in missing:
        found |= {"torch_devices": _devices(), "matrix_product_gflops": _gflops(), "law_step_ms": _step_ms()}
    if json:
        print_json(found)
    else:
        _show(found)
    if missing:
        raise EdgewiseError(
            f"not installed: {', '.join(missing)}",
            expected="all packages that edgewise needs",
            fix="run `make install` in the folder of edgewise, or `pip install edgewise` again",
        )


def _show(found: dict[str, Any]) -> None:
    for name, value in found.items():
        shown = value
        if isinstance(value, dict):
            shown = ", ".join(f"{package} {number or 'missing'}" for package, number in value.items())
        elif isinstance(value, list):
            shown = ", ".join(value) or "nothing"
        print(f"{LABELS.get(name, name.replace('_', ' ')):<26} {'not found' if shown is None else shown}")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _devices() -> str:
    import torch

    threads = torch.get_num_threads()
    more = f", {torch.cuda.device_count()} CUDA" if torch.cuda.is_available() else ""
    return f"cpu ({threads} thread{'s' if threads != 1 else ''}){more}"


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


def _best(work: Callable[[], object]) -> float:
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return min(seconds)
