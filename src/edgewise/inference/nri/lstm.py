"""Forecasts without a graph: the LSTM baselines of Kipf et al. (2018), table 2 ("LSTM (single)" and "LSTM (joint)")."""

from dataclasses import dataclass
from typing import Literal

import torch
import xarray as xr
from torch import Tensor, nn

from edgewise.errors import ConfigError, DataError
from edgewise.inference.encoding import Encoding, fit_encoding
from edgewise.inference.forecast import as_dataset
from edgewise.inference.nri.fit import WindowsTask, split_windows
from edgewise.inference.nri.frames import FeatureScale, cut_windows, fit_scale
from edgewise.training import Deadline, fit

Kind = Literal["single", "joint"]
State = tuple[Tensor, Tensor]


class LSTMForecaster(nn.Module):
    """A recurrent network of the frames so far, without edges:

        x(t + 1) = x(t) + f_out(LSTM(f_in(x(1)), ..., f_in(x(t))))

    f_in and f_out have two layers with ReLU (none after the last). "single": one network, for each entity by itself.
    "joint": x is the features of all entities in one vector, so that the number of entities and their order are fixed.

    Args:
        n_features: of an entity; n_entities: of a system.
        kind: see above; hidden: width of all layers; layers: of the LSTM.

    Shapes: [batch, time, entity, feature].
    """

    def __init__(self, n_features: int, n_entities: int, *, kind: Kind, hidden: int, layers: int = 2) -> None:
        super().__init__()
        if kind not in ("single", "joint"):
            raise ConfigError(f"an LSTM of kind {kind!r}", expected="single or joint")
        self.kind, self.n_entities = kind, n_entities
        width = n_features * (n_entities if kind == "joint" else 1)
        self.enter = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.lstm = nn.LSTM(hidden, hidden, layers, batch_first=True)
        self.leave = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, width))

    def _rows(self, frames: Tensor) -> Tensor:
        """[batch, time, entity, feature] -> [row, time, width], a row an entity or a system."""
        if self.kind == "single":
            return frames.transpose(1, 2).flatten(0, 1)
        if frames.shape[2] != self.n_entities:
            raise DataError(
                f"systems of {frames.shape[2]} entities",
                expected=f"{self.n_entities}: a joint LSTM has a place for each",
                fix="use the kind 'single'",
            )
        return frames.flatten(2)

    def _frames(self, rows: Tensor, n_entities: int) -> Tensor:
        """The inverse of `_rows`."""
        if self.kind == "single":
            return rows.unflatten(0, (-1, n_entities)).transpose(1, 2)
        return rows.unflatten(2, (n_entities, -1))

    def _ahead(self, rows: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """The frame after each of [row, time, width], every one of them a true input."""
        hidden, after = self.lstm(self.enter(rows), state)
        return rows + self.leave(hidden), after

    def predicted(self, truth: Tensor, burn_in: int) -> Tensor:
        """Frames 1 to T - 1: of the first `burn_in` inputs each is true, then each is the last prediction.

        Shapes: [batch, time, entity, feature] -> [batch, time - 1, entity, feature].
        """
        steps = truth.shape[1] - 1
        known = max(min(burn_in, steps), 1)
        return self._rolled(truth[:, :known], steps - known + 1, keep=known - 1)

    def roll(self, past: Tensor, steps: int) -> Tensor:
        """The frames after the past: [batch, time, entity, feature] -> [batch, steps, entity, feature]."""
        return self._rolled(past, steps, keep=0)

    def _rolled(self, past: Tensor, steps: int, keep: int) -> Tensor:
        """`keep` predictions within the past (its last ones) and `steps` after it."""
        rows, state = self._ahead(self._rows(past))
        pieces = [rows[:, rows.shape[1] - 1 - keep :]]
        for _ in range(steps - 1):
            rows, state = self._ahead(pieces[-1][:, -1:], state)
            pieces.append(rows)
        return self._frames(torch.cat(pieces, 1), past.shape[2])


class ForecastObjective:
    """The mean squared error of all predicted frames of windows [window, time, entity, feature]."""

    def __init__(self, windows: Tensor, burn_in: int) -> None:
        self.windows, self.burn_in = windows, burn_in

    def loss(self, module: nn.Module, index: Tensor) -> Tensor:
        assert isinstance(module, LSTMForecaster)
        truth = self.windows[index]
        return nn.functional.mse_loss(module.predicted(truth, self.burn_in), truth[:, 1:])


@dataclass(frozen=True)
class FittedLSTM:
    """A trained network with the scale of its features.

    Attributes:
        model: in evaluation mode; encoding: roles of the features; scale: of the features; n_frames: of a window.
    """

    model: LSTMForecaster
    encoding: Encoding
    scale: FeatureScale
    n_frames: int

    @torch.no_grad()
    def forecast(self, ds: xr.Dataset, steps: int = 20) -> xr.Dataset:
        """What follows the last frames of recordings, as `Inference.forecast` gives it."""
        past = self.scale.frames(ds)[:, -self.n_frames :]
        ahead = torch.cat([self.model.roll(part, steps) for part in past.split(256)])
        return as_dataset(self.scale.unscaled(ahead), ds, self.encoding, sampled=False)


def learn_lstm(
    ds: xr.Dataset,
    *,
    kind: Kind = "single",
    hidden: int = 64,
    frames: int = 49,
    ahead: int = 10,
    validation: float = 0.1,
    steps: int = 4000,
    batch_size: int = 0,
    learning_rate: float = 3e-3,
    seed: int = 0,
    deadline: Deadline | None = None,
) -> FittedLSTM:
    """Train a forecaster on a validated data set.

    Args:
        kind: see `LSTMForecaster`; hidden: its width.
        frames: of the windows that recordings are cut into.
        ahead: last frames of a window that are predicted from predictions; those before are burn-in (the paper has 10).
        validation: share of the recordings that the kept weights are chosen by.
        steps, batch_size, learning_rate, seed: of the training; `deadline`: its clock.

    Raises:
        DataError: for gaps. ConfigError: for another kind, or nothing left to burn in.
    """
    encoding = fit_encoding(ds, lags=0, bridge=3)
    scale = fit_scale(ds, encoding)
    n_frames = min(frames, ds.sizes["time"])
    if not 1 <= ahead < n_frames:
        raise ConfigError(f"ahead={ahead} of {n_frames} frames", expected=f"1 to {n_frames - 1} frames")
    windows = cut_windows(scale.frames(ds), n_frames)
    torch.manual_seed(seed)
    model = LSTMForecaster(len(scale.names), ds.sizes["entity"], kind=kind, hidden=hidden)
    task = WindowsTask(
        f"lstm {kind}",
        model,
        ForecastObjective(windows.flatten(0, 1), n_frames - ahead),
        split_windows(windows.shape[0], windows.shape[1], validation, seed),
        seed=seed,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
    )
    fit(task, deadline=deadline or Deadline())
    task.finish()
    return FittedLSTM(model, encoding, scale, n_frames)
