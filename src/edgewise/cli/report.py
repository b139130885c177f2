"""edgewise report RUN"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from edgewise.report import write_report


def report(run: Path, *, out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None) -> None:
    """Write the page of a run folder anew: one file, which works offline.

    Args:
        run: a run folder.
        out: the file to write; report.html in the run folder by default.
    """
    print(write_report(run, out))
