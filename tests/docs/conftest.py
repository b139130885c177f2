"""Small inputs and a short fit, so that the pages can stay readable and their snippets still run."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pages import ROOT, blocks
from scipy.io import savemat

from edgewise import simulate
from edgewise.data import write_table
from edgewise.inference.superposition.phases import StrengthsPhase, TypesPhase

BIRDS = ["heron", "gull", "tern", "ibis", "swan"]


def _recordings(sequences: int, steps: int, seed: int):
    ds = simulate("springs", entities=5, sequences=sequences, steps=steps, seed=seed)
    ds = ds.assign_coords(entity=BIRDS, receiver=BIRDS, sender=BIRDS)
    return ds.drop_vars(["vx", "vy", "edges"]).assign_attrs(velocity=[])


def _write(ds, path: Path, *, sequence: str | None = None) -> None:
    write_table(ds, path)
    text = path.read_text()
    header, _, rows = text.partition("\n")
    names = {"time": "t", "entity": "id", "sequence": sequence or "sequence"}
    path.write_text(",".join(names.get(word, word) for word in header.split(",")) + "\n" + rows)


def _write_recordings(folder: Path) -> None:
    """Files of the shapes that docs/recordings turns into data sets, with less in them."""
    rng = np.random.default_rng(4)
    rows = [
        (10.0 * (first + k), person, first + 0.5 * k + 0.02 * rng.normal(), person + 0.02 * rng.normal())
        for person, first in enumerate((0, 0, 2, 4, 9, 11), 1)
        for k in range(30)
    ]
    np.savetxt(folder / "biwi_eth.txt.gz", sorted(rows), delimiter="\t")
    speeds = 60 + rng.normal(size=(80, 14)).cumsum(0)
    acts = np.zeros((50, 15, 15))
    acts[:, 0, 1] = 0.4
    savemat(folder / "sim3.mat", {"ts": rng.normal(size=(10_000, 15)), "net": acts})
    moves = rng.normal(size=(8, 50, 3, 4)).cumsum(1)
    np.savez(folder / "dnri_synth.npz", train_feats=moves, test_feats=moves)
    joints = {
        "positions": rng.normal(size=(3, 100, 31, 3)).cumsum(1),
        "joint_names": [f"joint {k}" for k in range(31)],
    }
    np.savez(folder / "cmu35_walk_joints_120hz.npz", **joints, frame_rate=120)
    bodies = {"names": np.array(["Sun", "Earth"]), "jd_daily": 2451545.0 + np.arange(30)}
    moves = {name: 1e8 * rng.normal(size=(30, 2, 3)) for name in ("pos_daily_km", "vel_daily_km_per_day")}
    np.savez(folder / "de421_solar_system.npz", **bodies, **moves)
    np.savetxt(folder / "los_speed.csv.gz", speeds, delimiter=",", header=",".join(map(str, range(14))))


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Path:
    """An empty folder to work in, with the files that the pages name."""
    _write(_recordings(1, 40, 0), tmp_path / "tracks.csv")
    _write(_recordings(1, 40, 1), tmp_path / "new.csv")
    _write(_recordings(8, 25, 2), tmp_path / "trials.csv", sequence="trial")
    gaps = _recordings(1, 60, 3)
    lost = np.random.default_rng(0).random((1, 60, 5)) < 0.05
    gaps["x"] = gaps["x"].where(~lost)
    _write(gaps, tmp_path / "gaps.csv")
    (tmp_path / "known.csv").write_text("source,target\nheron,gull\ngull,heron\ntern,ibis\n")
    recipes = [text for text in blocks(ROOT / "docs" / "how-to.md", "toml") if "club.graphml" in text]
    (tmp_path / "club.toml").write_text(recipes[0])
    _write_recordings(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def short_fit() -> Iterator[None]:
    """A fit of a few steps: what the snippets show is how to ask, not how good the answer is."""
    steps = {"TEMPER": 2, "WINDOW": 2, "TOLERANCE": np.inf, "TRIAL": 4, "LEAST_DECAY": 4}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"LEAST": 3, "MOST": 6, "WINDOW": 2}.items():
            patch.setattr(StrengthsPhase, name, value)
        for name, value in steps.items():
            patch.setattr(TypesPhase, name, value)
        yield
