"""The page of a run with non-local blocks: the figures with and without, and the arrows of a position."""

from pathlib import Path
from typing import Any

import pytest
import run_folders
import training_folders
from page_reading import embedded, page_of, text_of, wait_until

from edgewise.errors import RunError
from edgewise.report import write_report


def pictures(frames: int = 3, *, arrows: bool = True) -> run_folders.Json:
    """The records of a small run on videos of 4 x 6 pixels whose block sees 2 x 3 positions a frame (or on images)."""
    records = training_folders.citation(2)
    positions = 6 * frames
    example = {
        "true": "<b>upper</b>",
        "predicted": "lower",
        "frames": [[10 * frame + pixel for pixel in range(24)] for frame in range(frames)],
        "chosen": positions - 1,
        "senders": [[(at + 1) % positions, (at + 2) % positions] for at in range(positions)],
        "weights": [[0.25, -0.125] for _ in range(positions)],
    }
    records["preview.json"] |= {
        "blocks": [{"seed": 0, "with": 93.0, "without": 51.0}, {"seed": 1, "with": 92.5, "without": None}],
    }
    if arrows:
        grid = [frames, 2, 3] if frames > 1 else [2, 3]
        other = example | {"true": "lower", "chosen": 0}
        records["preview.json"]["arrows"] = {"size": [4, 6], "grid": grid, "examples": [example, other]}
    return records


def test_the_figures_with_and_without_blocks_stand_side_by_side(tmp_path: Path):
    text = text_of(page_of(tmp_path, pictures()))
    assert "With non-local blocks and without" in text
    assert "0 93.0 51.0 +42.00 1 92.5 – –" in text


def test_an_image_is_a_video_of_one_frame(tmp_path: Path):
    arrows = embedded(page_of(tmp_path, pictures(1)))["preview"]["arrows"]
    assert arrows["grid"] == [1, 2, 3]
    assert arrows["size"] == [4, 6]
    assert len(arrows["examples"]) == 2
    assert arrows["examples"][0]["true"] == "<b>upper</b>"


@pytest.mark.parametrize("records", [training_folders.citation(2), pictures(arrows=False)])
def test_without_arrows_there_is_no_section_of_them(tmp_path: Path, records: run_folders.Json):
    page = page_of(tmp_path, records)
    assert 'id="arrows"' not in page
    assert 'href="#arrows"' not in page
    assert "arrows" not in embedded(page)["preview"]


@pytest.mark.parametrize(
    ("place", "changed", "said"),
    [
        ("arrows", {"grid": [3]}, "has arrows on a grid of [3] over frames of [4, 6]"),
        ("arrows", {"size": [4, 0]}, "over frames of [4, 0]"),
        (
            "arrows",
            {"grid": [3, 2, 2]},
            "has 18 rows of senders, 18 of weights and 3 frames at 'arrows.examples[0]'",
        ),
        ("example", {"senders": [[18, 0]] * 18}, "has 18 rows of senders, 18 of weights and 3 frames"),
        ("example", {"weights": [[0.1]] * 18}, "18 of weights"),
        ("example", {"frames": [[0] * 24]}, "and 1 frames at 'arrows.examples[0]'"),
        ("example", {"true": 3}, "holds a number at 'arrows.examples[0].true'"),
        ("preview", {"blocks": [4]}, "preview.json holds a number at 'blocks[0]'"),
    ],
)
def test_a_damaged_record_is_named(tmp_path: Path, place: str, changed: dict[str, Any], said: str):
    records = pictures()
    preview = records["preview.json"]
    {"preview": preview, "arrows": preview["arrows"], "example": preview["arrows"]["examples"][0]}[
        place
    ].update(changed)
    with pytest.raises(RunError) as caught:
        write_report(run_folders.write_run(tmp_path, records))
    assert said in caught.value.found


BEYOND = """document.querySelector('#arrows-view svg').clientWidth
    - document.getElementById('arrows-view').clientWidth"""


def shown(page: Any) -> list[str]:
    return page.locator("#arrows-table tbody tr").all_inner_texts()


@pytest.mark.browser
def test_the_chosen_position_and_its_arrows_are_drawn(opened: Any):
    page = opened(pictures())
    assert page.inner_text("#arrows-place") == "Chosen: frame 3, row 2, column 3"
    assert page.locator("#arrows-view svg image").count() == 3
    assert page.locator("#arrows-view svg polygon").count() == 2
    assert shown(page) == ["frame 1, row 1, column 1\t25\u202f%", "frame 1, row 1, column 2\t−12.5\u202f%"]
    assert "with a negative weight" in page.inner_text("#arrows-legend")
    assert page.locator("main b").count() == 0


@pytest.mark.browser
def test_another_position_is_chosen_by_a_click_a_key_or_with_the_picture(opened: Any):
    page = opened(pictures())
    image = page.locator("#arrows-view svg image").nth(1)
    box = image.bounding_box()
    image.click(position={"x": 0.5 * box["width"], "y": 0.25 * box["height"]}, force=True)
    assert page.inner_text("#arrows-place") == "Chosen: frame 2, row 1, column 2"
    assert shown(page)[0].startswith("frame 2, row 1, column 3")
    page.focus("#arrows-view")
    for key, place in (
        ("ArrowDown", "frame 2, row 2, column 2"),
        ("ArrowRight", "frame 2, row 2, column 3"),
        ("ArrowRight", "frame 3, row 2, column 1"),
        ("ArrowDown", "frame 3, row 2, column 1"),
        ("ArrowLeft", "frame 2, row 2, column 3"),
        ("ArrowUp", "frame 2, row 1, column 3"),
    ):
        page.keyboard.press(key)
        assert page.inner_text("#arrows-place") == f"Chosen: {place}"
    page.select_option("#arrows-choice", "1")
    assert page.inner_text("#arrows-place") == "Chosen: frame 1, row 1, column 1"


@pytest.mark.browser
def test_the_frames_fit_the_page_light_and_dark(opened: Any, chromium: Any):
    page = opened(pictures(14))
    chromium.emulate_media(color_scheme="dark")
    for width in (1400, 390):
        chromium.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        wait_until(page, lambda: page.evaluate(BEYOND) <= 0)
    sides = [image.bounding_box()["width"] for image in page.locator("#arrows-view svg image").all()]
    assert min(sides) > 80
