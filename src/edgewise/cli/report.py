"""edgewise report RUN"""

import json as json_format
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from edgewise.cli.options import Flag
from edgewise.report import write_report


def report(
    run: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    json: Flag = False,
) -> None:
    """Write the page of a run folder anew: one file, which works offline.

    Args:
        run: A run folder.
        out: The file to write; without it: report.html in the run folder.
        json: Print the path as one JSON object on stdout.
    """
    page = str(write_report(run, out))
    print(json_format.dumps({"page": page}) if json else page)
