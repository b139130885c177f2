"""A network that has been fitted: graphs of new data in one pass, and forecasts."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from edgewise.errors import ConfigError, DataError
from edgewise.inference.asked import check_futures, refuse_unused
from edgewise.inference.belief import belief_of, sampled_graph
from edgewise.inference.config import InferenceConfig
from edgewise.inference.encoding import Encoding, fit_encoding
from edgewise.inference.evaluate import FORECAST_STEPS
from edgewise.inference.fitted import Reading
from edgewise.inference.forecast import as_dataset
from edgewise.inference.nri.build import build_nri, silent
from edgewise.inference.nri.fit import train_nri
from edgewise.inference.nri.frames import FeatureScale, cut_windows, fit_scale
from edgewise.inference.nri.model import NRI, relation_of
from edgewise.training import Checkpoints, Deadline, Progress

WINDOWS = 256
"""Windows, or recordings of a forecast, that are looked at in one pass."""


@dataclass(frozen=True)
class FittedNRI:
    """A trained network with the scales of its features (`edgewise.inference.fitted.Fitted`).

    Attributes:
        model: the network, in evaluation mode; encoding: roles of the features; scale: what the network sees of them.
        entities: those it was fitted on; n_frames: length of the windows that it reads.
        dynamic: whether a forecast infers the graph anew at every frame.
    """

    model: NRI
    encoding: Encoding
    scale: FeatureScale
    entities: tuple[str, ...]
    n_frames: int
    dynamic: bool

    @torch.no_grad()
    def posterior(self, ds: xr.Dataset, config: InferenceConfig) -> np.ndarray:
        """One graph a recording (or one for all): the normalised geometric mean of its windows' posteriors."""
        windows = cut_windows(
            self.scale.frames(ds), self.n_frames
        )  # [sequence, window, time, entity, feature]
        parts = [self.model.log_posterior(part).double() for part in windows.flatten(0, 1).split(WINDOWS)]
        log_posterior = torch.cat(parts).unflatten(0, windows.shape[:2])
        over = (0, 1) if config.graph.graph == "shared" else (1,)
        mean = log_posterior.mean(over, keepdim=True).softmax(-1)
        dense = relation_of(windows[:, 0]).to_dense(mean)
        diagonal = torch.arange(dense.shape[-2])
        dense[..., diagonal, diagonal, 0] = 1.0
        return dense.numpy()

    def answering(self, *, exact: bool) -> "FittedNRI":
        """Itself: the encoder is all it has.

        Raises:
            ConfigError: where an exact posterior is asked for.
        """
        if exact:
            raise ConfigError(
                "nri has no exact posterior: its law is a network without a likelihood of graphs that can be summed",
                expected="a result of method='superposition' or 'hybrid'",
                fix="drop exact, or fit with method='hybrid'",
            )
        return self

    def read(self, ds: xr.Dataset, config: InferenceConfig, *, fresh: bool) -> Reading:
        null = silent(config)
        first = "no interaction" if null else "type 0"
        return Reading(
            probability=self.posterior(ds, config),
            types=(first, *(f"type {k}" for k in range(1, config.graph.edge_types))),
            no_interaction=null,
            first_frame=0,
            tail=self.n_frames,
            notes=_notes(ds, config, self.n_frames, fresh=fresh),
        )

    @torch.no_grad()
    def forecast(
        self, ds: xr.Dataset, probability: np.ndarray, *, steps: int, samples: int = 0, seed: int = 0
    ) -> xr.Dataset:
        check_futures(steps, samples)
        past = self.scale.frames(ds)[:, -self.n_frames :]
        belief = belief_of(np.broadcast_to(probability, (len(past), *probability.shape[1:])))
        generator, runs = torch.Generator().manual_seed(seed), []
        for _ in range(max(samples, 1)):
            weights = (sampled_graph(belief, generator) if samples else belief).weight
            rolled = [
                self.model.roll(some, z, steps, dynamic=self.dynamic, noise=generator if samples else None)
                for some, z in zip(past.split(WINDOWS), weights.split(WINDOWS), strict=True)
            ]
            runs.append(self.scale.unscaled(torch.cat(rolled)))
        values = np.stack(runs) if samples else runs[0]
        return as_dataset(values, ds, self.encoding, sampled=bool(samples))

    def held_out(self, n_frames: int) -> int:
        """The frames behind a whole window, at most 20 (the paper's protocol: 49 frames are read, 20 foretold)."""
        return max(min(max(FORECAST_STEPS), n_frames - self.n_frames), 0)

    def sentences(self, config: InferenceConfig) -> list[str]:
        known = {"springs": "of the springs", "charged": "of the charges"}.get(config.nri.decoder)
        motion = (
            f"The law {known} was given; only the graph was sought."
            if known
            else "The motion is a network of the last frame and the sum of messages, one network of messages a type."
            if config.nri.decoder == "mlp"
            else "The motion is a recurrent network of all frames before, with one network of messages a type."
        )
        return [f"An encoder of windows of {self.n_frames} frames reads the graph in one pass.", motion]

    def to_dict(self) -> dict[str, Any]:
        return {
            "encoding": self.encoding.to_dict(),
            "scale": self.scale.to_dict(),
            "entities": list(self.entities),
            "n_frames": self.n_frames,
        }

    @classmethod
    def restored(
        cls, plain: dict[str, Any], weights: dict[str, Tensor], config: InferenceConfig
    ) -> "FittedNRI":
        encoding, scale = Encoding.from_dict(plain["encoding"]), FeatureScale.from_dict(plain["scale"])
        n_frames = int(plain["n_frames"])
        model = build_nri(config, encoding, scale, n_frames)
        model.load_state_dict(weights)
        return cls(model.eval(), encoding, scale, tuple(plain["entities"]), n_frames, config.nri.dynamic)


def learn_nri(
    ds: xr.Dataset,
    config: InferenceConfig,
    *,
    deadline: Deadline,
    checkpoints: Checkpoints | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[FittedNRI, dict[str, Any]]:
    """Train a network on validated data; it and the course of its training.

    Raises:
        ConfigError: for settings that this method has no use for, or that do not fit the data.
        DataError: for recordings with gaps, or frames that are not equally far apart.
    """
    _check_settings(config)
    encoding = fit_encoding(ds, lags=0, bridge=config.graph.fill_gaps)
    if encoding.irregular:
        raise DataError(
            "the frames are not equally far apart in time",
            expected="one time step: the networks count frames",
            fix="resample the recordings, or use method='superposition'",
        )
    scale = fit_scale(ds, encoding)
    n_frames = min(config.nri.frames, ds.sizes["time"])
    windows = cut_windows(scale.frames(ds), n_frames)
    torch.manual_seed(config.training.seed)
    model = build_nri(config, encoding, scale, n_frames)
    trained = train_nri(
        model,
        windows,
        config,
        deadline=deadline,
        checkpoints=checkpoints,
        resume=resume,
        on_progress=on_progress,
    )
    names = tuple(str(name) for name in ds["entity"].to_numpy())
    fitted = FittedNRI(model, encoding, scale, names, n_frames, config.nri.dynamic)
    return fitted, asdict(trained.course) | {"steps": trained.steps}


def _check_settings(config: InferenceConfig) -> None:
    """Refuse what would be ignored."""
    if config.graph.graph == "per-window":
        raise ConfigError(
            "nri has no per-window graphs",
            expected="one graph a recording, or a shared one",
            fix="use method='superposition', or dynamic for forecasts that infer the graph anew",
        )
    refuse_unused(config, USED)


USED = {
    "graph": ("edge_types", "no_interaction", "undirected", "graph", "window", "stay", "prior", "fill_gaps"),
    "law": ("hidden",),
    "training": ("seed", "max_steps", "time_limit", "batch_size", "learning_rate"),
}
"""Fields of the tables that this method reads, or that change nothing here."""

FEW = 100
"""Windows below which an amortised encoder hardly learns."""


def _notes(ds: xr.Dataset, config: InferenceConfig, n_frames: int, *, fresh: bool) -> list[str]:
    notes = [
        "The probabilities are an encoder's, trained on the evidence lower bound: they are not calibrated, and a pair's"
        " type is read independently of the others'."
    ]
    n_sequences, longer = ds.sizes["sequence"], ds.sizes["time"] > n_frames
    if longer:
        notes.append(
            f"Recordings of {ds.sizes['time']} frames are read in windows of {n_frames}; a graph is the normalised"
            " geometric mean of its windows' posteriors."
        )
    if not fresh and n_sequences == 1:
        notes.append("One recording: the kept weights are those of the best bound on the data trained on.")
    windows = n_sequences * -(-ds.sizes["time"] // n_frames)
    if not fresh and windows < FEW:
        notes.append(
            f"Only {windows} windows to train on: an encoder needs hundreds or more. method='superposition' needs far"
            " fewer."
        )
    return notes
