"""edgewise convert SOURCE TARGET"""

from pathlib import Path
from typing import Any

from edgewise.cli.options import Flag, Reading
from edgewise.cli.out import counted, print_json, say, say_notes
from edgewise.errors import ConfigError


def convert(
    source: Path,
    target: Path,
    /,
    *,
    target_split: str | None = None,
    resample: float | None = None,
    fill_gaps: int = 0,
    overwrite: Flag = False,
    json: Flag = False,
    reading: Reading = Reading(),  # noqa: B008 - a frozen record
) -> None:
    """Read trajectories, check them, and write them in another format.

    Args:
        source: Trajectories: .csv, .tsv, .parquet, .npz, .nc, .zarr, .dcd, .xtc, .pdb, or a folder of NRI .npy files.
        target: The file or folder to write; its ending says the format.
        target_split: Write an NRI folder, and this split of it, e.g. train_springs5.
        resample: Interpolate onto an even clock with this step.
        fill_gaps: Observations in a row that may be missing where it interpolates; longer gaps stay empty.
        overwrite: Replace the target if it exists.
        json: Print a summary of the data as one JSON object on stdout.
        reading: How the source is read.
    """
    from edgewise.data import features as features_of
    from edgewise.data import inspect, save, summary
    from edgewise.data.io import check_target
    from edgewise.data.resampling import resample as resampled

    if target_split is None:
        check_target(target, overwrite=overwrite)
    ds = reading.load(source)
    if resample is not None:
        ds = resampled(ds, resample, fill_gaps=fill_gaps)
    elif fill_gaps:
        raise ConfigError(
            f"--fill-gaps {fill_gaps} without --resample", expected="both", fix="name a step with --resample"
        )
    notes = inspect(ds)
    save(ds, target, overwrite=overwrite, split=target_split)
    about: dict[str, Any] = summary(ds)
    say_notes(notes)
    if json:
        print_json(about | {"path": str(target), "notes": notes})
    else:
        say(
            f"{counted(about['n_sequences'], 'recording')}, {counted(about['n_frames'], 'frame')}, "
            f"{counted(about['n_entities'], 'entity', 'entities')}, features {', '.join(features_of(ds))} -> {target}"
        )
