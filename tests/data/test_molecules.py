"""Molecules as graphs."""

import gzip
import sys
from pathlib import Path

import pytest
import torch

from edgewise.data.molecules import (
    ATOM_FEATURES,
    BOND_FEATURES,
    Skipped,
    load_molecule_rows,
    load_molecules,
    molecule_graph,
    unit_of,
)
from edgewise.errors import ConfigError, DataError

pytest.importorskip("rdkit")

ESOL = ("delaney-processed.csv", "smiles", "measured log solubility in mols per litre")
FREESOLV = ("freesolv_database.txt", "SMILES", "experimental value (kcal/mol)")


def named(row: torch.Tensor, names: tuple[str, ...]) -> dict[str, float]:
    """The columns that are not 0."""
    return {name: value for name, value in zip(names, row.tolist(), strict=True) if value}


def table(folder: Path, text: str, name: str = "a.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


# ---- one molecule --------------------------------------------------------------------------------------------------


def test_every_column_has_a_name():
    graph = molecule_graph("CCO")
    assert graph.nodes.shape == (3, len(ATOM_FEATURES))
    assert graph.edges.shape == (4, len(BOND_FEATURES))
    assert graph.nodes.dtype == graph.edges.dtype == torch.float32
    assert len(set(ATOM_FEATURES)) == len(ATOM_FEATURES)
    assert len(set(BOND_FEATURES)) == len(BOND_FEATURES)


def test_a_bond_is_an_edge_in_both_directions_with_the_same_features():
    graph = molecule_graph("C=CO")
    relation = graph.relation
    pairs = list(zip(relation.senders.tolist(), relation.receivers.tolist(), strict=True))
    assert sorted(pairs) == [(0, 1), (1, 0), (1, 2), (2, 1)]
    for pair, row in zip(pairs, graph.edges, strict=True):
        kind = "type DOUBLE" if set(pair) == {0, 1} else "type SINGLE"
        assert named(row, BOND_FEATURES) == {kind: 1, "stereo STEREONONE": 1, "conjugated": 1}


def test_the_features_of_an_atom():
    found = named(molecule_graph("C[N+](C)(C)C").nodes[1], ATOM_FEATURES)
    assert found.pop("mass / 100 u") == pytest.approx(0.14007)
    assert found == {
        "element N": 1,
        "degree 4": 1,
        "hydrogens 0": 1,
        "hybridisation SP3": 1,
        "chirality CHI_UNSPECIFIED": 1,
        "formal charge": 1,
    }


def test_rings_are_aromatic_or_not():
    benzene, cyclohexane = (molecule_graph(smiles) for smiles in ("c1ccccc1", "C1CCCCC1"))
    assert {"aromatic", "in a ring"} <= named(benzene.nodes[0], ATOM_FEATURES).keys()
    assert {"type AROMATIC", "conjugated", "in a ring"} <= named(benzene.edges[0], BOND_FEATURES).keys()
    found = named(cyclohexane.nodes[0], ATOM_FEATURES)
    assert "in a ring" in found
    assert "aromatic" not in found


@pytest.mark.parametrize(
    ("smiles", "feature"),
    [("[Se]", "element other"), ("CS(F)(F)(F)(F)F", "degree other"), ("C", "hydrogens other")],
)
def test_what_is_rare_is_other(smiles, feature):
    assert molecule_graph(smiles).nodes[:, ATOM_FEATURES.index(feature)].sum() == 1


@pytest.mark.parametrize(("smiles", "stereo"), [("F/C=C/F", "STEREOE"), ("F/C=C\\F", "STEREOZ")])
def test_double_bonds_have_sides(smiles, stereo):
    assert molecule_graph(smiles).edges[:, BOND_FEATURES.index(f"stereo {stereo}")].sum() == 2


def test_mirror_images_differ_in_chirality_alone():
    left, right = (molecule_graph(smiles).nodes[1] for smiles in ("C[C@H](N)O", "C[C@@H](N)O"))
    differ = {name for name, a, b in zip(ATOM_FEATURES, left, right, strict=True) if a != b}
    assert differ == {"chirality CHI_TETRAHEDRAL_CW", "chirality CHI_TETRAHEDRAL_CCW"}


def test_one_atom_has_no_bonds():
    graph = molecule_graph("C")
    assert (graph.n_nodes, graph.n_edges, graph.edges.shape) == (1, 0, (0, len(BOND_FEATURES)))


@pytest.mark.parametrize("smiles", ["C1CC", "", "CC(C)(C)(C)C", "CCO ethanol", "no"])
def test_what_is_no_molecule_is_refused_in_silence(smiles, capfd):
    with pytest.raises(DataError) as error:
        molecule_graph(smiles)
    assert error.value.found == f"'{smiles}' is not the SMILES of a molecule"
    assert capfd.readouterr() == ("", "")


def test_without_rdkit_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdkit", None)
    with pytest.raises(ConfigError) as error:
        molecule_graph("CCO")
    assert error.value.fix == "pip install 'edgewise[molecules]'"


# ---- a table of molecules ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "n", "unit", "first", "value", "numbers"),
    [
        (ESOL, 1128, "log mol/L", "OCC3OC(OCC2OC(OC(C#N)c1ccccc1)C(O)C(O)C2O)C(O)C(O)C3O", -0.77, (10, 9)),
        (FREESOLV, 642, "kcal/mol", "CCCCCC(=O)OC", -2.49, (2, 4)),
    ],
)
def test_published_tables_load_by_guess_by_name_and_by_number(shared, file, n, unit, first, value, numbers):
    name, smiles, target = file
    path = shared / "data" / "molecules" / name
    by_guess = load_molecules(path)
    by_name = load_molecules(path, smiles=smiles, target=target)
    by_number = load_molecules(path, smiles=numbers[0], target=str(numbers[1]))
    for found in (by_guess, by_name, by_number):
        assert (len(found.graphs), len(found.smiles), found.target, found.unit) == (n, n, target, unit)
        assert (found.smiles[0], float(found.targets[0]), found.skipped) == (first, value, ())
        assert torch.equal(found.targets, by_guess.targets)
    assert all(graph.nodes.isfinite().all() for graph in by_guess.graphs)


def test_rows_are_counted_as_lines_of_the_file(tmp_path):
    found = load_molecules(
        table(tmp_path, '# a comment\n\nname,smiles,y\n"two\nlines",C,1\n# another\nb,CC,2\n')
    )
    assert (found.smiles, found.rows, found.targets.tolist()) == (("C", "CC"), (4, 7), [1, 2])


def test_the_last_comment_names_the_columns_if_it_has_as_many(tmp_path):
    found = load_molecules(table(tmp_path, "# by; hand\n# id; SMILES; value\n1; C#N; 2.5\n2; CO; -1\n"))
    assert (found.smiles, found.targets.tolist()) == (("C#N", "CO"), [2.5, -1])


def test_tables_may_be_compressed_or_have_tabs(tmp_path):
    path = tmp_path / "a.tsv.gz"
    path.write_bytes(gzip.compress(b"smiles\ty\nCO\t1\n"))
    assert load_molecules(path).targets.tolist() == [1]


def test_a_table_without_targets_has_none(tmp_path):
    found = load_molecules(table(tmp_path, "smiles\nCO\n"), target="")
    assert (found.targets, found.target, found.unit) == (None, None, None)


def test_invalid_rows_are_refused_or_left_out_and_listed(tmp_path, capfd):
    path = table(tmp_path, "smiles,y\nCO,1\nC1CC,two\nCC,3\n,4\n")
    with pytest.raises(DataError) as error:
        load_molecules(path)
    assert str(error.value) == (
        f"{path}: row 3, column 'smiles' holds 'C1CC', which is not the SMILES of a molecule; 2 of 4 rows are like it\n"
        "  expected: a SMILES that RDKit can read\n"
        "  to do: correct the row, or leave such rows out: --skip-invalid (skip_invalid=True in Python)"
    )
    found = load_molecules(path, skip_invalid=True)
    assert (found.smiles, found.targets.tolist()) == (("CO", "CC"), [1, 3])
    assert found.skipped == (Skipped(3, "C1CC"), Skipped(5, ""))
    assert capfd.readouterr() == ("", "")


def test_a_table_of_invalid_rows_alone_is_refused(tmp_path):
    with pytest.raises(
        DataError, match="row 2, column 'smiles' holds 'no', which is not the SMILES of a molecule"
    ):
        load_molecules(table(tmp_path, "smiles\nno\n"), skip_invalid=True)


@pytest.mark.parametrize("value", ["", "high", "nan", "inf"])
def test_a_target_that_is_no_number_is_named(tmp_path, value):
    path = table(tmp_path, f"smiles,y\nCO,1\nCC,{value}\n")
    with pytest.raises(DataError) as error:
        load_molecules(path)
    assert str(error.value) == f"{path}: row 3, column 'y' holds '{value}'\n  expected: a finite number"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, " has no rows\n"),
        ("# smiles\n", {}, " has no rows\n"),
        ("smiles,y\n", {}, " has no rows below its header\n"),
        ("CO,1\nCC,2\n", {"smiles": 1}, ": the header has a column called '1'\n"),
        ("smiles,y\nCO,1\nCC,2,3\n", {}, ": row 3 has 3 fields\n  expected: 2, as the header has\n"),
        (
            "mol,y\nCO,1\n",
            {},
            ": no column is called as a column of SMILES usually is; the columns are mol, y\n",
        ),
        (
            "smiles,energy\nCO,1\n",
            {"target": "enrgy"},
            ": there is no column 'enrgy' for the target; the columns are smiles, energy\n"
            "  expected: one of these names, or a number from 1 to 2\n  to do: did you mean 'energy'?",
        ),
        (
            "smiles,y\nCO,1\n",
            {"smiles": 3},
            ": there is no column '3' for the SMILES; the columns are smiles, y\n",
        ),
        (
            "smiles,y\nCO,1\n",
            {"smiles": 0},
            ": there is no column '0' for the SMILES; the columns are smiles, y\n",
        ),
    ],
)
def test_a_table_that_cannot_be_read_says_why(tmp_path, text, options, message):
    path = table(tmp_path, text)
    with pytest.raises(DataError) as error:
        load_molecules(path, **options)
    assert str(error.value).startswith(f"{path}{message}")


def test_a_file_that_is_missing_or_no_text_is_one_error(tmp_path):
    path = tmp_path / "a.csv"
    with pytest.raises(DataError) as error:
        load_molecules(path)
    assert error.value.found == f"{path} does not exist"
    path.write_bytes(b"smiles\n\xff\xfe\n")
    with pytest.raises(DataError, match="cannot be read: 'utf-8' codec"):
        load_molecules(path)


def test_a_field_that_never_ends_is_one_error(tmp_path):
    path = table(tmp_path, 'smiles,y\nCO,"' + "1" * 200_000)
    with pytest.raises(DataError) as error:
        load_molecules(path)
    assert error.value.found == f"{path}: row 2 cannot be read: field larger than field limit (131072)"


def test_all_columns_come_with_the_molecules(tmp_path):
    path = table(tmp_path, "name,smiles,y\na,CO,high\nb,no,1\nc,CC,2\n")
    found, columns = load_molecule_rows(path, skip_invalid=True)
    assert (found.smiles, found.targets) == (("CO", "CC"), None)
    assert columns == {"name": ["a", "c"], "smiles": ["CO", "CC"], "y": ["high", "2"]}


@pytest.mark.parametrize(
    ("column", "unit"),
    [
        ("energy (kcal/mol)", "kcal/mol"),
        ("energy [eV]", "eV"),
        ("mass in u", "u"),
        ("measured log solubility in mols per litre", "log mol/L"),
        ("logP", None),
    ],
)
def test_the_unit_is_at_the_end_of_the_columns_name(column, unit):
    assert unit_of(column) == unit


def test_the_first_molecule_is_not_taken_for_the_header(tmp_path):
    path = table(tmp_path, "CCO\nCC\n")
    with pytest.raises(DataError) as error:
        load_molecules(path, smiles=1)
    assert str(error.value) == (
        f"{path}: the header calls the column of SMILES 'CCO', which is a SMILES itself\n"
        "  expected: a first row that names the columns\n"
        "  to do: put a row of names above the first molecule"
    )


def test_the_separator_is_the_one_that_divides_every_row_alike(tmp_path):
    text = "smiles;name;y\nCC;1,1,2,3-a,b;3\nCCO;c;4\n"
    for above in ("", "# "):
        found = load_molecules(table(tmp_path, above + text))
        assert (found.smiles, found.targets.tolist()) == (("CC", "CCO"), [3, 4])
