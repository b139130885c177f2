"""edgewise evaluate RUN DATA"""

from pathlib import Path
from typing import Any

from edgewise.cli.options import Flag, Reading
from edgewise.cli.out import print_json, print_strength, print_table


def evaluate(
    run: Path,
    data: Path,
    /,
    *,
    json: Flag = False,
    reading: Reading = Reading(),  # noqa: B008 - a frozen record
) -> None:
    """Measure the graphs of a run against a data set that holds the truth, beside the simple answers.

    Args:
        run: A run folder, or hf://owner/name on a hub.
        data: The recordings of the run, with the truth (in the file, or by --truth).
        json: Print one JSON object on stdout.
        reading: How the file is read.
    """
    from edgewise.errors import DataError
    from edgewise.inference.evaluate import graph_metrics
    from edgewise.inference.records import read_run
    from edgewise.inference.strength_metrics import strength_metrics

    result = read_run(run)
    ds = reading.load(data)
    if "edges" not in ds:
        raise DataError(
            f"{data} holds no truth", expected="known edges", fix="name a table of them with --truth"
        )
    _check_same(result, ds, data)
    metrics = graph_metrics(result.probability, ds, scope=result.config.graph.graph)
    strengths = strength_metrics(result.confidence, ds) if "strength" in result.confidence else None
    if "strength" in result.confidence:
        metrics["strength"] = strengths
    metrics["n_edges"] = len(result.edges())
    if json:
        print_json(metrics)
    else:
        print_table(metrics)
        if strengths is not None:
            print_strength(strengths)


def _check_same(result: Any, ds: Any, data: Path) -> None:
    """The posterior and the truth must be of the same recordings and entities."""
    from edgewise.data.wording import listing
    from edgewise.errors import DataError

    wanted = {"entity": result.entities}
    if result.sequences != ["all"]:
        wanted["sequence"] = result.sequences
    for dim, names in wanted.items():
        found = [str(name) for name in ds[dim].to_numpy()]
        if found != names:
            raise DataError(
                f"{data} has {len(found)} {dim} names: {listing(found, 5)}",
                expected=f"those of the run: {len(names)}, {listing(names, 5)}",
                fix="evaluate a run on the data that it was inferred from",
            )
