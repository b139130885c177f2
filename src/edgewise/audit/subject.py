"""A module as an audit calls it: in evaluation mode, in float64 where it can, given what its forward asks for."""

import copy
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from edgewise.audit.axes import Axes
from edgewise.errors import ConfigError
from edgewise.relation import Complete, Relation, Sparse

RELATION_NAMES = ("relation",)
INDEX_NAMES = ("edge_index",)
EDGE_NAMES = ("edges", "edge_attr")
"""Parameters of a forward that are given a relation, its edges [2, n_edges] (senders, receivers), their attributes."""


@dataclass(frozen=True, eq=False)
class Given:
    """What a module is given: inputs, and where it asks for them a relation and its attributes.

    Attributes:
        x: [batch, ...], see `Axes`.
        relation: who acts on whom, or None.
        edges: [batch, *layout, k] in the layout of the relation, or None.
        listed: the order in which an edge index names the edges, or None for that of the relation.
    """

    x: Tensor
    relation: Relation | None = None
    edges: Tensor | None = None
    listed: Tensor | None = None

    def __getitem__(self, picked: slice) -> "Given":
        return replace(self, x=self.x[picked], edges=None if self.edges is None else self.edges[picked])


@dataclass(frozen=True)
class Signature:
    """How a forward is called.

    Attributes:
        input: the name of the parameter that takes x; None: it is passed by position, alone.
        relation: the name of that which takes a relation or an edge index, or None; indexed: whether it is an index.
        edges: the name of that which takes attributes of edges, or None.
    """

    input: str | None
    relation: str | None = None
    indexed: bool = False
    edges: str | None = None


def signature_of(module: nn.Module) -> Signature:
    """What the forward of a module asks for, read from its parameters' names and annotations.

    Raises:
        ConfigError: for another parameter without a default.
    """
    try:
        parameters = inspect.signature(module.forward).parameters
    except (TypeError, ValueError):  # compiled code has none
        return Signature(None)
    named, indexed, edges, rest = None, False, None, []
    for name, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if name in RELATION_NAMES or name in INDEX_NAMES or _is_relation(parameter.annotation):
            named, indexed = name, name in INDEX_NAMES
        elif name in EDGE_NAMES:
            edges = name
        else:
            rest.append(parameter)
    needed = [p.name for p in rest[1:] if p.default is p.empty and p.kind is not p.KEYWORD_ONLY]
    needed += [p.name for p in rest if p.default is p.empty and p.kind is p.KEYWORD_ONLY]
    if needed:
        raise ConfigError(
            f"{type(module).__name__}.forward asks for {', '.join(p.name for p in rest)}",
            expected="one input, and beside it at most `relation` or `edge_index`, and `edges` or `edge_attr`",
            fix=f"let the factory return a module that fills in {', '.join(needed)} itself",
        )
    return Signature(rest[0].name if rest else None, named, indexed, edges)


def _is_relation(annotation: Any) -> bool:
    if isinstance(annotation, str):
        return annotation.rsplit(".", 1)[-1] in ("Relation", "Sparse", "Complete", "Band")
    return isinstance(annotation, type) and issubclass(annotation, Relation)


@dataclass(frozen=True, eq=False)
class Subject:
    """The module that is audited.

    Attributes:
        module: a copy in evaluation mode; axes: of its input; signature: how it is called.
        dtype: of its inputs; precision: of its answers, which says what is rounding.
        seed: torch's generator is set to it before each pass, so that a random module draws the same numbers again.
    """

    module: nn.Module
    axes: Axes
    signature: Signature
    dtype: torch.dtype
    precision: torch.dtype
    seed: int = 0

    @torch.no_grad()
    def __call__(self, given: Given) -> Tensor:
        """The module's answer in float64: [batch, ...]; of several the first tensor; attributes of edges as pairs."""
        return self.answer(given).double()

    def answer(self, given: Given, seed: int | None = None) -> Tensor:
        """The same with gradients, in the module's own precision."""
        with drawing_from(self.seed if seed is None else seed):
            out = first_tensor(self._called(given))
        if out is None:
            raise ConfigError(
                f"{type(self.module).__name__} returned no tensor of floating-point numbers",
                expected="a tensor, or a tuple or mapping with one",
                fix="let the factory return a module that answers with a tensor",
            )
        return _as_pairs(out, given.relation)

    def _called(self, given: Given) -> Any:
        signature = self.signature
        x = given.x.to(self.dtype)
        more: dict[str, Any] = {}
        if signature.relation is not None and given.relation is not None:
            more[signature.relation] = given.relation
            if signature.indexed:
                more[signature.relation] = _listed(edge_index(given.relation), given, -1)
        if signature.edges is not None and given.edges is not None:
            more[signature.edges] = _listed(given.edges.to(self.dtype), given, -2)
        return self.module(x) if signature.input is None else self.module(**{signature.input: x}, **more)


@contextmanager
def drawing_from(seed: int) -> Iterator[None]:
    """Torch's generator of the CPU set to a seed, and as it was afterwards.

    `torch.manual_seed` notes for every other device where it was called from, which costs more than a small network.
    """
    before = torch.get_rng_state()
    torch.default_generator.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(before)


def everybody(relation: Relation | None) -> bool:
    """Whether a relation is that of everybody with everybody, which is the same for any order of the entities."""
    return isinstance(relation, Complete) and relation.mask is None


def edge_index(relation: Relation) -> Tensor:
    """[2, n_edges]: senders, receivers."""
    sparse = relation.to_sparse()
    return torch.stack([sparse.senders, sparse.receivers])


def _listed(values: Tensor, given: Given, dim: int) -> Tensor:
    return values if given.listed is None else values.index_select(dim, given.listed)


def first_tensor(value: Any) -> Tensor | None:
    """The first floating-point tensor of an answer that may be a tuple, a list, a mapping or an object of them."""
    if isinstance(value, Tensor):
        return value if value.is_floating_point() else None
    if isinstance(value, dict):
        value = list(value.values())
    elif hasattr(value, "__dataclass_fields__"):
        value = [getattr(value, name) for name in value.__dataclass_fields__]
    if isinstance(value, list | tuple):
        return next((found for part in value if (found := first_tensor(part)) is not None), None)
    return None


def _as_pairs(out: Tensor, relation: Relation | None) -> Tensor:
    """An answer about the edges of a relation as one about pairs: [batch, receiver, sender, k]."""
    if relation is None or out.dim() != 2 + len(relation.layout) or out.shape[1:-1] != relation.layout:
        return out
    nodes = len(relation.layout) == 1 and relation.n_edges == relation.n_receivers
    return out if nodes else relation.to_dense(out)


def random_relation(n: int, generator: torch.Generator, *, loops: bool = True) -> Sparse:
    """A sparse connected graph: a directed cycle in random order, a chord for every four entities, and with `loops`
    every entity on itself."""
    order = torch.randperm(n, generator=generator)
    senders, receivers = order, order.roll(-1)
    chords = torch.stack(
        [torch.randperm(n, generator=generator)[:2] for _ in range(n // 4)] or [order[:0]], -1
    )
    if n >= 4:
        senders, receivers = torch.cat([senders, chords[0]]), torch.cat([receivers, chords[1]])
    pairs = torch.unique(receivers * n + senders)
    relation = Sparse(pairs % n, pairs // n, n)
    return relation.with_loops() if loops else relation


def subject_of(module: nn.Module, axes: Axes, *, seed: int = 0, relation: Relation | None = None) -> Subject:
    """A copy of the module in evaluation mode, in float64 where it runs in that, else in its own precision.

    Args:
        relation: for a module that asks for one; a random one if not given.

    Raises:
        ConfigError: for a module that cannot be copied, asks for more than an audit can give, or refuses the shape.
    """
    signature = signature_of(module)
    generator = torch.Generator().manual_seed(seed)
    refused: Exception | None = None
    for double in (True, False):
        subject = _prepared(module, axes, signature, seed, double=double)
        try:
            out = subject.answer(inputs(subject, 2, generator, relation))
        except ConfigError:
            raise
        except Exception as error:  # whatever a stranger's module raises
            refused = error
            continue
        if not out.isfinite().all():
            raise ConfigError(
                f"{type(module).__name__} answers with numbers that are not finite",
                expected="finite numbers for inputs drawn from a standard normal distribution",
                fix="let the factory return a module that scales or bounds its inputs",
            )
        return replace(subject, precision=out.dtype)
    raise _refusal(module, axes, refused) from refused


def _prepared(module: nn.Module, axes: Axes, signature: Signature, seed: int, *, double: bool) -> Subject:
    try:
        own = copy.deepcopy(module).eval().cpu()
    except Exception as error:  # whatever a stranger's module raises
        name = type(module).__name__
        raise ConfigError(
            f"{name} cannot be copied: {type(error).__name__}: {error}",
            expected="a module that copy.deepcopy takes: an audit leaves yours as it is",
            fix="keep tensors that were computed out of its attributes, or detach them",
        ) from error
    floating = [p.dtype for p in (*own.parameters(), *own.buffers()) if p.is_floating_point()]
    dtype = torch.float64 if double else next(iter(floating), torch.get_default_dtype())
    return Subject(own.double() if double else own, axes, signature, dtype, dtype, seed)


def _refusal(module: nn.Module, axes: Axes, error: Exception | None) -> ConfigError:
    said = str(error).strip().partition("\n")[0] or "no reason given"
    return ConfigError(
        f"{type(module).__name__} refuses inputs {axes.described()}: {type(error).__name__}: {said}",
        expected="a module for [batch, entity, feature], [batch, entity, time, feature], [batch, time, feature],"
        " [batch, feature, *grid] or [batch, feature, time, *grid]",
        fix="name the sizes it was made for (--entities, --features, --steps, --grid), or let the factory return a"
        " module that brings the axes into the order it wants",
    )


def inputs(
    subject: Subject, samples: int, generator: torch.Generator, relation: Relation | None = None
) -> Given:
    """Random inputs, and a random relation and attributes where the module asks for them."""
    axes, signature = subject.axes, subject.signature
    x = axes.sample(samples, generator)
    if signature.relation is None:
        return Given(x)
    n = axes.n_places if axes.entities is None else axes.entities
    relation = random_relation(n, generator) if relation is None else relation
    if signature.edges is None or not axes.edge_features:
        return Given(x, relation)
    shape = (samples, *relation.layout, axes.edge_features)
    return Given(x, relation, torch.randn(shape, generator=generator, dtype=torch.float64))
