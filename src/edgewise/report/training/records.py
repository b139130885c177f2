"""The records of a training run."""

from dataclasses import dataclass
from pathlib import Path

from edgewise.report.folder import Json, RunFolder
from edgewise.report.training.arrows import Arrows, WithAndWithout, read_arrows, read_with_and_without
from edgewise.report.training.fields import Fields
from edgewise.report.training.forces import CentralForces, read_forces


@dataclass(frozen=True)
class Published:
    """The figure of a paper, in the unit of the metric."""

    value: float
    sd: float | None
    source: str


@dataclass(frozen=True)
class Run:
    """One run of the recipe: its seed, its split, its figures (in the unit of the metric) and its course."""

    seed: int | None
    split: int | None
    test: float | None
    validation: float | None
    train: float | None
    epochs: int | None
    best_epoch: int | None
    seconds: float | None


@dataclass(frozen=True)
class Scores:
    """Figures over all runs. `sd` and `standard_error` are None where one run says nothing about the spread.

    Args:
        metric: `accuracy`, `rmse`, ...
        unit: of every figure; `%` means that they are in per cent, not shares.
        baselines: (name, value) of the simple answers.
    """

    metric: str
    unit: str
    higher_is_better: bool
    mean: float | None
    sd: float | None
    standard_error: float | None
    published: Published | None
    baselines: tuple[tuple[str, float | None], ...]
    runs: tuple[Run, ...]

    @property
    def tests(self) -> list[float]:
        return [run.test for run in self.runs if run.test is not None]


@dataclass(frozen=True)
class Curve:
    """The course of one run; every series has an entry an epoch, or is empty."""

    seed: int | None
    epoch: tuple[float | None, ...]
    train_loss: tuple[float | None, ...]
    validation_loss: tuple[float | None, ...]
    validation_metric: tuple[float | None, ...]


@dataclass(frozen=True)
class Confusion:
    """`counts[true][predicted]` of the test nodes, summed over runs."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Point:
    name: str
    true: float
    predicted: float
    split: int | None

    @property
    def error(self) -> float:
        return self.predicted - self.true


@dataclass(frozen=True)
class Regression:
    """Predictions of test examples, each with the name that its reader knows it by (a molecule's SMILES).

    Attributes:
        item: what an example is, in one word; named_by: what its name is.
    """

    target: str
    unit: str
    points: tuple[Point, ...]
    item: str = "molecule"
    named_by: str = "SMILES"


@dataclass(frozen=True)
class Alignment:
    """Which source piece each target piece looked at: `weights[target][source]`, from 0 to 1."""

    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Example:
    """A test pair; without an alignment where the model has no attention."""

    source: str
    hypothesis: str
    reference: str
    alignment: Alignment | None


@dataclass(frozen=True)
class LengthScore:
    """The figure on the `n` test pairs whose source has `first` to `below` - 1 words (or letters)."""

    first: int
    below: int | None
    n: int
    score: float


@dataclass(frozen=True)
class Sequences:
    """Some test pairs, and the figure by length of the source."""

    examples: tuple[Example, ...]
    by_length: tuple[LengthScore, ...]


Preview = Confusion | Regression | Sequences | CentralForces


@dataclass(frozen=True)
class TrainingRecords:
    """What a training run left behind. `curves` is empty without a history, and only non-local blocks leave arrows."""

    folder: Path
    run: Json
    scores: Scores
    curves: tuple[Curve, ...]
    preview: Preview
    arrows: Arrows | None = None
    with_and_without: tuple[WithAndWithout, ...] = ()


def read_training(folder: RunFolder) -> TrainingRecords:
    """Read the records of a training run.

    Raises:
        RunError: a record is missing or damaged.
    """
    _check_run(Fields(folder, "run.json", folder.run))
    history = folder.optional("history.json") or {}
    drawn = _required(folder, "preview.json", "kind")
    return TrainingRecords(
        folder=folder.path,
        run=folder.run,
        scores=_scores(_required(folder, "metrics.json", "metric", "mean", "runs")),
        curves=tuple(_curve(entry) for entry in Fields(folder, "history.json", history).entries("runs")),
        preview=_preview(folder),
        arrows=read_arrows(folder, drawn),
        with_and_without=read_with_and_without(drawn),
    )


def _check_run(run: Fields) -> None:
    """What the page takes from `run.json` as it stands must be of the right type."""
    for key in ("data", "settings", "versions"):
        run.inside(key)
    for key in ("argv", "protocol", "notes"):
        run.texts(key)
    run.number("seconds")


def _required(folder: RunFolder, name: str, *keys: str) -> Fields:
    return Fields(folder, name, folder.required(name, *keys))


def _scores(metrics: Fields) -> Scores:
    return Scores(
        metric=metrics.text("metric"),
        unit=metrics.text("unit"),
        higher_is_better=bool(metrics.values.get("higher_is_better", True)),
        mean=metrics.number("mean"),
        sd=metrics.number("sd"),
        standard_error=metrics.number("standard_error"),
        published=_published(metrics.inside("published")),
        baselines=tuple(
            (entry.text("name"), entry.number("value")) for entry in metrics.entries("baselines")
        ),
        runs=tuple(_run(entry) for entry in metrics.entries("runs")),
    )


def _published(fields: Fields | None) -> Published | None:
    value = fields.number("value") if fields else None
    if fields is None or value is None:
        return None
    return Published(value, fields.number("sd"), fields.text("source"))


def _run(entry: Fields) -> Run:
    return Run(
        seed=entry.whole("seed"),
        split=entry.whole("split"),
        test=entry.number("test"),
        validation=entry.number("validation"),
        train=entry.number("train"),
        epochs=entry.whole("epochs"),
        best_epoch=entry.whole("best_epoch"),
        seconds=entry.number("seconds"),
    )


def _curve(entry: Fields) -> Curve:
    return Curve(
        seed=entry.whole("seed"),
        epoch=entry.numbers("epoch"),
        train_loss=entry.numbers("train_loss"),
        validation_loss=entry.numbers("validation_loss"),
        validation_metric=entry.numbers("validation_metric"),
    )


def _preview(folder: RunFolder) -> Preview:
    preview = _required(folder, "preview.json", "kind")
    match preview.text("kind"):
        case "classification":
            return _confusion(folder, _required(folder, "preview.json", "classes", "confusion"))
        case "regression":
            return _regression(_required(folder, "preview.json", "points"))
        case "sequences":
            return _sequences(folder, _required(folder, "preview.json", "examples"))
        case "central-forces":
            return read_forces(_required(folder, "preview.json", "masses"))
        case kind:
            kinds = "'classification', 'regression', 'sequences' or 'central-forces'"
            raise folder.damaged("preview.json", f"is of the kind {kind!r}", kinds)


def _confusion(folder: RunFolder, preview: Fields) -> Confusion:
    classes = preview.texts("classes")
    counts = tuple(tuple(round(n or 0) for n in row) for row in preview.rows("confusion"))
    size = len(classes)
    if len(counts) != size or any(len(row) != size for row in counts):
        widths = sorted({len(row) for row in counts})
        shape = f"{len(counts)} rows of {', '.join(map(str, widths)) or 'no'} counts"
        raise folder.damaged(
            "preview.json",
            f"has a confusion matrix of {shape} for {size} classes",
            f"{size} rows of {size} counts",
        )
    return Confusion(classes, counts)


def _regression(preview: Fields) -> Regression:
    points = [_point(entry) for entry in preview.entries("points")]
    return Regression(
        target=preview.text("target"),
        unit=preview.text("unit"),
        points=tuple(point for point in points if point is not None),
        item=preview.text("item") or Regression.item,
        named_by=preview.text("named_by") or Regression.named_by,
    )


def _point(entry: Fields) -> Point | None:
    true, predicted = entry.number("true"), entry.number("predicted")
    if true is None or predicted is None:
        return None
    return Point(entry.text("name"), true, predicted, entry.whole("split"))


def _sequences(folder: RunFolder, preview: Fields) -> Sequences:
    classes = [_length_score(entry) for entry in preview.entries("by_length")]
    return Sequences(
        examples=tuple(_example(folder, entry) for entry in preview.entries("examples")),
        by_length=tuple(row for row in classes if row is not None),
    )


def _length_score(entry: Fields) -> LengthScore | None:
    first, n, score = entry.whole("from"), entry.whole("n"), entry.number("score")
    return (
        None
        if first is None or n is None or score is None
        else LengthScore(first, entry.whole("below"), n, score)
    )


def _example(folder: RunFolder, entry: Fields) -> Example:
    inside = entry.inside("alignment")
    alignment = None if inside is None else _alignment(folder, inside)
    return Example(entry.text("source"), entry.text("hypothesis"), entry.text("reference"), alignment)


def _alignment(folder: RunFolder, fields: Fields) -> Alignment:
    source, target = fields.texts("source"), fields.texts("target")
    weights = tuple(tuple(weight or 0.0 for weight in row) for row in fields.rows("weights"))
    if len(weights) != len(target) or any(len(row) != len(source) for row in weights):
        raise folder.damaged(
            "preview.json",
            f"has an alignment of {len(weights)} rows for {len(target)} target and {len(source)} source pieces",
            "a row a target piece with a weight a source piece",
        )
    return Alignment(source, target, weights)
