"""What is doubtful about data reaches the terminal (stderr), the record of the run and its page."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from edgewise.data import load


@pytest.fixture
def gappy(tmp_path, monkeypatch) -> Path:
    """Three walkers, 40 frames 0.1 apart, then 0.4 after the 21st; one column in which one entity rests."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(40, 3, 2)).cumsum(axis=0)
    t = np.arange(40) * 0.1 + 0.3 * (np.arange(40) > 20)
    rows = [
        (t[k], name, *steps[k, n], 2.0 if n == 1 else k % 7)
        for k in range(40)
        for n, name in enumerate("abc")
    ]
    pd.DataFrame(rows, columns=["t", "id", "x", "y", "beat"]).to_csv("gappy.csv", index=False)
    return Path("gappy.csv")


CLOCK = "note: The clock is irregular: steps from 0.1 to 0.4, median 0.1; the largest gap follows frame 20 (t = 2)."
STILL = "note: Series that never change: 'beat' of 'b'."


def test_convert_says_what_is_doubtful(edgewise, gappy):
    answer = edgewise("convert", gappy, "a.nc")
    assert (answer.code, answer.out) == (0, "")
    assert answer.err.startswith(CLOCK)
    assert f"\n{STILL}" in answer.err
    assert answer.err.endswith("1 recording, 40 frames, 3 entities, features x, y, beat -> a.nc\n")
    answer = edgewise("convert", gappy, "b.nc", "--json")
    assert answer.err.startswith(CLOCK)
    assert [f"note: {note}" for note in answer.record["notes"]] == answer.err.splitlines()


def test_convert_resamples(edgewise, gappy):
    answer = edgewise("convert", gappy, "even.nc", "--resample", "0.1", "--position", "x,y")
    assert answer.code == 0
    assert CLOCK not in answer.err
    even = load("even.nc")
    assert even.sizes["time"] == 43
    assert np.isnan(even["x"].to_numpy()[0, 21:24]).all()
    assert edgewise("convert", gappy, "filled.nc", "--resample", "0.1", "--fill-gaps", "3").code == 0
    assert not np.isnan(load("filled.nc")["x"].to_numpy()).any()
    answer = edgewise("convert", gappy, "none.nc", "--fill-gaps", "3")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("error: --fill-gaps 3 without --resample\n")
    assert not Path("none.nc").exists()


def test_convert_rounds_stamps(edgewise, gappy):
    table = pd.read_csv(gappy)
    table["t"] += 0.003 * (table["id"] == "b")
    table.to_csv("drift.csv", index=False)
    answer = edgewise("convert", "drift.csv", "drift.nc")
    assert "note: Clocks of entities are apart: 'a', 'b' share 0 of 40 time stamps" in answer.err
    assert "--round-time 0.1" in answer.err
    assert edgewise("convert", "drift.csv", "joined.nc", "--round-time", "0.1").code == 0
    assert load("joined.nc").sizes["time"] == 40


def test_infer_says_it_on_stderr_in_the_record_and_on_the_page(edgewise, gappy):
    answer = edgewise("infer", gappy, "--method", "correlation", "--out", "run", "--quiet")
    assert answer.code == 0
    assert "note:" not in answer.out
    assert CLOCK in answer.err
    assert STILL in answer.err
    notes = json.loads(Path("run/run.json").read_text("utf-8"))["notes"]
    assert f"note: {notes[0]}" in answer.err
    assert notes[0].split(";")[0] in Path("run/report.html").read_text("utf-8")
    answer = edgewise("infer", gappy, "--method", "correlation", "--out", "again", "--quiet", "--json")
    assert answer.record["n_edges"] >= 0
    assert CLOCK in answer.err
