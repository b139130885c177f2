"""edgewise reproduce: a small table, its folder, Ctrl-C, and wrong words."""

import json

import pytest

from edgewise.inference.reproduce import run as running

SMALL = ("--cells", "springs-5", "--train-systems", 3, "--test-systems", 2, "--method", "correlation")


def test_reproduce_prints_the_table_and_keeps_it(edgewise, tmp_path):
    out = tmp_path / "table"
    answer = edgewise("reproduce", "nri-table1", *SMALL, "--seeds", 2, "--out", out)
    assert answer.code == 0, answer.err
    assert answer.err.splitlines() == [f"springs-5, seed {k}: correlation, tested on 2" for k in range(2)]
    assert answer.out == (out / "table.md").read_text() + f"\ntable: {out / 'table.md'}\n"
    assert "| springs-5 | correlation | -" in answer.out
    more = edgewise("reproduce", "nri-table1", *SMALL, "--seeds", 3, "--out", out, "--resume", "--json")
    assert more.err == "springs-5, seed 2: correlation, tested on 2\n"
    assert [row["seed"] for row in more.record["rows"]] == [0, 1, 2]
    assert more.record["rows"] == json.loads((out / "rows.json").read_text())["rows"]
    assert more.record["out"] == str(out)


def test_reproduce_fits_a_law_within_the_budget(edgewise):
    words = ("--cells", "springs-5", "--train-systems", 4, "--test-systems", 2, "--budget", 0.02)
    answer = edgewise("reproduce", "nri-table2", *words, "--json", "--quiet")
    assert (answer.code, answer.err) == (0, "")
    (row,) = answer.record["rows"]
    assert (row["train_systems"], row["budget"], row["method"]) == (4, 0.02, "superposition")
    assert len(row["directed"]["mse"]) == len(row["static"]) == 3


@pytest.fixture
def stopped_at_the_second_row(monkeypatch) -> None:
    measure, rows = running.MEASURES["nri-table1"], []

    def stop(trial, on_progress):
        if rows:
            raise KeyboardInterrupt
        rows.append(measure(trial, on_progress))
        return rows[0]

    monkeypatch.setitem(running.MEASURES, "nri-table1", stop)


@pytest.mark.usefixtures("stopped_at_the_second_row")
def test_reproduce_keeps_its_rows_on_ctrl_c(edgewise, tmp_path, monkeypatch):
    out = tmp_path / "table"
    words = ("reproduce", "nri-table1", *SMALL, "--seeds", 2, "--out", out, "--quiet")
    answer = edgewise(*words)
    assert answer.code == 130
    assert answer.err == f"interrupted: go on with\n  edgewise {' '.join(map(str, words))} --resume\n"
    assert "| springs-5 | correlation" in answer.out
    monkeypatch.undo()
    answer = edgewise(*words, "--resume", "--json")
    assert answer.code == 0, answer.err
    assert [row["seed"] for row in answer.record["rows"]] == [0, 1]


@pytest.mark.usefixtures("stopped_at_the_second_row")
def test_reproduce_shows_what_it_has_on_ctrl_c_without_a_folder(edgewise):
    answer = edgewise("reproduce", "nri-table1", *SMALL, "--seeds", 2, "--quiet")
    assert answer.code == 130
    assert "| springs-5 | correlation" in answer.out
    assert answer.err.startswith("interrupted: the rows that are done are above")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("nri-table1", "--resume"), "--resume without --out"),
        (("nri-table1", "--cells", "springs-6"), "nri-table1 has no cell 'springs-6'"),
        (("nri-table2", "--cells", "springs-10"), "nri-table2 has no cell 'springs-10'"),
        (("nri-table1", "--seeds", 0), "seeds is 0"),
        (("nri-table1", "--budget", -1), "budget is -1"),
        (("nri-table1", "--test-systems", 0), "test_systems is 0"),
        (("nri-table2", "--method", "correlation"), "correlation learns no law to forecast with"),
        (("nri-table1", "--method", "correlation", "--isomorphism"), "isomorphism together with correlation"),
    ],
)
def test_reproduce_refuses_what_it_cannot_do(edgewise, tmp_path, words, found):
    out = tmp_path / "table"
    more = () if "--resume" in words else ("--out", out)
    answer = edgewise("reproduce", *words, *more)
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(f"error: {found}")
    assert not out.exists()


def test_reproduce_does_not_overwrite(edgewise, tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    answer = edgewise("reproduce", "nri-table1", *SMALL, "--out", tmp_path)
    assert (answer.code, answer.out) == (1, "")
    assert "is not empty: it holds mine.txt" in answer.err
