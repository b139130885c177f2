"""A temperature without labels: how many frames of evidence a frame is worth.

The likelihood takes what the law does not explain for independent from frame to frame. Differences of noisy values are
not (the noise of one frame enters two increments with opposite signs), nor is a persistent misfit. With whitened
residuals e of unit variance and autocorrelation rho, and a whitened message column a of a pair, the score of the pair
has

    claimed variance  sum_t a_t^2,    true variance  sum_{t,t'} a_t a_t' rho(t - t')

and dividing the log likelihood by their ratio

    T = sum_{t,t'} a_t a_t' rho(t - t') / sum_t a_t^2

gives it the curvature that it should have: the magnitude adjustment of composite likelihoods (Pauli, Racugno & Ventura
2011; Varin, Reid & Firth 2011). T < 1: the evidence is better than it claims, T > 1: worse. One T is taken for all
pairs, the median over them: single ones are noisy.
"""

from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from edgewise.inference.config import GraphConfig
from edgewise.inference.observations import Observations, renumbered
from edgewise.inference.superposition.gain import inverse_gain
from edgewise.inference.superposition.model import SuperpositionModel
from edgewise.inference.superposition.posterior import graph_posterior, whole_form

MOST_LAGS = 24
SMALLEST = 0.02
"""Correlations below this, or below twice their standard error, end the sum over lags."""
RANGE = (0.02, 50.0)
"""A temperature outside is taken for the nearer end."""
RECORDINGS = 100
"""Recordings of the fit that are looked at."""
COLUMNS, NUMBERS = 1 << 18, 1 << 23
"""Message columns that are looked at, spread over time; numbers of these held at once."""


@dataclass(frozen=True)
class Calibration:
    """What was measured on held-out recordings (or, where there are few, on all).

    Attributes:
        temperature: see the module.
        noise_ratio: mean squared residual there, divided by that of the fit; at least 1 (1 where nothing was held out).
        held_out: recordings that the fit did not see.
        correlation: pooled autocorrelation of the residuals at the lags that count, from lag 1.
    """

    temperature: float = 1.0
    noise_ratio: float = 1.0
    held_out: int = 0
    correlation: tuple[float, ...] = ()


@dataclass(frozen=True)
class LagProducts:
    """Sums over frames of products at lags 0, 1, ...

    Attributes:
        residual: [lag, target] sum of e_t e_(t+lag); count: [lag, target] how many; both over all receivers.
        columns: [pair, lag, target] sum of a_t a_(t+lag) of every message column that is not zero.
    """

    residual: Tensor
    count: Tensor
    columns: Tensor

    def autocorrelation(self) -> Tensor:
        """[lag, target] from 1 at lag 0; 0 from the first lag whose correlation is too small to count."""
        variance = self.residual[:1] / self.count[:1].clamp_min(1)
        rho = self.residual / self.count.clamp_min(1) / variance.clamp_min(1e-300)
        counts = rho.abs() >= (2 / self.count.clamp_min(1).sqrt()).clamp_min(SMALLEST)
        return rho * counts.long().cumprod(0)

    def temperature(self) -> float:
        """The median over pairs of T; 1 where there is no column."""
        if not len(self.columns):
            return 1.0
        rho = self.autocorrelation()
        true = (self.columns * torch.cat([rho[:1], 2 * rho[1:]])).sum((1, 2))
        ratio = true / self.columns[:, 0].sum(-1)
        return float(ratio.median().clamp(*RANGE))

    def mean_square(self) -> float:
        """Mean squared residual, over all targets."""
        return float(self.residual[0].sum() / self.count[0].sum().clamp_min(1))


def lag_products(residual: Tensor, columns: Tensor, weight: Tensor, n_lags: int) -> LagProducts:
    """Products of whitened residuals and columns.

    Shapes: residual, weight [stretch, time, receiver, target]; columns [stretch, time, receiver, column, target].
    """
    n_frames = residual.shape[1]
    parts: list[tuple[Tensor, Tensor, Tensor]] = []
    for lag in range(n_lags + 1):
        now, later = slice(0, n_frames - lag), slice(lag, n_frames)
        parts.append(
            (
                (residual[:, now] * residual[:, later]).sum((0, 1, 2)),
                (weight[:, now] * weight[:, later]).sum((0, 1, 2)),
                (columns[:, now] * columns[:, later]).sum(1).flatten(0, 2),
            )
        )
    e, count, a = (torch.stack(part, -2) for part in zip(*parts, strict=True))
    return LagProducts(e, count, a[a[:, 0].sum(-1) > 0])


@torch.no_grad()
def measured_products(
    model: SuperpositionModel, data: Observations, graph: GraphConfig, log_prior: Tensor, *, seed: int = 0
) -> LagProducts:
    """Residuals about the expected effects, and message columns, of a data set under a law."""
    believed = graph_posterior(model, data, graph, log_prior, seed=seed).weight
    gains = inverse_gains(model, data, graph, believed)
    window = graph.window if graph.graph == "per-window" else data.target.shape[1]
    units = cut_into(data, window)
    n_recordings = int(data.sequence.max()) + 1
    number = torch.arange(len(units)) % (len(units) // n_recordings)  # of a unit within its recording
    n_lags = min(MOST_LAGS, window // 4)
    columns = units.slots[0].numel() * (model.n_types - 1)
    looked_at = torch.linspace(0, len(units) - 1, min(len(units), max(1, COLUMNS // columns))).round().long()
    parts = []
    for some in looked_at.split(max(1, NUMBERS // (columns * window * model.n_targets))):
        batch = units[some]
        where = torch.zeros_like(batch.sequence) if len(believed) == 1 else batch.sequence
        windows = number[some].clamp_max(believed.shape[1] - 1)
        expected = believed[where, windows]  # [unit, receiver, sender, type]
        weight = expected.gather(2, batch.slots[..., None].expand(*batch.slots.shape, model.n_types))
        h = gains[batch.sequence, :, number[some].clamp_max(gains.shape[-1] - 1)]
        residual, columns = whitened(model, batch, weight, h)
        parts.append(lag_products(residual, columns, batch.weight.double(), n_lags))
    return LagProducts(
        residual=torch.stack([part.residual for part in parts]).sum(0),
        count=torch.stack([part.count for part in parts]).sum(0),
        columns=torch.cat([part.columns for part in parts]),
    )


def cut_into(data: Observations, length: int) -> Observations:
    """Stretches cut into pieces of `length` transitions."""
    times = data.target.shape[1] // length
    if times == 1:
        return data
    index = torch.arange(len(data)).repeat_interleave(times)
    parts = {}
    for f in fields(Observations):
        values = getattr(data, f.name)
        over_time = f.name not in ("slots", "sequence", "start")
        parts[f.name] = values.unflatten(1, (times, length)).flatten(0, 1) if over_time else values[index]
    return replace(data, **parts)


def some_recordings(data: Observations) -> Observations:
    """At most `RECORDINGS` recordings, spread over all."""
    n_recordings = int(data.sequence.max()) + 1
    chosen = torch.linspace(0, n_recordings - 1, min(n_recordings, RECORDINGS)).round().long()
    return renumbered(data[torch.isin(data.sequence, chosen).nonzero()[:, 0]])


def inverse_gains(
    model: SuperpositionModel, data: Observations, graph: GraphConfig, probability: Tensor
) -> Tensor:
    """1 / gain at the expected graph, [recording, receiver, window]; 1 where gains are known."""
    n_recordings, n = int(data.sequence.max()) + 1, data.n_entities
    if not model.gain:
        return torch.ones(n_recordings, n, 1, dtype=torch.float64)
    form, n_graphs = whole_form(model, data, graph)
    first = torch.searchsorted(data.sequence, torch.arange(n_recordings))
    slots = data.slots[first[:n_graphs]][:, None, :, :, None]
    weight = probability.gather(3, slots.expand(*probability.shape[:3], slots.shape[3], model.n_types))
    mean = weight[..., 1:].flatten(-2).transpose(1, 2).flatten(0, 1)  # [graph * receiver, window, column]
    mean = torch.cat([torch.ones_like(mean[..., :1]), mean], -1)
    linear = (form.cross * mean).sum(-1, keepdim=True)
    h = inverse_gain(form, linear, model.level.double())[..., 0]
    if n_graphs == n_recordings:
        return h.unflatten(0, (n_recordings, n))
    return h.transpose(0, 1)[..., None]  # a shared graph has a gain a recording


def whitened(
    model: SuperpositionModel, batch: Observations, weight: Tensor, h: Tensor
) -> tuple[Tensor, Tensor]:
    """Residuals about the expected effects and message columns, in units of sigma (not of the level).

    Where gains are profiled both are taken about their weighted means over time, since the offset is free.

    Args:
        weight: [stretch, receiver, slot, type] probabilities; h: [stretch, receiver] 1 / gain.

    Returns:
        residual [stretch, time, receiver, target]; columns [stretch, time, receiver, column, target]; float64, 0 where
        nothing was observed.
    """
    own, messages, log_sigma = model.terms(batch)
    precision = batch.weight * (-log_sigma).exp()
    idle = bool(model.null)
    base = own if idle else own + messages[..., 0, :].sum(3)
    columns = (messages[..., 1:, :] - (0 if idle else messages[..., :1, :])).flatten(3, 4)
    effect = torch.einsum("srk,strkd->strd", weight[..., 1:].flatten(2).float(), columns)
    residual = ((h.float()[:, None, :, None] * batch.target - base - effect) * precision).double()
    columns = (columns * precision[:, :, :, None]).double()
    if model.gain:
        constant = precision.double()
        size = constant.square().sum(1, keepdim=True).clamp_min(1e-300)
        residual = residual - constant * (constant * residual).sum(1, keepdim=True) / size
        along = (constant[:, :, :, None] * columns).sum(1, keepdim=True) / size[:, :, :, None]
        columns = columns - constant[:, :, :, None] * along
    return residual, columns


def calibration_of(
    model: SuperpositionModel,
    seen: Observations,
    held_out: Observations | None,
    graph: GraphConfig,
    log_prior: Tensor,
    *,
    seed: int = 0,
) -> Calibration:
    """Measure the temperature of a law, and how much larger its residuals are where it was not fitted.

    Args:
        seen: recordings of the fit; held_out: recordings that it did not see, if any. Each numbered from 0.
    """
    known = measured_products(model, some_recordings(seen), graph, log_prior, seed=seed)
    products, ratio, count = known, 1.0, 0
    if held_out is not None:
        products = measured_products(model, held_out, graph, log_prior, seed=seed)
        ratio = max(1.0, products.mean_square() / max(known.mean_square(), 1e-300))
        count = int(held_out.sequence.max()) + 1
    rho = products.autocorrelation().mean(-1)[1:]
    used = int((rho != 0).sum())
    return Calibration(products.temperature(), ratio, count, tuple(rho[:used].tolist()))
