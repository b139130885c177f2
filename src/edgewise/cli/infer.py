"""edgewise infer DATA --out RUN"""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from edgewise.cli.options import Choices, Reading, chosen
from edgewise.cli.out import print_json, print_summary
from edgewise.cli.progress import ProgressLine
from edgewise.errors import ConfigError


def infer(
    data: Path,
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])],
    config: Path | None = None,
    overwrite: Annotated[bool, Parameter(negative="")] = False,
    resume: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    quiet: Annotated[bool, Parameter(negative="")] = False,
    reading: Reading = Reading(),  # noqa: B008 - a frozen record
    choices: Choices = Choices(),  # noqa: B008  # pyright: ignore[reportInvalidTypeForm]
) -> None:
    """Infer who acts on whom from trajectories.

    Writes a run folder: the posterior, the edges, the graph, the law, the metrics and a page.

    Args:
        data: trajectories: .csv, .tsv, .parquet, .npz, .nc, .zarr, or a folder of the NRI authors' .npy files.
        out: the run folder to write; it must be empty.
        config: a TOML file of settings; flags win over it.
        overwrite: replace the run that is in the folder.
        resume: go on with an interrupted run on the same data, with its settings.
        json: print one JSON object (the metrics and the paths) on stdout.
        quiet: no progress on stderr.
        reading: how the file is read.
        choices: settings.
    """
    from edgewise.data import fingerprint
    from edgewise.inference.config import InferenceConfig
    from edgewise.inference.infer import infer as run_inference
    from edgewise.inference.records import (
        complete_run,
        merged_config,
        prepare_folder,
        resumable,
        start_run,
        with_command,
    )
    from edgewise.report import write_report
    from edgewise.training import Checkpoints

    given = chosen(choices)
    if resume and (given or config):
        raise ConfigError(
            "--resume together with settings", fix="drop them: a resumed run keeps its own settings"
        )
    settings = InferenceConfig() if resume else merged_config(config, given)
    prepare_folder(out, overwrite=overwrite, resume=resume)
    ds = reading.load(data)
    if resume:
        settings = resumable(out, fingerprint(ds))
    else:
        start_run(out, settings, fingerprint(ds))
    checkpoints = Checkpoints(out / "checkpoints")
    with ProgressLine(quiet=quiet) as progress:
        result = run_inference(ds, settings, checkpoints=checkpoints, resume=resume, on_progress=progress)
    result = with_command(result, "infer", sys.argv[1:], data)
    complete_run(result, out)
    checkpoints.remove()
    write_report(out)
    if json:
        print_json(
            result.metrics | {"run": str(out), "page": str(out / "report.html"), "types": list(result.types)}
        )
    else:
        print_summary(result, out)
