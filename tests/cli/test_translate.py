"""edgewise translate: lines in, lines out."""

import io
import json
import sys

import pytest

from edgewise.tasks.translate import read_lines_of
from tasks.sentences import toy


@pytest.fixture(scope="module")
def run(edgewise, tmp_path_factory):
    folder = tmp_path_factory.mktemp("translate")
    answer = edgewise("train", toy(folder), "--out", folder / "run", "--quiet")
    assert answer.code == 0, answer.err
    return folder / "run"


@pytest.fixture
def translate(edgewise, monkeypatch, run):
    def called(text, *options, of=run):
        content = text if isinstance(text, bytes) else text.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        return edgewise("translate", of, *options)

    return called


def test_translate_gives_a_line_for_a_line(translate, run):
    answer = translate("abc\n\nz\n")
    assert (answer.code, answer.err) == (0, "")
    said = read_lines_of(run).translate(["abc", "z"])
    assert answer.out.split("\n") == [said[0], "", said[1], ""]


def test_json_gives_an_object_a_line(translate):
    plain, answer = translate("abc\nz\n"), translate("abc\nz\n", "--json", "--at-once", 1)
    records = [json.loads(line) for line in answer.out.splitlines()]
    assert [r["target"] for r in records] == plain.out.splitlines()
    assert [(r["line"], r["source"]) for r in records] == [(1, "abc"), (2, "z")]


def test_alignments_go_into_a_file(translate, tmp_path):
    path = tmp_path / "a.json"
    assert translate("abc\n\nz\n", "--attention", path).code == 0
    records = json.loads(path.read_text("utf-8"))
    assert [r["line"] for r in records] == [1, 3]
    assert records[0]["alignment"]["source"] == ["a", "b", "c", "</s>"]
    answer = translate("abc\n", "--attention", path)
    assert answer.code == 1
    assert f"{path} exists already" in answer.err
    assert translate("abc\n", "--attention", path, "--overwrite").code == 0


def test_unknown_characters_are_noted(translate):
    answer = translate("b\naéß\n")
    assert answer.code == 0
    assert answer.err == "note: line 2: the vocabulary does not have 'é', 'ß'\n"


def test_what_comes_before_a_line_that_is_too_long_is_answered(translate):
    answer = translate("ab\n" + 250 * "a" + "\nb\n")
    assert answer.code == 1
    assert len(answer.out.splitlines()) == 1
    assert answer.err.startswith("error: line 2 has 251 tokens, the end included\n")


def test_bytes_that_are_not_text_name_their_line(translate):
    answer = translate(b"ab\n\xe4\n")
    assert answer.code == 1
    assert len(answer.out.splitlines()) == 1
    assert "error: line 2 of standard input is not UTF-8" in answer.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--beam", 0), "error: a beam of 0 with length penalty 0.0"),
        (("--at-once", 0), "error: --at-once 0"),
        (("--length-penalty", "-1"), "with length penalty -1.0"),
    ],
)
def test_options_that_cannot_be_are_refused(translate, options, said):
    answer = translate("ab\n", *options)
    assert (answer.code, answer.out) == (1, "")
    assert said in answer.err


def test_a_folder_that_is_no_run_is_refused(translate, tmp_path):
    assert "is not a run folder" in translate("a\n", of=tmp_path).err


def test_the_page_shows_what_the_model_says(run, chromium):
    errors = []
    chromium.on("pageerror", lambda error: errors.append(str(error)))
    chromium.goto((run / "report.html").as_uri())
    rows = chromium.locator("#example-table tbody tr")
    assert rows.count() == 6
    assert rows.first.locator("td").count() == 3
    options = chromium.locator("#alignment-choice option")
    assert options.count() == 6
    heat = chromium.evaluate("document.getElementById('alignment-view').data[0]")
    chromium.select_option("#alignment-choice", "5")
    other = chromium.evaluate("document.getElementById('alignment-view').data[0]")
    assert heat["type"] == "heatmap"
    assert len(heat["z"]) != len(other["z"]) or heat["z"] != other["z"]
    assert chromium.evaluate("document.getElementById('length-view').data[0].x") == ["0 to 7"]
    assert errors == []
