"""The folders of `.npy` files that the code of NRI (Kipf et al. 2018) writes and reads.

A data set of particles is `loc_SPLIT_NAME.npy` and `vel_SPLIT_NAME.npy` [sequence, time, axis, entity] with
`edges_SPLIT_NAME.npy` [sequence, receiver, sender]; one of oscillators is `feat_SPLIT_NAME.npy` [sequence,
entity, time, feature] with its edges. SPLIT is train, valid or test, and NAME is for instance springs5.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import xarray as xr

from edgewise.data.atomic import refuse_to_overwrite, replacing
from edgewise.data.gate import validate
from edgewise.data.roles import features, positions, velocities
from edgewise.data.schema import from_arrays
from edgewise.data.wording import did_you_mean, listing
from edgewise.errors import DataError

_FILE = re.compile(r"(?:loc|feat)_(?P<split>(?P<part>[^_]+)(?:_.+)?)\.npy")
_AXES = ("x", "y", "z")
_HALF_SPRINGS = (0.0, 0.5, 1.0)
_OSCILLATOR = ("dphi", "sin_phi", "omega")


def splits_in(path: str | Path) -> list[str]:
    """What `read_nri_folder` can read from a folder: "train_springs5", "valid_springs5", ..."""
    matches = (_FILE.fullmatch(file.name) for file in Path(path).iterdir())
    return sorted(match["split"] for match in matches if match)


def read_nri_folder(path: str | Path, split: str | None = None) -> xr.Dataset:
    """One split of an NRI folder.

    Particles become the features x, y with role position and vx, vy with role velocity. Oscillators become
    dphi (with role rate), sin_phi, omega and, if the file has a fourth column, phase: generators disagree
    about the order of the last two, so omega is the one of them that is constant in time. The frames are
    numbered 0, 1, 2, ...

    Edge labels that are whole numbers from 0 on are kept; the values -1, 1 of charged particles become 0, 1,
    and the values 0, 0.5, 1 of half springs become 0, 1, 2: sorted distinct off-diagonal values, over all
    splits of the data set so that a label means the same in each. (NRI's own loader makes 0 of 0.5.)

    Args:
        path: the folder.
        split: "train", or "train_springs5" where the folder holds several data sets; None if there is only
            one to read.

    Returns:
        A validated data set, with truth where the folder has the file of edges.

    Raises:
        DataError: the split is not there or not the only one, or a file is damaged or has another shape.
    """
    folder = Path(path)
    split = _choose(folder, split)
    edges = _edges(folder, split)
    if (folder / f"feat_{split}.npy").is_file():
        values = _load(folder / f"feat_{split}.npy", "[sequence, entity, time, feature]")
        return from_arrays(_oscillators(values, folder / f"feat_{split}.npy"), rate=["dphi"], edges=edges)
    found: dict[str, np.ndarray] = {}
    for kind, prefix in (("loc", ""), ("vel", "v")):
        file = folder / f"{kind}_{split}.npy"
        if kind == "vel" and not file.is_file():
            continue
        values = _load(file, "[sequence, time, axis, entity]")
        if not 1 <= values.shape[2] <= 3:
            raise DataError(
                f"{file} has the shape {values.shape}", expected="[sequence, time, axis, entity], 1 to 3 axes"
            )
        found |= {f"{prefix}{axis}": values[:, :, k] for k, axis in enumerate(_AXES[: values.shape[2]])}
    return from_arrays(
        found,
        position=[name for name in found if name in _AXES],
        velocity=[name for name in found if name not in _AXES],
        edges=edges,
    )


def write_nri_folder(
    ds: xr.Dataset, path: str | Path, *, split: str = "train", overwrite: bool = False
) -> None:
    """Write a data set as one split of an NRI folder: loc, vel (or feat) and edges.

    The layout has no place for names, stamps, units and truth that changes in time; the first three are
    dropped.

    Args:
        ds: a data set whose features are its position and velocity, or dphi, sin_phi, omega (and phase).
        path: the folder; other splits in it are left alone.
        split: "train", or with the name of the data set: "train_springs5".
        overwrite: whether files of this split are replaced.

    Raises:
        DataError: the layout has no place for something, or a file exists.
    """
    folder, ds = Path(path), validate(ds)
    arrays = _layout(ds)
    if "edges" in ds:
        labels = ds["edges"].to_numpy()
        off_diagonal = ~np.eye(ds.sizes["entity"], dtype=bool)
        if labels.ndim == 4 or (labels[..., off_diagonal] < 0).any():
            raise DataError(
                "the truth changes in time" if labels.ndim == 4 else "some edges are unknown (-1)",
                expected="edges [sequence, receiver, sender], all known: the NRI layout has no place for "
                "others",
                fix="drop the truth, or use NetCDF",
            )
        arrays["edges"] = np.where(off_diagonal, labels, 0)
    targets = {folder / f"{kind}_{split}.npy": values for kind, values in arrays.items()}
    for file in targets:
        refuse_to_overwrite(file, overwrite=overwrite)
    for file, values in targets.items():
        with replacing(file, overwrite=overwrite) as draft:
            np.save(draft, values, allow_pickle=False)


def _layout(ds: xr.Dataset) -> dict[str, np.ndarray]:
    def stacked(names: list[str], axis: int) -> np.ndarray:
        return np.stack([ds[name].to_numpy() for name in names], axis=axis)  # each [sequence, time, entity]

    names = features(ds)
    if set(_OSCILLATOR) <= set(names) <= {*_OSCILLATOR, "phase"}:
        ordered = [name for name in ("dphi", "sin_phi", "phase", "omega") if name in names]
        return {"feat": stacked(ordered, -1).transpose(0, 2, 1, 3)}
    position, velocity = positions(ds), velocities(ds)
    rest = [name for name in names if name not in (*position, *velocity)]
    if rest or not position:
        raise DataError(
            f"the NRI layout has no place for the features {listing(rest)} beside position and velocity"
            if position
            else "the data set declares no position",
            expected="a position (and a velocity), or the features dphi, sin_phi, omega (and phase)",
            fix="select features, declare the position, or use NetCDF",
        )
    return {"loc": stacked(position, 2), **({"vel": stacked(velocity, 2)} if velocity else {})}


def _choose(folder: Path, split: str | None) -> str:
    found = splits_in(folder)
    if not found:
        raise DataError(f"{folder} holds no loc_*.npy or feat_*.npy", expected="the files of an NRI data set")
    matches = [name for name in found if split in (None, name, name.split("_")[0])]
    if len(matches) == 1:
        return matches[0]
    raise DataError(
        f"{folder} holds the splits {listing(found)}"
        + (f", and '{split}' is none of them" if split and not matches else ""),
        expected="one of them",
        fix=(did_you_mean(split, found) if split and not matches else None)
        or f"choose with split='{found[0]}'",
    )


def _load(file: Path, layout: str, ndim: int = 4) -> np.ndarray:
    try:
        values = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"{file} cannot be read: {error}",
            expected="a complete .npy file of numbers",
            fix="check that the file was copied in full",
        ) from error
    if not isinstance(values, np.ndarray) or values.ndim != ndim or values.dtype.kind not in "iubf":
        raise DataError(f"{file} has the shape {np.shape(values)}", expected=f"numbers {layout}")
    return values


def _oscillators(values: np.ndarray, file: Path) -> dict[str, np.ndarray]:
    """[sequence, entity, time, feature] -> name: [sequence, time, entity]."""
    columns = [values[..., k].transpose(0, 2, 1) for k in range(values.shape[-1])]
    if len(columns) == 3:
        return dict(zip(_OSCILLATOR, columns, strict=True))
    if len(columns) != 4:
        raise DataError(
            f"{file} has {len(columns)} features", expected="dphi, sin_phi and omega, or these and the phase"
        )
    constant = [bool((column == column[:, :1]).all()) for column in columns[2:]]
    if constant[0] == constant[1]:
        raise DataError(
            f"{file}: {'both' if constant[0] else 'neither'} of the features 2 and 3 (from 0) are constant "
            "in time",
            expected="the natural frequency, constant in time, and the phase, which is not",
        )
    names = ("dphi", "sin_phi", "omega", "phase") if constant[0] else ("dphi", "sin_phi", "phase", "omega")
    return dict(zip(names, columns, strict=True))


def _edges(folder: Path, split: str) -> np.ndarray | None:
    file = folder / f"edges_{split}.npy"
    if not file.is_file():
        return None
    layout = "[sequence, receiver, sender]"
    values = _load(file, layout, 3)
    if values.shape[1] != values.shape[2]:
        raise DataError(f"{file} has the shape {values.shape}", expected=layout)
    name = split.partition("_")[2]
    siblings = [
        folder / f"edges_{other}.npy" for other in splits_in(folder) if other.partition("_")[2] == name
    ]
    codes = np.unique(np.concatenate([_codes(_load(own, layout, 3)) for own in siblings if own.is_file()]))
    if not np.isfinite(codes).all():
        raise DataError(
            f"{file} or another split holds edges that are not finite", expected="a number for each edge"
        )
    if (codes >= 0).all() and (codes % 1 == 0).all():
        return values
    if set(codes) <= set(_HALF_SPRINGS):
        codes = np.array(_HALF_SPRINGS)
    diagonal = np.eye(values.shape[1], dtype=bool)
    return np.searchsorted(codes, np.where(diagonal, codes[0], values))


def _codes(values: np.ndarray) -> np.ndarray:
    """The sorted distinct values off the diagonal."""
    return np.unique(values[:, ~np.eye(values.shape[1], dtype=bool)].astype(np.float64))
