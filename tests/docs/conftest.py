"""Small inputs and a short fit, so that the pages can stay readable and their snippets still run."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pages import ROOT, blocks

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
