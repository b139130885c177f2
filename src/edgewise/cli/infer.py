"""edgewise infer DATA --out RUN"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewise.cli.options import Choices, Flag, Reading, Target, chosen
from edgewise.cli.out import print_run
from edgewise.cli.progress import ProgressLine
from edgewise.cli.words import command_words, how_to_go_on
from edgewise.errors import ConfigError

if TYPE_CHECKING:
    from edgewise.inference.config import InferenceConfig
    from edgewise.training import Progress


def infer(
    data: Path,
    /,
    *,
    out: Target,
    config: Path | None = None,
    overwrite: Flag = False,
    resume: Flag = False,
    json: Flag = False,
    quiet: Flag = False,
    reading: Reading = Reading(),  # noqa: B008 - a frozen record
    choices: Choices = Choices(),  # noqa: B008  # pyright: ignore[reportInvalidTypeForm]
) -> None:
    """Infer who acts on whom from trajectories.

    Writes a run folder: the posterior, the edges, the graph, the law, the metrics and a page.

    Args:
        data: Trajectories: .csv, .tsv, .parquet, .npz, .nc, .zarr, or a folder of the NRI authors' .npy files.
        out: The run folder to write; it must be empty or not exist.
        config: A TOML file of settings; flags win over it.
        overwrite: Replace the run that is in the folder.
        resume: Go on with an interrupted run on the same data, with its settings.
        json: Print one JSON object (the metrics and the paths) on stdout.
        quiet: Show no progress on stderr.
        reading: How the file is read.
        choices: Settings.
    """
    if resume and overwrite:
        raise ConfigError(
            "--resume together with --overwrite",
            expected="one of them: to go on with the run, or to replace it",
            fix="drop one",
        )
    given = chosen(choices)
    from edgewise.data import fingerprint
    from edgewise.inference.infer import infer as run_inference
    from edgewise.inference.records import check_folder, complete_run, merged_config, resumable, with_command
    from edgewise.report import write_report
    from edgewise.training import Checkpoints

    settings = merged_config(config, given)
    check_folder(out, overwrite=overwrite, resume=resume)
    ds = reading.load(data)
    if resume:
        settings = _kept(resumable(out, fingerprint(ds)), settings, config, given)
    run = _Beginning(out, settings, fingerprint(ds), overwrite=overwrite, begun=resume)
    checkpoints = Checkpoints(out / "checkpoints")
    try:
        with ProgressLine(quiet=quiet) as line:

            def on_progress(progress: "Progress") -> None:
                run.begin()
                line(progress)

            result = run_inference(
                ds, settings, checkpoints=checkpoints, resume=resume, on_progress=on_progress
            )
        run.begin()
        complete_run(with_command(result, "infer", command_words(), data), out)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(how_to_go_on() if run.begun else "nothing was written") from None
    checkpoints.clear()
    write_report(out)
    print_run(result, out, json=json)


class _Beginning:
    """Makes the run folder at the first step of the fit: by then data and settings have shown to be good, and a run
    that is to be replaced is not lost to a mistake."""

    def __init__(
        self, folder: Path, settings: "InferenceConfig", data: str, *, overwrite: bool, begun: bool
    ) -> None:
        self.folder, self.settings, self.data = folder, settings, data
        self.overwrite, self.begun = overwrite, begun

    def begin(self) -> None:
        from edgewise.inference.records import prepare_folder, start_run

        if not self.begun:
            prepare_folder(self.folder, overwrite=self.overwrite)
            start_run(self.folder, self.settings, self.data)
            self.begun = True


def _kept(
    begun: "InferenceConfig", asked: "InferenceConfig", config: Path | None, given: dict[str, Any]
) -> "InferenceConfig":
    """The settings that a run was begun with; those that are named again must be the same.

    Raises:
        ConfigError: for a setting that was named and is another.
    """
    from edgewise.inference.records import overruled

    wanted = asked if config is not None else overruled(begun, given)
    if wanted == begun:
        return begun
    before, now = _flat(begun), _flat(wanted)
    name = next(name for name in before if before[name] != now[name])
    raise ConfigError(
        f"--resume with {name} = {now[name]!r}",
        expected=f"{before[name]!r}, with which the run was begun",
        fix="drop the setting (a resumed run keeps its own), or start anew with --overwrite",
    )


def _flat(config: "InferenceConfig") -> dict[str, Any]:
    plain = config.to_dict()
    sections = [inner for inner in plain.values() if isinstance(inner, dict)]
    return {"method": plain["method"]} | {name: value for inner in sections for name, value in inner.items()}
