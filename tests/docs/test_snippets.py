"""What the pages show in Python, TOML and in examples/ runs."""

import runpy
import tomllib

import networkx as nx
import pandas as pd
import pytest
import xarray as xr
from pages import PAGES, ROOT, blocks, name

from edgewise import Inference, InferenceConfig
from edgewise.inference.compare import planned
from edgewise.tasks.recipe import recipe_from

TESTED_ELSEWHERE = {"docs/own-data.md"}  # tests/data/test_own_data_page.py
LEAVE_NOTHING = {
    "docs/one-core.md",
    "docs/non-local.md",
}  # pages whose snippets hold assertions and write no files
WITH_PYTHON = [page for page in PAGES if blocks(page, "python") and name(page) not in TESTED_ELSEWHERE]


@pytest.mark.usefixtures("short_fit")
@pytest.mark.filterwarnings(
    "ignore:.torch.jit:DeprecationWarning"
)  # of PyTorch Geometric, when it is imported
@pytest.mark.parametrize("page", WITH_PYTHON, ids=name)
def test_the_snippets_of_a_page_run_in_order(page, desk):
    before = set(desk.iterdir())
    namespace = {"__name__": "__page__"}
    for number, snippet in enumerate(blocks(page, "python"), 1):
        exec(compile(snippet, f"{name(page)}, snippet {number}", "exec"), namespace)
    left = set(desk.iterdir()) - before  # what they promise; what that is, is tested below
    assert bool(left) == (name(page) not in LEAVE_NOTHING)


@pytest.mark.usefixtures("short_fit")
def test_the_first_example_gives_edges_and_a_page(desk, capsys):
    (snippet,) = blocks(ROOT / "README.md", "python")
    assert len(snippet.splitlines()) == 5
    namespace = {}
    exec(compile(snippet, "README.md", "exec"), namespace)
    table = namespace["result"].edges()
    said = snippet.partition("result.edges())  # ")[2].partition("\n")[0].split(", ")
    assert list(table.columns) == said
    assert "source" in capsys.readouterr().out
    assert "heron" in (desk / "report.html").read_text("utf-8")


@pytest.mark.usefixtures("short_fit")
def test_how_to_leaves_a_run_that_other_tools_read(desk):
    first = blocks(ROOT / "docs" / "how-to.md", "python")[0]
    exec(compile(first, "how-to.md", "exec"), {})
    run = desk / "runs" / "tracks"
    assert isinstance(Inference.load(run), Inference)
    p = xr.load_dataset(run / "posterior.nc", engine="h5netcdf")["probability"]
    assert p.sum("type").to_numpy() == pytest.approx(1)
    assert set(nx.read_graphml(run / "graph.graphml")) == {"heron", "gull", "tern", "ibis", "swan"}
    assert list(pd.read_csv(run / "edges.csv").columns[:4]) == ["source", "target", "type", "probability"]


@pytest.mark.usefixtures("short_fit")
def test_the_example_script_runs(desk, capsys):
    script = ROOT / "examples" / "springs.py"
    runpy.run_path(str(script), run_name="__main__")
    said = capsys.readouterr().out
    assert "right in fresh systems: " in said
    assert "distance" in said
    assert (desk / "springs.html").stat().st_size > 100_000


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "toml")], ids=name)
def test_settings_files_on_the_pages_are_valid(page):
    for text in blocks(page, "toml"):
        plain = tomllib.loads(text)
        if "task" in plain:
            assert recipe_from(plain, name(page), "recipe").task == plain["task"]
            continue
        if name(page) == "docs/compare.md":
            assert [entry.label for entry in planned(settings=plain)] == [
                key for key, value in plain.items() if isinstance(value, dict)
            ]
            continue
        config = InferenceConfig.from_dict(plain).to_dict()
        for section, settings in plain.items():
            if isinstance(settings, dict):
                assert config[section] == config[section] | settings
