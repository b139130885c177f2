"""How many types there are: by the evidence of data that the fit did not see, and whether two types are one."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from edgewise.data.windows import select_frames
from edgewise.errors import DataError
from edgewise.inference.config import GraphConfig
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.configurations import enumerate_configurations, posterior_over
from edgewise.inference.superposition.model import SuperpositionModel
from edgewise.inference.superposition.phases import EXACTLY, at_known_gain, ridge_types
from edgewise.inference.superposition.posterior import whole_form
from edgewise.inference.superposition.search import Sampler, likely_table

HELD_OUT = 0.25
"""Share of the recordings (of one recording: of its frames) that decides."""
FEWEST = 4
"""Recordings from which on whole recordings are held out."""
SAME = 1e-3
"""Evidence, in nats a number observed, below which two types are the same."""


@dataclass(frozen=True)
class HeldOutEvidence:
    """Evidence of data that were not fitted, log p a number observed, and its standard error over recordings."""

    mean: float
    standard_error: float


def split(ds: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    """What is fitted and what decides: the last quarter of the recordings, or of the frames where these are few.

    Raises:
        DataError: for frames too few to be split.
    """
    n, n_frames = ds.sizes["sequence"], ds.sizes["time"]
    if n >= FEWEST:
        cut = n - max(int(HELD_OUT * n), 1)
        return ds.isel(sequence=slice(0, cut)), ds.isel(sequence=slice(cut, n))
    cut = n_frames - int(HELD_OUT * n_frames)
    if n_frames - cut < 8:
        raise DataError(
            f"{n} recordings of {n_frames} frames are too few to hold a part of them out",
            expected=f"at least {FEWEST} recordings, or 32 frames",
            fix="name the number of types with edge_types",
        )
    return select_frames(ds, 0, cut), select_frames(ds, cut, n_frames)


@torch.no_grad()
def evidence(
    model: SuperpositionModel, data: Observations, graph: GraphConfig, log_prior: Tensor, seed: int = 0
) -> HeldOutEvidence:
    """The marginal likelihood of data under a fitted law, every graph summed out.

    Beyond 65,536 configurations it is summed over likely ones: a lower bound.
    """
    form, n_graphs = whole_form(model, data, graph)
    level, gain, pooled = model.level.double(), model.gain, model.gain and graph.graph == "shared"
    n_slots = data.slots.shape[-1]
    if graph.edge_types**n_slots <= EXACTLY:
        table = enumerate_configurations(n_slots, graph.edge_types)
        found = posterior_over(form, table, level, log_prior, stay=graph.stay, gain=gain, pooled=pooled)
    else:
        fixed = at_known_gain(form, level, gain=gain)
        sampler = Sampler(fixed, level, log_prior, torch.Generator().manual_seed(seed))
        table, repeated = likely_table(sampler, sweeps=16, start=ridge_types(fixed, level, len(log_prior)))
        found = posterior_over(
            form, table[:, None], level, log_prior, absent=repeated, gain=gain, pooled=pooled
        )
    total = found.log_evidence.unflatten(0, (n_graphs, -1)).sum(1)
    count = form.count.sum(1).unflatten(0, (n_graphs, -1)).sum(1)
    mean = float(total.sum() / count.sum().clamp_min(1))
    if n_graphs < 2:
        return HeldOutEvidence(mean, float("nan"))
    spread = (total - mean * count) / count.mean().clamp_min(1)  # the linearised ratio of two sums
    return HeldOutEvidence(mean, float(spread.std() / n_graphs**0.5))


def fewest_as_good(found: dict[int, HeldOutEvidence]) -> int:
    """The fewest types whose evidence is within one standard error of the best (Breiman et al. 1984, section 3.4.3)."""
    best = max(found, key=lambda k: found[k].mean)
    margin = np.nan_to_num(found[best].standard_error)
    return min(k for k, each in found.items() if each.mean >= found[best].mean - margin)


def choose_types(
    most: int, fitted: Callable[[int], tuple[SuperpositionModel, Tensor, GraphConfig]], held_out: Observations
) -> tuple[int, dict[int, HeldOutEvidence]]:
    """Fit 2, 3, ... `most` types and choose by the evidence of what was held out (`fewest_as_good`)."""
    found: dict[int, HeldOutEvidence] = {}
    for n_types in range(2, most + 1):
        model, log_prior, graph = fitted(n_types)
        found[n_types] = evidence(model, held_out, graph, log_prior)
    return fewest_as_good(found), found


@torch.no_grad()
def types_alike(
    model: SuperpositionModel, data: Observations, graph: GraphConfig, log_prior: Tensor
) -> list[tuple[int, int, float]]:
    """Pairs of types that the data cannot tell apart, with what the evidence loses when they become one.

    Of each two types one law is put in the place of the other (whichever costs less); where that loses less than
    `SAME` nats a number observed, the two are one type under two names.
    """
    before = evidence(model, data, graph, log_prior).mean
    first = 1 if bool(model.null) else 0
    pairs = [(a, b) for a in range(first, graph.edge_types) for b in range(a + 1, graph.edge_types)]
    lost = {
        (a, b): before - max(_merged(model, data, graph, log_prior, *ends) for ends in ((a, b), (b, a)))
        for a, b in pairs
    }
    return [(a, b, loss) for (a, b), loss in lost.items() if loss < SAME]


def _merged(
    model: SuperpositionModel, data: Observations, graph: GraphConfig, log_prior: Tensor, kept: int, gone: int
) -> float:
    """The evidence with the law of one type in the place of another's, too; the model is left as it was."""
    mix = torch.eye(graph.edge_types)
    mix[gone] = mix[kept]
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    model.law.combine_heads(mix)
    found = evidence(model, data, graph, log_prior).mean
    model.load_state_dict(weights)
    return found
