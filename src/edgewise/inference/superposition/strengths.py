"""The start: continuous strengths of every pair, integrated out in closed form.

Before types are told apart, every pair gets its own strengths z_ij ~ N(0, I) on the columns of the quadratic form:

    y_i = f_own + sum_j [ f_0 + sum_k z_ijk (f_k - f_0) ] + noise

Bayesian linear regression a receiver (Bishop 2006, section 3.5) gives the marginal likelihood without choosing a
graph, so no symmetry between types has to be broken and nothing is enumerated. The strengths then fall into clusters:
one a type.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from edgewise.inference.superposition.gain import at_gain
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


def strengths_of_scaled(form: QuadraticForm, level: Tensor) -> tuple[Strengths, Tensor]:
    """The same where every series has a gain of its own (`edgewise.inference.superposition.gain`), with 1 / gain.

    With b what does not depend on the graph and S = A^T A + level I, h y - b ~ N(0, S); its likelihood is largest at

        h = ( m + sqrt(m^2 + 4 count a) ) / (2 a),   a = y^T S^-1 y,   m = b^T S^-1 y
    """
    with torch.no_grad():
        identity = torch.eye(form.gram.shape[-1] - 1, dtype=form.gram.dtype)
        factor = torch.linalg.cholesky(identity + form.gram[..., 1:, 1:] / level)
        both = torch.stack([form.cross[..., 1:], form.gram[..., 0, 1:]], -1)
        solved = torch.cholesky_solve(both, factor)[..., 0]
        a = (form.square - (form.cross[..., 1:] * solved).sum(-1) / level) / level
        m = (form.cross[..., 0] - (form.gram[..., 0, 1:] * solved).sum(-1) / level) / level
        a = a.clamp_min(1e-300)
        h = ((m + (m**2 + 4 * form.count * a).sqrt()) / (2 * a)).clamp_min(1e-150)
    found = strengths_of(at_gain(form, h), level)
    return replace(found, log_evidence=found.log_evidence + form.count * h.log()), h
