"""Forecasts where rates of change were recorded: the law gives the rates, and the rates turn the angles.

The law and the recorded past of an entity give, with S(t) = f_own + sum_j p_j f(s_j, s_i),

    rate(t) = o + g S(t),    phi(t+1) - phi(t) = a + b * (integral of the rate from t to t+1)

where o and g are the offset and the gain of its series (0 and the target's scale where the gain is known), and a, b
bring the recorded rate to radians a frame: lines through the past (`edgewise.inference.angles.robust_line`). Then

    dphi/dt = a + b (o + g S(phi))

is integrated by the classical fourth-order Runge-Kutta method. Features that are no angles stay as they are.
"""

from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from scipy.interpolate import CubicSpline
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.inference.angles import Array, held, robust_line
from edgewise.inference.belief import GraphBelief
from edgewise.inference.encoding import Encoding, read_tracks
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.model import SuperpositionModel

SUBSTEPS = 4
"""Runge-Kutta steps a frame."""
FRAMES = 64
"""Frames of the past that the law is evaluated on at once."""


@dataclass(frozen=True)
class Lines:
    """What brings the law to a series' recorded rate, [sequence, entity], and that to its angles, [..., angle]."""

    offset: Array
    gain: Array
    turn_offset: Array
    turn_slope: Array


class RateForecast:
    """Recordings of rates, ready to be rolled forward under any graph.

    Args:
        model: a fitted law; encoding: its roles and scales.
        ds: the recordings; all of their frames are looked at.

    Raises:
        ConfigError: for a law with lags.
        What `read_tracks` raises.
    """

    def __init__(self, model: SuperpositionModel, encoding: Encoding, ds: xr.Dataset) -> None:
        if encoding.lags:
            raise ConfigError(
                "a forecast of rates by a law with lags",
                expected="a law of the present state",
                fix="fit with lags = 0",
            )
        self.model, self.encoding = model, encoding
        self.tracks = read_tracks(ds, encoding)
        sines = [encoding.others.index(name) for name in encoding.angles]
        cosines = range(len(encoding.others), len(encoding.states))
        others = self.tracks.others
        wrapped = np.arctan2(others[..., sines], others[..., list(cosines)])
        unrolled = np.unwrap(np.nan_to_num(wrapped), axis=1)
        self.angle = np.where(np.isfinite(wrapped), unrolled, np.nan)  # [sequence, time, entity, angle]
        self.sines = sines
        seen = np.logical_or.reduce(
            self.tracks.present, axis=-1
        )  # a shorter recording is filled up at its end
        self.last = np.arange(len(seen)), seen.shape[1] - 1 - seen[:, ::-1].argmax(1)

    def roll(self, belief: GraphBelief, steps: int, generator: torch.Generator | None) -> Array:
        """The features of `Encoding.rates` and `Encoding.others`: [sequence, steps, entity, feature].

        With a generator, noise of the law's size is drawn for every frame.
        """
        lines = self._lines(belief)
        angle, others = self.angle[self.last], self.tracks.others[self.last]
        frames = []
        for _ in range(steps):
            noise = self._noise(others, belief, generator)
            angle = self._turned(angle, others, belief, lines, noise)
            others = self._with(others, angle)
            rate = lines.offset + lines.gain * (self._law(others[:, None], belief)[:, 0] + noise)
            frames.append(np.concatenate([rate[..., None], others[..., : len(self.encoding.others)]], -1))
        return np.stack(frames, 1)

    def _turned(self, angle: Array, others: Array, belief: GraphBelief, lines: Lines, noise: Array) -> Array:
        """The angles [sequence, entity, angle] a frame later."""

        def slope(where: Array) -> Array:
            law = self._law(self._with(others, where)[:, None], belief)[:, 0] + noise
            return lines.turn_offset + lines.turn_slope * (lines.offset + lines.gain * law)[..., None]

        h = 1 / SUBSTEPS
        for _ in range(SUBSTEPS):
            k1 = slope(angle)
            k2 = slope(angle + h / 2 * k1)
            k3 = slope(angle + h / 2 * k2)
            angle = angle + h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(angle + h * k3))
        return angle

    def _with(self, others: Array, angle: Array) -> Array:
        """The states with other angles."""
        new = others.copy()
        new[..., self.sines] = np.sin(angle)
        new[..., len(self.encoding.others) :] = np.cos(angle)
        return new

    def _batch(self, others: Array, belief: GraphBelief) -> Observations:
        scaled = (others - np.asarray(self.encoding.other_center)) / np.asarray(self.encoding.other_scale)
        known = np.logical_and.reduce(np.isfinite(scaled), axis=-1)
        context = torch.from_numpy(np.nan_to_num(scaled).astype(np.float32))
        none, empty = context[..., :0], torch.zeros(*context.shape[:3], 1)
        index = torch.arange(len(context))
        there = torch.from_numpy(known.astype(np.float32))
        return Observations(none, none, context, none, empty, empty, there, belief.slots, index, index)

    @torch.no_grad()
    def _law(self, others: Array, belief: GraphBelief) -> Array:
        """S at given states [sequence, time, entity, state], in the law's units: [sequence, time, entity]."""
        own, messages, _ = self.model.terms(self._batch(others, belief))
        weight = belief.weight.clone()
        if bool(self.model.null):
            weight[..., 0] = 0.0
        total: Tensor = own[..., 0] + torch.einsum("strjk,srjk->str", messages[..., 0], weight)
        return total.double().numpy()

    @torch.no_grad()
    def _noise(self, others: Array, belief: GraphBelief, generator: torch.Generator | None) -> Array:
        shape = others.shape[:2]
        if generator is None:
            return np.zeros(shape)
        spread = self.model.level.sqrt() * self.model.terms(self._batch(others[:, None], belief))[2].exp()
        return (spread[:, 0, :, 0] * torch.randn(shape, generator=generator)).double().numpy()

    def _lines(self, belief: GraphBelief) -> Lines:
        tracks, n_frames = self.tracks, self.angle.shape[1]
        pieces = [self._law(tracks.others[:, at : at + FRAMES], belief) for at in range(0, n_frames, FRAMES)]
        law, rate = np.concatenate(pieces, 1), tracks.rates[..., 0]
        if self.model.gain:
            offset, gain = (_wide(part, rate) for part in robust_line(_series(law), _series(rate)))
        else:
            offset, gain = (
                np.zeros(rate[:, 0].shape),
                np.full(rate[:, 0].shape, self.encoding.target_scale[0]),
            )
        turned = [_turn_line(rate, self.angle[..., k]) for k in range(self.angle.shape[-1])]
        a, b = (
            (np.stack(parts, -1) for parts in zip(*turned, strict=True))
            if turned
            else np.zeros((2, *gain.shape, 0))
        )
        return Lines(offset, gain, a, b)


def _series(values: Array) -> Array:
    """[sequence, time, entity] -> [series, time]."""
    return values.swapaxes(1, 2).reshape(-1, values.shape[1])


def _wide(line: Array, like: Array) -> Array:
    """[series, 1] -> [sequence, entity]."""
    return line.reshape(like.shape[0], like.shape[2])


def _turn_line(rate: Array, angle: Array) -> tuple[Array, Array]:
    """Offset and slope that bring a recorded rate to the turn of an angle a frame, from a spline through the rate."""
    series = _series(rate)
    known, frames = np.isfinite(series), np.arange(series.shape[1])
    integral = CubicSpline(frames, held(series, known), axis=1).antiderivative()(frames)
    moved = np.where(known[:, 1:] & known[:, :-1], np.diff(integral, axis=1), np.nan)
    offset, slope = robust_line(moved, np.diff(_series(angle), axis=1))
    return _wide(offset, rate), _wide(slope, rate)
