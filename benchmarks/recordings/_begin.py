"""How every script here begins: its flags, and the line that says on what it runs."""

import argparse
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from edgewise.runtime import tune_runtime


def arguments(about: str | None, *, seeds: int, threads: int) -> argparse.ArgumentParser:
    """The flags that the scripts share."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--threads", type=int, default=threads)
    parser.add_argument("--out", type=Path, help="write the picture here")
    return parser


def begin(parser: argparse.ArgumentParser, data: Path, threads: int) -> None:
    """Set the threads and say on what this runs; end with a word where the recordings are not there."""
    if not data.exists():
        parser.exit(1, f"the recordings are not here: {data}\n")
    tune_runtime()
    import torch

    torch.set_num_threads(threads)
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {threads} thread{'s' * (threads > 1)}, Python"
        f" {platform.python_version()}, torch {torch.__version__}\n"
    )
