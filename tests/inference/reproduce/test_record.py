"""The folder of a table: rows are on the disk at once, and nothing else is overwritten."""

import json

import pytest

from edgewise.errors import ConfigError, RunError
from edgewise.inference.reproduce import CELLS, TableRecord, Trial, planned, reproduce
from edgewise.inference.reproduce import run as running

from .test_table import graph_row


@pytest.fixture
def made(monkeypatch) -> list[Trial]:
    """The trials that were measured; no system is simulated."""
    trials: list[Trial] = []

    def measure(trial: Trial, on_progress) -> dict:
        trials.append(trial)
        return graph_row(trial.cell.name, trial.seed) | trial.key()

    monkeypatch.setitem(running.MEASURES, "nri-table1", measure)
    return trials


def some_trials(*cells: str, seeds: int = 1) -> list[Trial]:
    return planned("nri-table1", cells, seeds=seeds, method="superposition")


def test_every_row_is_kept_at_once(tmp_path, made):
    folder = tmp_path / "new" / "table"
    held = []
    record = TableRecord(folder, "nri-table1")
    assert json.loads((folder / "rows.json").read_text())["rows"] == []
    reproduce(
        "nri-table1",
        some_trials("springs-5", "charged-5"),
        record=record,
        on_row=lambda row: held.append(json.loads((folder / "rows.json").read_text())["rows"][-1]["cell"]),
    )
    assert held == ["springs-5", "charged-5"]
    assert sorted(path.name for path in folder.iterdir()) == ["log.txt", "rows.json", "table.md"]
    assert "| charged-5 " in (folder / "table.md").read_text()
    log = (folder / "log.txt").read_text().splitlines()
    assert len(log) == 4
    assert log[0].endswith("springs-5, seed 0: superposition from 500 systems within 1 min, tested on 1000")
    assert "done: springs-5, seed 0: directed edge_accuracy 0.9996" in log[1]


def test_a_stopped_table_goes_on_where_it_was(tmp_path, made, monkeypatch):
    def stop(trial: Trial, on_progress) -> dict:
        if len(made) == 1:
            raise KeyboardInterrupt
        return measure(trial, on_progress)

    measure = running.MEASURES["nri-table1"]
    trials = some_trials("springs-5", seeds=2)
    monkeypatch.setitem(running.MEASURES, "nri-table1", stop)
    with pytest.raises(KeyboardInterrupt):
        reproduce("nri-table1", trials, record=TableRecord(tmp_path / "t", "nri-table1"))
    assert (tmp_path / "t" / "log.txt").read_text().endswith(" stopped: KeyboardInterrupt\n")
    monkeypatch.setitem(running.MEASURES, "nri-table1", measure)
    rows = reproduce("nri-table1", trials, record=TableRecord(tmp_path / "t", "nri-table1", resume=True))
    assert [trial.seed for trial in made] == [0, 1]
    assert [row["seed"] for row in rows] == [0, 1]
    assert rows == TableRecord(tmp_path / "t", "nri-table1", resume=True).rows


def test_other_amounts_are_other_rows(tmp_path, made):
    record = TableRecord(tmp_path / "t", "nri-table1")
    cell = CELLS["springs-5"]
    trials = [
        Trial(cell),
        Trial(cell, train_systems=9),
        Trial(cell, budget=1),
        Trial(cell, isomorphism=True),
    ]
    reproduce("nri-table1", trials, record=record)
    assert len(record.rows) == 3  # one minute is the cell's own


def test_rows_without_a_folder_are_given_back(made):
    told = []
    rows = reproduce("nri-table1", some_trials("springs-5"), on_trial=told.append)
    assert [row["cell"] for row in rows] == ["springs-5"]
    assert rows[0]["made"].keys() >= {"at", "cores", "threads", "torch"}
    assert len(told) == 1


def refused(folder, found: str, *, table: str = "nri-table1", resume: bool = False) -> None:
    before = sorted(folder.iterdir()) if folder.is_dir() else None
    with pytest.raises(RunError) as error:
        TableRecord(folder, table, resume=resume)
    assert found in str(error.value)
    assert before == (sorted(folder.iterdir()) if folder.is_dir() else None)


def test_what_is_in_the_way_is_not_overwritten(tmp_path, made):
    folder = tmp_path / "t"
    refused(folder, f"no table was begun in {folder}", resume=True)
    folder.mkdir()
    (folder / "mine.txt").write_text("keep")
    refused(folder, f"{folder} is not empty: it holds mine.txt")
    refused(folder / "mine.txt", "is a file")
    other = tmp_path / "other"
    TableRecord(other, "nri-table1")
    refused(other, "pass --resume to go on with its table")
    refused(other, f"{other} holds nri-table1", table="nri-table2", resume=True)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"format": 99}, "has format 99"),
        ({"rows": 3}, "is damaged: what it holds are no rows of this table"),
        ({"rows": [{"cell": "springs-5"}]}, "is damaged"),
        ({"rows": [graph_row() | {"cell": "springs-6"}]}, "is damaged"),
    ],
)
def test_a_damaged_record_is_refused(tmp_path, change, found):
    TableRecord(tmp_path / "t", "nri-table1")
    path = tmp_path / "t" / "rows.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    refused(tmp_path / "t", found, resume=True)


@pytest.mark.parametrize(
    ("table", "seeds", "method", "found"),
    [
        ("nri-table1", 0, "superposition", "seeds is 0"),
        ("nri-table2", 1, "correlation", "correlation learns no law to forecast with"),
        ("nri-table9", 1, "superposition", "unknown table 'nri-table9'"),
    ],
)
def test_plans_that_cannot_be_carried_out_are_refused(table, seeds, method, found):
    with pytest.raises(ConfigError, match=found):
        planned(table, None, seeds=seeds, method=method)


def test_seeds_follow_each_other_within_a_cell():
    trials = planned(
        "nri-table1", ["charged-5", "springs-5"], seeds=2, method="superposition", train_systems=3
    )
    assert [(trial.cell.name, trial.seed) for trial in trials] == [
        ("springs-5", 0),
        ("springs-5", 1),
        ("charged-5", 0),
        ("charged-5", 1),
    ]
    assert {trial.train_systems for trial in trials} == {3}
