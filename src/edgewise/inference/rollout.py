"""From inference to simulation: a fitted law, with the graph that was inferred, as a simulator."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import xarray as xr

from edgewise.data import load
from edgewise.data.describe import fingerprint
from edgewise.data.given import as_dataset
from edgewise.data.roles import DIMS, clock, features
from edgewise.errors import ConfigError, DataError
from edgewise.inference.encoding import Encoding
from edgewise.inference.evaluate import LEAST_FRAMES
from edgewise.inference.fitted import Fitted
from edgewise.inference.nri.fitted import FittedNRI
from edgewise.inference.records import read_run
from edgewise.inference.result import Inference
from edgewise.rollouts import Rollout, Start, check_asked, places, reach, stamped, stopped

SAME_TIME = 0.01
"""Share of a step by which the stamps of a rollout and of a recording may differ and still mean one frame."""


def rolled(
    folder: Path,
    *,
    steps: int,
    data: xr.Dataset | None = None,
    start: Start = "last",
    systems: int = 8,
    limit: float | None = None,
) -> Rollout:
    """Roll the law of a run of `edgewise infer` on from a frame of some recordings, by the expected course.

    The graph is the run's. Other recordings than the run's have one of their own, unless the run's is shared: it is
    inferred from the frames up to the start where there are at least `LEAST_FRAMES` that a law can read, else from all.

    Args:
        folder: a run folder.
        steps: frames ahead.
        data: recordings to start from; those of the run without it, found where `run.json` says they were read. They
            need not be there for a start at the last frame, which the run keeps.
        start: a frame, counted from 0; the first from which the law can go on, or the last.
        systems: how many recordings, from the first on.
        limit: how far from the centre of the data an object may go; 100 times as far as the data reach without it.

    Raises:
        ConfigError: for a run of a method that learns no law, or numbers out of range.
        DataError: for data without positions or of other entities than a shared graph's; for a frame that is not
            there, or too early for the law; where nothing could be computed.
        RunError: for a folder that is no run of `infer`.
    """
    result = read_run(folder)
    _check(result, steps, systems, limit)
    source, own = _recordings(result, data, start)
    some = source.isel(sequence=slice(0, systems))
    at = _frame(result, some, start)
    past = some if at is None else some.isel(time=slice(0, at + 1))
    belief, notes = _belief(result, some, past, own=own, at=at)
    fitted = _law(result)
    with np.errstate(over="ignore", invalid="ignore"):  # what diverges is found below
        ahead = fitted.forecast(past, belief, steps=steps)
    frames = _joined(past, ahead, some)
    present = np.logical_and.reduce(np.isfinite(places(frames)[:, 1]), axis=-1)
    if not present.any():
        raise DataError(
            "no entity can be rolled on: the frames before the start are not fully observed",
            expected="all features at the start and at the lags before it",
            fix="start from another frame (--start)",
        )
    centre, far = reach(source)
    frames, diverged = stopped(frames, far if limit is None else limit, centre=centre, present=present)
    truth, said = _truth(some, frames, at)
    return Rollout(frames, truth, diverged, [*notes, *said], _speed(past, fitted.encoding))


def _check(result: Inference, steps: int, systems: int, limit: float | None) -> None:
    _law(result)
    check_asked(steps, systems, limit)
    places(result.tail)


def _law(result: Inference) -> Fitted:
    """The fitted law of a run.

    Raises:
        ConfigError: for a baseline.
    """
    if result.fitted is None:
        raise ConfigError(
            f"{result.config.method} learns no law to simulate with",
            fix="use a run of method='superposition', 'hybrid', 'linear' or 'nri'",
        )
    return result.fitted


def _recordings(result: Inference, data: xr.Dataset | None, start: Start) -> tuple[xr.Dataset, bool]:
    """The recordings to start from, and whether they are the run's own."""
    known = result.about["data"]
    if data is not None:
        ds = as_dataset(data)
        return ds, fingerprint(ds) == known["fingerprint"]
    path = Path(known["path"])
    try:
        ds = load(path) if known["path"] and path.exists() else None
    except DataError:  # the columns had to be named
        ds = None
    if ds is not None and fingerprint(ds) == known["fingerprint"]:
        return ds, True
    if start == "last":
        return result.tail, True
    found = (
        "are not where they were read" if ds is None else "have changed since, or were read in another way"
    )
    raise DataError(
        f"the recordings of this run ({known['path'] or 'no file'}) {found}",
        expected="the recordings, since the run keeps their last frames only",
        fix="name them with --data (and their columns, as for `edgewise infer`), or start from the last frame",
    )


def _earliest(fitted: Fitted) -> int:
    """The first frame from which a law can go on: its state is complete there, or its window full."""
    if isinstance(fitted, FittedNRI):
        return fitted.n_frames - 1
    return fitted.encoding.first_frame + 1


def _frame(result: Inference, ds: xr.Dataset, start: Start) -> int | None:
    """The frame to start from, None for each recording's last.

    Raises:
        DataError: for a frame that is too early for the law, or that a recording does not have.
    """
    if start == "last":
        return None
    earliest = _earliest(_law(result))
    at = earliest if start == "first" else int(start)
    lengths = np.isfinite(clock(ds)).sum(1)
    shortest = int(lengths.argmin())
    if not earliest <= at < lengths[shortest]:
        name, last = ds["sequence"].to_numpy()[shortest], lengths[shortest] - 1
        raise DataError(
            f"start={start}: the rollout cannot begin at frame {at}",
            expected=f"a frame from {earliest}, where the law's state is complete, to {last}, the last of recording"
            f" {str(name)!r}",
            fix="name another frame, `first`, or `last`",
        )
    return at


def _belief(
    result: Inference, some: xr.Dataset, past: xr.Dataset, *, own: bool, at: int | None
) -> tuple[np.ndarray, list[str]]:
    """What is believed of the graphs [sequence or 1, receiver, sender, type], and where that is from."""
    shared = result.config.graph.graph == "shared"
    if own or shared:
        _check_entities(result, some)
        belief = _at_window(result, at).belief()
        said = "The graph is that of the run, inferred from whole recordings: frames after the start were among them."
        return belief if shared else belief[: some.sizes["sequence"]], [
            said
        ] if own and at is not None else []
    fitted, config = _law(result), result.config
    if config.graph.graph == "per-window":
        config = replace(config, graph=replace(config.graph, graph="per-sequence"))
    n_frames = past.sizes["time"]
    if at is None or n_frames >= _earliest(fitted) + LEAST_FRAMES:
        said = "The graphs were inferred from the frames up to the start, with the law of the run."
        return fitted.posterior(past, config)[:, 0], [said]
    said = (
        "The graphs were inferred from whole recordings, with the law of the run: the frames up to the start are too"
        f" few ({n_frames})."
    )
    return fitted.posterior(some, config)[:, 0], [said]


def _check_entities(result: Inference, ds: xr.Dataset) -> None:
    """Refuse other entities than those of the run's graph."""
    found = [str(name) for name in ds["entity"].to_numpy()]
    if found != result.entities:
        raise DataError(
            f"the data have {len(found)} entities, not those of the shared graph",
            expected=f"{len(result.entities)}, in this order: {', '.join(result.entities[:5])} ...",
            fix="select the same entities in the same order, or infer a graph for these",
        )


def _at_window(result: Inference, at: int | None) -> Inference:
    """The result with the graph of the window in which a frame lies, where graphs change."""
    p = result.probability
    if at is None or "window" not in p.dims:
        return result
    window = int(np.searchsorted(p["start"].to_numpy(), at, side="right")) - 1
    return replace(result, probability=p.isel(window=[max(window, 0)]))


def _last(past: xr.Dataset, names: list[str], back: int = 0) -> np.ndarray:
    """The last frame of each recording in which anything was seen, or one before it: [sequence]."""
    seen = past[names].to_array().notnull().any(("variable", "entity")).to_numpy() & np.isfinite(clock(past))
    return np.maximum(seen.shape[1] - 1 - seen[:, ::-1].argmax(1) - back, 0)


def _joined(past: xr.Dataset, ahead: xr.Dataset, source: xr.Dataset) -> xr.Dataset:
    """The start, as recorded, and the frames after it, with what is known of pairs and of the simulator."""
    names, stamps = features(ahead), clock(past)
    rows, last = np.arange(len(stamps)), _last(past, names)
    variables = {}
    for name in names:
        begin = past[name].transpose(*DIMS).to_numpy()[rows, last]
        values = np.concatenate([begin[:, None], ahead[name].transpose(*DIMS).to_numpy()], 1)
        variables[name] = (DIMS, values, dict(past[name].attrs))
    pairs = {
        str(name): array
        for name, array in source.data_vars.items()
        if "receiver" in array.dims and "time" not in array.dims
    }
    named = {dim: source[dim].to_numpy() for dim in ("sequence", "entity")}
    out = xr.Dataset(variables, coords=named, attrs=dict(source.attrs)).assign(pairs)
    times = np.concatenate([stamps[rows, last][:, None], clock(ahead)], 1)
    units = dict(source["clock" if "clock" in source.coords else "time"].attrs)
    return stamped(out, times, units)


def _speed(past: xr.Dataset, encoding: Encoding) -> np.ndarray:
    """Displacement a unit of time at the start [sequence, entity, d]: recorded, or since the frame before."""
    names = list(encoding.position)
    rows, last = np.arange(past.sizes["sequence"]), _last(past, names)
    if encoding.velocity:
        recorded = np.stack(
            [past[name].transpose(*DIMS).to_numpy()[rows, last] for name in encoding.velocity], -1
        )
        return encoding.kinematic * recorded
    before = _last(past, names, back=1)
    stamps, where = clock(past), places(past)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (where[rows, last] - where[rows, before]) / (stamps[rows, last] - stamps[rows, before])[
            :, None, None
        ]


def _truth(ds: xr.Dataset, frames: xr.Dataset, at: int | None) -> tuple[xr.Dataset | None, list[str]]:
    """The recording from the start on, and what is to be said where it cannot be laid beside the frames."""
    if at is None or ds.sizes["time"] == at + 1:
        return None, []
    truth = ds.isel(time=slice(at, at + frames.sizes["time"]))
    wanted, found = clock(frames)[:, : truth.sizes["time"]], clock(truth)
    step = np.median(np.diff(wanted, axis=1))
    if np.nanmax(np.abs(found - wanted)) > SAME_TIME * step:
        return None, [
            "The frames of the recording lie at other times than the rollout's, so there is no error to draw."
        ]
    return truth, []
