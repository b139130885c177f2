"""The start: continuous strengths of every pair, integrated out in closed form.

Before types are told apart, every pair gets its own strengths z_ij ~ N(0, I) on the columns of the quadratic form:

    y_i = f_own + sum_j [ f_0 + sum_k z_ijk (f_k - f_0) ] + noise

Bayesian linear regression a receiver (Bishop 2006, section 3.5) gives the marginal likelihood without choosing a
graph, so no symmetry between types has to be broken and nothing is enumerated. The strengths then fall into clusters:
one a type.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.inference.superposition.model import QuadraticForm


@dataclass(frozen=True)
class Strengths:
    """log_evidence: [...]; mean: [..., columns]; square: [...] expected squared whitened residual."""

    log_evidence: Tensor
    mean: Tensor
    square: Tensor


def strengths_of(form: QuadraticForm, level: Tensor) -> Strengths:
    """Posterior of the strengths, N(mu, P^-1) with P = I + G / level, and their marginal likelihood.

    log p(y) = -1/2 [ (square - cross . mu) / level + log|P| + count log(2 pi level) ] - log_scale
    """
    identity = torch.eye(form.gram.shape[-1], dtype=form.gram.dtype, device=form.gram.device)
    factor = torch.linalg.cholesky(identity + form.gram / level)
    mean = torch.cholesky_solve((form.cross / level)[..., None], factor)[..., 0]
    log_determinant = 2 * factor.diagonal(dim1=-1, dim2=-2).log().sum(-1)
    fit = (form.square - (form.cross * mean).sum(-1)) / level
    evidence = -0.5 * (fit + log_determinant + form.count * torch.log(2 * math.pi * level)) - form.log_scale
    with torch.no_grad():
        gram_mean = (form.gram @ mean[..., None])[..., 0]
        left = form.square - 2 * (form.cross * mean).sum(-1) + (mean * gram_mean).sum(-1)
        spread = (torch.cholesky_inverse(factor) * form.gram).sum((-1, -2))
    return Strengths(evidence, mean.detach(), left.clamp_min(0) + spread)
