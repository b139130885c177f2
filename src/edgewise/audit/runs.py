"""The networks of run folders as modules that an audit can call, with their axes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from edgewise.audit.axes import Axes
from edgewise.audit.subject import random_relation
from edgewise.errors import ConfigError, RunError
from edgewise.folders import read_json
from edgewise.models.objects import ObjectDims, Objects
from edgewise.models.sequence import SequenceModel
from edgewise.models.transformer import Transformer
from edgewise.nn.bag import BagLinear
from edgewise.relation import Relation, Sparse
from edgewise.tokens import BOS, EOS, N_SPECIAL

if TYPE_CHECKING:
    from edgewise.tasks.records import TrainedRun

ENTITIES, STEPS, NODES = 6, 8, 16
"""Sizes of an audit where neither the run nor the command says any."""


@dataclass(frozen=True, eq=False)
class Run:
    """What is audited of a run.

    Attributes:
        module: called with x, and with a relation where it asks for one.
        axes: of x; relation: that it is told, or None.
    """

    module: nn.Module
    axes: Axes
    relation: Relation | None = None


def load_run(folder: Path, sizes: Mapping[str, Any], *, seed: int = 0) -> Run:
    """The first network of a run of `edgewise train`, or the law of one of `edgewise infer`.

    Args:
        sizes: of axes, as a user named them; the run knows the features, and what it was made for.
        seed: of the relation that a module is told, where the run has none.

    Raises:
        ConfigError: for a run without axes to audit, or sizes that it does not fit.
        RunError: for a folder that is no run.
    """
    if not (folder / "run.json").is_file():
        raise RunError(
            f"{folder} is not a run folder: it has no run.json",
            expected="a folder that `edgewise train` or `edgewise infer` wrote, or package.module:factory",
            fix="check the path",
        )
    kind = read_json(folder / "run.json", "edgewise train` or `edgewise infer").get("kind", "inference")
    if kind == "inference":
        from edgewise.audit.laws import law_of

        return law_of(folder, sizes)
    from edgewise.tasks.records import read_trained

    run = read_trained(folder)
    if run.recipe.task == "physics":
        return _simulator(run, sizes, seed)
    if run.recipe.task == "citation":
        return _classifier(run, sizes)
    if run.recipe.task == "sequences":
        return _decoder(run, sizes)
    raise ConfigError(
        f"{folder} holds a run of the task {run.recipe.task!r}, which has no axes to audit",
        expected="a simulator (physics), a classifier of nodes (citation), a model of sequences, or the law of an"
        " inference",
        fix="name the network itself: edgewise audit package.module:factory --entities 6 --features 8",
    )


def chosen_axes(sizes: Mapping[str, Any], known: Mapping[str, Any], **defaults: Any) -> Axes:
    """The axes of a run: what it knows, then what the user named, then defaults.

    Raises:
        ConfigError: for a size that is the run's own and was named otherwise.
    """
    for name, value in known.items():
        if name in sizes and sizes[name] != value:
            raise ConfigError(
                f"--{name.replace('_', '-')} {sizes[name]} for a run that has {value}",
                expected=f"no --{name.replace('_', '-')}: the run knows it",
                fix="drop the flag",
            )
    return Axes(**{**defaults, **sizes, **known})


# ---- simulators ----------------------------------------------------------------------------------


class Dynamics(nn.Module):
    """The dynamics of a learned simulator on features side by side: position, velocity, what acts from outside,
    attributes, and the logarithm of the mass.

    Everything is in the units of the network. Shapes, where objects have one, are balls of radius 0.1.

    Args:
        dynamics: `Objects` -> change of velocity [batch, n, d]; dims: of the objects.
    """

    def __init__(self, dynamics: nn.Module, dims: ObjectDims) -> None:
        super().__init__()
        self.dynamics, self.dims = dynamics, dims

    @property
    def widths(self) -> tuple[int, ...]:
        """Features of position, velocity, external acceleration, attributes, mass."""
        d = self.dims
        return d.space, d.space, d.space * d.external, d.attributes, int(d.mass)

    def forward(self, relation: Relation, x: Tensor, edges: Tensor | None = None) -> Tensor:
        """x: [batch, n, features]; edges: [batch, *layout, k] -> [batch, n, d]."""
        position, velocity, external, attributes, mass = x.split(self.widths, -1)
        still = torch.zeros_like(x[..., :1], dtype=torch.bool)
        objects = Objects(
            position,
            velocity,
            attributes,
            relation,
            still,
            relation_attributes=edges,
            external=external if self.dims.external else None,
            mass=mass.exp() if self.dims.mass else None,
            radius=torch.full_like(x[..., :1], 0.1) if self.dims.shaped else None,
        )
        return self.dynamics(objects)


def _simulator(run: "TrainedRun", sizes: Mapping[str, Any], seed: int) -> Run:
    from edgewise.models.interaction import FlatMLP
    from edgewise.tasks.rollout import simulator_of

    simulator = simulator_of(run)
    module = Dynamics(simulator.dynamics, ObjectDims(**run.shape["dims"]))
    d, external = module.dims.space, module.dims.external
    known = {
        "features": sum(module.widths),
        "spatial": tuple(range(d)),
        "vectors": tuple(range(d, (3 if external else 2) * d)),
        "edge_features": module.dims.relation,
    }
    n = run.shape["n_objects"]
    fixed = {"entities": n} if isinstance(simulator.dynamics, FlatMLP) else {}
    axes = chosen_axes(sizes, known | fixed, entities=n)
    generator = torch.Generator().manual_seed(seed)
    return Run(module, axes, random_relation(axes.entities or n, generator, loops=False))


# ---- classifiers of nodes ------------------------------------------------------------------------


class DenseRows(nn.Module):
    """The layer of a `BagLinear` on a matrix instead of a bag: X W + b, [..., n, words] -> [..., n, features]."""

    def __init__(self, layer: BagLinear) -> None:
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias

    def forward(self, x: Tensor) -> Tensor:
        out = x @ self.weight
        return out if self.bias is None else out + self.bias


def _classifier(run: "TrainedRun", sizes: Mapping[str, Any]) -> Run:
    """A network of citations on a connected piece of its own graph."""
    from edgewise.tasks.networks import node_classifier
    from edgewise.tasks.nodes import read_classification
    from edgewise.tasks.recipe import CitationData, CitationModel
    from edgewise.tasks.records import with_weights

    shape = run.shape
    network = node_classifier(
        cast(CitationModel, run.recipe.model), shape["n_features"], len(shape["classes"])
    )
    module: Any = with_weights(network, run, run.seeds[0][0])
    module.first = DenseRows(module.first)
    axes = chosen_axes(sizes, {"features": shape["n_features"]}, entities=NODES)
    graph = read_classification(cast(CitationData, run.recipe.data)).relation
    return Run(module, axes, piece(graph.to_sparse(), axes.entities or NODES).with_loops())


def piece(graph: Sparse, n: int) -> Sparse:
    """The first n nodes that a breadth-first walk from the node with most senders meets, and all edges between them.

    Raises:
        ConfigError: for more nodes than the graph has, or than are connected with that node.
    """
    start = int(graph.in_degrees.argmax())
    met = [start]
    for node in met:
        if len(met) >= n:
            break
        row = graph.senders[graph.pointers[node] : graph.pointers[node + 1]].tolist()
        met += [other for other in row if other not in met]
    if len(met) < n:
        raise ConfigError(
            f"{n} entities of a graph in which {len(met)} nodes act on the most connected one",
            expected=f"at most {len(met)}",
            fix="name fewer with --entities",
        )
    place = torch.full((graph.n_receivers,), -1)
    place[met[:n]] = torch.arange(n)
    senders, receivers = place[graph.senders], place[graph.receivers]
    kept = (senders >= 0) & (receivers >= 0)
    return Sparse(senders[kept], receivers[kept], n)


# ---- models of sequences -------------------------------------------------------------------------


class Decoder(nn.Module):
    """The decoder of a model of sequences on vectors in the place of its target words, for one source sentence.

    Args:
        model: the model; source: tokens of the sentence [S] int64; embedding: the module that looks target words up.

    Shapes: x [batch, time, width of the words] -> logits [batch, time, words].
    """

    def __init__(self, model: SequenceModel, source: Tensor, embedding: nn.Embedding) -> None:
        super().__init__()
        self.model, self.embedding = model, embedding
        self.register_buffer("source", source)

    def forward(self, x: Tensor) -> Tensor:
        source = cast(Tensor, self.source).expand(len(x), -1)
        target = torch.full(x.shape[:2], BOS)

        def given(_: nn.Module, args: tuple[Any, ...], found: Tensor) -> Tensor:
            return x if args[0] is target else found

        with self.embedding.register_forward_hook(given):
            return self.model(source, target)


def decoder_of(model: SequenceModel, n_words: int) -> Decoder:
    """The decoder after a source sentence of so many words, drawn at random."""
    part: Any = model
    embedding = part.target.table if isinstance(model, Transformer) else part.words.embedding
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randint(N_SPECIAL, model.n_source, (n_words,), generator=generator)
    return Decoder(model, torch.cat([drawn, torch.tensor([EOS])]), embedding)


def _decoder(run: "TrainedRun", sizes: Mapping[str, Any]) -> Run:
    """The decoder, teacher-forced, after a source sentence of as many words as there are steps."""
    from edgewise.models.ensemble import SequenceEnsemble
    from edgewise.tasks.translate import read_lines_of

    model = read_lines_of(run.folder).translate.model
    if isinstance(model, SequenceEnsemble):
        model = cast(SequenceModel, model.networks[0])
    module = decoder_of(model, sizes.get("steps", STEPS))
    return Run(module, chosen_axes(sizes, {"features": module.embedding.embedding_dim}, steps=STEPS))
