"""edgewise simulate springs --out FILE"""

from typing import Literal

from edgewise.cli.options import Flag, Target
from edgewise.cli.out import counted, print_json, say


def simulate(
    system: Literal["springs", "charged", "kuramoto"],
    /,
    *,
    out: Target,
    entities: int = 5,
    sequences: int = 500,
    steps: int = 49,
    seed: int = 0,
    noise: float = 0.0,
    missing: float = 0.0,
    edge_probability: float = 0.5,
    strength_spread: float = 0.0,
    overwrite: Flag = False,
    json: Flag = False,
) -> None:
    """Make trajectories with a known graph, as in Kipf et al. 2018. The truth is stored with them.

    Args:
        system: What is simulated.
        out: The file to write; its ending says the format (.nc .zarr .npz .csv .parquet).
        entities: Bodies or oscillators in a system.
        sequences: Systems, each with a graph of its own.
        steps: Frames of a recording.
        seed: The same seed gives the same systems.
        noise: Standard deviation of observation noise on every recorded value, in data units.
        missing: Share of values that are not observed.
        edge_probability: How likely a pair interacts (charged: how likely a charge is positive).
        strength_spread: Of springs: constants are drawn between 1 - spread and 1 + spread times the usual one.
        overwrite: Replace the file if it exists.
        json: Print a summary of the data as one JSON object on stdout.
    """
    from edgewise.data import save, summary
    from edgewise.data.io import check_target
    from edgewise.physics import simulate as run_simulation

    check_target(out, overwrite=overwrite)
    options = {"strength_spread": strength_spread} if strength_spread else {}
    ds = run_simulation(
        system,
        entities=entities,
        sequences=sequences,
        steps=steps,
        seed=seed,
        noise=noise,
        missing=missing,
        edge_probability=edge_probability,
        **options,
    )
    save(ds, out, overwrite=overwrite)
    if json:
        print_json(summary(ds) | {"path": str(out)})
    else:
        say(f"{system}: {counted(sequences, 'system')} of {entities}, {steps} frames each -> {out}")
