"""edgewise report RUN"""

import json as json_format
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from edgewise.cli.options import Flag
from edgewise.hub import refuse_to_write, run_folder
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
        run: A run folder, or hf://owner/name on a hub.
        out: The file to write; without it: report.html in the run folder.
        json: Print the path as one JSON object on stdout.
    """
    if out is None:
        refuse_to_write(run, "report.html")
    page = str(write_report(run_folder(run), out))
    print(json_format.dumps({"page": page}) if json else page)
