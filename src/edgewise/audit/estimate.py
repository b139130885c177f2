"""Relative errors with bootstrap intervals, and the word for their size."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

Verdict = Literal["exact", "approximate", "broken", "random"]

ROUNDING = {torch.float64: 1e-6, torch.float32: 1e-4}
"""Errors up to here are rounding. In float64 it leaves room for modules that go through float32 inside."""
ROUNDING_OTHER = 1e-2
"""The same for half precision."""
SLIGHT = 0.1
"""Errors up to here are a symmetry that holds approximately."""
RESAMPLES = 1000
LEAST = 1e-30


@dataclass(frozen=True)
class Estimate:
    """A relative error and its central 95 % bootstrap interval over samples.

    Attributes:
        error: sqrt(sum_b |d_b|^2 / sum_b |f(x_b) - mean f|^2), see `relative_error`.
        low, high: the interval.
        verdict: "exact" (to rounding), "approximate" (up to `SLIGHT`) or "broken", of the upper end.
    """

    error: float
    low: float
    high: float
    verdict: Verdict

    def record(self) -> dict[str, float | str]:
        """For JSON."""
        return {"error": self.error, "low": self.low, "high": self.high, "verdict": self.verdict}


def word(error: float, dtype: torch.dtype) -> Verdict:
    """What an error of a module that computes in a precision is called."""
    if error <= ROUNDING.get(dtype, ROUNDING_OTHER):
        return "exact"
    return "approximate" if error <= SLIGHT else "broken"


def relative_error(difference: Tensor, variation: Tensor, dtype: torch.dtype, seed: int) -> Estimate:
    """How large a difference is beside how much the answer varies between inputs.

        error = sqrt(sum_b difference_b / sum_b variation_b)

    0 if the module keeps the symmetry, about sqrt(2) if f(gx) and g f(x) have nothing to do with each other.

    Args:
        difference: |f(g x_b) - g f(x_b)|^2 of every sample, [samples].
        variation: |f(x_b) - mean over b of f(x_b)|^2, [samples].
        dtype: that the module computes in; seed: of the bootstrap (Efron 1979), percentile method.
    """
    above, below = difference.double().numpy(), variation.double().numpy()
    picked = np.random.default_rng(seed).integers(len(above), size=(RESAMPLES, len(above)))
    drawn = np.sqrt(above[picked].sum(1) / (below[picked].sum(1) + LEAST))
    error = float(np.sqrt(above.sum() / (below.sum() + LEAST)))
    low, high = (float(value) for value in np.quantile(drawn, [0.025, 0.975]))
    return Estimate(error, min(low, error), max(high, error), word(max(high, error), dtype))


def variation(output: Tensor) -> Tensor:
    """(f(x_b) - mean over b)^2, in the shape of the output; f^2 where an answer is the same for all inputs."""
    about = output - output.mean(0)
    constant = float(about.square().sum()) <= 1e-24 * float(output.square().sum())
    return (output if constant else about).square()
