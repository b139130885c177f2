"""edgewise rollout RUN --steps 1000"""

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from edgewise.cli.options import Flag, Reading
from edgewise.cli.out import counted, number, percent, print_json, say, say_notes
from edgewise.errors import ConfigError
from edgewise.hub import refuse_to_write, run_folder

if TYPE_CHECKING:
    from edgewise.rollouts import Rollout


def rollout(
    run: Path,
    /,
    *,
    data: Path | None = None,
    steps: int = 1000,
    start: str | None = None,
    systems: int = 8,
    limit: float | None = None,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    json: Flag = False,
    reading: Reading = Reading(),  # noqa: B008 - a frozen record
) -> None:
    """Let a learned simulator run, and show it beside the recording.

    Writes rollout.nc (all frames) and rollout.json (what is drawn), and the page anew.

    Args:
        run: A run folder of `edgewise infer`, or of `edgewise train` with a simulator, or hf://owner/name on a hub.
        data: Recordings to start from; those of the run if not given.
        steps: Frames ahead.
        start: The frame to start from: last, first, or its number from 0; first after `train`, last after `infer`.
        systems: How many recordings, from the first on.
        limit: Stop where an object is farther from the centre of the data; 100 times as far as they reach if not given.
        out: A folder for the three files; the run folder if not given.
        json: Print the figures and the paths as one JSON object on stdout.
        reading: How the data file is read.
    """
    if out is None:
        refuse_to_write(run, "rollout")
    begin = _start(start)
    from edgewise.rollouts.record import write_rollout

    folder = run_folder(run)
    found = _rolled(
        folder,
        steps=steps,
        data=None if data is None else reading.load(data),
        systems=systems,
        limit=limit,
        **begin,
    )
    target = folder if out is None else out
    record = write_rollout(found, target)
    from edgewise.report import write_report

    page = write_report(folder, target / "report.html", rollout=target / "rollout.json")
    if found.diverged is not None:
        say(f"warning: {found.diverged.sentence()}; the {counted(found.steps, 'frame')} before it are kept")
    say_notes(found.notes)
    if json:
        print_json(_figures(record) | {"asked": steps, "path": str(target / "rollout.nc"), "page": str(page)})
    else:
        _print_figures(record, page)


def _start(text: str | None) -> dict[str, int | str]:
    """What `--start` asks for; nothing where it is not given, and the kind of run decides.

    Raises:
        ConfigError: for anything else.
    """
    if text is None:
        return {}
    if text in ("first", "last"):
        return {"start": text}
    if text.isdecimal():
        return {"start": int(text)}
    raise ConfigError(f"--start {text}", expected="last, first, or the number of a frame, counted from 0")


def _rolled(folder: Path, **asked: Any) -> "Rollout":
    """The rollout of a run of either kind."""
    from edgewise.report.folder import open_run

    if open_run(folder).kind == "training":
        from edgewise.tasks.rollout import rolled
    else:
        from edgewise.inference.rollout import rolled
    return rolled(folder, **asked)


def _figures(record: dict[str, Any]) -> dict[str, Any]:
    """What a script wants to know: how far it went, what drifted, and the error at the last recorded frame."""
    error = record["error"]
    return {
        "steps": record["steps"],
        "dt": record["dt"],
        "systems": [system["name"] for system in record["systems"]],
        "diverged": record["diverged"],
        "energy_drift": None if record["energy"] is None else record["energy"]["drift"],
        "momentum_drift": None if record["momentum"] is None else record["momentum"]["drift"],
        "error": None
        if error is None
        else {name: _last(error[name]) for name in ("rmse", "constant_velocity")},
        "recorded_steps": 0 if error is None else len(error["time"]),
        "notes": record["notes"],
    }


def _last(values: Any) -> float | None:
    return None if values is None else float(values[-1])


def _print_figures(record: dict[str, Any], page: Path) -> None:
    """The rollout in a few lines."""
    figures = _figures(record)
    n_systems = counted(len(figures["systems"]), "system")
    print(f"{counted(figures['steps'], 'step')} of {number(figures['dt'])}, {n_systems}")
    for name in ("energy", "momentum"):
        if (drift := figures[f"{name}_drift"]) is not None:
            values = [float(value) for value in drift]
            middle, worst = percent(median(values)), percent(max(values))
            print(f"largest change of {name}: {middle} in the median system, {worst} in the worst")
    if (error := figures["error"]) is not None:
        print(
            f"after {counted(figures['recorded_steps'], 'step')}: RMSE {number(error['rmse'])},"
            f" constant velocity {number(error['constant_velocity'])}"
        )
    print(f"page: {page}")
