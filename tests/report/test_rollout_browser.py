"""A rollout in a browser: it moves, it stops, and it shows what it should."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import rollout_records
import run_folders
import training_folders
from page_reading import CUT_OFF, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

Open = Callable[[run_folders.Json], "Page"]
PIXELS = """
    const source = document.querySelector('#rollout-view canvas');
    const copy = document.createElement('canvas');
    [copy.width, copy.height] = [source.width, source.height];
    const pen = copy.getContext('2d', { willReadFrequently: true });
    pen.drawImage(source, 0, 0);
    const { data, width } = pen.getImageData(0, 0, copy.width, copy.height);
"""
DRAWN = f"""() => {{ {PIXELS}
    let sum = 0;
    for (let at = 3; at < data.length; at += 4) if (data[at]) sum += at % 9973;
    return sum;
}}"""
"""A number that tells one picture from another; 0 where nothing is drawn."""
SPAN = f"""() => {{ {PIXELS}
    const [rows, columns] = [new Set(), new Set()];
    for (let at = 0; at < data.length; at += 4) {{
        if (data[at + 3] < 120) continue;
        rows.add(Math.floor(at / 4 / width));
        columns.add((at / 4) % width);
    }}
    return [columns, rows].map((some) => Math.max(...some) - Math.min(...some));
}}"""
"""Width and height of what is drawn, in pixels."""


def with_rollout(record: run_folders.Json) -> run_folders.Json:
    return run_folders.springs(1) | {"rollout.json": record}


def drawn(page: "Page") -> int:
    return page.evaluate(DRAWN)


def show(page: "Page", frame: int) -> None:
    page.eval_on_selector(
        "#rollout-frame",
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input')) }",
        frame,
    )


def test_playing_goes_on_to_the_end_and_pausing_stops(opened: Open):
    page = opened(with_rollout(rollout_records.orbits()))
    first = drawn(page)
    assert first > 0
    page.click("#rollout-play")
    wait_until(page, lambda: int(page.input_value("#rollout-frame")) > 1)
    page.click("#rollout-play")
    assert page.inner_text("#rollout-play") == "Play"
    assert drawn(page) != first
    stands = page.input_value("#rollout-frame")
    page.wait_for_timeout(200)
    assert page.input_value("#rollout-frame") == stands
    show(page, 58)
    page.click("#rollout-play")
    wait_until(page, lambda: page.inner_text("#rollout-play") == "Play")
    assert page.input_value("#rollout-frame") == page.get_attribute("#rollout-frame", "max") == "59"
    assert page.inner_text("#rollout-time") == "step 59, t = 5.9 days"


def test_systems_sides_and_the_recording_can_be_told_apart(opened: Open):
    record = rollout_records.orbits(axes=3)
    record["systems"][1] = record["systems"][0] | {"name": "</script><b>", "truth": None}
    record["entities"][1] = "<img src=x onerror=alert(1)>"
    page = opened(with_rollout(record))
    show(page, 10)
    beside = drawn(page)
    assert "as recorded" in page.inner_text("#rollout-legend")
    assert page.locator("#rollout-system option").all_inner_texts() == ["system 0", "</script><b>"]
    page.select_option("#rollout-system", "1")
    alone = drawn(page)
    assert alone != beside
    assert "as recorded" not in page.inner_text("#rollout-legend")
    assert page.inner_text("#rollout-time") == "step 10, t = 1 days"
    assert page.locator("#rollout-axes option").all_inner_texts() == ["x, y", "x, z", "y, z"]
    page.select_option("#rollout-axes", "0,2")
    assert drawn(page) != alone


def test_walls_and_sizes_of_balls_are_drawn(opened: Open):
    page = opened(with_rollout(rollout_records.boxed()))
    assert "held fast" in page.inner_text("#rollout-legend")
    assert page.locator("#rollout-system").count() == 0
    wide, high = page.evaluate(SPAN)
    assert wide == pytest.approx(high, rel=0.02)  # a square box stays a square
    assert wide > 200


@pytest.mark.parametrize("make", [run_folders.springs, training_folders.molecules])
def test_drifts_and_errors_are_plotted_on_any_screen(opened: Open, chromium: Any, make):
    page = opened(make() | {"rollout.json": rollout_records.orbits()})
    energy = page.evaluate("document.getElementById('energy-view').data[0].y.slice(61, -1)")
    assert energy[-1] == pytest.approx(-4.0)  # the second system, in per cent of |E(0)|
    momentum = page.evaluate("document.getElementById('momentum-view').data[0].y.slice(0, 60)")
    assert momentum[-1] == pytest.approx(4.0)
    errors = page.evaluate("document.getElementById('rollout-error-view').data.map(trace => trace.name)")
    assert errors == ["edgewise", "constant velocity"]
    chromium.emulate_media(color_scheme="dark")
    assert drawn(page) > 0
    for width in (1400, 390):
        chromium.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        wait_until(page, lambda: page.evaluate(f"{CUT_OFF}.map(plot => plot.parentElement.id)") == [])
