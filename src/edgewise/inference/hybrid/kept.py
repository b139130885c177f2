"""The fitted law beside the checkpoints of its encoder, so that an interrupted run need not fit it again."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import xarray as xr

from edgewise.errors import RunError
from edgewise.inference.confidence.crossfit import fit_halves
from edgewise.inference.config import InferenceConfig
from edgewise.inference.fitted_law import FittedLaw, observed
from edgewise.training import Checkpoint, Checkpoints, Progress

NAME = "law"


def keep_law(
    checkpoints: Checkpoints | None, law: FittedLaw, history: dict[str, Any], seconds: float
) -> None:
    """Write a law that is finished, and the course of its fit, into the folder of the checkpoints (if there is one)."""
    if checkpoints is None:
        return
    weights = law.model.state_dict() | law.member_weights()
    state = {"law": law.to_dict(), "history": history}
    part = Checkpoints(checkpoints.folder, NAME)
    part.save(Checkpoint(NAME, history["steps"], weights, {}, state, seconds))


def kept_law(
    checkpoints: Checkpoints,
    ds: xr.Dataset,
    config: InferenceConfig,
    *,
    resume: bool,
    on_progress: Callable[[Progress], None] | None,
) -> tuple[FittedLaw | None, dict[str, Any]]:
    """What `keep_law` wrote, or None where the law was not finished. Unless `resume`, what an earlier run left goes.

    The laws of the halves, by which false discoveries in the data of the fit are judged, are fitted again.

    Raises:
        RunError: for a law of other settings.
    """
    part = Checkpoints(checkpoints.folder, NAME)
    found = part.load() if resume else None
    if found is None:
        part.remove()
        return None, {}
    try:
        law = FittedLaw.restored(found.state["law"], found.module, config)
    except RuntimeError as error:
        raise RunError(
            f"the law that was kept beside the checkpoints is another model: {error}",
            expected="the law of the interrupted run",
            fix="resume with the settings that the run began with, or start it anew",
        ) from error
    if config.confidence.fdr:
        halves = fit_halves(observed(ds, law.encoding, config), law.encoding, config, on_progress=on_progress)
        law = replace(law, assurance=replace(law.assurance, halves=halves))
    return law, found.state["history"]
