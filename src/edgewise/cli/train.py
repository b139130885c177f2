"""edgewise train RECIPE --out RUN"""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewise.cli.options import Flag, Target
from edgewise.cli.out import number, print_json
from edgewise.cli.progress import ProgressLine
from edgewise.cli.words import command_words, how_to_go_on
from edgewise.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from edgewise.tasks.train import TrainingRun
    from edgewise.training import Progress


def train(
    recipe: Path,
    /,
    *,
    out: Target,
    seeds: int | None = None,
    data: Path | None = None,
    overwrite: Flag = False,
    resume: Flag = False,
    json: Flag = False,
    quiet: Flag = False,
    tensorboard: Path | None = None,
    skip_invalid: Flag = False,
) -> None:
    """Train the networks of a recipe and measure them beside the published figure.

    Writes a run folder: the networks, the metrics, the learning curves, the test predictions and a page.

    Args:
        recipe: A recipe: a TOML file that says data, model and training; the folder `recipes` has some.
        out: The run folder to write; it must be empty or not exist.
        seeds: Networks (or splits) to train, in place of the recipe's number.
        data: The data, in place of the recipe's path.
        overwrite: Replace the run that is in the folder.
        resume: Go on with an interrupted run of the same recipe on the same data.
        json: Print one JSON object (the metrics and the paths) on stdout.
        quiet: Show no progress on stderr.
        tensorboard: A folder for the learning curves in TensorBoard's format (extra `tracking`).
        skip_invalid: Leave molecules out whose SMILES do not parse.
    """
    if resume and overwrite:
        raise ConfigError(
            "--resume together with --overwrite",
            expected="one of them: to go on with the run, or to replace it",
            fix="drop one",
        )
    from edgewise.folders import check_folder
    from edgewise.report import write_report
    from edgewise.tasks import TrainingRun, check_resumable, experiment_of, read_recipe

    settings = read_recipe(recipe)
    settings = settings if data is None else settings.with_data(data.resolve())
    settings = settings if seeds is None else settings.with_seeds(seeds)
    check_folder(out, overwrite=overwrite, resume=resume)
    if resume:
        check_resumable(settings, out)
    with ExitStack() as stack:
        tell = _listeners(stack, quiet=quiet, tensorboard=tensorboard)
        experiment = experiment_of(settings, skip_invalid=skip_invalid)
        run = TrainingRun(experiment, out, overwrite=overwrite, resume=resume, on_progress=tell)
        outcome = _finished(run)
    write_report(out)
    page = str(out / "report.html")
    if json:
        print_json(outcome.metrics() | {"run": str(out), "page": page})
    else:
        _print_metrics(settings.name, outcome.metrics(), out)


def _listeners(stack: ExitStack, *, quiet: bool, tensorboard: Path | None) -> "Callable[[Progress], None]":
    """Tells everybody who wants to know of the progress."""
    told: list[Callable[[Progress], None]] = [stack.enter_context(ProgressLine(quiet=quiet))]
    if tensorboard is not None:
        from edgewise.training import TensorBoard

        told.append(stack.enter_context(TensorBoard(tensorboard)))

    def tell(progress: "Progress") -> None:
        for listener in told:
            listener(progress)

    return tell


def _finished(run: "TrainingRun") -> Any:
    try:
        return run(command_words())
    except KeyboardInterrupt:
        raise KeyboardInterrupt(how_to_go_on() if run.begun else "nothing was written") from None


def _print_metrics(name: str, metrics: dict[str, Any], run: Path) -> None:
    """The result beside the published figure and the simple answers."""
    what = f"{name}: test {metrics['metric']}" + (f", {metrics['unit']}" if metrics["unit"] else "")
    print(f"{what:<43} {_figure(metrics['mean'], metrics['sd'])}  ({_how_many(metrics)})")
    if metrics["published"] is not None:
        said = metrics["published"]
        print(f"{'  published (' + said['source'] + ')':<43} {_figure(said['value'], said['sd'])}")
    for row in metrics["baselines"]:
        print(f"{'  ' + row['name']:<43} {number(row['value'])}")
    print(f"run:  {run}")
    print(f"page: {run / 'report.html'}")


def _figure(value: float, sd: float | None) -> str:
    return number(value) if sd is None else f"{number(value)} ± {sd:.2g}"


def _how_many(metrics: dict[str, Any]) -> str:
    n, error = metrics["n"], metrics["standard_error"]
    runs = f"{n} run{'s' if n > 1 else ''}"
    return runs if error is None else f"{runs}, standard error {error:.2g}"
