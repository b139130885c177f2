"""The temperature of continuous strengths: how far two laws, on different halves of the data, disagree about them.

`edgewise.inference.confidence.temperature` looks at the noise alone. A strength is a number, and where there is little
noise what is wrong with the law decides how well it is known; a law errs alike on all frames of a pair, so that one law
does not show it. Hence two laws are fitted, each on half of the recordings (`two_folds`), and judge the strengths of
all recordings by different halves of their frames. With the regression of each half h on all senders under its law
(`edgewise.inference.superposition.slab`), P_h = I + gram_h / level_h, the means mu_h and d = mu_1 - mu_2,

    Var d = B + T N,    B = (P_1^-1 - P_2^-1)^2,    N = sum_h P_h^-1 (gram_h / level_h) P_h^-1

where B is what the prior brings about, which draws the two to zero unequally, and N what noise does. T is the factor by
which the evidence must be divided for 95 % of all pairs to have d_j^2 <= 1.96^2 (B_jj + T N_jj): the magnitude of the
composite likelihood (Pauli, Racugno & Ventura 2011), measured instead of derived. Laws of half the data err more than
the law of all, so that intervals are on the safe side; an error that both laws share is not seen.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from edgewise.errors import DataError
from edgewise.inference.confidence.decoys import recorded_frames
from edgewise.inference.confidence.folds import FoldedObservations, only_fold, two_folds
from edgewise.inference.config import GraphConfig, InferenceConfig
from edgewise.inference.encoding import Encoding
from edgewise.inference.observations import Observations, renumbered
from edgewise.inference.superposition.model import QuadraticForm, SuperpositionModel
from edgewise.inference.superposition.posterior import whole_form
from edgewise.inference.superposition.slab import LEVEL, precision_and_linear
from edgewise.inference.superposition.slab_fit import fit_strengths
from edgewise.training import Deadline, Progress

FITS = 2
"""Fits that the temperature needs."""
RANGE = (0.02, 1e6)
"""A temperature outside is taken for the nearer end."""
LEAST_PAIRS = 8
"""Pairs from which on a share of them says something."""
TWO_SIDED = 1.959964
"""The normal deviate of `LEVEL`."""


def halves(data: Observations) -> tuple[Observations, Observations]:
    """The data with the frames of the first, and of the last half of each recording only, the others at weight 0."""
    frame = data.start[:, None] + torch.arange(data.weight.shape[1])
    middle = torch.from_numpy(np.asarray(recorded_frames(data)) // 2)[data.sequence]
    late = (frame >= middle[:, None])[:, :, None, None].to(data.weight)
    return replace(data, weight=data.weight * (1 - late)), replace(data, weight=data.weight * late)


def disagreement(
    forms: tuple[QuadraticForm, QuadraticForm], levels: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """d^2, B and N of every pair that both halves say something of: [pair] each.

    The means of the second half are brought to the scale of the first: that of a law is a matter of convention.

    Args:
        forms: of the halves, each under its law, leading dimension [receiver]; levels: the noise variances.
    """
    means, inverses, there = [], [], []
    noise = torch.zeros_like(forms[0].cross)
    for form, level in zip(forms, levels, strict=True):
        precision, linear = precision_and_linear(form, level)
        inverse = torch.linalg.inv(precision)
        means.append((inverse @ linear[..., None])[..., 0])
        inverses.append(inverse)
        noise += (inverse - inverse @ inverse).diagonal(dim1=-1, dim2=-2)  # gram / level = P - I
        there.append(form.gram.diagonal(dim1=-1, dim2=-2) > 0)
    apart = inverses[0] - inverses[1]
    prior = (apart @ apart).diagonal(dim1=-1, dim2=-2)
    both = there[0] & there[1]
    first, second = (mean[both] for mean in means)
    factor = (first * second).sum().sign() * (
        first.square().sum() / second.square().sum().clamp_min(1e-300)
    ).sqrt()
    return (first - factor * second).square(), prior[both], noise[both]


def matching_temperature(squared: Tensor, prior: Tensor, noise: Tensor) -> float:
    """The smallest T at which the wanted share of pairs is within its interval."""
    needed = (squared / TWO_SIDED**2 - prior) / noise.clamp_min(
        1e-300
    )  # T of a pair at the end of its interval
    return float(needed.quantile(LEVEL).clamp(*RANGE))


@torch.no_grad()
def strength_temperature(
    laws: tuple[SuperpositionModel, SuperpositionModel], data: Observations, graph: GraphConfig
) -> float | None:
    """T of two laws, the first of which judges the last halves, the second the first; None for very few pairs."""
    early, late = halves(data)
    forms = [
        whole_form(law, half, graph)[0].map(lambda part: part[:, 0])
        for law, half in zip(laws, (late, early), strict=True)
    ]
    levels = (laws[0].level.double(), laws[1].level.double())
    found = disagreement((forms[0], forms[1]), levels)
    return matching_temperature(*found) if len(found[0]) >= LEAST_PAIRS else None


def crossed_strength_temperature(
    data: Observations,
    encoding: Encoding,
    config: InferenceConfig,
    *,
    time_limit: float = 0.0,
    on_progress: Callable[[Progress], None] | None = None,
) -> float | None:
    """Fit two laws and measure T; None where one recording is too short to be halved, or there are very few pairs.

    Args:
        time_limit: seconds for each of the two fits (0: none).
    """
    try:
        folded = two_folds(data, lags=encoding.lags, seed=config.training.seed)
    except DataError:
        return None
    laws = [
        fit_strengths(
            renumbered(only_fold(folded, fold)),
            encoding,
            config,
            deadline=Deadline(time_limit),
            on_progress=on_progress,
        ).model
        for fold in range(FITS)
    ]
    return strength_temperature((laws[0], laws[1]), _plain(folded), config.graph)


def _plain(data: FoldedObservations) -> Observations:
    """All frames, but those between the halves of a single recording that belong to neither."""
    parts = {name: getattr(data, name) for name in Observations.__annotations__}
    return Observations(**parts | {"weight": data.weight * (data.fold >= 0)[:, :, None, None]})
