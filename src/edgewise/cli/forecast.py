"""edgewise forecast RUN --steps 20"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from edgewise.cli.options import Reading
from edgewise.cli.out import say


def forecast(
    run: Path,
    *,
    data: Path | None = None,
    steps: int = 20,
    samples: int = 0,
    seed: int = 0,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    reading: Reading = Reading(),  # noqa: B008 - a frozen record
) -> None:
    """Say what happens after the end of the recordings of a run.

    Args:
        run: a run folder.
        data: other recordings of the same entities, for a run with a shared graph.
        steps: frames ahead.
        samples: 0 for the expected course; otherwise so many drawn futures (NetCDF or Zarr only).
        seed: of the draws.
        out: the file to write; forecast.nc in the run folder by default.
        overwrite: replace the file if it exists (the run's own forecast.nc always is).
        reading: how the data file is read.
    """
    from edgewise.data import save
    from edgewise.data.grids import write_netcdf, write_zarr
    from edgewise.errors import ConfigError
    from edgewise.inference.records import read_run

    target = out or run / "forecast.nc"
    grid = target.suffix in (".nc", ".zarr")
    if samples and not grid:
        raise ConfigError(f"{samples} samples in {target.name}", expected="--out with ending .nc or .zarr")
    result = read_run(run)
    ahead = result.forecast(steps, samples, data=None if data is None else reading.load(data), seed=seed)
    replace = overwrite or out is None
    if not grid:
        save(ahead, target, overwrite=replace)
    elif target.suffix == ".nc":
        write_netcdf(ahead, target, overwrite=replace)
    else:
        write_zarr(ahead, target, overwrite=replace)
    say(f"{steps} frames ahead{f', {samples} samples' if samples else ''} -> {target}")
