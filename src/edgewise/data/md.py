"""Trajectories of molecular dynamics, read by MDAnalysis (extra `md`)."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from edgewise.data.schema import from_arrays
from edgewise.data.wording import listing
from edgewise.errors import ConfigError, DataError

SUFFIXES = (".dcd", ".xtc", ".trr", ".ncdf", ".mdcrd", ".lammpsdump", ".gsd", ".pdb", ".gro", ".xyz")
"""What is read by MDAnalysis also where no topology is named; with a topology any file is."""

AXES = ("x", "y", "z")
SELECT = "name CA"
DEFAULTS = {"topology": None, "select": None, "residues": 0, "align": False, "every": 1}


def read_md(
    trajectory: str | Path,
    *,
    topology: str | Path | None = None,
    select: str | None = None,
    residues: int = 0,
    align: bool = False,
    every: int = 1,
) -> xr.Dataset:
    """Positions of the selected atoms, or of the centres of mass of residues or runs of residues, as one recording.

    The unit of length is the angstrom and that of time the picosecond, as in MDAnalysis. Entities are named by their
    residue, `GLY12`; by residue and atom, `GLY12-CB`, where several atoms are selected of one; by the first and the
    last residue of a run, `MET1:LEU10`; with the segment in front where these names repeat. Frames whose time is not
    recorded are counted.

    Args:
        trajectory: any file that MDAnalysis reads (DCD, XTC, TRR, NetCDF, PDB ...).
        topology: the file with names and masses (PSF, PDB, GRO, PRMTOP ...); None where the trajectory has them (PDB).
        select: in the selection language of MDAnalysis, such as "protein and not name H*" or "resid 1:50 and name
            CA"; None: "name CA", one atom a residue of a protein.
        residues: one entity for each run of about so many residues, at the centre of mass of its selected atoms: 1
            for every residue, 10 for ten in a row (runs end where a chain does, and are as even as can be); 0: for
            every atom.
        align: superpose every frame on the first by the least-squares rotation of what was selected (Kabsch), so
            that the motion of the molecule as a whole is taken away.
        every: read every so many frames.

    Raises:
        ConfigError: without MDAnalysis, or for `every` below 1.
        DataError: for a file that cannot be read, or a selection that is wrong or names less than two entities.
    """
    if every < 1:
        raise ConfigError(f"every = {every}", expected="1 (all frames) or a larger number")
    if residues < 0:
        raise ConfigError(f"residues = {residues}", expected="0 (atoms), 1 (residues) or so many in a row")
    select = select or SELECT
    universe = _universe(Path(trajectory), topology)
    atoms = _selected(universe, select, trajectory)
    runs = _runs(atoms, residues) if residues else []
    names = _run_names(atoms, runs) if residues else _names(atoms)
    if len(names) < 2:
        raise DataError(
            f"{trajectory}: select='{select}' gives {len(names)} entities of {len(atoms)} atoms"
            f" (there are {len(universe.atoms)})",
            expected="two entities or more",
            fix="select more, e.g. 'name CA' for one atom a residue of a protein, or 'protein'",
        )
    positions, stamps = _frames(
        universe, _centres(atoms, runs) if residues else lambda: atoms.positions, every
    )
    if align:
        positions = superposed(positions)
    increasing = bool(np.all(np.diff(stamps) > 0))
    units = dict.fromkeys(AXES, "A") | ({"time": "ps"} if increasing else {})
    return from_arrays(
        {axis: positions[None, ..., k] for k, axis in enumerate(AXES)},
        position=AXES,
        time=stamps if increasing else None,
        entity=names,
        units=units,
    )


def superposed(positions: np.ndarray) -> np.ndarray:
    """Every frame rotated and shifted onto the first, all points with the same weight.

        min over R, t of sum_i |R x_i(t) + t - x_i(0)|^2        (Kabsch 1976, Acta Cryst. A 32, 922)

    Args:
        positions: [time, point, 3], without NaN.
    """
    from scipy.spatial.transform import Rotation

    centred = positions - positions.mean(axis=1, keepdims=True)
    turned = [Rotation.align_vectors(centred[0], frame)[0].apply(frame) for frame in centred]
    return np.stack(turned) + positions[0].mean(axis=0)


def _universe(trajectory: Path, topology: str | Path | None) -> Any:
    try:
        import MDAnalysis
    except ImportError as error:
        raise ConfigError(
            f"{trajectory} is read by MDAnalysis, which is not installed",
            expected="the extra `md`",
            fix="pip install 'edgewise[md]'",
        ) from error
    for path in (trajectory, topology):
        if path is not None and not Path(path).is_file():
            raise DataError(f"{path} does not exist", expected="a file", fix="check the path")
    files = [str(trajectory)] if topology is None else [str(topology), str(trajectory)]
    try:
        with warnings.catch_warnings():  # what version 3 of MDAnalysis will do otherwise does not matter here
            warnings.filterwarnings("ignore", "DCDReader currently makes", DeprecationWarning)
            return MDAnalysis.Universe(*files)
    except Exception as error:  # readers of some forty formats raise what they like
        raise DataError(
            f"{trajectory}: MDAnalysis cannot read it"
            f"{'' if topology is None else f' with the topology {topology}'}: {_first_line(error)}",
            expected="a trajectory, and a topology of the same atoms",
            fix="name the topology (--topology), e.g. a .psf, .pdb, .gro or .prmtop file of the same system"
            if topology is None
            else "check that both files are of the same system",
        ) from error


def _selected(universe: Any, select: str, trajectory: str | Path) -> Any:
    from MDAnalysis.exceptions import NoDataError, SelectionError

    try:
        return universe.select_atoms(select)
    except (SelectionError, NoDataError, ValueError, TypeError) as error:
        raise DataError(
            f"{trajectory}: select='{select}' is no selection: {_first_line(error)}",
            expected="a selection of MDAnalysis, such as 'name CA' or 'resid 1:50 and not name H*'",
            fix="see the page 'Selection commands' of the manual of MDAnalysis",
        ) from error


def _runs(atoms: Any, size: int) -> list[np.ndarray]:
    """Residues of the atoms, by position, in runs of about so many within a chain."""
    chains = np.asarray(_column(atoms.residues, "segids"))
    ends = np.flatnonzero(chains[1:] != chains[:-1]) + 1
    pieces = np.split(np.arange(len(chains)), ends)
    return [run for piece in pieces for run in np.array_split(piece, max(round(len(piece) / size), 1))]


def _centres(atoms: Any, runs: list[np.ndarray]) -> Callable[[], np.ndarray]:
    """Reads the centre of mass of the atoms of each run of residues."""
    from MDAnalysis.exceptions import NoDataError

    try:
        masses = atoms.total_mass(compound="residues")
    except (NoDataError, ValueError) as error:
        raise DataError(
            f"the topology has no masses: {_first_line(error)}",
            expected="a topology with masses (PSF, PRMTOP ...), for centres of mass of residues",
            fix="name such a topology, or select one atom a residue: select='name CA' without residues",
        ) from error
    starts = [run[0] for run in runs]

    def read() -> np.ndarray:
        moments = masses[:, None] * atoms.center_of_mass(compound="residues")
        return np.add.reduceat(moments, starts) / np.add.reduceat(masses, starts)[:, None]

    return read


def _frames(universe: Any, read: Callable[[], np.ndarray], every: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions [time, entity, 3] and stamps [time] of every so many frames."""
    positions, stamps = [], []
    for frame in universe.trajectory[::every]:
        positions.append(np.array(read(), dtype=np.float64))
        stamps.append(frame.time)
    return np.stack(positions), np.asarray(stamps, dtype=np.float64)


def _names(group: Any) -> list[str]:
    """A name of its own for every atom, as short as can be."""
    short, segments = _residue_names(group), _column(group, "segids")
    atoms = [f"{name}-{atom}" for name, atom in zip(short, _column(group, "names"), strict=True)]
    return _shortest(short, atoms, _in_segments(atoms, segments))


def _run_names(atoms: Any, runs: list[np.ndarray]) -> list[str]:
    """A name of its own for every run of residues."""
    short, segments = _residue_names(atoms.residues), _column(atoms.residues, "segids")
    names = [short[run[0]] if len(run) == 1 else f"{short[run[0]]}:{short[run[-1]]}" for run in runs]
    return _shortest(names, _in_segments(names, [segments[run[0]] for run in runs]))


def _residue_names(group: Any) -> list[str]:
    return [
        f"{kind}{n}" for kind, n in zip(_column(group, "resnames"), _column(group, "resids"), strict=True)
    ]


def _in_segments(names: list[str], segments: list[str]) -> list[str]:
    return [f"{segment}-{name}" if segment else name for segment, name in zip(segments, names, strict=True)]


def _shortest(*choices: list[str]) -> list[str]:
    """The first list of names that all differ; of the last one with numbers, if none does."""
    for names in choices:
        if len(set(names)) == len(names):
            return names
    return [f"{name}-{number}" for number, name in enumerate(choices[-1], 1)]


def _column(group: Any, name: str) -> list[str]:
    """An attribute of every member, empty where the topology has none."""
    values = getattr(group, name, None)
    return [""] * len(group) if values is None else [str(value) for value in values]


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def refuse_choices(where: str, asked: dict[str, object]) -> None:
    """Refuse choices of `read_md` for what is no molecular trajectory.

    Raises:
        DataError: naming what was asked for.
    """
    named = [f"{name}={value!r}" for name, value in asked.items() if value != DEFAULTS[name]]
    if named:
        raise DataError(
            f"{listing(named)} was asked for, but {where} is no molecular trajectory",
            expected=f"a file that MDAnalysis reads ({listing(SUFFIXES)}), or a topology",
            fix="leave it out, or name the topology",
        )
