"""What the page says of a rollout, in words and tables."""

import json
from pathlib import Path

import pytest
import rollout_records
import run_folders
import training_folders
from page_reading import embedded, page_of, text_of

from edgewise.errors import RunError
from edgewise.report import write_report


@pytest.mark.parametrize(
    "records", [run_folders.springs, training_folders.molecules, training_folders.citation]
)
def test_a_page_without_a_rollout_has_no_section(tmp_path: Path, records):
    page = page_of(tmp_path, records())
    assert 'id="rollout"' not in page
    assert "#rollout" not in page.partition("<main")[0].partition("<body")[2]


@pytest.mark.parametrize(
    "records", [run_folders.springs, training_folders.molecules, training_folders.citation]
)
def test_the_page_of_either_kind_of_run_shows_its_rollout(tmp_path: Path, records):
    page = page_of(tmp_path, records() | {"rollout.json": rollout_records.orbits()})
    text = text_of(page)
    assert "2 systems, rolled 59 steps of 0.1 days by what was learnt" in text
    assert '<a href="#rollout">' in page
    assert embedded(page)["rollout"]["entities"] == ["star", "planet 1", "planet 2"]


def test_errors_stand_beside_constant_velocity(tmp_path: Path):
    text = text_of(page_of(tmp_path, run_folders.springs(1) | {"rollout.json": rollout_records.orbits()}))
    assert (
        "RMSE 1 step 10 steps 19 steps edgewise 0.0200 0.200 0.380 constant velocity 0.0300 0.300 0.570"
        in text
    )
    assert "RMSE of a coordinate, AU" in text


def test_the_better_error_is_bold(tmp_path: Path):
    record = rollout_records.orbits()
    record["error"]["constant_velocity"][0] = 0.001
    page = page_of(tmp_path, run_folders.springs(1) | {"rollout.json": record})
    assert "<strong>0.00100</strong>" in page
    assert "<strong>0.0200</strong>" not in page
    assert "<strong>0.200</strong>" in page


def test_drifts_are_those_of_the_median_and_the_worst_system(tmp_path: Path):
    record = rollout_records.orbits(3)
    record["momentum"]["drift"] = [0.1, 0.2, 37.0]
    text = text_of(page_of(tmp_path, run_folders.springs(1) | {"rollout.json": record}))
    assert "Energy 4 % 8 % Energy, recording 0 % 0 % Momentum 20 % 37.0 times" in text


def test_what_nothing_is_known_of_is_left_out(tmp_path: Path):
    text = text_of(page_of(tmp_path, run_folders.springs(1) | {"rollout.json": rollout_records.boxed()}))
    assert "One system, rolled 299 steps" in text
    assert "Nothing was recorded after the start, so there is no error to measure." in text
    assert "Energy" not in text
    assert "Momentum" not in text


def test_a_divergence_and_notes_are_said_first(tmp_path: Path):
    record = rollout_records.orbits() | {"notes": ["Mind <this>."]}
    record["diverged"] = {
        "step": 60,
        "sequence": "system 1",
        "entity": "planet 2",
        "reason": "is 9 from the centre",
    }
    text = text_of(page_of(tmp_path, run_folders.springs(1) | {"rollout.json": record}))
    assert (
        "Stopped at step 60: 'planet 2' of recording 'system 1' is 9 from the centre. The steps before"
        in text
    )
    assert "Mind <this>." in text


def test_the_record_may_lie_elsewhere(tmp_path: Path):
    run = run_folders.write_run(tmp_path / "run", run_folders.springs(1))
    other = run_folders.write_run(tmp_path / "other", {"rollout.json": rollout_records.orbits()})
    page = write_report(run, other / "report.html", rollout=other / "rollout.json")
    assert 'id="rollout"' in page.read_text("utf-8")
    with pytest.raises(RunError, match=r"nowhere\.json is missing"):
        write_report(run, other / "report.html", rollout=other / "nowhere.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: record.pop("systems"), "has no 'systems'"),
        (lambda record: record.update(systems=[]), "holds no systems"),
        (lambda record: record.update(systems=[3]), "holds a number as a system"),
        (lambda record: record["systems"][0].update(x=[]), "has 0 frames of a system and 60 times"),
    ],
)
def test_a_damaged_record_is_refused(tmp_path: Path, change, message: str):
    record = rollout_records.orbits()
    change(record)
    run = run_folders.write_run(tmp_path, run_folders.springs(1) | {"rollout.json": record})
    assert json.loads((run / "rollout.json").read_text("utf-8"))
    with pytest.raises(RunError, match=message):
        write_report(run)
