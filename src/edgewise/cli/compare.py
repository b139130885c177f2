"""edgewise compare DATA --methods superposition,correlation --out FOLDER"""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from edgewise.cli.options import Flag, Reading, Target, names
from edgewise.cli.out import print_json, say
from edgewise.inference.config import Scope


def compare(
    data: Path,
    /,
    *,
    out: Target,
    methods: str | None = None,
    graph: Annotated[Scope | None, Parameter(show_default=False)] = None,
    config: Path | None = None,
    time_limit: float = 0.0,
    overwrite: Flag = False,
    json: Flag = False,
    quiet: Flag = False,
    reading: Reading = Reading(),  # noqa: B008 - a frozen record
) -> None:
    """Run methods side by side on one data set; write a table and a picture.

    Graphs are compared with known edges where there are any, or else by what they foretell of held-out frames.

    Args:
        data: Trajectories, as of `edgewise infer`.
        out: The folder to write: comparison.csv, comparison.json, comparison.png; it must not exist.
        methods: Methods, separated by commas, or all; those that are always there if not given.
        graph: Scope of the graph for all methods: per-sequence, shared or per-window.
        config: A TOML file: settings for all, and a table for each method that has its own.
        time_limit: Seconds a method may take; 0 for no limit.
        overwrite: Replace the folder.
        json: Print one JSON object (the record) on stdout.
        quiet: Say nothing on stderr.
        reading: How the file is read.
    """
    from edgewise.data.atomic import refuse_to_overwrite
    from edgewise.inference.compare import compare as run_methods
    from edgewise.inference.compare import planned
    from edgewise.settings import read_toml

    settings: dict[str, Any] = {}
    if config is not None:
        settings = read_toml(
            config, expected="a TOML file of settings", fix="see docs/compare.md for what it may hold"
        )
    if graph is not None:
        settings["graph"] = settings.get("graph", {}) | {"graph": graph} if _is_table(settings) else graph
    chosen = names(methods)
    planned(chosen, settings)  # what is wrong is said before the data are read
    refuse_to_overwrite(out, overwrite=overwrite)
    ds = reading.load(data)

    def on_row(row: dict[str, Any]) -> None:
        if not quiet:
            say(f"{row['label']}: {_said(row)}")

    found = run_methods(ds, chosen, settings=settings, time_limit=time_limit, on_row=on_row)
    found.save(out, overwrite=overwrite)
    if json:
        print_json(found.record() | {"out": str(out)})
        return
    print(found.text(), end="")
    print(f"table:   {out / 'comparison.csv'}")
    print(f"picture: {out / 'comparison.png'}")


def _is_table(settings: dict[str, Any]) -> bool:
    """Whether the file has a table [graph], which the flag then becomes a part of."""
    return isinstance(settings.get("graph"), dict)


def _said(row: dict[str, Any]) -> str:
    if row["status"] == "done":
        return f"done in {row['seconds']:.1f} s"
    return f"{row['status']}: {row['message'].partition(chr(10))[0]}"
