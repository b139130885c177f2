"""What comes in: trajectories in one schema (`edgewise.data.schema`), graphs to be classified, molecules, text.

The names that need torch or NetworkX, and those of text, are loaded when they are first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from edgewise.data.arrays import read_npz, write_npz
from edgewise.data.derive import observed, with_velocity
from edgewise.data.given import as_dataset
from edgewise.data.grids import read_netcdf, read_zarr, write_netcdf, write_zarr
from edgewise.data.inspection import inspect
from edgewise.data.io import FORMATS, load, save
from edgewise.data.md import read_md
from edgewise.data.nri import read_nri_folder, splits_in, write_nri_folder
from edgewise.data.resampling import resample, round_time
from edgewise.data.scenes import scenes
from edgewise.data.schema import (
    DIMS,
    clock,
    features,
    fingerprint,
    from_arrays,
    positions,
    summary,
    validate,
    velocities,
)
from edgewise.data.tables import from_frame, read_table, write_table
from edgewise.data.truth import read_edges
from edgewise.data.windows import select_frames, split_sequences, thin, window

if TYPE_CHECKING:
    from edgewise.data.citations import (
        NodeClassification,
        classification_from_networkx,
        load_graphml,
        load_planetoid,
    )
    from edgewise.data.graphs import from_networkx, from_pyg, to_networkx, to_pyg
    from edgewise.data.images import Pictures, load_digits, load_pictures
    from edgewise.data.inflection import inflection_symbols, read_inflection
    from edgewise.data.isomorphism import isomorphism_classes, split_by_isomorphism
    from edgewise.data.molecules import (
        ATOM_FEATURES,
        BOND_FEATURES,
        Molecules,
        load_molecule_rows,
        load_molecules,
        molecule_graph,
    )
    from edgewise.data.text import ParallelText, read_lines, read_parallel
    from edgewise.data.tokenizers import Subwords, Symbols, Tokenizer, load_tokenizer

_FILES = {
    "citations": ("NodeClassification", "classification_from_networkx", "load_graphml", "load_planetoid"),
    "graphs": ("from_networkx", "from_pyg", "to_networkx", "to_pyg"),
    "images": ("Pictures", "load_digits", "load_pictures"),
    "inflection": ("inflection_symbols", "read_inflection"),
    "isomorphism": ("isomorphism_classes", "split_by_isomorphism"),
    "molecules": (
        "ATOM_FEATURES",
        "BOND_FEATURES",
        "Molecules",
        "load_molecule_rows",
        "load_molecules",
        "molecule_graph",
    ),
    "text": ("ParallelText", "read_lines", "read_parallel"),
    "tokenizers": ("Subwords", "Symbols", "Tokenizer", "load_tokenizer"),
}
_HOME = {name: file for file, names in _FILES.items() for name in names}

__all__ = [
    "ATOM_FEATURES",
    "BOND_FEATURES",
    "DIMS",
    "FORMATS",
    "Molecules",
    "NodeClassification",
    "ParallelText",
    "Pictures",
    "Subwords",
    "Symbols",
    "Tokenizer",
    "as_dataset",
    "classification_from_networkx",
    "clock",
    "features",
    "fingerprint",
    "from_arrays",
    "from_frame",
    "from_networkx",
    "from_pyg",
    "inflection_symbols",
    "inspect",
    "isomorphism_classes",
    "load",
    "load_digits",
    "load_graphml",
    "load_molecule_rows",
    "load_molecules",
    "load_pictures",
    "load_planetoid",
    "load_tokenizer",
    "molecule_graph",
    "observed",
    "positions",
    "read_edges",
    "read_inflection",
    "read_lines",
    "read_md",
    "read_netcdf",
    "read_npz",
    "read_nri_folder",
    "read_parallel",
    "read_table",
    "read_zarr",
    "resample",
    "round_time",
    "save",
    "scenes",
    "select_frames",
    "split_by_isomorphism",
    "split_sequences",
    "splits_in",
    "summary",
    "thin",
    "to_networkx",
    "to_pyg",
    "validate",
    "velocities",
    "window",
    "with_velocity",
    "write_netcdf",
    "write_npz",
    "write_nri_folder",
    "write_table",
    "write_zarr",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"edgewise.data.{_HOME[name]}"), name)
    raise AttributeError(f"module 'edgewise.data' has no attribute {name!r}")
