"""edgewise convert SOURCE TARGET"""

from pathlib import Path
from typing import Any

from edgewise.cli.options import Flag, Reading
from edgewise.cli.out import counted, print_json, say


def convert(
    source: Path,
    target: Path,
    /,
    *,
    target_split: str | None = None,
    overwrite: Flag = False,
    json: Flag = False,
    reading: Reading = Reading(),  # noqa: B008 - a frozen record
) -> None:
    """Read trajectories, check them, and write them in another format.

    Args:
        source: Trajectories: .csv, .tsv, .parquet, .npz, .nc, .zarr, or a folder of the NRI authors' .npy files.
        target: The file or folder to write; its ending says the format.
        target_split: Write an NRI folder, and this split of it, e.g. train_springs5.
        overwrite: Replace the target if it exists.
        json: Print a summary of the data as one JSON object on stdout.
        reading: How the source is read.
    """
    from edgewise.data import features as features_of
    from edgewise.data import save, summary
    from edgewise.data.io import check_target

    if target_split is None:
        check_target(target, overwrite=overwrite)
    ds = reading.load(source)
    save(ds, target, overwrite=overwrite, split=target_split)
    about: dict[str, Any] = summary(ds)
    if json:
        print_json(about | {"path": str(target)})
    else:
        say(
            f"{counted(about['n_sequences'], 'recording')}, {counted(about['n_frames'], 'frame')}, "
            f"{counted(about['n_entities'], 'entity', 'entities')}, features {', '.join(features_of(ds))} -> {target}"
        )
