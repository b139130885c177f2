"""edgewise apply RUN DATA --out RUN2"""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from edgewise.cli.options import Reading
from edgewise.cli.out import print_json, print_summary


def apply(
    run: Path,
    data: Path,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    reading: Reading = Reading(),  # noqa: B008 - a frozen record
) -> None:
    """Infer the graphs of new recordings with the law of an earlier run. Nothing is trained.

    Args:
        run: a run folder of `edgewise infer`.
        data: new trajectories with the same features.
        out: the run folder to write.
        overwrite: replace the run that is in the folder.
        json: print one JSON object on stdout.
        reading: how the file is read.
    """
    from edgewise.inference.records import complete_run, prepare_folder, read_run, with_command
    from edgewise.report import write_report

    fitted = read_run(run)
    prepare_folder(out, overwrite=overwrite)
    result = with_command(fitted.apply(reading.load(data)), "apply", sys.argv[1:], data)
    complete_run(result, out)
    write_report(out)
    if json:
        print_json(
            result.metrics | {"run": str(out), "page": str(out / "report.html"), "types": list(result.types)}
        )
    else:
        print_summary(result, out)
