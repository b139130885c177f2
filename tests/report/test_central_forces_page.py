"""The page of a run of central forces: exponent, strengths, and what is drawn."""

from pathlib import Path
from typing import Any

import pytest
import run_folders
import training_folders
from page_reading import CUT_OFF, embedded, page_of, text_of, wait_until

from edgewise.errors import RunError
from edgewise.report import write_report

VIEWS = ["runs-view", "curves-view", "radial-law-view", "masses-view", "long-forecast-view"]


def forces(*, mass_unit: str = "km³/s²", known: bool = True, free: bool = True) -> run_folders.Json:
    """The records of a small run; without known masses, or without a free law."""
    records = training_folders.molecules(1)
    distance = [0.002, 0.1, 1.0, 40.0]
    truth = [1.3e11, 2.2e4, 4.0e5] if known else [None] * 3
    names = ("Sun", "<b>Mercury</b>", "Earth")
    records["metrics.json"] |= {
        "metric": "forecast error",
        "unit": "AU",
        "mean": 1.91e-6,
        "sd": None,
        "published": None,
    }
    records["preview.json"] = {
        "kind": "central-forces",
        "length": "AU",
        "time": "year",
        "mass_unit": mass_unit,
        "law": "power",
        "exponent": -1.99999997,
        "exponent_standard_error": 5.5e-9,
        "log_mass_correlation": 0.999999999 if known else None,
        "curves": {
            "distance": distance,
            "power": [r**-2 for r in distance],
            "free": [r**-1.99 for r in distance] if free else None,
        },
        "masses": [
            {"entity": name, "found": found, "true": true, "relative_error": error if known else None}
            for name, found, true, error in zip(
                names, [1.3e11, 2.3e4, 4.0e5], truth, [-4e-8, 0.05, 0.0], strict=True
            )
        ],
        "long_forecast": {"time": [1900, 2000, 2049], "errors": {name: [1e-4, 0.0, 2e-5] for name in names}},
    }
    return records


def test_the_law_and_the_strengths_are_told(tmp_path: Path):
    text = text_of(page_of(tmp_path, forces()))
    assert "Test forecast error 1.91 × 10⁻⁶ AU in one run." in text
    assert "exponent of the power law −1.99999997 ± 5.5e−09" in text
    assert "correlation of log masses 0.999999999" in text
    assert "Strengths, km³/s²" in text
    assert "<b>Mercury</b> 23000 22000 +5.0e−02" in text
    assert "SMILES" not in text


def test_without_known_masses_there_is_no_picture_of_them(tmp_path: Path):
    page = page_of(tmp_path, forces(known=False, mass_unit=""))
    assert 'id="masses-view"' not in page
    assert "correlation of log masses –" in text_of(page)
    assert embedded(page)["preview"]["names"] == []


def test_names_are_embedded_as_they_are(tmp_path: Path):
    preview = embedded(page_of(tmp_path, forces()))["preview"]
    assert preview["names"][1] == "<b>Mercury</b>"
    assert [one["name"] for one in preview["errors"]] == preview["names"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"masses": [3]}, "preview.json holds a number at 'masses[0]'"),
        ({"exponent": "two"}, "preview.json holds a text at 'exponent'"),
        ({"curves": {"distance": 4}}, "preview.json holds a number at 'curves.distance'"),
    ],
)
def test_a_damaged_record_is_named(tmp_path: Path, changed: dict[str, Any], said: str):
    records = forces()
    records["preview.json"] |= changed
    with pytest.raises(RunError) as caught:
        write_report(run_folders.write_run(tmp_path, records))
    assert caught.value.found.endswith(said)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("changes", "views"),
    [
        ({}, VIEWS),
        ({"free": False}, VIEWS),
        ({"known": False, "mass_unit": ""}, [view for view in VIEWS if view != "masses-view"]),
    ],
)
def test_everything_is_drawn(opened: Any, chromium: Any, changes: dict[str, Any], views: list[str]):
    page = opened(forces(**changes))
    shown = page.evaluate(
        "[...document.querySelectorAll('.view')].filter(v => v.querySelector('svg')).map(v => v.id)"
    )
    assert [view for view in shown if view != "runs-view"] == views[1:]
    laws = page.evaluate("document.getElementById('radial-law-view').data.map(trace => trace.y[3])")
    assert laws[0] == pytest.approx(40**-2)
    assert len(laws) == (1 if changes.get("free") is False else 2)
    chromium.set_viewport_size({"width": 390, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wait_until(page, lambda: page.evaluate(f"{CUT_OFF}.map(plot => plot.parentElement.id)") == [])
