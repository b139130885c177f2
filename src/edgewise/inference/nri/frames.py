"""What the networks see of a data set: windows of scaled features, without gaps."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from edgewise.data.roles import features
from edgewise.errors import DataError
from edgewise.inference.encoding import Encoding
from edgewise.inference.forecast import feature_names
from edgewise.inference.gaps import fill_gaps


@dataclass(frozen=True)
class FeatureScale:
    """Features scaled to [-1, 1] by the largest and the smallest value of the training data (the authors' code).

        scaled = (value - center) / scale,   center = (max + min) / 2,   scale = (max - min) / 2

    All coordinates of the position share one scale, and so do those of the velocity: directions stay directions.

    Attributes:
        names: of the features, in order; center, scale: one number a feature, in its unit.
        bridge: longest gap in frames that is filled by interpolation.
    """

    names: tuple[str, ...]
    center: tuple[float, ...]
    scale: tuple[float, ...]
    bridge: int

    def frames(self, ds: xr.Dataset) -> Tensor:
        """Scaled features [sequence, time, entity, feature], float32.

        Raises:
            DataError: for a feature that is not there, or a value that is missing where no gap could be bridged.
        """
        values = _complete(ds, self.names, self.bridge)
        scaled = (values - np.asarray(self.center)) / np.asarray(self.scale)
        return torch.from_numpy(scaled.astype(np.float32))

    def unscaled(self, scaled: Tensor) -> np.ndarray:
        """Features in their units: [..., feature] -> float64."""
        return scaled.double().numpy() * np.asarray(self.scale) + np.asarray(self.center)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Self:
        names, center, scale = (tuple(plain[key]) for key in ("names", "center", "scale"))
        return cls(names, center, scale, int(plain["bridge"]))


def fit_scale(ds: xr.Dataset, encoding: Encoding) -> FeatureScale:
    """The scale of a data set's features. A feature that never changes keeps its unit.

    Raises:
        DataError: for a value that is missing where no gap could be bridged.
    """
    names = feature_names(encoding)
    values = _complete(ds, names, encoding.bridge)
    alone = [(name,) for name in names if name not in encoding.position + encoding.velocity]
    center, scale = np.zeros(len(names)), np.ones(len(names))
    for group in (encoding.position, encoding.velocity, *alone):
        columns = [names.index(name) for name in group]
        if columns:
            low, high = values[..., columns].min(), values[..., columns].max()
            center[columns], scale[columns] = (high + low) / 2, (high - low) / 2 or 1.0
    return FeatureScale(names, tuple(center.tolist()), tuple(scale.tolist()), encoding.bridge)


def _complete(ds: xr.Dataset, names: tuple[str, ...], bridge: int) -> np.ndarray:
    """[sequence, time, entity, feature], gaps bridged."""
    absent = [name for name in names if name not in ds]
    if absent:
        raise DataError(
            f"the data have no feature {', '.join(absent)}",
            expected=f"the features that the model was fitted on; found {', '.join(features(ds))}",
            fix="rename the columns, or fit anew on these data",
        )
    values = np.stack([ds[name].to_numpy().astype(np.float64) for name in names], -1)
    values = fill_gaps(values, bridge)
    lost = np.argwhere(~np.isfinite(values))
    if len(lost):
        sequence, frame, entity, feature = lost[0]
        places = len(np.unique(lost[:, :3], axis=0))
        raise DataError(
            f"{names[feature]} of entity {ds['entity'].to_numpy()[entity]} is missing at frame {frame} of recording"
            f" {ds['sequence'].to_numpy()[sequence]} ({places:,} frames of an entity in all)",
            expected=f"complete recordings; gaps inside one are bridged up to fill_gaps = {bridge} frames",
            fix="bridge longer gaps with fill_gaps, keep the entities and frames that are there throughout, or use"
            " method='superposition', which needs no complete recordings",
        )
    return values


def window_starts(n_frames: int, length: int) -> list[int]:
    """First frames of the fewest windows that cover all frames, evenly spaced: they overlap where they must."""
    count = -(-n_frames // length)
    return np.linspace(0, n_frames - length, count).round().astype(int).tolist()


def cut_windows(frames: Tensor, length: int) -> Tensor:
    """[sequence, time, entity, feature] -> [sequence, window, length, entity, feature].

    Raises:
        DataError: for recordings shorter than a window.
    """
    if frames.shape[1] < length:
        raise DataError(
            f"recordings of {frames.shape[1]} frames",
            expected=f"at least {length}, the window that the encoder reads",
            fix="use longer recordings, or fit anew with fewer frames a window",
        )
    return torch.stack([frames[:, at : at + length] for at in window_starts(frames.shape[1], length)], 1)
