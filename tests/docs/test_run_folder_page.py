"""The page `docs/run-folder.md` describes every field that a run writes."""

import json
import re

import pandas as pd
import pytest
import xarray as xr
from pages import ROOT

import edgewise as ew

PAGE = (ROOT / "docs" / "run-folder.md").read_text("utf-8")


def section(title: str) -> str:
    return re.split(r"^## ", PAGE.partition(f"\n## {title}\n")[2], flags=re.MULTILINE)[0]


def words(text: str) -> set[str]:
    """What stands in backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


@pytest.fixture(
    scope="module", params=["superposition", "windows", "no positions", "correlation", "strengths", "hybrid"]
)
def run(request, tmp_path_factory, short_fit):
    """The run folder of each kind of result."""
    spread = 0.5 if request.param == "strengths" else 0.0
    data = ew.simulate("springs", entities=4, sequences=3, steps=32, seed=0, strength_spread=spread)
    if request.param == "no positions":
        data = ew.simulate("kuramoto", entities=4, sequences=3, steps=32, seed=0)
    settings = {
        "windows": {"graph": "per-window", "window": 8, "no_interaction": "yes"},
        "correlation": {"method": "correlation"},
        "hybrid": {"method": "hybrid", "encoder_steps": 2},
        "strengths": {"strengths": "continuous"},
    }
    return ew.infer(data, **settings.get(request.param, {})).save(tmp_path_factory.mktemp("run"))


def test_every_field_is_described(run):
    about, metrics, law, model, history, preview = (
        json.loads((run / f"{name}.json").read_text("utf-8"))
        for name in ("run", "metrics", "law", "config", "history", "preview")
    )
    law, forecast, history = law or {"types": [{}]}, metrics["forecast"] or {}, history or {}
    curve = law["types"][0]
    written = {
        "run.json": {*about, *about["data"]},
        "metrics.json": {
            *metrics,
            *forecast,
            *(metrics.get("strength") or {}),
            *metrics["calibration"],
            *metrics["baselines"],
        },
        "law.json": {*law, *curve, *curve.get("table", {})},
        "edges.csv": {*pd.read_csv(run / "edges.csv")},
        "The others": {*model, *history, *preview, *preview["sequences"][0]},
    }
    undescribed = {title: sorted(names - words(section(title))) for title, names in written.items()}
    assert {title: names for title, names in undescribed.items() if names} == {}


def test_the_posterior_is_laid_out_as_described(run):
    posterior = xr.load_dataset(run / "posterior.nc", engine="h5netcdf")
    layouts = {f"{name}({', '.join(array.dims)})" for name, array in posterior.data_vars.items()}
    assert layouts <= words(section("posterior.nc"))
    assert {"start", "stop"} <= words(section("posterior.nc"))
    dims = {"sequence", "window", "receiver", "sender", "type"}
    assert {str(name) for name in posterior.coords} <= dims | {"start", "stop"}


def test_the_files_are_those_of_the_table(run):
    table = words(PAGE.partition("## run.json")[0])
    assert {path.name for path in run.iterdir()} <= table
