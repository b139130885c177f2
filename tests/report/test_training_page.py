"""From the records of `edgewise train` to the text of its page."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import run_folders
import training_folders
from page_reading import embedded, page_of, text_of

from edgewise.errors import RunError
from edgewise.report import write_report


def with_figures(records: run_folders.Json, **changes: object) -> run_folders.Json:
    records["metrics.json"] |= changes
    return records


def rows_of(page: str, table: str) -> list[list[str]]:
    """The cells of the body of a table, its tags taken out."""
    body = re.search(rf'<table id="{table}">.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    assert body
    rows = re.findall(r"<tr>(.*?)</tr>", body.group(1), re.DOTALL)
    return [[text_of(cell).strip() for cell in re.findall(r"<t[dh].*?</t[dh]>", row)] for row in rows]


@pytest.mark.parametrize("case", sorted(training_folders.BUILDERS))
def test_every_kind_of_run_makes_a_page(tmp_path: Path, case: str):
    page = page_of(tmp_path, training_folders.BUILDERS[case]())
    for section in ("headline", "result", "learning", "errors", "runs", "run"):
        assert page.count(f'<section id="{section}"') == 1
    assert page.count("</script>") == 3  # the records, one library, our own
    assert "cytoscape" not in page
    assert not re.search(r"\b(None|nan|inf|undefined)\b", text_of(page))


def test_a_run_without_a_kind_is_an_inference(tmp_path: Path):
    records = run_folders.springs(1)
    assert "kind" not in records["run.json"]
    without = page_of(tmp_path / "without", records)
    records["run.json"]["kind"] = "inference"
    assert page_of(tmp_path / "with", records) == without
    assert "Who acts on whom" in without


def test_headline_sets_our_mean_beside_the_published_figure(tmp_path: Path):
    records = with_figures(training_folders.citation(20), mean=81.63, sd=0.52, standard_error=0.116)
    text = text_of(page_of(tmp_path, records))
    assert (
        "Test accuracy 81.6 % ± 0.5 over 20 seeds; published 81.5 % (Kipf & Welling 2017, table 2)." in text
    )
    assert "The best simple answer, logistic regression on the words alone, gives 57.4 %." in text


@pytest.mark.parametrize(
    ("mean", "error", "gap", "weight"),
    [
        (81.6, 0.12, "0.10 percentage points above", ", within one standard error of our mean (0.12)."),
        (81.4, 0.12, "0.10 percentage points below", ", within one standard error of our mean (0.12)."),
        (81.50001, 0.12, "Less than 0.01 percentage points above", ", within one standard error of our mean"),
        (81.7, 0.12, "0.20 percentage points above", ", 1.7 standard errors of our mean (0.12): chance alone can"),
        (80.9, 0.12, "0.60 percentage points below", ", 5.0 standard errors of our mean (0.12). The best"),
        (81.9, 0.0, "0.40 percentage points above", "; all our runs gave the same figure."),
        (81.9, None, "0.40 percentage points above", "; the standard error of our mean is not recorded."),
    ],
)  # fmt: skip
def test_the_gap_is_weighed_with_the_standard_error(
    tmp_path: Path, mean: float, error: float | None, gap: str, weight: str
):
    records = with_figures(training_folders.citation(20), mean=mean, sd=0.5, standard_error=error)
    assert f"{gap} the published figure (higher is better){weight}" in text_of(page_of(tmp_path, records))


def test_the_same_figure_is_called_the_same(tmp_path: Path):
    records = with_figures(training_folders.citation(20), mean=81.5, sd=0.5, standard_error=0.12)
    text = text_of(page_of(tmp_path, records))
    assert "The same as the published figure, within one standard error of our mean (0.12)." in text


def test_a_lower_figure_is_better_where_the_record_says_so(tmp_path: Path):
    records = with_figures(training_folders.molecules(3), mean=0.5391, sd=0.0207, standard_error=0.012)
    text = text_of(page_of(tmp_path, records))
    assert "Test RMSE 0.539 ± 0.021 log mol/L over 3 splits; published 0.58 ± 0.03 log mol/L (Wu et" in text
    assert "0.041 log mol/L below the published figure (lower is better), 3.4 standard errors" in text
    assert "RMSE ↓" in text


def test_one_run_says_nothing_about_the_spread(tmp_path: Path):
    text = text_of(page_of(tmp_path, training_folders.molecules(1)))
    assert " log mol/L in one run; published" in text
    assert "; a single run says nothing about the spread." in text
    assert "one run, no spread" in text
    assert "standard errors" not in text


def test_without_a_published_figure_nothing_is_compared(tmp_path: Path):
    text = text_of(page_of(tmp_path, training_folders.single()))
    assert "The recipe names no published figure to compare with." in text
    assert "The recipe names no simple answer to compare with." in text
    assert "No history was kept in this run, so there are no learning curves." in text


def test_a_simple_answer_that_is_better_is_named_as_better(tmp_path: Path):
    records = training_folders.citation(5)
    records["metrics.json"]["baselines"].append({"name": "label propagation", "value": 88.0})
    text = text_of(page_of(tmp_path, records))
    assert "The best simple answer, label propagation, gives 88.0 %, which is better than ours." in text


@pytest.mark.parametrize(
    ("seeds", "splits", "words"),
    [
        ([0, 1, 2], [0, 0, 0], "over 3 seeds"),
        ([0, 0, 0], [0, 1, 2], "over 3 splits"),
        ([0, 1, 2], [0, 1, 2], "over 3 splits"),
        ([0, 1, 0, 1, 0, 1], [0, 0, 1, 1, 2, 2], "over 2 seeds on each of 3 splits"),
        ([0, 1, 0], [0, 0, 1], "over 3 runs"),
        ([None, None], [None, None], "over 2 runs"),
    ],
)
def test_runs_are_counted_by_what_differs(tmp_path: Path, seeds: list[int], splits: list[int], words: str):
    records = training_folders.citation(len(seeds))
    for run, seed, split in zip(records["metrics.json"]["runs"], seeds, splits, strict=True):
        run |= {"seed": seed, "split": split}
    assert f" {words}; published" in text_of(page_of(tmp_path, records))


def test_every_answer_has_its_gap_to_ours(tmp_path: Path):
    records = with_figures(training_folders.citation(20), mean=81.63, sd=0.52)
    text = text_of(page_of(tmp_path, records))
    assert "Method Accuracy ↑ sd Gap ours, mean of 20 runs 81.6 0.5 published: Kipf" in text
    assert "table 2 81.5 – +0.13 the largest class 31.9 – +49.73" in text


def test_every_run_has_a_row(tmp_path: Path):
    records = training_folders.citation(300)
    rows = rows_of(page_of(tmp_path, records), "runs-table")
    assert len(rows) == 300
    run = records["metrics.json"]["runs"][17]
    assert rows[17][:4] == ["17", "0", f"{run['test']:.1f}", f"{run['validation']:.1f}"]
    assert rows[17][5:7] == [str(run["epochs"]), str(run["best_epoch"])]


def test_columns_that_no_run_filled_are_left_out(tmp_path: Path):
    records = training_folders.citation(2)
    for run in records["metrics.json"]["runs"]:
        del run["train"], run["split"]
    page = page_of(tmp_path, records)
    assert len(rows_of(page, "runs-table")[0]) == 6


def test_recall_is_the_share_of_a_row_on_the_diagonal(tmp_path: Path):
    records = training_folders.citation(1)
    records["preview.json"] |= {"classes": ["a", "b", "c"], "confusion": [[8, 2, 0], [0, 5, 0], [0, 0, 0]]}
    rows = rows_of(page_of(tmp_path, records), "recall-table")
    assert rows == [
        ["a", "10", "80 %", "b (20 %)"],
        ["b", "5", "100 %", "nothing else"],
        ["c", "0", "–", "–"],
    ]


def test_errors_of_a_regression_are_pooled(tmp_path: Path):
    records = training_folders.molecules(1)
    records["preview.json"]["points"] = [
        {"name": "C", "true": 0.0, "predicted": 3.0, "split": 0},
        {"name": "N", "true": 1.0, "predicted": -3.0, "split": 0},
        {"name": "C", "true": 2.0, "predicted": 2.0, "split": 1},
        {"name": "O", "true": 2.0, "predicted": None, "split": 1},
    ]
    page = page_of(tmp_path, records)
    text = text_of(page)
    assert "Predictions 3 Molecules 2 RMSE 2.89 log mol/L MAE 2.33 log mol/L Mean error −0.333" in text
    assert rows_of(page, "error-table")[0] == ["N", "0", "1.00", "−3.00", "−4.00"]
    assert len(rows_of(page, "error-table")) == 3


def test_points_are_called_by_what_they_are(tmp_path: Path):
    records = training_folders.molecules(1)
    records["preview.json"] |= {"item": "frame", "named_by": "system"}
    text = text_of(page_of(tmp_path, records))
    assert "Every point is a test frame" in text
    assert "to read its system" in text
    assert "Frames" in text
    assert "SMILES" not in text.partition("Largest errors")[2].partition("True")[0]


def test_small_figures_have_a_power_of_ten(tmp_path: Path):
    records = training_folders.molecules(1)
    records["metrics.json"] |= {"mean": 6.44e-6, "sd": None, "standard_error": None}
    assert "6.44 × 10⁻⁶" in text_of(page_of(tmp_path, records)).replace("\u202f", " ")


def test_smiles_stand_in_the_page_as_written(tmp_path: Path):
    records = training_folders.molecules(1)
    for point, name in zip(records["preview.json"]["points"], training_folders.SMILES, strict=False):
        point |= {"name": name, "predicted": point["true"] + 9}
    page = page_of(tmp_path, records)
    names = {row[0] for row in rows_of(page, "error-table")}
    assert names < set(training_folders.SMILES)
    assert set(training_folders.SMILES) <= set(embedded(page)["preview"]["names"])


def test_how_it_was_run_stands_in_the_page(tmp_path: Path):
    text = text_of(page_of(tmp_path, training_folders.citation(2)))
    assert "edgewise train recipes/cora-gcn.toml --out 'runs/a run'" in text
    assert "Test labels were read once, after training." in text
    assert "Labelled for training 140" in text
    assert "torch version 2.13.0" in text
    assert "learning_rate 0.01" in text


def test_hundreds_of_runs_do_not_swell_the_page(tmp_path: Path):
    page = page_of(tmp_path, training_folders.citation(300))
    data = embedded(page)
    assert len(data["scores"]["runs"]) == 300
    assert len(data["curves"]) == 60
    assert data["curves"][0]["name"] == "seed 0"
    assert data["curves"][-1]["name"] == "seed 299"
    assert "60 of 300 runs are drawn." in text_of(page)


def test_long_courses_are_thinned_from_the_first_epoch_to_the_last(tmp_path: Path):
    records = training_folders.citation(1)
    epochs = list(range(1, 5001))
    records["history.json"]["runs"][0] |= {"epoch": epochs, "train_loss": epochs, "validation_loss": epochs}
    curve = embedded(page_of(tmp_path, records))["curves"][0]
    assert len(curve["epoch"]) == 250
    assert (curve["epoch"][0], curve["epoch"][-1]) == (1, 5000)
    assert curve["train_loss"] == curve["epoch"]


def test_the_run_shown_first_is_the_median_one(tmp_path: Path):
    records = training_folders.citation(3)
    for run, test in zip(records["metrics.json"]["runs"], (90.0, 70.0, 80.0), strict=True):
        run["test"] = test
    data = embedded(page_of(tmp_path, records))
    assert data["curves"][data["chosen"]]["test"] == 80


def test_many_predictions_are_thinned_but_the_largest_error_stays(tmp_path: Path):
    records = training_folders.molecules(1, n_test=9000)
    records["preview.json"]["points"][123] |= {"name": "worst", "predicted": 99.0}
    page = page_of(tmp_path, records)
    names = embedded(page)["preview"]["names"]
    assert len(names) == 4000
    assert "worst" in names
    assert "Predictions 9000" in text_of(page)


def test_runs_that_all_failed_still_make_a_page(tmp_path: Path):
    text = text_of(page_of(tmp_path, training_folders.nothing()))
    assert "No test RMSE was measured over 2 splits; published 0.58" in text
    assert "There is nothing to compare." in text
    assert "No test prediction was recorded." in text


def test_names_from_the_records_cannot_become_markup(tmp_path: Path):
    for records in (training_folders.hostile(), training_folders.hostile_molecules()):
        page = page_of(tmp_path, records)
        outside = re.sub(r"<script\b.*?</script>", "", page, flags=re.DOTALL)
        for markup in ("<b>", "<i>", "<u>", "<img", "<!--", "</script>", "<script"):
            assert markup not in outside
        assert page.count("</script>") == 3
        assert "default-src 'none'" in outside
    assert embedded(page)["preview"]["target"] == "<b>x</b></script>"


def test_the_page_names_no_resource_outside_itself(tmp_path: Path):
    page = page_of(tmp_path, training_folders.citation(2))
    markup = re.sub(r"(<script\b[^>]*>).*?</script>", r"\1", page, flags=re.DOTALL)
    resources = re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?([^"')>\s]+)""", markup)
    assert resources
    assert all(resource.startswith(("#", "data:")) for resource in resources)


@pytest.mark.parametrize("name", ["metrics.json", "preview.json"])
def test_a_missing_record_names_the_command_that_makes_it(tmp_path: Path, name: str):
    folder = run_folders.write_run(tmp_path, training_folders.citation(1))
    (folder / name).unlink()
    with pytest.raises(RunError) as caught:
        write_report(folder)
    assert caught.value.found == f"{folder / name} is missing"
    assert "`edgewise train`" in (caught.value.fix or "")
    assert "infer" not in (caught.value.fix or "")


def test_an_unknown_kind_of_run_is_refused(tmp_path: Path):
    records = training_folders.citation(1)
    records["run.json"]["kind"] = "a dream"
    with pytest.raises(RunError, match=r"run\.json is of the kind 'a dream'") as caught:
        write_report(run_folders.write_run(tmp_path, records))
    assert caught.value.expected == "'inference' or 'training'"


def test_another_version_of_a_training_run_is_refused(tmp_path: Path):
    records = training_folders.citation(1)
    records["run.json"]["format"] = 2
    with pytest.raises(RunError, match=r"format 2 \(written by edgewise 0\.2\.0\)") as caught:
        write_report(run_folders.write_run(tmp_path, records))
    assert "`edgewise train`" in (caught.value.fix or "")


@pytest.mark.parametrize(
    ("name", "changes", "found", "expected"),
    [
        ("metrics.json", {"runs": [{}, {"test": "good"}]}, "holds a text at 'runs[1].test'", "a number or null"),
        ("metrics.json", {"runs": {}}, "holds named values at 'runs'", "a list"),
        ("metrics.json", {"baselines": [3]}, "holds a number at 'baselines[0]'", "named values"),
        ("metrics.json", {"published": []}, "holds a list at 'published'", "named values"),
        ("metrics.json", {"metric": 1}, "holds a number at 'metric'", "a text"),
        ("metrics.json", {"mean": True}, "holds yes or no at 'mean'", "a number or null"),
        ("preview.json", {"kind": "poetry"}, "is of the kind 'poetry'",
            "'classification', 'regression', 'sequences' or 'central-forces'"),
        ("preview.json", {"confusion": [3]}, "holds a number at 'confusion[0]'", "a list"),
        ("history.json", {"runs": [{"epoch": ["one"]}]}, "holds a text at 'runs[0].epoch'", "a number or null"),
        ("run.json", {"data": []}, "holds a list at 'data'", "named values"),
        ("run.json", {"protocol": "once"}, "holds a text at 'protocol'", "a list"),
    ],
)  # fmt: skip
def test_a_damaged_record_is_an_error_that_says_where(
    tmp_path: Path, name: str, changes: run_folders.Json, found: str, expected: str
):
    records = training_folders.citation(1)
    records[name] |= changes
    with pytest.raises(RunError) as caught:
        write_report(run_folders.write_run(tmp_path, records))
    assert caught.value.found == f"{tmp_path / name} {found}"
    assert caught.value.expected == expected
    assert "`edgewise train`" in (caught.value.fix or "")


def test_a_confusion_matrix_of_another_size_is_refused(tmp_path: Path):
    records = training_folders.citation(1)
    records["preview.json"] |= {"classes": ["a", "b"], "confusion": [[1, 2], [3]]}
    with pytest.raises(RunError) as caught:
        write_report(run_folders.write_run(tmp_path, records))
    assert "a confusion matrix of 2 rows of 1, 2 counts for 2 classes" in caught.value.found
    assert caught.value.expected == "2 rows of 2 counts"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("metrics.json", "runs"),
        ("metrics.json", "mean"),
        ("preview.json", "kind"),
        ("preview.json", "classes"),
    ],
)
def test_a_key_that_is_not_there_is_named(tmp_path: Path, name: str, key: str):
    records = training_folders.citation(1)
    records[name].pop(key)
    with pytest.raises(RunError, match=f"{name} has no '{key}'"):
        write_report(run_folders.write_run(tmp_path, records))


def test_nan_in_a_course_is_a_gap(tmp_path: Path):
    folder = run_folders.write_run(tmp_path, training_folders.citation(1))
    course = {"seed": 0, "epoch": [1, 2], "train_loss": [float("nan"), 1.5], "validation_loss": []}
    (folder / "history.json").write_text(json.dumps({"runs": [course]}))
    curve = embedded(write_report(folder).read_text(encoding="utf-8"))["curves"][0]
    assert curve["train_loss"] == [None, 1.5]


def test_a_report_needs_no_heavy_library(tmp_path: Path):
    folder = run_folders.write_run(tmp_path, training_folders.citation(2))
    code = (
        "import sys, pathlib, edgewise.report; edgewise.report.write_report(pathlib.Path(sys.argv[1]));"
        "print(sorted({'torch', 'numpy', 'pandas', 'xarray', 'edgewise.training'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
