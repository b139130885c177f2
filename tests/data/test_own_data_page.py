"""The page `docs/own-data.md` says what happens."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from edgewise.data import clock, load, summary

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "own-data.md").read_text()
SHARED = ROOT.parent / "shared" / "data"
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.mark.shared
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data sets are not beside the project")
def test_the_snippets_run(tmp_path, monkeypatch):
    for folder in SHARED.iterdir():
        (tmp_path / folder.name).symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    assert len(SNIPPETS) == 7
    for snippet in SNIPPETS:
        exec(compile(snippet, "own-data.md", "exec"), {})
    brains = load("netsim.nc")
    assert summary(brains)["n_entities"] == 15
    assert (brains["edges"].to_numpy()[..., 1, 0] == 1).all()  # in simulation 3 node 0 acts on node 1 ...
    assert not brains["edges"].to_numpy()[..., 0, 1].any()  # ... and not the other way round
    walk = load("walk.zarr")
    assert (walk.sizes["sequence"], walk.sizes["time"]) == (23, 49)
    assert clock(walk)[0, 1] - clock(walk)[0, 0] == pytest.approx(1 / 30)
    assert walk.attrs["velocity"] == ["vx", "vy", "vz"]


def test_the_tables_on_the_page_can_be_read(tmp_path):
    tracks, edges = re.findall(r"```text\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "tracks.csv").write_text(tracks)
    (tmp_path / "tracks.edges.csv").write_text(edges)
    ds = load(tmp_path / "tracks.csv")
    assert ds.attrs["velocity"] == ["vx", "vy"]
    assert ds["edges"].to_numpy().tolist() == [[[0, 0], [1, 0]]]


def test_reading_data_never_imports_torch():
    code = "import sys, edgewise.data; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
