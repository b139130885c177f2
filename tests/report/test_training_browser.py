"""The page of a training run in a browser: it draws, it answers, and it asks the network for nothing."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import run_folders
import training_folders
from page_reading import CUT_OFF, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

Open = Callable[[run_folders.Json], "Page"]


VIEWS = {
    "classification": ["runs-view", "curves-view", "confusion-view"],
    "regression": ["runs-view", "curves-view", "residuals-view", "histogram-view"],
}


def data_of(page: "Page", view: str) -> list[dict[str, Any]]:
    return page.evaluate(f"document.getElementById('{view}').data")


def pieces_of(values: list[float | None]) -> list[list[float]]:
    """The pieces of a line between its gaps."""
    pieces: list[list[float]] = [[]]
    for value in values:
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append(value)
    return [piece for piece in pieces if piece]


@pytest.mark.parametrize("case", sorted(training_folders.BUILDERS))
def test_every_kind_of_run_draws_without_a_message_light_and_dark(opened: Open, chromium: Any, case: str):
    page = opened(training_folders.BUILDERS[case]())
    chromium.emulate_media(color_scheme="dark")
    empty = "[...document.querySelectorAll('.view')].filter(v => !v.querySelector('svg')).map(v => v.id)"
    assert page.evaluate(empty) == []
    kind = "regression" if "molecule" in case else "classification"
    expected = {"nothing": [], "single": ["confusion-view"]}.get(case, VIEWS[kind])
    assert page.evaluate("[...document.querySelectorAll('.view')].map(v => v.id)") == expected


@pytest.mark.parametrize("case", ["citation", "molecules", "hostile", "hostile molecules"])
def test_the_page_never_scrolls_sideways(opened: Open, chromium: Any, case: str):
    page = opened(training_folders.BUILDERS[case]())
    for width in (1400, 800, 390):
        chromium.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        wait_until(page, lambda: page.evaluate(f"{CUT_OFF}.map(plot => plot.parentElement.id)") == [])


def test_every_run_is_a_point_beside_the_published_line(opened: Open):
    records = training_folders.citation(20)
    page = opened(records)
    (points,) = data_of(page, "runs-view")
    assert points["x"] == pytest.approx([run["test"] for run in records["metrics.json"]["runs"]])
    assert len({*zip(points["x"], points["y"], strict=True)}) == 20
    shapes = page.evaluate("document.getElementById('runs-view').layout.shapes")
    lines = [shape["x0"] for shape in shapes if shape["type"] == "line"]
    assert lines == pytest.approx([records["metrics.json"]["mean"], 81.5])


def test_without_a_published_figure_there_is_the_line_of_our_mean_alone(opened: Open):
    records = training_folders.citation(4)
    records["metrics.json"]["published"] = None
    page = opened(records)
    shapes = page.evaluate("document.getElementById('runs-view').layout.shapes")
    assert [shape["x0"] for shape in shapes if shape["type"] == "line"] == pytest.approx(
        [records["metrics.json"]["mean"]]
    )
    assert "published" not in page.inner_text("#runs-legend")


def test_all_runs_are_thin_lines_and_the_chosen_one_is_in_full_colour(opened: Open):
    records = training_folders.citation(5)
    courses = records["history.json"]["runs"]
    page = opened(records)
    page.select_option("#curve", "3")
    by_name = data_of(page, "curves-view")
    thin, chosen = by_name[0], by_name[2]
    assert chosen["y"] == pytest.approx(courses[3]["train_loss"], rel=1e-6)
    others = [course["train_loss"] for index, course in enumerate(courses) if index != 3]
    for piece, course in zip(pieces_of(thin["y"]), others, strict=True):
        assert piece == pytest.approx(course, rel=1e-6)
    assert thin["line"]["width"] < chosen["line"]["width"]
    assert "in full colour: seed 3" in page.inner_text("#curves-legend")
    best = page.evaluate("document.getElementById('curves-view').layout.shapes[0].x0")
    assert best == records["metrics.json"]["runs"][3]["best_epoch"]


def test_losses_of_many_sizes_are_drawn_on_a_logarithmic_axis(opened: Open):
    records = training_folders.molecules(2)
    page = opened(records)
    assert page.evaluate("document.getElementById('curves-view').layout.yaxis.type") == "log"
    assert page.evaluate("'yaxis2' in document.getElementById('curves-view').layout") is False


def test_the_confusion_matrix_has_rows_of_true_classes(opened: Open):
    records = training_folders.citation(2)
    counts = records["preview.json"]["confusion"]
    page = opened(records)
    shares, numbers = data_of(page, "confusion-view")
    assert np.array(shares["z"]) == pytest.approx(counts / counts.sum(1, keepdims=True), rel=1e-6)
    written = {(y, x): text for x, y, text in zip(numbers["x"], numbers["y"], numbers["text"], strict=True)}
    assert written == {(i, j): str(counts[i, j]) for i in range(7) for j in range(7)}
    assert f"Theory, taken for Case based: {counts[6, 0]} (" in shares["customdata"][6][0]


def test_pointing_at_a_prediction_shows_its_smiles(opened: Open):
    records = training_folders.molecules(1)
    records["preview.json"]["points"] = [
        {"name": r"F/C(F)=C\[C@H]#N", "true": -1.0, "predicted": -1.5, "split": 0},
        {"name": "C" * 130, "true": 3.0, "predicted": 2.5, "split": 0},
    ]
    page = opened(records)
    points = data_of(page, "residuals-view")[1]
    at = page.evaluate(
        """(() => {
        const view = document.getElementById('residuals-view');
        view.scrollIntoView({ behavior: 'instant', block: 'center' });
        const [{ xaxis, yaxis }, box] = [view._fullLayout, view.getBoundingClientRect()];
        return [box.left + xaxis._offset + xaxis.l2p(-1), box.top + yaxis._offset + yaxis.l2p(-1.5)]; })()"""
    )

    def pointed() -> bool:
        page.mouse.move(at[0] + 3, at[1])
        page.mouse.move(*at)
        return page.locator("#residuals-view .hovertext").count() == 1

    wait_until(page, pointed)
    assert page.locator("#residuals-view .hovertext").text_content() == (
        r"F/C(F)=C\[C@H]#Ntrue -1, predicted -1.5"
    )
    long = next(text for text in points["customdata"] if text.startswith("CCC"))
    assert [len(line) for line in long.split("<br>")[:-1]] == [56, 56, 18]


def test_names_stay_texts(opened: Open):
    page = opened(training_folders.hostile())
    assert page.locator("main b, main u, main img, main i:not([class])").count() == 0
    assert "<b>x</b></script>" in page.inner_text("#recall-table")
    hover = data_of(page, "confusion-view")[0]["customdata"][5][0]
    assert hover.startswith("&lt;b&gt;x&lt;/b&gt;&lt;/script&gt;, taken for Case based")


def test_a_smiles_with_markup_stays_a_text(opened: Open):
    page = opened(training_folders.hostile_molecules())
    points = data_of(page, "residuals-view")[1]
    assert any(text.startswith("&lt;u&gt;C&lt;/u&gt;") for text in points["customdata"])
    assert page.locator("main b, main u, main img, main i:not([class])").count() == 0
