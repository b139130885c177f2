"""edgewise simulate springs --out FILE"""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from edgewise.cli.out import say


def simulate(
    system: Literal["springs", "charged", "kuramoto"],
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    entities: int = 5,
    sequences: int = 500,
    steps: int = 49,
    seed: int = 0,
    noise: float = 0.0,
    missing: float = 0.0,
    edge_probability: float = 0.5,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Make trajectories with a known graph, as in Kipf et al. 2018. The truth is stored with them.

    Args:
        system: springs, charged or kuramoto.
        out: the file to write; its ending says the format (.nc .zarr .npz .csv .parquet).
        entities: bodies or oscillators in a system.
        sequences: systems, each with a graph of its own.
        steps: frames of a recording.
        seed: the same seed gives the same systems.
        noise: standard deviation of observation noise on every recorded value, in data units.
        missing: share of values that are not observed.
        edge_probability: how likely a pair interacts (charged: how likely a charge is positive).
        overwrite: replace the file if it exists.
    """
    from edgewise.data import save
    from edgewise.physics import simulate as run_simulation

    ds = run_simulation(
        system,
        entities=entities,
        sequences=sequences,
        steps=steps,
        seed=seed,
        noise=noise,
        missing=missing,
        edge_probability=edge_probability,
    )
    save(ds, out, overwrite=overwrite)
    say(f"{system}: {sequences} systems of {entities}, {steps} frames each, in {out}")
