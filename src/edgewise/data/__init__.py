"""What comes in: trajectories from files of many formats, in one schema (`edgewise.data.schema`)."""

from edgewise.data.arrays import read_npz, write_npz
from edgewise.data.derive import observed, with_velocity
from edgewise.data.grids import read_netcdf, read_zarr, write_netcdf, write_zarr
from edgewise.data.io import FORMATS, load, save
from edgewise.data.nri import read_nri_folder, splits_in, write_nri_folder
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

__all__ = [
    "DIMS",
    "FORMATS",
    "clock",
    "features",
    "fingerprint",
    "from_arrays",
    "from_frame",
    "load",
    "observed",
    "positions",
    "read_edges",
    "read_netcdf",
    "read_npz",
    "read_nri_folder",
    "read_table",
    "read_zarr",
    "save",
    "select_frames",
    "split_sequences",
    "splits_in",
    "summary",
    "thin",
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
