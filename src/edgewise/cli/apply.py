"""edgewise apply RUN DATA --out RUN2"""

from pathlib import Path

from edgewise.cli.options import Flag, Reading, Target
from edgewise.cli.out import print_run
from edgewise.cli.words import command_words


def apply(
    run: Path,
    data: Path,
    /,
    *,
    out: Target,
    exact: Flag = False,
    overwrite: Flag = False,
    json: Flag = False,
    reading: Reading = Reading(),  # noqa: B008 - a frozen record
) -> None:
    """Infer the graphs of new recordings with the law of an earlier run. Nothing is trained.

    Args:
        run: A run folder of `edgewise infer`, or hf://owner/name on a hub.
        data: New trajectories with the same features.
        out: The run folder to write; it must be empty or not exist.
        exact: Answer by the exact posterior, also where a hybrid run would answer at once by its encoder.
        overwrite: Replace the run that is in the folder.
        json: Print one JSON object (the metrics and the paths) on stdout.
        reading: How the file is read.
    """
    from edgewise.inference.records import check_folder, complete_run, prepare_folder, read_run, with_command
    from edgewise.report import write_report

    fitted = read_run(run)
    check_folder(out, overwrite=overwrite)
    result = with_command(fitted.apply(reading.load(data), exact=exact), "apply", command_words(), data)
    prepare_folder(out, overwrite=overwrite)
    complete_run(result, out)
    write_report(out)
    print_run(result, out, json=json)
