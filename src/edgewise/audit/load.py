"""The module that a command names: package.module:factory."""

import importlib
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from edgewise.audit.axes import Axes
from edgewise.audit.sharing import GROWN
from edgewise.errors import ConfigError

EXPECTED = "package.module:factory, where calling factory gives a torch.nn.Module, or a run folder"


@dataclass(frozen=True, eq=False)
class Named:
    """A module and what made it.

    Attributes:
        module: to be audited; factory: what made it, None for a module that was there.
    """

    module: nn.Module
    factory: Callable[..., nn.Module] | None


def load_module(name: str, axes: Axes, *, seed: int = 0) -> Named:
    """Import and call a factory; the current folder can be imported from.

    A module is taken as it is; a class or function is called without arguments, or, where it asks for them, with sizes
    of the axes (`entities` or `n`, `steps`, `grid`, `features`). Torch's generator is set to the seed before.

    Raises:
        ConfigError: for what cannot be imported or called, or gives no module.
    """
    path, _, attribute = name.partition(":")
    if not path or not attribute:
        raise ConfigError(f"{name} names no factory", expected=EXPECTED, fix="e.g. my_models:make_net")
    value: Any = _imported(name, path)
    for part in attribute.split("."):
        if not hasattr(value, part):
            there = (
                [each for each in vars(value) if not each.startswith("_")]
                if hasattr(value, "__dict__")
                else []
            )
            raise ConfigError(
                f"{path} has no {attribute}",
                expected=f"one of {', '.join(sorted(there)[:12])}" if there else EXPECTED,
                fix="check the name behind the colon",
            )
        value = getattr(value, part)
    if isinstance(value, nn.Module):
        return Named(value, None)
    if not callable(value):
        raise ConfigError(f"{name} is of the type {type(value).__name__}", expected=EXPECTED)
    factory: Callable[..., Any] = value
    return Named(_made(name, factory, axes, seed), factory)


def _imported(name: str, path: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return importlib.import_module(path)
    except Exception as error:  # a stranger's module may raise anything
        raise ConfigError(
            f"{name}: {path} cannot be imported: {type(error).__name__}: {error}",
            expected=EXPECTED,
            fix="run the command in the folder that holds the package, or install the package beside edgewise",
        ) from error


def _made(name: str, factory: Callable[..., Any], axes: Axes, seed: int) -> nn.Module:
    sizes = {argument: getattr(axes, axis) for axis, arguments in GROWN.items() for argument in arguments}
    sizes["features"] = axes.features
    asked = _required(factory)
    unknown = [argument for argument in asked if sizes.get(argument) is None]
    if unknown:
        raise ConfigError(
            f"{name} asks for {', '.join(unknown)}",
            expected="no arguments, or sizes of the input: entities (or n), steps, grid, features",
            fix="write a function without arguments that returns the module, and name that",
        )
    torch.manual_seed(seed)
    try:
        module = factory(**{argument: sizes[argument] for argument in asked})
    except Exception as error:  # a stranger's factory may raise anything
        raise ConfigError(
            f"{name} raised {type(error).__name__}: {error}",
            expected="a torch.nn.Module",
            fix="check the factory",
        ) from error
    if not isinstance(module, nn.Module):
        raise ConfigError(f"{name} gave a {type(module).__name__}", expected="a torch.nn.Module")
    return module


def _required(factory: Callable[..., Any]) -> list[str]:
    try:
        known = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in known if p.default is p.empty and p.kind not in kinds]
