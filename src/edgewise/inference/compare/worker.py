"""One method in a process of its own. Its folder holds `data.nc` and `entry.json`; it gets `row.json`."""

import json
from pathlib import Path

DATA, ENTRY, ROW = "data.nc", "entry.json", "row.json"


def main(folder: Path) -> None:
    """Make the row of the folder's method."""
    from edgewise.data import load
    from edgewise.folders import write_json
    from edgewise.inference.compare.entries import Entry
    from edgewise.inference.compare.measure import measured_row
    from edgewise.inference.config import InferenceConfig

    asked = json.loads((folder / ENTRY).read_text(encoding="utf-8"))
    entry = Entry(asked["label"], InferenceConfig.from_dict(asked["config"]))
    write_json(folder / ROW, measured_row(load(folder / DATA), entry, asked["time_limit"]))
