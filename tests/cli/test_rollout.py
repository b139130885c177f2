"""`edgewise rollout`: the files, the figures, and what is said."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from edgewise.data import load
from edgewise.rollouts import Divergence, Rollout


@pytest.fixture
def own(run, tmp_path):
    """A copy of the run that may be written to."""
    return shutil.copytree(run, tmp_path / "run")


def test_rollout_writes_frames_record_and_page(edgewise, own, springs):
    answer = edgewise("rollout", own, "--steps", 20, "--start", 6, "--systems", 3)
    assert answer.code == 0, answer.err
    frames, recorded = load(own / "rollout.nc"), load(springs)
    assert dict(frames.sizes) == {"sequence": 3, "time": 21, "entity": 3, "receiver": 3, "sender": 3}
    assert frames["x"].to_numpy()[:, 0] == pytest.approx(recorded["x"].to_numpy()[:3, 6])
    record = json.loads((own / "rollout.json").read_text("utf-8"))
    assert np.array(record["systems"][2]["x"])[..., 1] == pytest.approx(frames["y"].to_numpy()[2], abs=1e-6)
    assert 'id="rollout"' in (own / "report.html").read_text("utf-8")
    assert answer.out.splitlines()[0] == "20 steps of 0.1, 3 systems"
    assert f"after 7 steps: RMSE {record['error']['rmse'][-1]:.4g}, constant velocity " in answer.out
    assert answer.out.splitlines()[-1] == f"page: {own / 'report.html'}"
    assert "note: The graph is that of the run" in answer.err


def test_rollout_prints_one_json_object_and_leaves_the_run_alone(edgewise, run, tmp_path):
    before = sorted(path.name for path in run.iterdir())
    answer = edgewise("rollout", run, "--steps", 4, "--out", tmp_path / "out", "--json")
    assert (answer.code, answer.err) == (0, "")
    assert answer.record["steps"] == answer.record["asked"] == 4
    assert len(answer.record["systems"]) == 8
    assert (answer.record["error"], answer.record["diverged"], answer.record["recorded_steps"]) == (
        None,
        None,
        0,
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "report.html",
        "rollout.json",
        "rollout.nc",
    ]
    assert answer.record["page"] == str(tmp_path / "out" / "report.html")
    assert 'id="rollout"' in (tmp_path / "out" / "report.html").read_text("utf-8")
    assert sorted(path.name for path in run.iterdir()) == before


def test_rollout_measures_the_energy_of_a_known_simulator(edgewise, run, tmp_path):
    answer = edgewise("rollout", run, "--steps", 9, "--start", "first", "--out", tmp_path / "out", "--json")
    assert len(answer.record["energy_drift"]) == 8
    record = json.loads((tmp_path / "out" / "rollout.json").read_text("utf-8"))
    assert max(record["energy"]["drift_truth"]) < 0.01


def test_rollout_that_diverges_says_where_and_keeps_the_rest(edgewise, own):
    answer = edgewise("rollout", own, "--steps", 400, "--limit", 3, "--json")
    assert answer.code == 0
    diverged = answer.record["diverged"]
    assert answer.record["steps"] == diverged["step"] - 1 < 400
    warning = answer.err.splitlines()[0]
    assert warning.startswith(
        f"warning: the rollout diverged at step {diverged['step']}: {diverged['entity']!r} of"
    )
    assert f"of recording {diverged['sequence']!r} {diverged['reason']}" in warning
    assert load(own / "rollout.nc").sizes["time"] == diverged["step"]
    assert f"Stopped at step {diverged['step']}" in (own / "report.html").read_text("utf-8")


def test_rollout_without_a_single_frame_is_an_error(edgewise, run, tmp_path):
    answer = edgewise("rollout", run, "--limit", 1e-6, "--out", tmp_path / "out")
    assert answer.code == 1
    assert answer.err.startswith("error: the rollout diverged at step 1: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("start", ["middle", "-1", "1.5"])
def test_rollout_refuses_a_start_that_is_none(edgewise, run, start):
    answer = edgewise("rollout", run, f"--start={start}")
    assert (answer.code, answer.err.splitlines()[0]) == (1, f"error: --start {start}")
    assert "last, first, or the number of a frame" in answer.err


def test_rollout_of_other_data(edgewise, run, tmp_path):
    other, out = tmp_path / "other.csv", tmp_path / "out"
    assert (
        edgewise(
            "simulate",
            "springs",
            "--entities",
            3,
            "--sequences",
            2,
            "--steps",
            30,
            "--seed",
            4,
            "--out",
            other,
        ).code
        == 0
    )
    answer = edgewise("rollout", run, "--data", other, "--start", 20, "--steps", 5, "--out", out, "--json")
    assert len(answer.record["systems"]) == 2
    assert answer.record["recorded_steps"] == 5
    assert answer.record["notes"] == [
        "The graphs were inferred from the frames up to the start, with the law of the run."
    ]


def test_rollout_of_a_trained_run_asks_its_task(edgewise, springs, tmp_path, monkeypatch):
    """The task is told what was asked for, and starts where it likes if nothing was said."""
    from report.run_folders import write_run
    from report.training_folders import molecules

    folder = write_run(tmp_path / "trained", molecules())
    ds, asked = load(springs), []

    def rolled(folder, **options):
        asked.append(options)
        return Rollout(ds, None, Divergence(14, "0", "1", "is far"), ["a note"])

    monkeypatch.setattr("edgewise.tasks.rollout.rolled", rolled)
    answer = edgewise("rollout", folder, "--steps", 5, "--limit", 9)
    assert answer.code == 0, answer.err
    assert asked == [{"steps": 5, "data": None, "systems": 8, "limit": 9.0}]
    assert "note: a note" in answer.err
    assert "is far" in (folder / "report.html").read_text("utf-8")
    edgewise("rollout", folder, "--start", "last", "--data", springs)
    assert asked[1]["start"] == "last"
    assert asked[1]["data"].equals(ds)


def test_rollout_helps_without_torch():
    code = (
        "import sys, edgewise.cli.rollout; sys.exit(bool({'torch', 'pandas', 'xarray'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
