"""edgewise forecast RUN --steps 20"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from edgewise.cli.options import Flag, Reading
from edgewise.cli.out import counted, print_json, say


def forecast(
    run: Path,
    /,
    *,
    data: Path | None = None,
    steps: int = 20,
    samples: int = 0,
    seed: int = 0,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    overwrite: Flag = False,
    json: Flag = False,
    reading: Reading = Reading(),  # noqa: B008 - a frozen record
) -> None:
    """Say what happens after the end of the recordings of a run.

    Args:
        run: A run folder, or hf://owner/name on a hub.
        data: Other recordings of the same entities, for a run with a shared graph.
        steps: Frames ahead.
        samples: 0 for the expected course; otherwise so many drawn futures (.nc or .zarr only).
        seed: Seed of the draws.
        out: The file to write; its ending says the format. Without it: forecast.nc in the run folder.
        overwrite: Replace the file if it exists (the run's own forecast.nc always is).
        json: Print what was written as one JSON object on stdout.
        reading: How the data file is read.
    """
    from edgewise.data import save
    from edgewise.data.grids import write_grid
    from edgewise.data.io import check_target
    from edgewise.hub import refuse_to_write
    from edgewise.inference.records import read_run

    if out is None:
        refuse_to_write(run, "forecast.nc")
    target, replace = out or run / "forecast.nc", overwrite or out is None
    result = read_run(run)
    check_target(target, overwrite=replace)
    grid = target.suffix.lower() in (".nc", ".zarr")
    if not grid:
        _check_table(target, steps, samples)
    ahead = result.forecast(steps, samples, data=None if data is None else reading.load(data), seed=seed)
    if grid:
        write_grid(ahead, target, overwrite=replace)
    else:
        save(ahead, target, overwrite=replace)
    if json:
        print_json(
            {"path": str(target), "steps": steps, "samples": samples, "features": list(ahead.data_vars)}
        )
    else:
        drawn = f", {counted(samples, 'sample')}" if samples else ""
        say(f"{counted(steps, 'frame')} ahead{drawn} -> {target}")


def _check_table(target: Path, steps: int, samples: int) -> None:
    """What only a grid has a place for."""
    from edgewise.errors import ConfigError

    too_much = counted(samples, "sample") if samples > 0 else "one frame" if steps == 1 else None
    if too_much:
        raise ConfigError(
            f"{too_much} for {target.name}",
            expected="an ending .nc or .zarr: other formats hold whole trajectories, one course each",
            fix=f"write {target.with_suffix('.nc').name} instead",
        )
