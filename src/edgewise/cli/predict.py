"""edgewise predict RUN DATA"""

import csv
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from edgewise.cli.options import Flag
from edgewise.cli.out import counted, print_json, say


def predict(
    run: Path,
    data: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    overwrite: Flag = False,
    json: Flag = False,
    skip_invalid: Flag = False,
) -> None:
    """Classify nodes or pictures, predict a number a molecule or the energy of frames, with all networks of a run.

    Args:
        run: A run folder of `edgewise train`.
        data: A graph (as the recipe reads it), a table of molecules, pictures, or recordings of objects.
        out: The table (.csv) to write; without it the table is printed.
        overwrite: Replace the table if it exists.
        json: Print one JSON object on stdout: where the table is, or its rows.
        skip_invalid: Leave molecules out whose SMILES do not parse.
    """
    from edgewise.data.atomic import refuse_to_overwrite, replacing
    from edgewise.tasks import predictions, read_trained
    from edgewise.tasks.records import write_table

    if out is not None:
        refuse_to_overwrite(out, overwrite=overwrite)
    columns = predictions(read_trained(run), data, skip_invalid=skip_invalid)
    n_rows = len(next(iter(columns.values())))
    if out is not None:
        with replacing(out, overwrite=overwrite) as draft:
            write_table(draft, columns)
        about = {"path": str(out), "rows": n_rows, "columns": list(columns)}
        print_json(about) if json else say(f"{counted(n_rows, 'row')} -> {out}")
        return
    rows = zip(*columns.values(), strict=True)
    if json:
        print_json({"rows": [dict(zip(columns, row, strict=True)) for row in rows]})
    else:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
