"""The table that is printed: means over seeds, stars, and honest words where a target was missed."""

import pytest

from edgewise.inference.reproduce import CELLS, Trial
from edgewise.inference.reproduce.table import shortfalls, table_text

FIGURES = {"edge_accuracy": 0.9996, "auroc": 1.0, "auprc": 1.0, "f1": 1.0, "ece": 0.001, "brier": 0.001}


def graph_row(
    name: str = "springs-5", seed: int = 0, *, seconds: float = 12.0, undirected=None, **directed
) -> dict:
    cell = CELLS[name]
    return Trial(cell, seed).key() | {
        "settings": dict(cell.law),
        "law": ["Effects add up."],
        "directed": FIGURES | directed,
        "undirected": (FIGURES | (undirected or {})) if cell.mutual else None,
        "baselines": {"correlation": 0.5, "partial-correlation": 0.633},
        "seconds": seconds,
    }


def forecast_row(mse: list, name: str = "springs-5", seed: int = 0) -> dict:
    figures = {"mse": mse, "edge_accuracy": 1.0}
    return graph_row(name, seed) | {
        "directed": figures,
        "undirected": figures if CELLS[name].mutual else None,
        "static": [1e-4, 1e-2, 3e-2],
    }


def cells_of(text: str, start: str) -> list[dict[str, str]]:
    """The lines of a Markdown table that begin with a word, by column."""
    lines = [
        [part.strip() for part in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    ]
    return [dict(zip(lines[0], line, strict=True)) for line in lines if line[0] == start]


@pytest.mark.parametrize(
    ("name", "changes", "missed"),
    [
        ("springs-5", {}, []),
        ("springs-5", {"edge_accuracy": 0.9995}, []),  # 100.0 after rounding
        ("springs-5", {"edge_accuracy": 0.9994}, ["accuracy 99.9"]),
        ("springs-5", {"ece": 0.0201}, ["ECE 0.020"]),
        ("springs-5", {"seconds": 61.0}, ["61 s"]),
        ("charged-5", {"edge_accuracy": 0.5}, []),  # what counts there are undirected graphs
        ("charged-5", {"undirected": {"edge_accuracy": 0.981, "ece": 0.03}}, ["accuracy 98.1", "ECE 0.030"]),
        ("kuramoto-10", {"edge_accuracy": 0.949}, ["accuracy 94.9"]),
    ],
)
def test_what_falls_short_is_said(name, changes, missed):
    assert shortfalls(graph_row(name, **changes), CELLS[name]) == missed


def test_more_systems_than_the_target_allows_fall_short():
    assert shortfalls(graph_row() | {"train_systems": 501}, CELLS["springs-5"]) == ["501 systems"]


def test_seeds_become_one_line_with_their_spread():
    rows = [
        graph_row(seed=k, edge_accuracy=p, seconds=s) for k, (p, s) in enumerate([(0.99, 10), (0.97, 20)])
    ]
    (line,) = cells_of(table_text("nri-table1", [rows[0], graph_row("kuramoto-5"), rows[1]]), "springs-5")
    assert line["accuracy, %"] == "98.00 ± 1.41"
    assert line["fit, s"] == "15 ± 7"
    assert (line["trained on"], line["seeds"]) == ("500", "2")
    assert line["best baseline, %"] == "63.3 ± 0.0"
    assert line["reached"] == "not reached by 2 of 2 seeds: accuracy 99.0; accuracy 97.0"


def test_published_figures_stand_beside_with_a_star_where_recalled():
    text = table_text("nri-table1", [graph_row()])
    (line,) = cells_of(text, "springs-5")
    assert (line["NRI, %"], line["NRI-MPM, %"], line["supervised, %"]) == ("99.9", "99.9*", "99.9*")
    assert line["reached"] == "yes"
    assert "Kipf et al. 2018, table 1" in text
    assert "recalled" in text
    assert "Effects add up." in text
    assert "features x, y, vx, vy; default settings." in text
    assert "springs-5, published: correlation of paths 52.4*, NRI, simulation decoder 99.8*, NRI 99.9" in text


def test_cells_keep_the_order_of_the_paper_and_directed_ones_have_a_dash():
    text = table_text(
        "nri-table1", [graph_row("kuramoto-5"), graph_row("springs-10"), graph_row("springs-5")]
    )
    order = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    assert order == ["cell", "springs-5", "springs-10", "kuramoto-5"]
    assert cells_of(text, "kuramoto-5")[0]["undirected, %"] == "-"
    assert "angles = sin_phi" in text


def test_what_makes_a_row_special_is_named():
    special = graph_row() | {"isomorphism": True, "noise": 0.01, "missing": 0.01}
    name = "springs-5, other isomorphism classes, noise 0.01, missing 1%"
    assert len(cells_of(table_text("nri-table1", [graph_row(), special]), name)) == 1


@pytest.mark.parametrize(
    ("mse", "verdict"),
    [
        ([3.1e-8, 3.2e-6, 2.1e-5], "yes"),
        ([3.2e-8, 3.2e-6, 3e-5], "not reached: above NRI at 1, 20"),
        ([3.1e-8, None, 2.1e-5], "not reached: above NRI at 10"),
    ],
)
def test_forecasts_stand_between_static_and_nri(mse, verdict):
    text = table_text("nri-table2", [forecast_row(mse)])
    directed, undirected, static, nri = cells_of(text, "springs-5")
    assert directed["reached"] == undirected["reached"] == verdict
    assert directed["forecast by"] == "superposition, directed graphs"
    assert directed["MSE, 10 steps"] == ("-" if mse[1] is None else "3.20e-06")
    assert [static[f"MSE, {k}"] for k in ("1 step", "10 steps", "20 steps")] == [
        "1.00e-04",
        "1.00e-02",
        "3.00e-02",
    ]
    assert nri["MSE, 1 step"] == "3.12e-08*"
    assert "frames 0 to 48" in text


def test_oscillators_are_forecast_with_directed_graphs_only():
    text = table_text("nri-table2", [forecast_row([0.1, 0.1, 0.1], "kuramoto-5")])
    assert [line["forecast by"] for line in cells_of(text, "kuramoto-5")] == [
        "superposition, directed graphs",
        "static",
        "NRI, published",
    ]


@pytest.mark.parametrize("table", ["nri-table1", "nri-table2"])
def test_a_table_without_rows_says_so(table):
    assert "No row is done yet." in table_text(table, [])
