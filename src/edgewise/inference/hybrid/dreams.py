"""Labelled evidence without end: what a law would say of graphs that are drawn, for recordings that are there."""

from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.inference.hybrid.network import Evidence
from edgewise.inference.superposition.configurations import one_hot

LEAST_SHARE, MOST_SHARE = 1 / 16, 2.0
"""Evidence of a recording is dreamt thinned or multiplied to such shares, as of a shorter or a longer one."""


@dataclass(frozen=True)
class Dreams:
    """Evidence of graphs that are known, since they were drawn.

    evidence: of r receivers; types: [r, slot] int64.
    """

    evidence: Evidence
    types: Tensor


class Dreamer:
    """Draws graphs, and the evidence that they would leave behind.

    Given the messages A of the candidates along a recorded motion, the residual that a graph o would leave is r = A^T o
    + noise, so that the evidence is Gaussian, in closed form, without a roll-out:

        linear ~ N(gram o, gram),    o ~ pi

    gram being A A^T in units of the noise. So (evidence, o) are draws of the model itself, and whoever answers o with
    the least cross-entropy gives its posterior p(o_s | linear, gram). Half of the dreams are of recordings as they
    are; for the others gram is multiplied by a share, log-uniform, so that little and much evidence is met.

    Args:
        gram: [k, columns, columns] of receivers along recordings; log_prior: [type].
    """

    def __init__(self, gram: Tensor, log_prior: Tensor) -> None:
        self.gram, self.log_prior = gram, log_prior
        values, vectors = torch.linalg.eigh(gram)
        self.root = vectors * values.clamp_min(0).sqrt()[..., None, :]  # root root^T = gram

    def __len__(self) -> int:
        return len(self.gram)

    def draw(self, count: int, generator: torch.Generator) -> Dreams:
        """So many dreams, each of a receiver drawn from all."""
        which = torch.randint(len(self), (count,), generator=generator)
        gram, root = self.gram[which], self.root[which]
        n_slots = gram.shape[-1] // (len(self.log_prior) - 1)
        weights = self.log_prior.exp().expand(count * n_slots, -1)
        types = torch.multinomial(weights, 1, replacement=True, generator=generator).view(count, n_slots)
        low, high = torch.tensor([LEAST_SHARE, MOST_SHARE]).log()
        uniform = torch.rand(count, 2, generator=generator, dtype=torch.float64)
        share = torch.where(uniform[:, 0] < 0.5, 1.0, (low + (high - low) * uniform[:, 1]).exp())[:, None]
        noise = torch.randn(gram.shape[:2], generator=generator, dtype=gram.dtype)[..., None]
        expected = gram @ one_hot(types, len(self.log_prior))[..., None]
        linear = share * expected[..., 0] + share.sqrt() * (root @ noise)[..., 0]
        return Dreams(Evidence(linear, share[..., None] * gram), types)
