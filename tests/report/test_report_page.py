"""From records to the text of the page."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import run_folders
from page_reading import embedded, page_of, text_of

from edgewise.errors import RunError
from edgewise.report import write_report

HEADER = "source,target,type,probability\n"


def test_headline_counts_pairs_and_compares_with_the_truth(tmp_path: Path):
    records = run_folders.springs(3)
    text = text_of(page_of(tmp_path, records))
    share = 100 * len(records["edges.csv"]) / 60
    assert "20 directed pairs in each of 3 recordings: " in text
    assert f"{share:.1f}".rstrip("0").rstrip(".") + " % interact, and the mean probability" in text
    assert "Agrees with the known graph on 99.95 % of pairs (AUROC > 0.999)." in text


def test_without_truth_the_page_says_that_nothing_can_be_measured(tmp_path: Path):
    text = text_of(page_of(tmp_path, run_folders.joints()))
    assert "930 directed pairs, one graph for all 23 recordings:" in text
    assert "No truth was given: accuracy cannot be measured here." in text
    assert "AUROC" not in text
    assert "3 of 31 joints were not observed in some frames" in text


def test_undirected_pairs_count_once(tmp_path: Path):
    records = run_folders.springs(2, undirected=True)
    pairs = {(row["sequence"], *sorted((row["source"], row["target"]))) for row in records["edges.csv"]}
    assert len(pairs) < len(records["edges.csv"])
    text = text_of(page_of(tmp_path, records))
    assert "10 undirected pairs in each of 2 recordings" in text
    assert f"Inferred edges {len(pairs)} of 20 pairs" in text


def test_windows_are_counted_in_the_headline(tmp_path: Path):
    records = run_folders.springs(1)
    records["edges.csv"] = [{**row, "window": str(w)} for w in range(4) for row in records["edges.csv"]]
    text = text_of(page_of(tmp_path, records))
    assert "20 directed pairs in each of 4 windows of 1 recording:" in text
    assert "of 80 pairs" in text


def test_without_a_type_for_no_interaction_pairs_are_sorted_into_types(tmp_path: Path):
    records = run_folders.springs(1)
    records["preview.json"] |= {"no_interaction": False, "types": ["attract", "repel"]}
    text = text_of(page_of(tmp_path, records))
    assert "20 directed pairs in one recording: sorted into 2 types" in text


def test_no_edges_at_all_is_said_in_words(tmp_path: Path):
    records = run_folders.springs(1) | {"edges.csv": []}
    text = text_of(page_of(tmp_path, records))
    assert "no interaction was found." in text
    assert "No pair is more probably interacting than not." in text


def test_comparison_marks_the_best_of_each_metric(tmp_path: Path):
    records = run_folders.springs(1)
    records["metrics.json"]["baselines"]["correlation"]["ece"] = 0.0001
    page = page_of(tmp_path, records)
    names = re.findall(r'<th scope="col"[^>]*>([^<]+)</th>', page)[1:8]
    rows = {
        name: dict(zip(names, re.findall(r'<td class="number">(.*?)</td>', cells), strict=True))
        for name, cells in re.findall(r'<th scope="row">([^<]+)</th>(.*?)</tr>', page)[:4]
    }
    ours, correlation = rows["edgewise (superposition)"], rows["correlation"]
    assert ours["Edge accuracy ↑"] == "<strong>99.95\u202f%</strong>"
    assert ours["ECE ↓"] == "0.001"
    assert correlation["ECE ↓"] == "<strong>&lt;\u202f0.001</strong>"
    assert correlation["Edge accuracy ↑"] == "61.2\u202f%"
    assert not any("strong" in row["Time"] for row in rows.values())


def test_forecast_errors_stand_beside_the_trivial_forecasts(tmp_path: Path):
    text = text_of(page_of(tmp_path, run_folders.springs(1)))
    assert "normalised MSE 1 step 10 steps 20 steps edgewise 3.10 × 10⁻⁸" in text
    assert "constant velocity 8.00 × 10⁻⁵ 0.0123 0.101" in text


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("law.json", "This method learns no law of its own that could be drawn."),
        ("history.json", "Nothing was trained in this run"),
    ],
)
def test_an_absent_record_is_said_in_a_sentence(tmp_path: Path, name: str, sentence: str):
    records = run_folders.springs(1)
    assert sentence not in text_of(page_of(tmp_path / "with", records))
    assert sentence in text_of(page_of(tmp_path / "null", records | {name: None}))
    records.pop(name)
    assert sentence in text_of(page_of(tmp_path / "without", records))


def test_how_it_was_run_can_be_typed_again(tmp_path: Path):
    records = run_folders.springs(1)
    records["run.json"]["argv"][0] = "somewhere/bin/edgewise"
    text = text_of(page_of(tmp_path, records))
    assert "edgewise infer springs_5.nc --out 'runs/a run' --seed 0" in text
    assert "learning_rate 0.003" in text
    assert "bias translation, additive" in text
    assert "torch version 2.10.0" in text
    assert records["run.json"]["data"]["fingerprint"] in text


def test_only_the_strongest_edges_are_in_the_page(tmp_path: Path):
    records = run_folders.springs(1)
    rows = [
        {"source": "b0", "target": "b1", "type": 1, "probability": 0.5 + i / 4000, "sequence": str(i)}
        for i in range(1500)
    ]
    page = page_of(tmp_path, records | {"edges.csv": rows})
    assert "The 30 most probable of 1500 inferred edges; the filter looks through the first 300." in text_of(
        page
    )
    cells = re.findall(r"<td>b0</td><td>b1</td><td>type 1</td><td>(\d+)</td>", page)
    assert cells == [str(i) for i in range(1499, 1199, -1)]


def test_the_embedded_records_keep_their_values(tmp_path: Path):
    records = run_folders.joints()
    data = embedded(page_of(tmp_path, records))
    sequence = data["preview"]["sequences"][0]
    written = records["preview.json"]["sequences"][0]
    assert sequence["position"][10][3] == [None, None, None]
    assert sequence["position"][0][7] == pytest.approx(written["position"][0, 7], rel=1e-6)
    assert sequence["probability"][1][0] == pytest.approx(written["probability"][1, 0], rel=1e-6)
    assert sequence["time"] == written["time"].tolist()


def test_nan_and_infinity_in_a_record_become_null(tmp_path: Path):
    folder = run_folders.write_run(tmp_path, run_folders.springs(1))
    (folder / "history.json").write_text(
        '{"step": [0, 1], "evidence": [NaN, -Infinity], "temperature": [1e999, 1]}'
    )
    history = embedded(write_report(folder).read_text(encoding="utf-8"))["history"]
    assert history == {"step": [0, 1], "evidence": [None, None], "temperature": [None, 1]}


def test_names_from_the_data_cannot_become_markup(tmp_path: Path):
    page = page_of(tmp_path, run_folders.hostile())
    outside_scripts = re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL)
    for markup in ("<b>x", "<i>pull", "<script>alert", "<img", "</script>"):
        assert markup not in outside_scripts
    assert "&lt;b&gt;x&lt;/b&gt;&lt;/script&gt;" in outside_scripts
    assert embedded(page)["preview"]["entities"][0] == "<b>x</b></script>"
    assert page.count("</script>") == 4  # the records, two libraries, our own


def test_the_page_names_no_resource_outside_itself(tmp_path: Path):
    page = page_of(tmp_path, run_folders.springs(1))
    markup = re.sub(r"(<script\b[^>]*>).*?</script>", r"\1", page, flags=re.DOTALL)
    resources = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')>\s]+)""", markup)
    assert resources
    assert all(resource.startswith(("#", "data:")) for resource in resources)
    assert "default-src 'none'" in markup


def test_the_page_goes_where_it_is_asked_to(tmp_path: Path):
    folder = run_folders.write_run(tmp_path / "run", run_folders.springs(1))
    out = tmp_path / "elsewhere.html"
    assert write_report(folder, out) == out
    assert out.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert not (folder / "report.html").exists()
    assert write_report(folder) == folder / "report.html"


def test_a_failed_write_leaves_the_old_page_and_no_scraps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = run_folders.write_run(tmp_path, run_folders.springs(1))
    (folder / "report.html").write_text("old")
    before = set(folder.iterdir())

    def fail(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(RunError, match=r"report\.html cannot be written: No space left on device"):
        write_report(folder)
    assert (folder / "report.html").read_text() == "old"
    assert set(folder.iterdir()) == before


def test_a_missing_folder_to_write_into_is_an_error_with_a_fix(tmp_path: Path):
    folder = run_folders.write_run(tmp_path, run_folders.springs(1))
    with pytest.raises(RunError) as caught:
        write_report(folder, tmp_path / "nowhere" / "page.html")
    assert "page.html cannot be written: No such file or directory" in caught.value.found
    assert caught.value.fix == "create the folder or choose another place with --out"


@pytest.mark.parametrize("name", ["run.json", "metrics.json", "preview.json", "edges.csv"])
def test_a_missing_record_is_named(tmp_path: Path, name: str):
    folder = run_folders.write_run(tmp_path, run_folders.springs(1))
    (folder / name).unlink()
    with pytest.raises(RunError) as caught:
        write_report(folder)
    assert caught.value.found == f"{folder / name} is missing"
    assert caught.value.expected == f"{name} in the run folder"
    assert "edgewise infer" in (caught.value.fix or "")


def test_a_missing_run_folder_is_named(tmp_path: Path):
    with pytest.raises(RunError, match=r"there is no run folder .*nothing here"):
        write_report(tmp_path / "nothing here")


@pytest.mark.parametrize("version", [2, "1", None])
def test_another_version_of_the_records_is_refused(tmp_path: Path, version: object):
    records = run_folders.springs(1)
    records["run.json"] |= {"format": version, "edgewise": "9.1"}
    folder = run_folders.write_run(tmp_path, records)
    with pytest.raises(RunError) as caught:
        write_report(folder)
    assert f"run.json has format {version!r} (written by edgewise 9.1)" in caught.value.found
    assert caught.value.expected == "format 1"


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("metrics.json", "{broken", "metrics.json cannot be read: Expecting property name"),
        ("metrics.json", "[]", "metrics.json holds a list"),
        ("preview.json", '{"entities": [], "types": []}', "preview.json has no 'sequences'"),
        ("run.json", '{"format": 1, "data": {}}', "run.json has no 'method'"),
        ("edges.csv", "source,target,type\n", "no column 'probability' (found: source, target, type)"),
        ("edges.csv", HEADER + "a,b,1,0.9\na,b,1,many\n", "line 3, column 'probability': 'many'"),
        ("edges.csv", HEADER + "a,b,1,1.5\n", "line 2, column 'probability': '1.5'"),
    ],
)  # fmt: skip
def test_a_damaged_record_is_an_error_that_says_where(tmp_path: Path, name: str, text: str, found: str):
    folder = run_folders.write_run(tmp_path, run_folders.springs(1))
    (folder / name).write_text(text)
    with pytest.raises(RunError) as caught:
        write_report(folder)
    assert found in caught.value.found
    assert caught.value.expected
    assert caught.value.fix


def test_a_report_needs_no_heavy_library(tmp_path: Path):
    folder = run_folders.write_run(tmp_path, run_folders.springs(1))
    code = (
        "import sys, pathlib, edgewise.report; edgewise.report.write_report(pathlib.Path(sys.argv[1]));"
        "print(sorted({'torch', 'numpy', 'pandas', 'xarray', 'edgewise.inference'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_verdict_of_controlled_discoveries_is_the_headline(tmp_path: Path):
    records = run_folders.springs(1)
    kept = len(records["edges.csv"])
    records["run.json"]["verdict"] = {"judged": 20, "reported": kept, "fdr": 0.05, "unsure": None}
    text = text_of(page_of(tmp_path / "some", records))
    assert (
        f"20 directed pairs in one recording: {kept} are reported as edges at a false-discovery rate of 0.05;"
        f" for the other {20 - kept} the data cannot tell."
    ) in text
    one = records | {"edges.csv": records["edges.csv"][:1]}
    assert "1 is reported as an edge at a false-discovery rate of 0.05;" in text_of(
        page_of(tmp_path / "one", one)
    )
    none = text_of(page_of(tmp_path / "none", records | {"edges.csv": []}))
    assert "one recording: the data cannot tell who acts on whom, at a false-discovery rate of 0.05." in none
    assert "no interaction was found" not in none


def test_intervals_alone_leave_the_headline_as_it_is(tmp_path: Path):
    records = run_folders.springs(1)
    records["run.json"]["verdict"] = {"judged": 20, "reported": 9, "fdr": None, "unsure": 3}
    assert "% interact, and the mean probability" in text_of(page_of(tmp_path, records))


def test_settings_that_were_tried_stand_in_a_table(tmp_path: Path):
    records = run_folders.springs(1)
    assert "Settings that were tried" not in page_of(tmp_path / "without", records)
    tried = {"settings": {}, "standard_error": 0.02, "seconds": 3.2}
    records["run.json"]["auto"] = {
        "tried": [
            {"name": "<b>plain</b>", "nats": -1.25, "behind": 0.1, "chosen": False} | tried,
            {"name": "turning", "nats": -1.15, "behind": 0.0, "chosen": True} | tried,
        ]
    }
    page = page_of(tmp_path / "with", records)
    text = text_of(page)
    assert "<b>plain</b>" not in page
    assert "-1.250 0.100 ± 0.020 3.2" in text
    assert "turning -1.150 chosen" in text
