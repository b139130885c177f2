"""Beyond enumeration: Gibbs sampling of the sets of acting senders, the strengths integrated out.

A chain walks the sets S (Smith & Kohn 1996): a slot is drawn from its conditional given the others', in which the
strengths are summed out, so that senders who move alike do not hold each other in place, as they would if their
strengths were drawn too. The symmetric matrix

    M = [ P  b ]      P = I + gram / level,   b = cross / level
        [ b' 0 ]

swept on S (Goodnight 1979) holds all that is asked for: for a slot outside S its pivot p and right-hand side h, for one
inside its posterior variance (negative) and mean, which are 1 / p and h / p of the set without it. Putting a slot in,
or taking it out, is one sweep. The target of a chain at temperature T is p(y, S)^(1/T); chains of neighbouring
temperatures exchange their sets (Geyer 1991).
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from edgewise.inference.superposition.model import QuadraticForm
from edgewise.inference.superposition.slab import (
    Mixture,
    SlabMoments,
    StrengthPosterior,
    joined,
    precision_and_linear,
    reported,
)

LADDER = (1.0, 2.0, 5.0, 15.0)
REFRESH = 16
"""Sweeps after which the swept matrices are computed anew: rounding errors add up."""
BURN_IN, KEPT = 32, 96
NUMBERS = 1 << 24
"""Numbers that the matrices of one run hold: bounds memory."""


@dataclass
class SetChains:
    """Chains [receiver, chain]: which slots act [.., slot], and the swept matrices [.., slot + 1, slot + 1]."""

    acting: Tensor
    swept: Tensor

    def conditionals(self) -> tuple[Tensor, Tensor]:
        """Pivot p and right-hand side h of every slot given the set of the others: [receiver, chain, slot] each."""
        diagonal = self.swept.diagonal(dim1=-1, dim2=-2)[..., :-1]
        last = self.swept[..., :-1, -1]
        pivot = torch.where(self.acting, -1 / diagonal, diagonal)
        return pivot, torch.where(self.acting, last * pivot, last)


def swept_on(augmented: Tensor, acting: Tensor) -> Tensor:
    """The augmented matrix [receiver, n + 1, n + 1] swept on sets [receiver, chain, n]."""
    inside = torch.nn.functional.pad(acting, (0, 1)).to(augmented)
    outside = 1 - inside
    whole = augmented[:, None]
    block = inside[..., :, None] * whole * inside[..., None, :] + outside.diag_embed()
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(block))
    inverse = inside[..., :, None] * inverse * inside[..., None, :]
    across = whole @ inverse
    mixed = outside[..., :, None] * across * inside[..., None, :]
    schur = outside[..., :, None] * (whole - across @ whole) * outside[..., None, :]
    return schur + mixed + mixed.transpose(-1, -2) - inverse


class SetSampler:
    """Chains over the sets of acting senders of many receivers at once.

    Args:
        form: leading dimension [receiver]; level: noise variance; log_prior: [2].
        generator: source of randomness: the same state gives the same walk.
    """

    def __init__(
        self, form: QuadraticForm, level: Tensor, log_prior: Tensor, generator: torch.Generator
    ) -> None:
        precision, linear = precision_and_linear(form, level)
        n = linear.shape[-1]
        self.augmented = torch.zeros(len(linear), n + 1, n + 1, dtype=precision.dtype)
        self.augmented[:, :n, :n] = precision
        self.augmented[:, :n, n] = self.augmented[:, n, :n] = linear
        self.log_odds = log_prior[1] - log_prior[0]
        self.generator = generator
        self.n_slots = n

    def start(self) -> SetChains:
        """Chains that begin at the clearest strengths of the regression with everybody, and at nobody, in turn."""
        precision, linear = self.augmented[:, :-1, :-1], self.augmented[:, :-1, -1]
        factor = torch.linalg.cholesky(precision)
        mean = torch.cholesky_solve(linear[..., None], factor)[..., 0]
        variance = torch.cholesky_inverse(factor).diagonal(dim1=-1, dim2=-2)
        clear = mean.abs() > 2 * variance.sqrt()
        acting = torch.stack([clear if rung % 2 == 0 else clear & False for rung in range(len(LADDER))], 1)
        return SetChains(acting, swept_on(self.augmented, acting))

    def log_weight(self, chains: SetChains) -> Tensor:
        """log p(y, S) up to what is the same for all sets: [receiver, chain]."""
        inside = chains.acting.to(self.augmented)
        whole = self.augmented[:, None, :-1, :-1]
        block = inside[..., :, None] * whole * inside[..., None, :] + (1 - inside).diag_embed()
        half_log = torch.linalg.cholesky(block).diagonal(dim1=-1, dim2=-2).log().sum(-1)
        return inside.sum(-1) * self.log_odds - half_log - 0.5 * chains.swept[..., -1, -1]

    def sweep(self, chains: SetChains, temperature: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Draw every slot once; its conditionals: probability, mean and variance, [receiver, chain, slot] each."""
        seen = []
        for slot in range(self.n_slots):
            pivot, right = (x[..., slot] for x in chains.conditionals())
            log_odds = self.log_odds + 0.5 * (right**2 / pivot - pivot.log())
            seen.append((torch.sigmoid(log_odds), right / pivot, 1 / pivot))
            draw = torch.rand(pivot.shape, generator=self.generator, dtype=pivot.dtype)
            self._set(chains, slot, draw < torch.sigmoid(log_odds / temperature))
        probability, mean, variance = (torch.stack(part, -1) for part in zip(*seen, strict=True))
        return probability, mean, variance

    def _set(self, chains: SetChains, slot: int, acting: Tensor) -> None:
        """Sweep on a slot where it enters, and back where it leaves."""
        where = (acting != chains.acting[..., slot]).nonzero(as_tuple=True)
        old = chains.swept[where]
        pivot, column = old[:, slot, slot], old[:, :, slot]
        sign = torch.where(acting[where], 1.0, -1.0).to(old)
        new = old - column[:, :, None] * (column / pivot[:, None])[:, None, :]
        edge = column * (sign / pivot)[:, None]
        new[:, slot, :] = edge
        new[:, :, slot] = edge
        new[:, slot, slot] = -1 / pivot
        chains.swept[where] = new
        chains.acting[..., slot] = acting

    def swap(self, chains: SetChains, temperature: Tensor, offset: int) -> None:
        """Exchange neighbouring temperatures with probability min(1, exp((1/T_i - 1/T_j)(log p_j - log p_i)))."""
        weight = self.log_weight(chains)
        order = torch.arange(len(temperature)).expand_as(weight).clone()
        low = torch.arange(offset, len(temperature) - 1, 2)
        gain = (1 / temperature[low] - 1 / temperature[low + 1]) * (weight[:, low + 1] - weight[:, low])
        draw = torch.rand(gain.shape, generator=self.generator, dtype=gain.dtype).clamp_min(1e-300)
        accept = draw.log() < gain
        order[:, low] = torch.where(accept, low + 1, low)
        order[:, low + 1] = torch.where(accept, low, low + 1)
        chains.acting = chains.acting.gather(1, order[..., None].expand_as(chains.acting))
        chains.swept = chains.swept.gather(1, order[..., None, None].expand_as(chains.swept))


@torch.no_grad()
def sampled_mixture(
    sampler: SetSampler, *, burn_in: int = BURN_IN, kept: int = KEPT
) -> tuple[Mixture, Tensor]:
    """The posterior of every slot, a component a kept sweep: [receiver, slot, kept]; and E |r - A^T z|^2 less |r|^2.

    The components are conditionals given the sets that the chain visited (Rao-Blackwell), not draws. The square has a
    closed form for a set: -level (b . mu + mu . mu + tr V - |S|), here divided by the level: [receiver].
    """
    temperature = torch.tensor(LADDER, dtype=torch.float64)
    chains = sampler.start()
    seen: list[tuple[Tensor, Tensor, Tensor]] = []
    square = torch.zeros(len(chains.acting), dtype=torch.float64)
    for step in range(burn_in + kept):
        if step % REFRESH == 0:
            chains.swept = swept_on(sampler.augmented, chains.acting)
        found = sampler.sweep(chains, temperature)
        if step >= burn_in:
            probability, mean, variance = (part[:, 0] for part in found)
            seen.append((probability, mean, variance))
            square += _square(chains, sampler.augmented) / kept
        sampler.swap(chains, temperature, step % 2)
    probability, mean, variance = (torch.stack(part, -1) for part in zip(*seen, strict=True))
    return Mixture(probability / kept, mean, variance), square


def _square(chains: SetChains, augmented: Tensor) -> Tensor:
    """E |r - A^T z|^2 of the coldest chain's set, less |r|^2, divided by the level: [receiver]."""
    acting, swept = chains.acting[:, 0], chains.swept[:, 0]
    mean = torch.where(acting, swept[:, :-1, -1], 0.0)
    variance = torch.where(acting, -swept.diagonal(dim1=-1, dim2=-2)[:, :-1], 0.0)
    explained = (augmented[:, :-1, -1] * mean).sum(-1) + mean.square().sum(-1)
    return acting.sum(-1) - variance.sum(-1) - explained


def sampled_slab(
    form: QuadraticForm, level: Tensor, log_prior: Tensor, seed: int
) -> tuple[SlabMoments, StrengthPosterior]:
    """Moments and intervals of every strength by sampling; the evidence is not known (NaN)."""
    n = form.cross.shape[-1]
    rows = max(1, NUMBERS // (len(LADDER) * (n + 1) ** 2))
    moments, strengths = [], []
    for at in range(0, len(form.cross), rows):
        some = form.map(lambda part, at=at: part[at : at + rows])
        generator = torch.Generator().manual_seed(seed + at)
        mixture, square = sampled_mixture(SetSampler(some, level, log_prior, generator))
        strengths.append(reported(mixture))
        moments.append((*mixture.moments(), (some.square + level * square).clamp_min(0)))
    mean, power, square = (torch.cat(part) for part in zip(*moments, strict=True))
    strength = joined(strengths)
    unknown = torch.full_like(square, torch.nan)
    return SlabMoments(unknown, strength.probability, mean, power, square), strength
