"""Weight sharing: parameters against the connections that they drive, and what more entities cost."""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from torch import nn

from edgewise.audit.axes import Axes
from edgewise.audit.influence import Influence
from edgewise.audit.subject import Given, Subject, drawing_from, everybody, subject_of
from edgewise.errors import ConfigError
from edgewise.relation import Complete, Relation

GROWN = {"entities": ("entities", "n_entities", "n"), "steps": ("steps", "n_steps"), "grid": ("grid",)}
"""The axis that is made larger (the first that the input has), and the arguments of a factory that name its size."""
Growth = Literal["none", "linear", "quadratic", "other"]


@dataclass(frozen=True)
class Sharing:
    """How many connections share how many parameters.

    Attributes:
        parameters: numbers that the module holds as parameters; shared ones count once.
        connections: numbers of the linear map that would have the same pattern of influence and share nothing: blocks
            of the Jacobian that are not 0, times the features of both ends.
        axis: the axis that was made larger.
        sizes: parameters at each size of it, by size.
        growth: how they grow with the size, None where one size was all there is.
        how: "factory" (called with the size), "same module" (ran on other sizes), or "refused".
        message: what the module said when it refused.
    """

    parameters: int
    connections: int
    axis: str
    sizes: dict[int, int]
    growth: Growth | None
    how: Literal["factory", "same module", "refused"]
    message: str = ""

    @property
    def ratio(self) -> float | None:
        """Connections a parameter; above 1 the parameters are shared. None without parameters."""
        return self.connections / self.parameters if self.parameters else None

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "parameters": self.parameters,
            "connections": self.connections,
            "connections_per_parameter": self.ratio,
            "axis": self.axis,
            "parameters_at": {str(size): count for size, count in self.sizes.items()},
            "growth": self.growth,
            "takes_other_sizes": self.how == "same module",
            "how": self.how,
            "message": self.message,
        }


def n_parameters(module: nn.Module) -> int:
    """Numbers in the parameters of a module; shared ones count once."""
    return sum(parameter.numel() for parameter in module.parameters())


def sharing(
    subject: Subject, given: Given, found: Influence, factory: Callable[..., nn.Module] | None = None
) -> Sharing:
    """Count parameters and connections, then at two and four times the size of an axis.

    Args:
        factory: makes the module; where it takes the size as an argument (`GROWN`), it is asked for larger ones, else
            the module itself is run on larger inputs.
    """
    axes = subject.axes
    axis = next(name for name in GROWN if getattr(axes, name) is not None)
    size = axes.entities or axes.steps or (axes.grid or (0,))[0]
    count = n_parameters(subject.module)
    n_out = math.prod(math.prod(sizes) for sizes in found.receivers.values())
    numbers_out = subject(given[0:1]).numel() // n_out
    connections = round(found.there.sum() * n_out / len(found.looked_at)) * axes.features * numbers_out
    about = {"parameters": count, "connections": connections, "axis": axis}
    argument = None if factory is None else _argument(factory, axis)
    if factory is not None and argument is not None:
        made = _counts(factory, argument, axes, axis)
        if made is not None:
            counts = list(made.values())
            return Sharing(**about, sizes=made, growth=growth_of(list(made), counts), how="factory")
    larger = enlarged(axes, axis, 2)
    try:
        relation = _larger_relation(given.relation, larger.entities or larger.n_places)
        subject_of(subject.module, larger, seed=subject.seed, relation=relation)
    except ConfigError as refused:
        return Sharing(**about, sizes={size: count}, growth=None, how="refused", message=refused.found)
    return Sharing(**about, sizes={size: count, 2 * size: count}, growth="none", how="same module")


def _larger_relation(relation: Relation | None, n: int) -> Relation | None:
    """Everybody with everybody again, of more entities; None, for a random one, of any other relation."""
    return (
        Complete(n, loops=relation.loops) if everybody(relation) and isinstance(relation, Complete) else None
    )


def enlarged(axes: Axes, axis: str, factor: int) -> Axes:
    """The axes with one of them larger."""
    if axis == "entities":
        return replace(axes, entities=factor * (axes.entities or 0))
    if axis == "steps":
        return replace(axes, steps=factor * (axes.steps or 0))
    return replace(axes, grid=tuple(factor * size for size in axes.grid or ()))


def _argument(factory: Callable[..., nn.Module], axis: str) -> str | None:
    """The argument of a factory that names the size of an axis."""
    try:
        known = inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return None
    return next((name for name in GROWN[axis] if name in known), None)


def _counts(factory: Callable[..., nn.Module], argument: str, axes: Axes, axis: str) -> dict[int, int] | None:
    """Parameters at one, two and four times the size; None where the argument is no size: what is made refuses it."""
    found = {}
    needed = {
        name: getattr(axes, name)
        for name, p in inspect.signature(factory).parameters.items()
        if p.default is p.empty and hasattr(axes, name)
    }
    for factor in (1, 2, 4):
        larger = enlarged(axes, axis, factor)
        size = getattr(larger, axis)
        try:
            with drawing_from(0):
                made = subject_of(factory(**{**needed, argument: size}), larger).module
        except Exception:  # whatever a stranger's factory raises
            return None
        found[size if isinstance(size, int) else size[0]] = n_parameters(made)
    return found


def growth_of(sizes: Sequence[int], counts: Sequence[int]) -> Growth:
    """How counts grow with sizes n, 2 n, 4 n: by their differences.

    Constant counts grow not; for a + b n the second step adds twice what the first did, for a + b n + c n^2 with c > 0
    more, up to four times.
    """
    first, second = counts[1] - counts[0], counts[2] - counts[1]
    if first == second == 0:
        return "none"
    if first <= 0:
        return "other"
    ratio = second / first * (sizes[1] - sizes[0]) / (sizes[2] - sizes[1]) * 2
    if abs(ratio - 2) < 1e-9:
        return "linear"
    return "quadratic" if 2 < ratio <= 4 + 1e-9 else "other"
