"""From a recipe to a run folder: train every network, measure, write."""

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import nn

from edgewise.errors import RunError
from edgewise.folders import check_folder, check_same_start, note_start, prepare_folder
from edgewise.tasks.experiment import Experiment, Measured, Network
from edgewise.tasks.recipe import Recipe, read_recipe, write_recipe
from edgewise.tasks.records import CHECKPOINTS, KIND, RECIPE, Outcome, write_outcome
from edgewise.tasks.stopping import Course
from edgewise.training import Checkpoint, Checkpoints, Deadline, Progress, fit

Told = Callable[[Progress], None]


def check_resumable(recipe: Recipe, folder: Path) -> None:
    """Refuse to go on with a run that was begun with another recipe.

    Raises:
        RunError: naming the first setting that differs, or if nothing was begun there.
    """
    check_folder(folder, resume=True)
    begun = read_recipe(folder / RECIPE).settings() if (folder / RECIPE).is_file() else {}
    now = recipe.settings()
    name = next((name for name in {**begun, **now} if begun.get(name) != now.get(name)), None)
    if name is not None:
        raise RunError(
            f"{folder} was begun with {name} = {begun.get(name)!r}, and the recipe has {now.get(name)!r}",
            expected="the recipe (and --seeds, --data) that the run was begun with",
            fix="resume with that recipe, or start anew with --overwrite",
        )


class TrainingRun:
    """The training of a recipe into a folder, which is made (or cleared) at the first step of the first network.

    By then recipe and data have shown to be good, and a run that is to be replaced is not lost to a mistake.
    A network that is finished is kept among the checkpoints, and is not trained again when the run is resumed.

    Args:
        experiment: the recipe on its data.
        folder: of the run; `overwrite`: the run in it is replaced; `resume`: the run in it goes on.
        on_progress: told after every step, with the time that all networks still need once one is finished.

    Raises:
        RunError: if the folder may not be written, or the run in it cannot be resumed.
    """

    def __init__(
        self,
        experiment: Experiment,
        folder: Path,
        *,
        overwrite: bool = False,
        resume: bool = False,
        on_progress: Told | None = None,
    ) -> None:
        check_folder(folder, overwrite=overwrite, resume=resume)
        if resume:
            check_same_start(folder, KIND, experiment.fingerprint)
        self.experiment, self.folder, self.overwrite = experiment, folder, overwrite
        self.begun, self.on_progress = resume, on_progress
        self.seconds: list[float] = []
        runs = range(experiment.recipe.training.seeds)
        self.plan = [(run, seed) for run in runs for seed in experiment.seeds(run)]

    def __call__(self, argv: list[str]) -> Outcome:
        """Train what is not trained yet, measure, and write the run's records.

        Args:
            argv: the words of the command, for the record.

        Raises:
            KeyboardInterrupt: after Ctrl-C, once a checkpoint is written.
        """
        networks = [self._network(number) for number in range(len(self.plan))]
        began = time.monotonic()
        measured = [self._measured(run, networks) for run in range(self.experiment.recipe.training.seeds)]
        baselines = self.experiment.baselines()
        seconds = time.monotonic() - began + sum(network.seconds for network in networks)
        outcome = Outcome(self.experiment, tuple(networks), tuple(measured), tuple(baselines), argv, seconds)
        write_outcome(outcome, self.folder)
        for number in range(len(self.plan)):
            self._kept(number).remove()
        return outcome

    def _network(self, number: int) -> Network:
        """A trained network: the one that was kept, or trained now, from where an interruption left it."""
        run, seed = self.plan[number]
        name = f"network {number + 1} of {len(self.plan)}"
        latest = Checkpoints(self.folder / CHECKPOINTS)
        kept = self._kept(number).load() if self.begun else None
        if kept is not None:
            return _network_from(kept, seed)
        found = latest.load() if self.begun else None
        found = found if found is not None and found.phase == name else None
        task = self.experiment.learning(name, self._untrained(seed), run, seed)
        limit = 60 * getattr(self.experiment.recipe.training, "minutes", 0.0)
        deadline = Deadline(limit, spent=0.0 if found is None else found.seconds)
        fit(task, deadline=deadline, checkpoints=latest, resume=found, on_progress=self._tell)
        best = task.finish()
        state = {"course": asdict(task.course), "epochs": len(task.course), "best_epoch": best}
        kept = Checkpoint(name, len(task.course), dict(task.module.state_dict()), {}, state, deadline.spent)
        self._kept(number).save(kept)
        latest.remove()
        self.seconds.append(deadline.spent)
        return _network_from(kept, seed)

    def _kept(self, number: int) -> Checkpoints:
        """Where a finished network waits for the others."""
        return Checkpoints(self.folder / CHECKPOINTS, f"seed-{self.plan[number][1]}")

    def _untrained(self, seed: int) -> nn.Module:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.experiment.network()

    def _measured(self, run: int, networks: list[Network]) -> Measured:
        members = []
        for (of, _), network in zip(self.plan, networks, strict=True):
            if of == run:
                module = self._untrained(network.seed)
                module.load_state_dict(dict(network.weights))
                members.append(module.eval())
        with torch.no_grad():
            return self.experiment.measure(run, members)

    def _tell(self, progress: Progress) -> None:
        if not self.begun:
            self._begin()
        if self.on_progress is not None:
            self.on_progress(replace(progress, seconds_left=self._seconds_left(progress)))

    def _begin(self) -> None:
        prepare_folder(self.folder, overwrite=self.overwrite)
        write_recipe(self.experiment.recipe, self.folder / RECIPE)
        note_start(self.folder, KIND, self.experiment.fingerprint)
        self.begun = True

    def _seconds_left(self, progress: Progress) -> float | None:
        """Of all networks: by those that are finished, else by the steps that this one has left."""
        after = len(self.plan) - int(progress.phase.split()[1])
        if self.seconds:
            typical = sum(self.seconds) / len(self.seconds)
            return max(typical - progress.seconds, 0.0) + typical * after
        if progress.seconds_left is None:
            return None
        return progress.seconds_left + (progress.seconds + progress.seconds_left) * after


def _network_from(kept: Checkpoint, seed: int) -> Network:
    state = kept.state
    course = Course(**state["course"])
    return Network(seed, kept.module, course, state["epochs"], state["best_epoch"], kept.seconds)
