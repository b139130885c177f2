"""A recipe: everything that decides a training, read from one TOML file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomli_w

from edgewise.errors import ConfigError
from edgewise.models.rnnsearch import RNNsearchSettings
from edgewise.models.seq2seq import Seq2SeqSettings
from edgewise.settings import did_you_mean, one_of, plain, read_table, read_toml
from edgewise.tasks.central_tables import (
    CentralForceData,
    CentralForceModel,
    CentralForceTraining,
    EphemerisData,
    TrajectoryFileData,
)
from edgewise.tasks.images_tables import (
    ArchiveData,
    IdxData,
    ImagesTraining,
    MovingDigitsData,
    NonLocalModel,
)
from edgewise.tasks.physics_tables import (
    DynamicsModel,
    DynamicsOnlyModel,
    EnergyModel,
    FlatModel,
    InteractionModel,
    PairForcesModel,
    PhysicsTraining,
    SimulatedData,
    TrajectoryData,
)
from edgewise.tasks.sequence_tables import (
    InflectionData,
    LuongModel,
    ParallelData,
    ReversalData,
    SequenceData,
    SequenceTraining,
    TransformerModel,
)
from edgewise.tasks.tables import (
    CitationTraining,
    GATModel,
    GCNModel,
    GraphFileData,
    MoleculeTableData,
    MoleculeTraining,
    MPNNModel,
    PlanetoidData,
    Published,
)

CitationData = PlanetoidData | GraphFileData
CitationModel = GCNModel | GATModel
ImagesData = IdxData | ArchiveData | MovingDigitsData
SequenceModelTable = Seq2SeqSettings | RNNsearchSettings | LuongModel | TransformerModel


@dataclass(frozen=True)
class Kinds:
    """What the tables of a recipe may be, for one task; [data] is told apart by `format`, [model] by `kind`."""

    data: Mapping[str, type]
    model: Mapping[str, type]
    training: type
    packages: tuple[str, ...] = ()
    """Optional packages whose versions are worth a record."""


TASKS = {
    "citation": Kinds(
        {"planetoid": PlanetoidData, "graphml": GraphFileData},
        {"gcn": GCNModel, "gat": GATModel},
        CitationTraining,
    ),
    "molecules": Kinds({"table": MoleculeTableData}, {"mpnn": MPNNModel}, MoleculeTraining, ("rdkit",)),
    "physics": Kinds(
        {"simulated": SimulatedData, "trajectories": TrajectoryData},
        {
            "interaction-network": InteractionModel,
            "pair-forces": PairForcesModel,
            "mlp": FlatModel,
            "dynamics-only": DynamicsOnlyModel,
            "interaction-energy": EnergyModel,
        },
        PhysicsTraining,
    ),
    "images": Kinds(
        {"idx": IdxData, "archive": ArchiveData, "moving-digits": MovingDigitsData},
        {"non-local": NonLocalModel},
        ImagesTraining,
    ),
    "sequences": Kinds(
        {"parallel": ParallelData, "inflection": InflectionData, "reversal": ReversalData},
        {
            "seq2seq": Seq2SeqSettings,
            "bahdanau": RNNsearchSettings,
            "luong": LuongModel,
            "transformer": TransformerModel,
        },
        SequenceTraining,
        ("sentencepiece", "sacrebleu"),
    ),
    "central-forces": Kinds(
        {"ephemeris": EphemerisData, "trajectories": TrajectoryFileData},
        {"central-force": CentralForceModel},
        CentralForceTraining,
    ),
}
KEYS = ("task", "name", "data", "model", "training", "published")


@dataclass(frozen=True)
class Recipe:
    """A recipe.

    Attributes:
        name: what the run is called; the name of the file if it does not say.
        task: one of `TASKS`.
        data, model, training: its tables; their records say what they may be.
        published: the figure to compare with, if there is one.
    """

    name: str
    task: str
    data: (
        CitationData
        | MoleculeTableData
        | SequenceData
        | SimulatedData
        | TrajectoryData
        | CentralForceData
        | ImagesData
    )
    model: (
        CitationModel
        | MPNNModel
        | SequenceModelTable
        | DynamicsModel
        | EnergyModel
        | CentralForceModel
        | NonLocalModel
    )
    training: (
        CitationTraining
        | MoleculeTraining
        | SequenceTraining
        | PhysicsTraining
        | CentralForceTraining
        | ImagesTraining
    )
    published: Published | None = None

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values, as in a recipe file."""
        kinds = TASKS[self.task]
        values: dict[str, Any] = {
            "task": self.task,
            "name": self.name,
            "data": {"format": _word(kinds.data, self.data)} | plain(self.data),
            "model": {"kind": _word(kinds.model, self.model)} | plain(self.model),
            "training": plain(self.training),
        }
        return values | ({} if self.published is None else {"published": plain(self.published)})

    def settings(self) -> dict[str, Any]:
        """One flat dictionary, names as "table.name", for the page."""
        tables = {key: value for key, value in self.to_dict().items() if isinstance(value, dict)}
        return {f"{table}.{name}": value for table, inner in tables.items() for name, value in inner.items()}

    def with_data(self, path: Path) -> "Recipe":
        """The recipe on other data of the same kind."""
        return replace(self, data=replace(self.data, path=str(path)))

    def with_seeds(self, seeds: int) -> "Recipe":
        """The recipe with another number of seeds (or splits).

        Raises:
            ConfigError: for a number out of range.
        """
        return replace(self, training=replace(self.training, seeds=seeds))


def _word(kinds: Mapping[str, type], record: object) -> str:
    return next(word for word, kind in kinds.items() if kind is type(record))


def read_recipe(path: Path) -> Recipe:
    """A recipe from its file; a path to data that is not absolute starts at the file's folder.

    Raises:
        RunError: if the file cannot be read.
        ConfigError: for an unknown table or key (with the nearest one), a value of another type or out of range, or
            a field that must be given.
    """
    values = read_toml(
        path, expected="a recipe (a TOML file)", fix="take one of the folder `recipes` as a start"
    )
    recipe = recipe_from(values, str(path), path.stem)
    return recipe.with_data((path.parent / recipe.data.path).resolve()) if recipe.data.path else recipe


def recipe_from(values: Mapping[str, Any], source: str, name: str) -> Recipe:
    """A recipe from plain values; see `read_recipe`. Paths stay as they are."""
    for key in values:
        if key not in KEYS:
            raise ConfigError(
                f"{source}: unknown table or setting {key!r}{did_you_mean(key, KEYS)}",
                expected=f"one of {', '.join(KEYS)}",
            )
    task = values.get("task")
    if task is None:
        raise ConfigError(f"{source} names no task", expected=f'task = "{next(iter(TASKS))}", say')
    one_of("task", task, tuple(TASKS), source)
    if not isinstance(values.get("name", name), str):
        raise ConfigError(f"{source}: name is {values['name']!r}", expected="a text")
    kinds, published = TASKS[task], values.get("published")
    return Recipe(
        name=values.get("name", name),
        task=task,
        data=_variant(kinds.data, "format", values, "data", source),
        model=_variant(kinds.model, "kind", values, "model", source),
        training=read_table(kinds.training, values.get("training", {}), f"{source}, table [training]"),
        published=None
        if published is None
        else read_table(Published, published, f"{source}, table [published]"),
    )


def _variant(kinds: Mapping[str, type], word: str, values: Mapping[str, Any], table: str, source: str) -> Any:
    """The record of a table that says itself which one it is."""
    given = values.get(table)
    if not isinstance(given, Mapping):
        raise ConfigError(
            f"{source} has no table [{table}]" if given is None else f"{source}: {table} is {given!r}",
            expected=f"a table [{table}] with {word} = one of {', '.join(kinds)}",
        )
    source = f"{source}, table [{table}]"
    if word not in given:
        raise ConfigError(f"{source}: {word} is not given", expected=f"one of {', '.join(kinds)}")
    one_of(word, given[word], tuple(kinds), source)
    rest = {key: value for key, value in given.items() if key != word}
    return read_table(kinds[given[word]], rest, source)


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe as TOML, complete: defaults are written out."""
    path.write_text(tomli_w.dumps(recipe.to_dict()), encoding="utf-8")
