"""Can the data tell: the verdict in numbers and in words."""

import numpy as np
import pytest

from edgewise.data import from_arrays
from edgewise.inference import Inference, infer
from edgewise.inference.confidence import discovery
from edgewise.inference.confidence.statement import Verdict, scope_note

from ..worlds import QUICK, springs, untrained


def said(**fields):
    return Verdict(**{"judged": 90, "reported": 12, "fdr": 0.05, "unsure": None} | fields).sentences()


def test_some_are_reported_and_of_the_rest_the_data_cannot_tell():
    assert said() == [
        "12 of 90 pairs are reported as edges at a false-discovery rate of 0.05; for the other 78 the data cannot tell."
    ]
    assert said(reported=90) == ["90 of 90 pairs are reported as edges at a false-discovery rate of 0.05."]


def test_none_stands_out():
    (only,) = said(reported=0, unsure=0)
    assert only.startswith(
        "The data cannot tell who acts on whom: none of the 90 pairs stands out from decoys"
    )
    assert "0.05" in only


@pytest.mark.parametrize(
    ("reported", "unsure", "words"),
    [
        (
            12,
            6,
            "6 of the 12 reported edges have intervals that reach below 0.5 (90 %, over blocks of time): more",
        ),
        (12, 0, "All 12 reported edges keep a probability above 0.5 throughout the 90 % interval"),
        (1, 1, "The reported edge has an interval that reaches below 0.5"),
        (1, 0, "The reported edge keeps a probability above 0.5"),
    ],
)
def test_intervals_that_reach_below_a_half_ask_for_more_frames(reported, unsure, words):
    (only,) = said(fdr=None, reported=reported, unsure=unsure)
    assert only.startswith(words)
    assert len(said(reported=reported, unsure=unsure)) == 2


def autoregression(acts: np.ndarray, frames: int, seed: int = 0) -> np.ndarray:
    """x(t+1) = 0.5 x(t) + 0.5 sum of senders + noise: [1, time, entity]."""
    rng = np.random.default_rng(seed)
    n = len(acts)
    x = np.zeros((1, frames, n))
    for t in range(1, frames):
        x[:, t] = 0.5 * x[:, t - 1] + 0.5 * x[:, t - 1] @ acts.T + rng.normal(size=(1, n))
    return x


LONG = {
    "graph": "shared",
    "no_interaction": "yes",
    "additive": True,
    "noise": "profiled",
    "hidden": 8,
    "max_steps": 120,
    "learning_rate": 2e-2,
    "fdr": 0.1,
    "bootstrap": 20,
}


@pytest.fixture(scope="module")
def one_long_recording():
    acts = np.zeros((6, 6), dtype=int)
    acts[[1, 2, 3, 4], [0, 0, 5, 3]] = 1  # receivers, senders
    return acts, infer(from_arrays({"x": autoregression(acts, 400)}), **LONG)


def test_the_edges_of_one_long_recording_are_found_with_their_intervals(one_long_recording):
    acts, result = one_long_recording
    edges = result.edges()
    found = {(int(row.target), int(row.source)) for row in edges.itertuples()}
    true = set(map(tuple, np.argwhere(acts).tolist()))
    assert found >= true
    assert len(found - true) <= 1
    assert edges["low"].median() > 0.5
    assert result.about["verdict"] == {
        "judged": 30,
        "reported": len(edges),
        "fdr": 0.1,
        "unsure": int((edges["low"] < 0.5).sum()),
    }
    assert result.about["notes"][0].startswith(f"{len(edges)} of 30 pairs are reported as edges")


def test_the_verdict_is_kept_and_stands_on_the_page(one_long_recording, tmp_path):
    _, result = one_long_recording
    again = Inference.load(result.save(tmp_path / "run"))
    assert again.about["verdict"] == result.about["verdict"]
    page = result.report(tmp_path / "page.html").read_text("utf-8")
    kept = len(result.edges())
    assert (
        f"30 directed pairs in one recording: {kept} are reported as edges at a false-discovery rate of 0.1"
        in page
    )


def test_of_noise_the_data_cannot_tell(tmp_path):
    series = np.random.default_rng(1).normal(size=(1, 200, 5))
    result = infer(from_arrays({"x": series}), **LONG | {"bootstrap": 0, "max_steps": 60})
    assert len(result.edges()) == 0
    assert result.about["notes"][0].startswith("The data cannot tell who acts on whom: none of the 20 pairs")
    assert "the data cannot tell who acts on whom" in result.report(tmp_path / "page.html").read_text("utf-8")


def test_undirected_pairs_and_candidates_are_counted_once(monkeypatch):
    monkeypatch.setattr(discovery, "DECOYS", 100)
    ds = springs(steps=24)
    undirected = infer(ds, fdr=0.2, undirected=True, **QUICK)
    assert undirected.about["verdict"]["judged"] == 3 * 6
    near = infer(ds, fdr=0.2, neighbours=2, **QUICK)
    assert near.about["verdict"]["judged"] == 3 * 8


def test_nothing_is_said_where_nothing_was_asked():
    assert "verdict" not in infer(springs(), **QUICK).about


def test_one_long_recording_with_a_graph_a_stretch_is_pointed_out():
    _, data, _, _ = untrained(springs(sequences=1, steps=200))
    (note,) = scope_note(data, "per-sequence")
    assert note.startswith(
        "This one recording was fitted as 4 stretches of 64 frames, each with a graph of its own"
    )
    assert scope_note(data, "shared") == []
    _, short, _, _ = untrained(springs(sequences=1))
    _, several, _, _ = untrained(springs(sequences=2, steps=200))
    assert scope_note(short, "per-sequence") == scope_note(several, "per-sequence") == []
