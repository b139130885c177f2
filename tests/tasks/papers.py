"""A small citation graph: three groups that cite within, whose words overlap."""

from pathlib import Path

import networkx as nx
import numpy as np

CLASSES = ("birds", "fish", "frogs")


def paper_graph(n: int = 90, seed: int = 0) -> nx.Graph:
    """Nodes p0, p1, ... with 12 word counts, a class and a part: 6 a class to train on, 30 to validate."""
    draw = np.random.default_rng(seed)
    graph = nx.Graph()
    group = np.arange(n) % 3
    for k in range(n):
        rates = np.where(np.arange(12) // 4 == group[k], 0.7, 0.4)
        words = {f"w{j}": int(draw.random() < rates[j]) for j in range(12)}
        part = "train" if k < 18 else "validation" if k < 48 else "test"
        graph.add_node(f"p{k}", **words, topic=CLASSES[group[k]], part=part)
    for a in range(n):
        for b in range(a):
            if draw.random() < (0.15 if group[a] == group[b] else 0.01):
                graph.add_edge(f"p{a}", f"p{b}")
    return graph


RECIPE = """
task = "citation"

[data]
format = "graphml"
path = "papers.graphml"
label = "topic"
split = "part"
normalise_rows = true

[model]
kind = "{kind}"
hidden = 4
dropout = 0.3

[training]
seeds = 2
learning_rate = 0.05
l2_on = "{l2_on}"
max_epochs = {epochs}
stopping = "{stopping}"
patience = {patience}

[published]
value = 81.5
sd = 0.7
source = "Nobody 2020, table 1"
"""
KINDS = {
    "gcn": {"l2_on": "first-layer", "stopping": "rising-loss", "patience": 10, "epochs": 60},
    "gat": {"l2_on": "all-weights", "stopping": "patience", "patience": 8, "epochs": 60},
}


def write_papers(folder: Path, kind: str = "gcn", **choices: object) -> Path:
    """A recipe and its graph in a folder."""
    nx.write_graphml(paper_graph(), folder / "papers.graphml")
    recipe = folder / f"papers-{kind}.toml"
    recipe.write_text(RECIPE.format(kind=kind, **(KINDS[kind] | choices)), encoding="utf-8")
    return recipe
