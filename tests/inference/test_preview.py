"""The few recordings that the page shows."""

import json

import numpy as np

from edgewise.inference import infer
from edgewise.inference.preview import FRAMES, SEQUENCES

from .worlds import QUICK, planted, springs, with_values


def test_a_few_recordings_with_a_few_frames_are_shown():
    ds = springs(sequences=SEQUENCES + 2, steps=FRAMES + 30)
    preview = infer(ds, **QUICK).preview
    assert len(preview["sequences"]) == SEQUENCES
    for number, entry in enumerate(preview["sequences"]):
        assert entry["name"] == str(number)
        assert np.shape(entry["position"]) == (FRAMES, 4, 2)
        assert len(entry["time"]) == FRAMES
        assert entry["truth"] == ds["edges"].to_numpy()[number].tolist()
        assert np.shape(entry["forecast"]["position"])[1:] == (4, 2)
        assert entry["forecast"]["time"][0] > entry["time"][-1]
    first, last = (preview["sequences"][0]["position"][k] for k in (0, -1))
    where = np.stack([ds["x"][0], ds["y"][0]], -1)
    np.testing.assert_allclose([first, last], where[[0, -1]], rtol=1e-6)


def test_it_shows_the_posterior(quick):
    _, result = quick
    assert result.preview["entities"] == result.entities
    assert result.preview["types"] == list(result.types)
    for number, entry in enumerate(result.preview["sequences"]):
        np.testing.assert_array_equal(entry["probability"], result.probability[number])
        assert "windows" not in entry


def test_windows_are_shown_one_by_one():
    ds = springs(steps=22)
    result = infer(ds, **QUICK, graph="per-window", window=6)
    entry = result.preview["sequences"][0]
    assert len(entry["windows"]) == 4
    np.testing.assert_array_equal(entry["windows"][2]["probability"], result.probability[0, 2])
    stamps = ds["time"].to_numpy()
    assert [entry["windows"][2]["start"], entry["windows"][2]["stop"]] == [stamps[12], stamps[18]]


def test_what_was_not_seen_is_none():
    def change(name, x):
        x[0, 3, 1] = np.nan
        return x

    entry = infer(with_values(springs(), change), **QUICK).preview["sequences"][0]
    assert entry["position"][3][1] == [None, None]
    json.dumps(entry, allow_nan=False)


def test_without_positions_series_are_shown():
    ds, _ = planted()
    entry = infer(ds, **QUICK).preview["sequences"][0]
    assert entry["position"] is None
    assert entry["forecast"] is None
    np.testing.assert_allclose(entry["series"]["level"], ds["level"][0])
