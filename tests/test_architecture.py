"""The directions of the house: which room may import which, and how little a command loads."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "src" / "edgewise"

BELOW = {
    "errors": set(),
    "hub": set(),
    "settings": set(),
    "folders": set(),
    "runtime": set(),
    "tokens": set(),
    "relation": set(),
    "graph": {"relation"},
    "nn": {"relation", "graph"},
    "physics": {"relation", "graph"},
    "data": {"relation", "graph"},
    "training": {"relation", "graph"},
    "rollouts": {"physics", "data"},
    "models": {"relation", "graph", "nn"},
    "inference": {"relation", "graph", "nn", "models", "physics", "data", "training", "rollouts", "report"},
    "tasks": {"relation", "graph", "nn", "models", "physics", "data", "training", "rollouts", "report"},
    "audit": {"relation", "graph", "nn", "models", "physics", "data", "training", "inference", "tasks"},
    "report": set(),
}
"""What each room may import, beside itself and the `LEAVES`. `cli` and the package itself may name everything;
the others may ask the package for its version only, since its names load rooms. `report` is a leaf that reads saved
records, so that a result may call it (`Inference.report`) without a circle."""

LEAVES = {"errors", "settings", "folders", "hub", "tokens"}
"""Modules that everybody may import; they import `errors` at most."""
FREE = {"cli", "__init__", "__main__"}
REPORT_REFUSES = {"torch", "pandas"}


def room(module: str) -> str:
    """`edgewise.nn.blocks` -> `nn`; the package itself -> `__init__`."""
    _, _, inside = module.partition(".")
    return inside.split(".")[0] if inside else "__init__"


def name_of(path: Path, package: Path = PACKAGE) -> str:
    parts = path.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, package: Path = PACKAGE) -> set[tuple[str, int]]:
    """Every module that a file imports, at its top, in functions or for type checking, and on which line."""
    name = name_of(path, package).split(".")
    here = name if path.name == "__init__.py" else name[:-1]  # what one dot means
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            source = ".".join([*base, node.module] if node.module else base)
            names = [f"{source}.{alias.name}" for alias in node.names] if source == package.name else [source]
            found.update((target, node.lineno) for target in names)
    return found


def violations(package: Path = PACKAGE) -> list[str]:
    """Imports against the directions, one line each."""
    wrong = []
    for path in sorted(package.rglob("*.py")):
        module = name_of(path, package)
        if room(module) in FREE:
            continue
        allowed = BELOW.get(room(module))
        if allowed is None:
            wrong.append(f"{module}: room {room(module)!r} is not in the table of {Path(__file__).name}")
            continue
        for target, line in sorted(imported(path, package)):
            top, inside = target.split(".")[0], room(target)
            if top == package.name:
                refused = inside not in allowed | LEAVES | {room(module), "__version__"}
            else:
                refused = room(module) == "report" and top in REPORT_REFUSES
            if refused:
                wrong.append(f"{module}:{line} imports {target}")
    return wrong


def test_imports_point_one_way():
    assert violations() == []


@pytest.mark.parametrize(
    ("path", "line", "refused"),
    [
        ("relation/complete.py", "from edgewise.graph import Graph", True),
        ("relation/complete.py", "from edgewise import nn", True),
        ("relation/complete.py", "from ..nn import blocks", True),
        ("relation/complete.py", "from .band import Band", False),
        ("relation/complete.py", "def f():\n    import edgewise.nn.blocks", True),
        ("graph.py", "from .relation import Relation", False),
        ("graph.py", "from .nn import blocks", True),
        ("nn/attention/score.py", "from ...models import gat", True),
        ("nn/attention/score.py", "from ...graph import Graph", False),
        (
            "physics/springs.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from edgewise import data",
            True,
        ),
        ("data/schema.py", "from edgewise.errors import DataError", False),
        ("inference/law.py", "from edgewise.cli import main", True),
        ("inference/law.py", "from edgewise import __version__", False),
        ("report/page.py", "import pandas as pd", True),
        ("report/page.py", "from torch.nn import Linear", True),
        ("report/page.py", "from edgewise.inference.result import Inference", True),
        ("report/page.py", "from edgewise import Inference", True),
        ("report/page.py", "import edgewise", True),
        ("report/page.py", "import jinja2", False),
        ("__main__.py", "from edgewise.cli import main", False),
        ("cli/fit.py", "import torch, edgewise.inference, edgewise.report", False),
        ("__init__.py", "from edgewise.inference import Inference", False),
        ("settings.py", "from edgewise.errors import ConfigError", False),
        ("settings.py", "from edgewise.data import load", True),
        ("folders.py", "from edgewise.tasks import train", True),
        ("inference/config.py", "from edgewise.settings import require", False),
        ("tasks/citation.py", "from edgewise.models.gcn import GCN", False),
        ("tasks/citation.py", "from edgewise.inference import infer", True),
        ("training/fit.py", "from edgewise.tasks.stopping import Patience", True),
        ("cellar/__init__.py", "", True),
    ],
)
def test_the_check_sees_what_it_must(tmp_path, path, line, refused):
    file = tmp_path / "edgewise" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(line)
    assert bool(violations(tmp_path / "edgewise")) is refused


def test_importing_edgewise_does_not_import_torch():
    code = "import edgewise, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_the_command_answers_without_heavy_imports(option):
    command = [sys.executable, "-X", "importtime", "-m", "edgewise", option]
    answer = subprocess.run(command, check=False, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert answer.stdout.strip()
    loaded = {line.rpartition("|")[2].strip().split(".")[0] for line in answer.stderr.splitlines()}
    assert "edgewise" in loaded
    assert loaded.isdisjoint({"torch", "pandas", "xarray"})
