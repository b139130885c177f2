"""Runs of `infer` as simulators: rolled from any frame, with the graph of the run or one of their own."""

from dataclasses import replace

import numpy as np
import pytest

from edgewise.data import save
from edgewise.data.windows import select_frames
from edgewise.errors import ConfigError, DataError
from edgewise.inference import infer
from edgewise.inference.records import with_command
from edgewise.inference.rollout import rolled

from .worlds import QUICK, springs


@pytest.fixture(scope="module")
def run(learnt, tmp_path_factory):
    """A run that knows where its data lie."""
    ds, result = learnt
    folder = tmp_path_factory.mktemp("rollout")
    save(ds, folder / "springs.nc")
    return with_command(result, "infer", [], folder / "springs.nc").save(folder / "run")


def as_arrays(ds):
    return np.stack([ds[name].to_numpy() for name in ("x", "y", "vx", "vy")], -1)


def test_from_the_last_frame_it_is_the_forecast(run, learnt):
    ds, result = learnt
    found = rolled(run, steps=6, systems=3)
    assert found.frames.sizes["time"] == 7
    assert as_arrays(found.frames)[:, 0] == pytest.approx(as_arrays(ds)[:3, -1])
    ahead = replace(result, tail=result.tail).forecast(6)
    assert as_arrays(found.frames)[:, 1:] == pytest.approx(as_arrays(ahead)[:3])
    step = float(ds["time"][1] - ds["time"][0])
    assert np.diff(found.frames["time"]) == pytest.approx(step)
    assert (found.truth, found.diverged, found.notes) == (None, None, [])


def test_from_an_earlier_frame_the_recording_is_beside_it(run, learnt):
    ds, _ = learnt
    found = rolled(run, steps=20, start=25, systems=40)
    assert found.truth["time"].to_numpy() == pytest.approx(ds["time"].to_numpy()[25:])
    true, ours = as_arrays(found.truth)[..., :2], as_arrays(found.frames)[:, :15, :, :2]
    assert ours[:, 0] == pytest.approx(true[:, 0])
    times = (ds["time"].to_numpy()[25:] - float(ds["time"][25]))[:, None, None]
    straight = true[:, :1] + times * as_arrays(found.truth)[:, :1, :, 2:]
    assert np.square(ours - true).mean() < 0.1 * np.square(straight - true).mean()
    assert found.velocity == pytest.approx(as_arrays(ds)[:, 25, :, 2:])
    assert found.notes == [
        "The graph is that of the run, inferred from whole recordings: frames after the start were among them."
    ]


def test_the_first_frame_is_the_first_that_the_law_can_start_from(run, learnt):
    ds, _ = learnt
    found = rolled(run, steps=3, start="first", systems=1)
    assert float(found.frames["time"][0]) == float(ds["time"][1])
    with pytest.raises(
        DataError, match=r"cannot begin at frame 0\n.*from 1, .* to 39, the last of recording '0'"
    ):
        rolled(run, steps=3, start=0)
    with pytest.raises(DataError, match="cannot begin at frame 40"):
        rolled(run, steps=3, start=40)


def test_what_is_known_of_pairs_and_simulator_goes_along(run, learnt):
    ds, _ = learnt
    frames = rolled(run, steps=2, systems=2).frames
    assert frames["edges"].to_numpy().tolist() == ds["edges"].to_numpy()[:2].tolist()
    assert (frames.attrs["simulator"], frames.attrs["position"]) == ("springs", ["x", "y"])


def test_other_recordings_have_graphs_of_their_own(run, learnt):
    _, result = learnt
    others = springs(sequences=2, entities=5, steps=30, seed=9)
    found = rolled(run, steps=5, data=others, start=20)
    assert found.notes == [
        "The graphs were inferred from the frames up to the start, with the law of the run."
    ]
    past = select_frames(others, 0, 21)
    assert as_arrays(found.frames)[:, 1:] == pytest.approx(as_arrays(result.apply(past).forecast(5)))
    early = rolled(run, steps=5, data=others, start="first")
    assert early.notes[0].endswith("the frames up to the start are too few (2).")


def test_the_runs_own_data_are_known_by_their_content(run, learnt):
    ds, _ = learnt
    named = rolled(run, steps=4, data=ds, start=12, systems=2)
    assert named.frames.equals(rolled(run, steps=4, start=12, systems=2).frames)


def test_data_that_are_not_there_are_only_needed_for_earlier_frames(quick, tmp_path):
    _, result = quick
    folder = with_command(result, "infer", [], tmp_path / "gone.csv").save(tmp_path / "run")
    assert rolled(folder, steps=2).frames.sizes["time"] == 3
    with pytest.raises(DataError, match=r"\(.*gone.csv\) are not where they were read\n(.*\n)*.*--data"):
        rolled(folder, steps=2, start="first")
    save(springs(seed=5), tmp_path / "gone.csv")
    with pytest.raises(DataError, match="have changed since"):
        rolled(folder, steps=2, start="first")


def test_a_rollout_that_leaves_the_limit_keeps_what_came_before(run, learnt):
    ds, _ = learnt
    x = as_arrays(rolled(run, steps=60, systems=4).frames)[..., :2]
    where = as_arrays(ds)[..., :2]
    middle = (where.min((0, 1, 2)) + where.max((0, 1, 2))) / 2
    away = np.linalg.norm(x - middle, axis=-1)
    limit = float(away[:, :20].max()) + 1e-9
    step = int(np.argwhere((away > limit).any((0, 2)))[0, 0])
    found = rolled(run, steps=60, systems=4, limit=limit)
    assert found.steps == step - 1
    assert found.diverged.step == step
    system, entity = np.argwhere(away[:, step] > limit)[0]
    assert (found.diverged.sequence, found.diverged.entity) == (str(system), str(entity))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"steps": 0}, "steps=0"),
        ({"steps": 1, "systems": 0}, "systems=0"),
        ({"steps": 1, "limit": -1.0}, "limit=-1"),
    ],
)
def test_numbers_out_of_range_are_refused(run, asked, message):
    with pytest.raises(ConfigError, match=message):
        rolled(run, **asked)


def test_a_baseline_has_nothing_to_simulate_with(tmp_path):
    folder = infer(springs(), method="correlation").save(tmp_path / "run")
    with pytest.raises(ConfigError, match="correlation learns no law to simulate with"):
        rolled(folder, steps=1)


def test_series_without_positions_are_refused(tmp_path):
    ds = springs().drop_vars(["vx", "vy"]).assign_attrs(position=[], velocity=[])
    folder = infer(ds, **QUICK).save(tmp_path / "run")
    with pytest.raises(DataError, match="the data have no positions"):
        rolled(folder, steps=1)


def test_a_shared_graph_belongs_to_its_entities(tmp_path):
    ds = springs(sequences=4)
    folder = infer(ds, graph="shared", **QUICK).save(tmp_path / "run")
    others = springs(sequences=2, seed=8)
    assert rolled(folder, steps=2, data=others, start=5).frames.sizes["sequence"] == 2
    names = [f"b{k}" for k in range(others.sizes["entity"])]
    with pytest.raises(DataError, match="not those of the shared graph"):
        rolled(folder, steps=2, data=others.assign_coords(entity=names, receiver=names, sender=names))


def test_the_window_of_the_start_gives_the_graph(tmp_path):
    ds = springs(steps=32)
    result = infer(ds, graph="per-window", window=8, **QUICK)
    save(ds, tmp_path / "data.nc")
    p = result.probability.copy()
    on = np.broadcast_to(~np.eye(p.sizes["receiver"], dtype=bool), p.shape[:-1])
    p.values = np.stack([np.ones(on.shape), np.zeros(on.shape)], -1)
    p[{"window": 1}] = np.stack([~on[:, 0], on[:, 0]], -1).astype(float)
    result = with_command(replace(result, probability=p), "infer", [], tmp_path / "data.nc")
    folder = result.save(tmp_path / "run")
    start, stop = (int(p[name][1]) for name in ("start", "stop"))
    acting, still = (rolled(folder, steps=1, start=at).frames for at in (stop - 1, stop))
    full = result.fitted.forecast(ds.isel(time=slice(0, stop)), p.isel(window=1).to_numpy(), steps=1)
    none = result.fitted.forecast(ds.isel(time=slice(0, stop + 1)), p.isel(window=2).to_numpy(), steps=1)
    assert start < stop
    assert as_arrays(acting)[:, 1:] == pytest.approx(as_arrays(full))
    assert as_arrays(still)[:, 1:] == pytest.approx(as_arrays(none))


def test_recordings_with_other_clocks_have_no_error(quick, tmp_path):
    ds, result = quick
    folder = result.save(tmp_path / "run")
    slower = ds.assign_coords(time=ds["time"] * 1.5)
    found = rolled(folder, steps=3, data=slower, start=5)
    assert found.truth is None
    assert "lie at other times" in found.notes[-1]


@pytest.mark.parametrize("method", ["linear", "nri"])
def test_other_methods_roll_too(tmp_path, method):
    ds = springs(steps=40)
    settings = {"linear": {}, "nri": {"max_steps": 2, "frames": 20}}[method]
    save(ds, tmp_path / "data.nc")
    folder = with_command(infer(ds, method=method, **settings), "infer", [], tmp_path / "data.nc").save(
        tmp_path / "run"
    )
    found = rolled(folder, steps=4, start="first", systems=2)
    assert as_arrays(found.frames).shape == (2, 5, ds.sizes["entity"], 4)
    first = {"linear": 1, "nri": 19}[method]
    assert float(found.frames["time"][0]) == float(ds["time"][first])
    assert np.isfinite(as_arrays(found.frames)).all()


def test_entities_that_left_are_not_rolled_on(run, learnt):
    ds, _ = learnt
    gone = ds.isel(sequence=[0]).copy(deep=True)
    for name in ("x", "y", "vx", "vy"):
        gone[name][:, 8:, 2] = np.nan
    found = rolled(run, steps=3, data=gone, start=30)
    known = np.isfinite(as_arrays(found.frames)[0, 1:]).all((0, 2))
    assert known.tolist() == [True, True, False, True, True]
    assert found.diverged is None
