"""The page in a browser: it draws, it answers, and it asks the network for nothing."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import run_folders
from page_reading import CUT_OFF, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

Open = Callable[[run_folders.Json], "Page"]
CY = "document.getElementById('graph-view')._cyreg.cy"
CASES = {
    **run_folders.BUILDERS,
    "windows": lambda: run_folders.springs(2, windows=True),
    "undirected": lambda: run_folders.springs(2, undirected=True),
    "hostile": run_folders.hostile,
}


def visible_edges(page: "Page") -> set[str]:
    return set(page.evaluate(f"{CY}.edges(':visible').map(edge => edge.id())"))


def expected_edges(probability: np.ndarray, threshold: float = 0.5) -> set[str]:
    strength = 1 - probability[..., 0]
    return {f"{sender}-{receiver}" for receiver, sender in np.argwhere(strength >= threshold)}


def set_slider(page: "Page", selector: str, value: float) -> None:
    page.eval_on_selector(
        selector,
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')) }",
        value,
    )


@pytest.mark.parametrize("case", sorted(CASES))
def test_every_kind_of_run_draws_without_a_message_light_and_dark(opened: Open, chromium: Any, case: str):
    records = CASES[case]()
    page = opened(records)
    chromium.emulate_media(color_scheme="dark")
    assert page.evaluate(f"{CY}.nodes().length") == len(records["preview.json"]["entities"])
    views = "[...document.querySelectorAll('.view')]"
    assert page.evaluate(f"{views}.filter(v => !v.querySelector('svg, canvas')).map(v => v.id)") == []


@pytest.mark.parametrize("case", ["joints", "brain", "hostile"])
def test_the_page_never_scrolls_sideways(opened: Open, chromium: Any, case: str):
    page = opened(CASES[case]())
    for width in (1400, 800, 390):
        chromium.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        wait_until(page, lambda: page.evaluate(f"{CUT_OFF}.map(plot => plot.parentElement.id)") == [])


def test_edges_run_from_sender_to_receiver_with_their_confidence(opened: Open):
    records = run_folders.joints()
    probability = records["preview.json"]["sequences"][0]["probability"]
    page = opened(records)
    assert visible_edges(page) == expected_edges(probability)
    receiver, sender = np.argwhere(1 - probability[..., 0] >= 0.5)[5]
    edge = page.evaluate(f"{CY}.getElementById('{sender}-{receiver}').data()")
    assert (edge["source"], edge["target"]) == (f"n{sender}", f"n{receiver}")
    assert edge["strength"] == pytest.approx(1 - probability[receiver, sender, 0], abs=1e-6)
    assert edge["type"] == 1 + probability[receiver, sender, 1:].argmax()


def test_the_threshold_hides_edges(opened: Open):
    records = run_folders.joints()
    probability = records["preview.json"]["sequences"][0]["probability"]
    page = opened(records)
    set_slider(page, "#threshold", 0.9)
    assert visible_edges(page) == expected_edges(probability, 0.9)
    assert len(expected_edges(probability, 0.9)) < len(expected_edges(probability))
    assert page.inner_text("#shown-pairs") == f"{len(expected_edges(probability, 0.9))} of 930 pairs shown"


def test_the_next_recording_replaces_the_graph(opened: Open):
    sequences = (records := run_folders.springs(3))["preview.json"]["sequences"]
    assert expected_edges(sequences[0]["probability"]) != expected_edges(sequences[1]["probability"])
    page = opened(records)
    assert page.is_disabled("#graph [data-sequence-step='-1']")
    page.click("#graph [data-sequence-step='1']")
    assert visible_edges(page) == expected_edges(sequences[1]["probability"])
    assert page.input_value("#motion-sequence") == "1"
    page.select_option("#motion-sequence", "2")
    assert visible_edges(page) == expected_edges(sequences[2]["probability"])
    assert page.input_value("#graph-sequence") == "2"
    assert page.is_disabled("#graph [data-sequence-step='1']")


def test_a_window_has_its_own_graph(opened: Open):
    records = run_folders.springs(1, windows=True)
    windows = records["preview.json"]["sequences"][0]["windows"]
    page = opened(records)
    page.select_option("#window", "1")
    assert visible_edges(page) == expected_edges(windows[1]["probability"])
    page.select_option("#window", "")
    assert visible_edges(page) == expected_edges(windows[0]["probability"])


def test_undirected_pairs_are_one_line_without_arrowheads(opened: Open):
    records = run_folders.springs(1, undirected=True)
    probability = records["preview.json"]["sequences"][0]["probability"]
    page = opened(records)
    assert 2 * len(visible_edges(page)) == len(expected_edges(probability))
    assert page.evaluate(f"{CY}.edges().every(edge => edge.style('target-arrow-shape') === 'none')")


def test_pairs_that_differ_from_the_truth_are_crossed_out(opened: Open):
    records = run_folders.brain()
    sequence = records["preview.json"]["sequences"][0]
    best = np.nan_to_num(sequence["probability"]).argmax(-1)
    wrong = (best != sequence["truth"]) & ~np.eye(15, dtype=bool)
    page = opened(records)
    crosses = page.evaluate("document.getElementById('matrix-view').data.at(-1)")
    assert {*zip(crosses["y"], crosses["x"], strict=True)} == {*map(tuple, np.argwhere(wrong).tolist())}
    assert page.inner_text("#matrix-note") == f"{210 - wrong.sum()} of 210 as in the known graph"


def test_types_are_matched_with_the_labels_of_the_truth(opened: Open):
    records = run_folders.springs(1)
    sequence = records["preview.json"]["sequences"][0]
    matched = np.nan_to_num(sequence["probability"]).argmax(-1)
    sequence["truth"] = 1 - matched
    records["metrics.json"]["label_matching"] = [1, 0]
    page = opened(records)
    assert page.inner_text("#matrix-note") == "20 of 20 as in the known graph"


def test_the_matrix_has_rows_of_receivers(opened: Open):
    records = run_folders.brain()
    probability = records["preview.json"]["sequences"][0]["probability"]
    page = opened(records)
    z = page.evaluate("document.getElementById('matrix-view').data[0].z")
    expected = 1 - probability[..., 0]
    assert np.array(z, float)[3, 2] == pytest.approx(expected[3, 2], abs=1e-6)
    assert np.array(z, float)[2, 3] == pytest.approx(expected[2, 3], abs=1e-6)
    assert z[4][4] is None


def test_a_chosen_entity_lists_its_strongest_partners(opened: Open):
    records = run_folders.joints()
    names = records["preview.json"]["entities"]
    strength = 1 - records["preview.json"]["sequences"][0]["probability"][..., 0]
    page = opened(records)
    page.select_option("#entity", "7")
    acts_on, acted_upon = page.locator("#panel .partners").all()
    assert f"{names[7]}" in page.inner_text("#panel h3 >> nth=0")
    for listed, values in ((acts_on, strength[:, 7]), (acted_upon, strength[7])):
        order = np.argsort(-np.nan_to_num(values, nan=-1), kind="stable")[:5]
        assert listed.locator("li > span:first-child").all_inner_texts() == [names[i] for i in order]
    page.select_option("#entity", "")
    assert "Surest edges" in page.inner_text("#panel")


def test_a_node_answers_to_the_pointer_and_to_a_click(opened: Open, chromium: Any):
    chromium.emulate_media(reduced_motion="reduce")
    page = opened(run_folders.springs(1))
    graph, title = page.locator("#graph-view"), "#panel h3 >> nth=0"
    at = page.evaluate(f"{CY}.getElementById('n3').renderedPosition()")

    def hovered() -> bool:
        graph.hover(position=at)
        return page.inner_text(title) == "b3"

    assert page.inner_text(title) == "Surest edges"
    wait_until(page, hovered)
    assert page.input_value("#entity") == ""
    graph.click(position=at)
    wait_until(page, lambda: page.input_value("#entity") == "3")


def test_time_moves_the_entities_and_playing_moves_time(opened: Open):
    records = run_folders.springs(1)
    path = records["preview.json"]["sequences"][0]["position"]
    page = opened(records)
    set_slider(page, "#frame", 40)
    assert page.inner_text("#frame-value") == "t = 4"
    entities = page.evaluate("document.getElementById('motion-view').data.at(-1)")
    assert np.allclose(np.column_stack([entities["x"], entities["y"]]), path[40], atol=1e-5)
    page.click("#play")
    wait_until(page, lambda: page.input_value("#frame") != "40")
    assert page.inner_text("#play") == "Pause"
    page.click("#play")
    assert page.inner_text("#play") == "Play"


def test_the_timeline_goes_on_into_the_forecast(opened: Open):
    sequence = (records := run_folders.springs(1))["preview.json"]["sequences"][0]
    page = opened(records)
    set_slider(page, "#frame", 1000)
    assert page.inner_text("#frame-value") == "t = 6.8, forecast"
    entities = page.evaluate("document.getElementById('motion-view').data.at(-1)")
    assert entities["x"] == pytest.approx(sequence["forecast"]["position"][-1, :, 0], abs=1e-5)


def test_windows_change_the_edges_while_time_goes_on(opened: Open):
    records = run_folders.springs(1, windows=True)
    windows = records["preview.json"]["sequences"][0]["windows"]
    page = opened(records)
    for frame, window in ((10, windows[0]), (40, windows[1])):
        set_slider(page, "#frame", frame)
        lines = page.evaluate(
            "document.getElementById('motion-view').data.at(-2).x.filter(x => x === null).length"
        )
        assert lines == len(expected_edges(window["probability"]))


def test_three_dimensions_open_on_the_two_widest_axes(opened: Open):
    page = opened(run_folders.joints())
    assert page.input_value("#axes") == "1,2"
    page.select_option("#axes", "0,2")
    assert page.evaluate("document.getElementById('motion-view').layout.xaxis.title.text") == "x"


def test_without_positions_every_entity_has_its_own_lane(opened: Open):
    page = opened(run_folders.brain())
    assert page.evaluate("document.getElementById('motion-view').data.length") == 15
    assert page.locator("#play").count() == 0
    assert "There are no positions" in page.inner_text("#law-note")
    assert page.evaluate("document.querySelector('#law-view .view').data[0].z") == [[0.2513]]


def test_the_law_is_drawn_with_its_uncertainty(opened: Open):
    law = (records := run_folders.springs(1))["law.json"]["types"][1]
    page = opened(records)
    traces = page.evaluate("document.getElementById('law-view').data")
    low, high, curve, density = (trace["y"] for trace in traces)
    for drawn, known in ((low, "low"), (high, "high"), (curve, "force"), (density, "density")):
        assert drawn == pytest.approx(law[known], abs=1e-6)


def test_the_filter_finds_edges_by_every_word(opened: Open):
    records = run_folders.joints()
    wanted = [row for row in records["edges.csv"] if {"spine 3"} & {row["source"], row["target"]}]
    page = opened(records)
    assert page.locator("#edge-table tbody tr:visible").count() == 30
    page.fill("#edge-filter", "SPINE 3")
    found = page.locator("#edge-table tbody tr:visible").all_inner_texts()
    assert all("spine" in text and "3" in text for text in found)
    assert len(found) >= len(wanted)
    page.fill("#edge-filter", "no such entity")
    assert page.locator("#edge-table tbody tr:visible").count() == 0
    assert page.inner_text("#edge-count") == "0 found"


def test_names_stay_texts(opened: Open):
    page = opened(run_folders.hostile())
    page.select_option("#entity", "0")
    assert page.inner_text("#panel h3 >> nth=0") == "<b>x</b></script>"
    assert page.locator("main b, main i:not([class]):not(.bar i), main img").count() == 0
    assert page.evaluate("document.getElementById('motion-view').data.at(-1).text[0]").startswith(
        "&lt;b&gt;x"
    )


def test_plots_follow_the_colours_of_the_system(opened: Open, chromium: Any):
    chromium.emulate_media(color_scheme="light")
    page = opened(run_folders.springs(1))
    read = "document.getElementById('law-view').layout.font.color"
    light = page.evaluate(read)
    chromium.emulate_media(color_scheme="dark")
    wait_until(page, lambda: page.evaluate(read) != light)


def test_a_run_without_a_shown_recording_still_opens(opened: Open):
    records = run_folders.springs(1)
    records["preview.json"]["sequences"] = []
    page = opened(records)
    assert page.locator("#law-view svg").count() > 0
