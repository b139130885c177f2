"""Small molecules whose number is a sum over their atoms, with a little noise."""

from pathlib import Path

import numpy as np

RECIPE = """
task = "molecules"

[data]
format = "table"
path = "alcohols.csv"
target = "solubility in mol/L"
validation = 0.15
test = 0.15

[model]
kind = "mpnn"
hidden = 8
edge_hidden = 4
steps = 2
readout_steps = 2

[training]
seeds = 2
ensemble = 2
learning_rate = 0.02
epochs = {epochs}
batch_size = 16
clip = 1.0

[published]
value = 0.5
source = "Nobody 2020, table 1"
"""


def smiles_of(n: int, seed: int = 0) -> list[str]:
    """Chains of carbon, oxygen and nitrogen, some of them branched."""
    draw = np.random.default_rng(seed)
    parts = ["C", "CC", "CO", "CN", "C(C)", "C(O)", "C(Cl)"]
    return ["".join(draw.choice(parts, size=draw.integers(1, 5))) + "C" for _ in range(n)]


def number_of(smiles: str) -> float:
    return 0.5 * smiles.count("O") + 0.3 * smiles.count("N") - 0.2 * smiles.count("C")


def write_alcohols(folder: Path, n: int = 80, epochs: int = 15, extra: str = "") -> Path:
    """A recipe and its table in a folder; `extra` lines are added to the table."""
    draw = np.random.default_rng(1)
    rows = [f"m{k},{s},{number_of(s) + 0.02 * draw.normal():.4f}" for k, s in enumerate(smiles_of(n))]
    text = "\n".join(["name,smiles,solubility in mol/L", *rows]) + "\n" + extra
    (folder / "alcohols.csv").write_text(text, encoding="utf-8")
    recipe = folder / "alcohols.toml"
    recipe.write_text(RECIPE.format(epochs=epochs), encoding="utf-8")
    return recipe
