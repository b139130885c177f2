"""Molecules as graphs of atoms and bonds, from tables of SMILES (with RDKit, extra `molecules`)."""

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from edgewise.data.unpickle import stored_bytes
from edgewise.data.wording import did_you_mean, listing
from edgewise.errors import ConfigError, DataError
from edgewise.graph import Graph

if TYPE_CHECKING:
    from rdkit.Chem import Mol

OTHER = "other"
_ELEMENTS = ("B", "C", "N", "O", "F", "Si", "P", "S", "Cl", "Br", "I", OTHER)
_DEGREES = ("0", "1", "2", "3", "4", "5", OTHER)
_HYDROGENS = ("0", "1", "2", "3", OTHER)
_HYBRIDISATIONS = ("S", "SP", "SP2", "SP3", "SP3D", "SP3D2", OTHER)
_CHIRALITIES = ("CHI_UNSPECIFIED", "CHI_TETRAHEDRAL_CW", "CHI_TETRAHEDRAL_CCW", OTHER)
_BONDS = ("SINGLE", "DOUBLE", "TRIPLE", "AROMATIC", OTHER)
_STEREO = ("STEREONONE", "STEREOANY", "STEREOZ", "STEREOE", OTHER)


def _slots(**groups: Sequence[str]) -> tuple[tuple[str, ...], dict[str, dict[str, int]]]:
    """Names of one-hot columns "group value", and for each group the column of each value."""
    names = tuple(f"{group} {value}" for group, values in groups.items() for value in values)
    place = {group: {v: names.index(f"{group} {v}") for v in values} for group, values in groups.items()}
    return names, place


_ATOM_CHOICES, _ATOM_SLOTS = _slots(
    element=_ELEMENTS,
    degree=_DEGREES,
    hydrogens=_HYDROGENS,
    hybridisation=_HYBRIDISATIONS,
    chirality=_CHIRALITIES,
)
_BOND_CHOICES, _BOND_SLOTS = _slots(type=_BONDS, stereo=_STEREO)

ATOM_FEATURES = (*_ATOM_CHOICES, "formal charge", "aromatic", "in a ring", "mass / 100 u")
"""Names of the columns of `Graph.nodes`: choices as one-hots, then numbers."""
BOND_FEATURES = (*_BOND_CHOICES, "conjugated", "in a ring")
"""Names of the columns of `Graph.edges`."""

_SMILES_NAMES = ("smiles", "canonical_smiles", "canonical smiles", "smi")
_TARGET_NAMES = ("target", "y", "value", "label", "expt", "exp")
_TARGET_BEGINNINGS = ("measured", "experimental value", "experimental")


@dataclass(frozen=True)
class Skipped:
    """A row that was left out.

    Args:
        row: its line in the file, from 1.
        smiles: what stands there.
    """

    row: int
    smiles: str


@dataclass(frozen=True, eq=False)
class Molecules:
    """Molecules of a table, in its order.

    Args:
        graphs: one a molecule: nodes [n_atoms, 39] by `ATOM_FEATURES`, edges [2 n_bonds, 12] by `BOND_FEATURES`.
        smiles: as the table has them.
        targets: [n_molecules] float64, or None for a table without.
        target: name of the target's column.
        unit: of the targets, as far as the column's name says it.
        skipped: rows whose SMILES did not parse.
        rows: the line of each molecule in the file, from 1.
    """

    graphs: tuple[Graph, ...]
    smiles: tuple[str, ...]
    targets: Tensor | None = None
    target: str | None = None
    unit: str | None = None
    skipped: tuple[Skipped, ...] = ()
    rows: tuple[int, ...] = ()


# ---- one molecule --------------------------------------------------------------------------------------------------


def molecule_graph(smiles: str) -> Graph:
    """The graph of a molecule: heavy atoms as nodes, each bond an edge in both directions.

    Returns:
        nodes [n_atoms, len(ATOM_FEATURES)], edges [2 n_bonds, len(BOND_FEATURES)], float32.

    Raises:
        DataError: for a SMILES that RDKit cannot read.
        ConfigError: without RDKit.
    """
    molecule = _parsed([smiles])[0]
    if molecule is None:
        raise DataError(
            f"'{smiles}' is not the SMILES of a molecule", expected="a SMILES that RDKit can read"
        )
    return _graph_of(molecule)


def _parsed(smiles: Sequence[str]) -> list["Mol | None"]:
    """RDKit's molecules; None where it cannot read one, or reads no atom. RDKit writes nothing meanwhile."""
    try:
        from rdkit import Chem, rdBase
    except ImportError as error:
        raise ConfigError(
            "reading SMILES needs RDKit, which is not installed",
            expected="the extra `molecules`",
            fix="pip install 'edgewise[molecules]'",
        ) from error
    texts = [one.strip() for one in smiles]
    with rdBase.BlockLogs():  # a text behind a space would be read as a name
        found = [None if re.search(r"\s", text) else Chem.MolFromSmiles(text) for text in texts]
    return [one if one is not None and one.GetNumAtoms() else None for one in found]


def _graph_of(molecule: "Mol") -> Graph:
    atoms, bonds = list(molecule.GetAtoms()), list(molecule.GetBonds())
    nodes = _one_hot([_atom_slots(atom) for atom in atoms], len(ATOM_FEATURES))
    nodes[:, len(_ATOM_CHOICES) :] = [_atom_numbers(atom) for atom in atoms]
    edges = _one_hot([_bond_slots(bond) for bond in bonds], len(BOND_FEATURES))
    for row, bond in zip(edges, bonds, strict=True):
        row[len(_BOND_CHOICES) :] = bond.GetIsConjugated(), bond.IsInRing()
    ends = np.array([(bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()) for bond in bonds], dtype=np.int64)
    there = ends.reshape(-1, 2)
    both = torch.from_numpy(
        np.stack([there, there[:, ::-1]], axis=1).reshape(-1, 2)
    )  # bond by bond, there and back
    return Graph.from_edges(
        both[:, 0].contiguous(),
        both[:, 1].contiguous(),
        nodes=torch.from_numpy(nodes),
        edges=torch.from_numpy(edges.repeat(2, axis=0)),
    )


def _one_hot(slots: Sequence[Sequence[int]], width: int) -> np.ndarray:
    table = np.zeros((len(slots), width), dtype=np.float32)
    if slots:
        table[np.arange(len(slots))[:, None], np.array(slots)] = 1
    return table


def _slot(place: dict[str, int], value: object) -> int:
    return place.get(str(value), place[OTHER])


def _atom_slots(atom: Any) -> list[int]:
    chosen = (
        atom.GetSymbol(),
        atom.GetDegree(),
        atom.GetTotalNumHs(),
        atom.GetHybridization(),
        atom.GetChiralTag(),
    )
    return [_slot(place, value) for place, value in zip(_ATOM_SLOTS.values(), chosen, strict=True)]


def _atom_numbers(atom: Any) -> tuple[float, ...]:
    return atom.GetFormalCharge(), atom.GetIsAromatic(), atom.IsInRing(), atom.GetMass() / 100


def _bond_slots(bond: Any) -> list[int]:
    return [_slot(_BOND_SLOTS["type"], bond.GetBondType()), _slot(_BOND_SLOTS["stereo"], bond.GetStereo())]


# ---- a table of molecules ------------------------------------------------------------------------------------------


def load_molecules(
    path: str | Path,
    *,
    smiles: str | int | None = None,
    target: str | int | None = None,
    skip_invalid: bool = False,
) -> Molecules:
    """Molecules of a table with a column of SMILES and, if there is one, a column of numbers to be predicted.

    Columns are separated by commas, semicolons or tabs. Lines that begin with # are comments; the last comment before
    the first row names the columns if it has as many fields as that row (as in FreeSolv), else the first row does.

    Args:
        path: the table; its name may end in .gz.
        smiles, target: columns, by name or by number from 1; None or "": the usual names are tried, and where no
            target is found the molecules have none.
        skip_invalid: leave rows out whose SMILES does not parse, instead of refusing the table.

    Raises:
        DataError: naming file, row and column, for a table without rows or without the column, a row of another
            length, a SMILES that RDKit cannot read, or a target that is no finite number.
        ConfigError: without RDKit.
    """
    table = _read_table(Path(path))
    column = _column_of(table, "SMILES", smiles, _guess_smiles(table.header))
    measured = _column_of(table, "target", target, _guess_target(table.header, column), optional=True)
    assert column is not None  # a missing one is refused
    return _molecules(table, column, measured, skip_invalid=skip_invalid)


def load_molecule_rows(
    path: str | Path, *, smiles: str | int | None = None, skip_invalid: bool = False
) -> tuple[Molecules, dict[str, list[str]]]:
    """Molecules of a table whose other columns are looked at by nobody, and all its columns as they stand there.

    Args:
        path, smiles, skip_invalid: as for `load_molecules`.

    Returns:
        The molecules, without targets; and of each column, by name, the cell of each molecule.

    Raises:
        DataError, ConfigError: as `load_molecules`, but for targets.
    """
    table = _read_table(Path(path))
    column = _column_of(table, "SMILES", smiles, _guess_smiles(table.header))
    assert column is not None  # a missing one is refused
    found = _molecules(table, column, None, skip_invalid=skip_invalid)
    place = dict(zip(table.numbers, table.rows, strict=True))
    kept = [place[number] for number in found.rows]
    return found, {name: [row[k] for row in kept] for k, name in enumerate(table.header)}


def _molecules(table: "_Table", column: int, measured: int | None, *, skip_invalid: bool) -> Molecules:
    _refuse_molecule_as_header(table, column)
    parsed = _parsed([row[column] for row in table.rows])
    skipped = [k for k, molecule in enumerate(parsed) if molecule is None]
    if skipped and not (skip_invalid and len(skipped) < len(parsed)):
        raise DataError(
            f"{table.path}: row {table.numbers[skipped[0]]}, column '{table.header[column]}' holds "
            f"'{table.rows[skipped[0]][column]}', which is not the SMILES of a molecule"
            + (f"; {len(skipped)} of {len(parsed)} rows are like it" if len(skipped) > 1 else ""),
            expected="a SMILES that RDKit can read",
            fix="correct the row"
            if skip_invalid
            else "correct the row, or leave such rows out: --skip-invalid (skip_invalid=True in Python)",
        )
    kept = [k for k, molecule in enumerate(parsed) if molecule is not None]
    return Molecules(
        graphs=tuple(_graph_of(molecule) for molecule in parsed if molecule is not None),
        smiles=tuple(table.rows[k][column].strip() for k in kept),
        targets=None if measured is None else _numbers(table, measured, kept),
        target=None if measured is None else table.header[measured],
        unit=None if measured is None else unit_of(table.header[measured]),
        skipped=tuple(Skipped(table.numbers[k], table.rows[k][column].strip()) for k in skipped),
        rows=tuple(table.numbers[k] for k in kept),
    )


def _refuse_molecule_as_header(table: "_Table", column: int) -> None:
    """A table without a header would lose its first molecule without a word."""
    name = table.header[column]
    if _parsed([name])[0] is not None:
        raise DataError(
            f"{table.path}: the header calls the column of SMILES '{name}', which is a SMILES itself",
            expected="a first row that names the columns",
            fix="put a row of names above the first molecule",
        )


@dataclass(frozen=True)
class _Table:
    path: Path
    header: list[str]
    rows: list[list[str]]
    numbers: list[int]  # the line of each row, from 1


def _read_table(path: Path) -> _Table:
    if not path.is_file():
        raise DataError(
            f"{path} does not exist", expected="a table with a column of SMILES", fix="check the path"
        )
    try:
        text = stored_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} cannot be read: {error}", expected="a table as UTF-8 text") from error
    lines = list(enumerate(io.StringIO(text, newline=None), 1))
    given = [(number, line) for number, line in lines if line.strip() and not line.startswith("#")]
    if not given:
        raise DataError(
            f"{path} has no rows", expected="a table with a column of SMILES, and a row a molecule"
        )
    delimiter = _delimiter([line for _, line in given])
    numbers, cells = _cells(path, given, delimiter)
    comments = [line for number, line in lines if line.startswith("#") and number < numbers[0]]
    above = [name.strip() for name in comments[-1].lstrip("# ").split(delimiter)] if comments else []
    if len(above) != len(cells[0]) or len(above) < 2:
        above, cells, numbers = cells[0], cells[1:], numbers[1:]
    _check_table(path, above, cells, numbers)
    return _Table(path, above, cells, numbers)


def _delimiter(lines: Sequence[str]) -> str:
    """The separator that stands, outside quotes, as often on the most lines as on the first; then the most frequent."""
    bare = [re.sub(r'"[^"]*"', "", line) for line in lines]

    def alike(mark: str) -> tuple[int, int]:
        counts = [line.count(mark) for line in bare]
        return (counts.count(counts[0]) if counts[0] else 0), counts[0]

    return max(",;\t", key=alike)


def _cells(path: Path, given: Sequence[tuple[int, str]], delimiter: str) -> tuple[list[int], list[list[str]]]:
    """The line on which each row begins, and its fields; a field in quotes may go on over several lines."""
    reader = csv.reader((line for _, line in given), delimiter=delimiter, skipinitialspace=delimiter != "\t")
    numbers, cells, begun = [], [], 0
    try:
        for row in reader:
            numbers.append(given[begun][0])
            cells.append([cell.strip() for cell in row])
            begun = reader.line_num
    except csv.Error as error:
        raise DataError(
            f"{path}: row {given[begun][0]} cannot be read: {error}", expected="fields between separators"
        ) from error
    return numbers, cells


def _check_table(path: Path, header: list[str], rows: list[list[str]], numbers: list[int]) -> None:
    if not rows:
        raise DataError(f"{path} has no rows below its header", expected="a row a molecule")
    figures = [name for name in header if _is_number(name)]
    if figures:
        raise DataError(
            f"{path}: the header has a column called '{figures[0]}'",
            expected="a first row that names the columns",
            fix="put a row of names above the first molecule",
        )
    for row, number in zip(rows, numbers, strict=True):
        if len(row) != len(header):
            raise DataError(
                f"{path}: row {number} has {len(row)} fields",
                expected=f"{len(header)}, as the header has",
                fix='put fields that hold the separator into quotes: "..."',
            )


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _column_of(
    table: _Table, role: str, wanted: str | int | None, guess: int | None, *, optional: bool = False
) -> int | None:
    """The number from 0 of the column that is wanted, or the guess."""
    columns = listing(table.header)
    if wanted is None or wanted == "":
        if guess is None and not optional:
            raise DataError(
                f"{table.path}: no column is called as a column of {role} usually is; the columns are {columns}",
                expected=f"a column called {listing(_SMILES_NAMES)}",
                fix="name the column: smiles=...",
            )
        return guess
    lower = [name.lower() for name in table.header]
    if isinstance(wanted, str):
        for names, name in ((table.header, wanted), (lower, wanted.lower())):
            if name in names:
                return names.index(name)
    if str(wanted).isdecimal() and 1 <= int(wanted) <= len(table.header):
        return int(wanted) - 1
    raise DataError(
        f"{table.path}: there is no column '{wanted}' for the {role}; the columns are {columns}",
        expected=f"one of these names, or a number from 1 to {len(table.header)}",
        fix=did_you_mean(str(wanted), table.header),
    )


def _guess_smiles(header: Sequence[str]) -> int | None:
    lower = [name.lower() for name in header]
    exact = [lower.index(name) for name in _SMILES_NAMES if name in lower]
    within = [k for k, name in enumerate(lower) if "smiles" in name]
    return next(iter([*exact, *within]), None)


def _guess_target(header: Sequence[str], smiles: int | None) -> int | None:
    lower = [name.lower() for name in header]
    exact = [lower.index(name) for name in _TARGET_NAMES if name in lower]
    begun = [k for start in _TARGET_BEGINNINGS for k, name in enumerate(lower) if name.startswith(start)]
    return next((k for k in [*exact, *begun] if k != smiles), None)


def _numbers(table: _Table, column: int, kept: Sequence[int]) -> Tensor:
    for k in kept:
        if not _is_number(table.rows[k][column]):
            raise DataError(
                f"{table.path}: row {table.numbers[k]}, column '{table.header[column]}' holds "
                f"'{table.rows[k][column]}'",
                expected="a finite number",
            )
    return torch.tensor([float(table.rows[k][column]) for k in kept], dtype=torch.float64)


def unit_of(column: str) -> str | None:
    """The unit that the name of a column ends with: "energy (kcal/mol)", "energy [kcal/mol]" or "mass in u"."""
    found = re.search(r"\(([^()]+)\)$|\[([^\[\]]+)\]$|\bin (.+)$", column.strip())
    if found is None:
        return None
    unit = next(part for part in found.groups() if part).replace("mols per litre", "mol/L")
    return f"log {unit}" if re.search(r"\blog\b", column[: found.start()].lower()) else unit
