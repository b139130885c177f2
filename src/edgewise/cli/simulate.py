"""edgewise simulate springs --out FILE"""

from typing import Annotated, Literal

from cyclopts import Parameter

from edgewise.cli.options import Flag, Target
from edgewise.cli.out import counted, print_json, say


def simulate(
    system: Literal["springs", "charged", "kuramoto", "nbody", "balls", "string"],
    /,
    *,
    out: Target,
    entities: int = 5,
    sequences: int = 500,
    steps: int = 49,
    seed: int = 0,
    noise: float = 0.0,
    missing: float = 0.0,
    edge_probability: float | None = None,
    strength_spread: float | None = None,
    option: Annotated[list[str] | None, Parameter(negative="")] = None,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Make trajectories with a known graph. The truth is stored with them.

    springs, charged and kuramoto are the systems of Kipf et al. 2018 with graphs drawn at random; nbody (bodies on
    orbits), balls (in a box) and string (that falls onto a ball) are those of Battaglia et al. 2016.

    Args:
        system: What is simulated.
        out: The file to write; its ending says the format (.nc .zarr .npz .csv .parquet).
        entities: Bodies, oscillators, balls or masses of a string in a system; walls are not counted.
        sequences: Systems, each with a start of its own.
        steps: Frames of a recording.
        seed: The same seed gives the same systems.
        noise: Standard deviation of observation noise on every recorded value, in data units.
        missing: Share of values that are not observed.
        edge_probability: How likely a pair interacts, 0.5 if not given (charged: how likely a charge is positive).
        strength_spread: Of springs: constants are drawn between 1 - spread and 1 + spread times the usual one.
        option: An option of the system as NAME=VALUE, a number or true or false, e.g. gravity=9.81; may be repeated.
        overwrite: Replace the file if it exists.
        json: Print a summary of the data as one JSON object on stdout.
    """
    from edgewise.data import save, summary
    from edgewise.data.io import check_target
    from edgewise.physics import simulate as run_simulation
    from edgewise.physics.options import read_options

    check_target(out, overwrite=overwrite)
    spread = [] if strength_spread is None else [f"strength_spread={strength_spread}"]
    ds = run_simulation(
        system,
        entities=entities,
        sequences=sequences,
        steps=steps,
        seed=seed,
        noise=noise,
        missing=missing,
        edge_probability=edge_probability,
        **read_options([*spread, *(option or [])]),
    )
    save(ds, out, overwrite=overwrite)
    if json:
        print_json(summary(ds) | {"path": str(out)})
    else:
        say(f"{system}: {counted(sequences, 'system')} of {entities}, {steps} frames each -> {out}")
