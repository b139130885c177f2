"""An encoder trained on the true graphs: the upper bound of Kipf et al. (2018), table 1 ("Supervised").

The only learner of the package that is shown the truth. It is no method of `infer`: it says how much of the graph the
trajectories give away to an encoder of this form.
"""

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from edgewise.errors import DataError
from edgewise.inference.config import InferenceConfig
from edgewise.inference.encoding import fit_encoding
from edgewise.inference.nri.build import build_encoder
from edgewise.inference.nri.encoder import Encoder
from edgewise.inference.nri.fit import WindowsTask, split_windows
from edgewise.inference.nri.frames import FeatureScale, cut_windows, fit_scale
from edgewise.inference.nri.model import relation_of
from edgewise.relation.complete import off_diagonal
from edgewise.training import Deadline, fit

UNKNOWN = -1
"""A label that the loss leaves out."""


@dataclass(frozen=True)
class SupervisedEncoder:
    """An encoder with the scale of its features. Type k is the label k of the truth.

    Attributes:
        encoder: in evaluation mode; scale: of the features; n_frames: of a window; history: loss of every step.
    """

    encoder: Encoder
    scale: FeatureScale
    n_frames: int
    history: list[float]

    @torch.no_grad()
    def probability(self, ds: xr.Dataset) -> np.ndarray:
        """The types of all pairs, from the first window of each recording: [sequence, receiver, sender, type]."""
        windows = cut_windows(self.scale.frames(ds), self.n_frames)[:, 0]
        relation = relation_of(windows)
        found = torch.cat([self.encoder(relation, part).softmax(-1) for part in windows.split(256)])
        dense = relation.to_dense(found.double())
        diagonal = torch.arange(dense.shape[-2])
        dense[:, diagonal, diagonal, 0] = 1.0
        return dense.numpy()


class CrossEntropyObjective:
    """The mean cross-entropy of the true types; pairs of unknown type are left out.

    Args:
        windows: [window, time, entity, feature]; labels: [window, receiver, n - 1] int64, negative = unknown.
    """

    def __init__(self, windows: Tensor, labels: Tensor) -> None:
        self.windows, self.labels = windows, labels.clamp_min(UNKNOWN)

    def loss(self, module: nn.Module, index: Tensor) -> Tensor:
        batch, labels = self.windows[index], self.labels[index].flatten()
        logits = module(relation_of(batch), batch).flatten(0, -2)
        total = nn.functional.cross_entropy(logits, labels, ignore_index=UNKNOWN, reduction="sum")
        return total / (labels != UNKNOWN).sum().clamp_min(1)


def learn_supervised(
    ds: xr.Dataset, config: InferenceConfig, *, deadline: Deadline | None = None
) -> SupervisedEncoder:
    """Train an encoder on a validated data set with its true graphs.

    Args:
        config: `nri` and `law.hidden` decide the encoder, `graph.edge_types` the types, `training` the training.

    Raises:
        DataError: without a truth, for one that changes in time, or for labels that are no types.
    """
    labels = _labels(ds, config.graph.edge_types)
    scale = fit_scale(ds, fit_encoding(ds, lags=0, bridge=config.graph.fill_gaps))
    n_frames = min(config.nri.frames, ds.sizes["time"])
    windows = cut_windows(scale.frames(ds), n_frames)
    torch.manual_seed(config.training.seed)
    encoder = build_encoder(config, len(scale.names), n_frames)
    n_sequences, n_windows = windows.shape[:2]
    training = config.training
    task = WindowsTask(
        "supervised",
        encoder,
        CrossEntropyObjective(windows.flatten(0, 1), labels.repeat_interleave(n_windows, 0)),
        split_windows(n_sequences, n_windows, config.nri.validation, training.seed),
        seed=training.seed,
        steps=training.max_steps,
        batch_size=training.batch_size,
        learning_rate=training.learning_rate,
    )
    fit(task, deadline=deadline or Deadline(training.time_limit))
    task.finish()
    return SupervisedEncoder(encoder, scale, n_frames, task.losses)


def _labels(ds: xr.Dataset, n_types: int) -> Tensor:
    """[sequence, receiver, n - 1]"""
    if "edges" not in ds:
        raise DataError(
            "the data have no true graph to train on",
            expected="edges(sequence, receiver, sender)",
            fix="give one when loading (truth=...), or train without labels: infer(data, method='nri')",
        )
    edges = ds["edges"].to_numpy()
    if edges.ndim != 3:
        raise DataError("the true graph changes in time", expected="edges(sequence, receiver, sender)")
    if edges.max() >= n_types:
        raise DataError(
            f"the true graph has a type {edges.max()}",
            expected=f"types 0 to {n_types - 1}, as edge_types = {n_types} says",
            fix=f"set edge_types = {edges.max() + 1}",
        )
    return off_diagonal(torch.from_numpy(edges.astype(np.int64))[..., None])[..., 0]
