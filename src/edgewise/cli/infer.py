"""edgewise infer DATA --out RUN"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgewise.cli.options import Choices, Flag, Reading, Target, chosen
from edgewise.cli.out import print_run
from edgewise.cli.progress import ProgressLine
from edgewise.cli.words import command_words, how_to_go_on
from edgewise.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

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
    auto: Flag = False,
    json: Flag = False,
    quiet: Flag = False,
    reading: Reading = Reading(),  # noqa: B008 - a frozen record
    choices: Choices = Choices(),  # noqa: B008  # pyright: ignore[reportInvalidTypeForm]
) -> None:
    """Infer who acts on whom from trajectories.

    Writes a run folder: the posterior, the edges, the graph, the law, the metrics and a page.

    Args:
        data: Trajectories: .csv, .tsv, .parquet, .npz, .nc, .zarr, .dcd, .xtc, .pdb, or a folder of NRI .npy files.
        out: The run folder to write; it must be empty or not exist.
        config: A TOML file of settings; flags win over it.
        overwrite: Replace the run that is in the folder.
        resume: Go on with an interrupted run on the same data, with its settings.
        auto: Choose the settings that are not named by the likelihood of held-out frames.
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
    from edgewise.inference.auto.choose import with_choice
    from edgewise.inference.infer import infer as run_inference
    from edgewise.inference.records import check_folder, complete_run, merged_config, with_command
    from edgewise.report import write_report
    from edgewise.training import Checkpoints

    settings = merged_config(config, given)
    check_folder(out, overwrite=overwrite, resume=resume)
    ds = reading.load(data)
    run = _Beginning(out, settings, fingerprint(ds), overwrite=overwrite, begun=resume)
    if resume:
        run.go_on(config, given, auto=auto)
    checkpoints = Checkpoints(out / "checkpoints")
    try:
        with ProgressLine(quiet=quiet) as line:
            if auto and not resume:
                run.choose(ds, config, given, line)

            def on_progress(progress: "Progress") -> None:
                run.begin()
                line(progress)

            result = run_inference(
                ds, run.settings, checkpoints=checkpoints, resume=resume, on_progress=on_progress
            )
        run.begin()
        result = result if run.choice is None else with_choice(result, run.choice)
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
        self.choice: dict[str, Any] | None = None

    def choose(
        self,
        ds: "xr.Dataset",
        config: Path | None,
        given: dict[str, Any],
        on_progress: "Callable[[Progress], None]",
    ) -> None:
        """Choose the settings that neither the file nor a flag names."""
        from edgewise.inference.auto.choose import choose_settings
        from edgewise.inference.records import named_settings

        self.settings, self.choice = choose_settings(ds, named_settings(config, given), on_progress)

    def go_on(self, config: Path | None, given: dict[str, Any], *, auto: bool) -> None:
        """Take the settings that the run was begun with, and how they were chosen.

        Raises:
            ConfigError: for a setting that was named and is another, or for `auto` of a run that was begun without.
        """
        from edgewise.inference.records import choice_of, named_settings, overruled, resumable

        begun = resumable(self.folder, self.data)
        self.choice = choice_of(self.folder)
        if auto and self.choice is None:
            raise ConfigError(
                "--resume with --auto, and the settings of this run were not chosen",
                expected="the settings with which the run was begun",
                fix="drop --auto, or start anew with --overwrite",
            )
        asked = self.settings
        if config is None or self.choice is not None:
            asked = overruled(begun, named_settings(config, given))
        self.settings = _kept(begun, asked)

    def begin(self) -> None:
        from edgewise.inference.records import prepare_folder, start_run

        if not self.begun:
            prepare_folder(self.folder, overwrite=self.overwrite)
            start_run(self.folder, self.settings, self.data, self.choice)
            self.begun = True


def _kept(begun: "InferenceConfig", wanted: "InferenceConfig") -> "InferenceConfig":
    """The settings that a run was begun with; those that are named again must be the same.

    Raises:
        ConfigError: for a setting that was named and is another.
    """
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
