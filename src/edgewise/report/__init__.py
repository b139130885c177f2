"""From the records of a run folder to one self-contained HTML page.

`write_report` reads `run.json`, `metrics.json` and `preview.json`, and what else the kind of run left: `edges.csv`
and `law.json` of an inference, `history.json` of both. It never imports torch, pandas or xarray: a report of an old
run takes less than a second.
"""

from edgewise.report.page import write_report

__all__ = ["write_report"]
