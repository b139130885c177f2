"""edgewise convert IN OUT"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from edgewise.cli.options import Reading
from edgewise.cli.out import print_json, say


def convert(
    source: Path,
    target: Path,
    *,
    target_split: str | None = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    reading: Reading = Reading(),  # noqa: B008 - a frozen record
) -> None:
    """Read trajectories, check them, and write them in another format.

    Args:
        source: .csv, .tsv, .parquet, .npz, .nc, .zarr, or a folder of the NRI authors' .npy files.
        target: the file or folder to write; its ending says the format.
        target_split: name of the split when the target is an NRI folder, e.g. train_springs5.
        overwrite: replace the target if it exists.
        json: print a summary of the data as one JSON object on stdout.
        reading: how the source is read.
    """
    from edgewise.data import features as features_of
    from edgewise.data import save, summary

    ds = reading.load(source)
    save(ds, target, overwrite=overwrite, split=target_split)
    about = summary(ds)
    if json:
        print_json(about)
    else:
        features = ", ".join(features_of(ds))
        say(
            f"{about['n_sequences']} recordings, {about['n_frames']} frames, {about['n_entities']} entities, "
            f"features {features} -> {target}"
        )
