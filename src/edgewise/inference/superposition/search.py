"""Beyond enumeration: block Gibbs sampling with parallel tempering, and tables of the likeliest configurations.

For many senders the configurations cannot be listed, but a change of one slot costs only a row of the gram matrix.
Chains at several temperatures (Swendsen & Wang 1986; Geyer 1991) walk the configurations of all receivers at once:

    log p(o) = a . o - 1/2 o^T G o,   a = cross / level + lambda,   G = gram / level
    field    h = a - G o              (kept up to date, so that a flip is one addition)
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from edgewise.inference.superposition.configurations import one_hot, prior_columns
from edgewise.inference.superposition.model import QuadraticForm

LADDER = (1.0, 1.7, 3.0, 5.0, 9.0, 16.0, 30.0, 60.0)


@dataclass(frozen=True)
class Lengths:
    """How long chains are: sweeps that count, sweeps before them, ladders beside each other."""

    sweeps: int = 120
    burn_in: int = 60
    replicas: int = 2


LONG, SHORT = Lengths(), Lengths(sweeps=40, burn_in=20, replicas=1)
"""Of a posterior; and of one of many (resamples, sets of decoys), whose scatter averages out or is alike for all."""


@dataclass
class Chains:
    """States of chains [receiver, chain, slot] and their fields [receiver, chain, columns]."""

    types: Tensor
    field: Tensor

    def log_weight(self, linear: Tensor, n_types: int) -> Tensor:
        """a . o - o^T G o / 2 = o . (a + h) / 2: [receiver, chain]."""
        return 0.5 * (one_hot(self.types, n_types) * (linear[:, None] + self.field)).sum(-1)


class Sampler:
    """Gibbs sampling of the in-edges of many receivers at once.

    Args:
        form: leading dimensions [receiver].
        level: noise variance.
        log_prior: [n_types].
        generator: source of randomness: the same state gives the same walk.
    """

    def __init__(
        self, form: QuadraticForm, level: Tensor, log_prior: Tensor, generator: torch.Generator
    ) -> None:
        self.n_types = len(log_prior)
        self.n_slots = form.cross.shape[-1] // (self.n_types - 1)
        self.gram = form.gram / level
        self.linear = form.cross / level + prior_columns(log_prior, self.n_slots)
        self.generator = generator

    def start(self, types: Tensor) -> Chains:
        """Chains at given states [receiver, chain, slot] int64."""
        state = one_hot(types, self.n_types)
        return Chains(types.clone(), self.linear[:, None] - state @ self.gram)

    def random_start(self, n_chains: int) -> Tensor:
        """[receiver, n_chains, slot]: the empty graph, then graphs of increasing density."""
        size = (len(self.linear), n_chains, self.n_slots)
        density = torch.linspace(0, 1, n_chains).double()[None, :, None]
        some = torch.randint(1, self.n_types, size, generator=self.generator)
        keep = torch.rand(size, generator=self.generator, dtype=torch.float64) < density
        return torch.where(keep, some, 0)

    def sweep(self, chains: Chains, temperature: Tensor) -> Tensor:
        """Draw every slot once from its conditional; -> the logarithms of those, up to a constant for each slot.

        Shapes: -> [receiver, chain, slot, n_types].

        Slots are drawn one after the other, so that a sweep is many small operations, which NumPy starts quicker than
        torch; it works on the chains' own memory.

        `temperature`: [chain] or a scalar tensor.
        """
        size = (*chains.types.shape, self.n_types)
        uniform = torch.rand(
            self.n_slots, *size[:2], self.n_types, generator=self.generator, dtype=torch.float64
        )
        gumbel = -(-uniform.clamp_min(1e-300).log()).log().numpy()
        types, field, gram = chains.types.numpy(), chains.field.numpy(), self.gram.numpy()
        kinds = np.arange(1, self.n_types)
        hot = (types[..., None] == kinds).astype(np.float64)
        log_weight, scale = np.zeros(size), temperature.numpy()[..., None]
        for slot in range(self.n_slots):
            block = slice(slot * len(kinds), (slot + 1) * len(kinds))
            inner = gram[:, block, block]
            alone = 0.5 * np.diagonal(inner, axis1=-2, axis2=-1)[:, None]
            # log p of each type of this slot, the rest given, against type 0
            gain = field[..., block] + hot[..., slot, :] @ inner - alone
            log_weight[:, :, slot, 1:] = gain / scale
            chosen = (log_weight[:, :, slot] + gumbel[slot]).argmax(-1)
            now = (chosen[..., None] == kinds).astype(np.float64)
            field -= (now - hot[..., slot, :]) @ gram[:, block]
            hot[..., slot, :] = now
            types[..., slot] = chosen
        return torch.from_numpy(log_weight)

    def swap(self, chains: Chains, temperature: Tensor, offset: int) -> None:
        """Exchange neighbouring rungs with probability min(1, exp((1/T_i - 1/T_j)(log p_j - log p_i))).

        Chains lie rung after rung: [receiver, rung * replica]; `temperature` is one a rung.
        """
        rungs = len(temperature)
        replicas = chains.types.shape[1] // rungs
        weight = chains.log_weight(self.linear, self.n_types).unflatten(1, (rungs, replicas))
        order = torch.arange(rungs)[None, :, None].expand_as(weight).clone()
        low = torch.arange(offset, rungs - 1, 2)
        gain = (1 / temperature[low] - 1 / temperature[low + 1])[:, None] * (
            weight[:, low + 1] - weight[:, low]
        )
        draw = torch.rand(gain.shape, generator=self.generator, dtype=torch.float64).clamp_min(1e-300)
        accept = draw.log() < gain
        order[:, low] = torch.where(accept, low[:, None] + 1, low[:, None])
        order[:, low + 1] = torch.where(accept, low[:, None], low[:, None] + 1)
        source = (order * replicas + torch.arange(replicas)).flatten(1)[..., None]
        chains.types = chains.types.gather(1, source.expand_as(chains.types))
        chains.field = chains.field.gather(1, source.expand_as(chains.field))


def likely_table(
    sampler: Sampler, *, n_chains: int = 8, sweeps: int = 8, start: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Configurations that hold most of the posterior, found by annealed chains.

    The last states of every chain, and all one-slot changes of the best one: [receiver, n, columns] and
    [receiver, n] True for repeated rows. `start`: [receiver, slot] int64, a state to begin one chain at.
    """
    types = sampler.random_start(n_chains)
    if start is not None:
        types[:, 0] = start
    chains = sampler.start(types)
    visited = []
    for step in range(sweeps):
        temperature = torch.tensor(
            max(1.0, LADDER[-1] ** (1 - step / max(sweeps - 4, 1))), dtype=torch.float64
        )
        sampler.sweep(chains, temperature)
        if step >= sweeps - 3:
            visited.append(chains.types.clone())
    seen = torch.cat(visited, 1)
    best_chain = chains.log_weight(sampler.linear, sampler.n_types).argmax(1)
    best = chains.types[torch.arange(len(best_chain)), best_chain]
    changed = best[:, None, None].repeat(1, sampler.n_slots, sampler.n_types, 1)
    slots = torch.arange(sampler.n_slots)
    changed[:, slots, :, slots] = torch.arange(sampler.n_types).expand(len(slots), len(best), -1)
    everything = torch.cat([seen, changed.flatten(1, 2)], 1)
    return one_hot(everything, sampler.n_types), _repeated(everything)


def _repeated(types: Tensor) -> Tensor:
    """True for rows that occurred before, told apart by a random hash: [receiver, n, slot] -> [receiver, n]."""
    key = torch.rand(types.shape[-1], generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    code = types.double() @ key
    order = code.argsort(dim=-1, stable=True)
    ranked = code.gather(-1, order)
    same = torch.zeros_like(ranked, dtype=torch.bool)
    same[..., 1:] = (ranked[..., 1:] - ranked[..., :-1]).abs() < 1e-12
    return torch.zeros_like(same).scatter(-1, order, same)


def sampled_posterior(
    sampler: Sampler,
    *,
    sweeps: int = LONG.sweeps,
    burn_in: int = LONG.burn_in,
    replicas: int = LONG.replicas,
    start: Tensor | None = None,
) -> Tensor:
    """Posterior of each slot's type by parallel tempering: [receiver, slot, n_types].

    Conditionals, not states, are averaged over the chains at temperature 1 (Rao-Blackwell). Each replica is a ladder of
    its own; where they stay in different modes of a sharp posterior, the likelier mode counts, by the mean log weight
    of its states (replicas that mix have nearly the same).

    Args:
        start: [receiver, starts, slot] int64, where the replicas' coldest chains begin, in turn; the draws are the same
            whatever the starts are.
    """
    ladder = torch.tensor(LADDER, dtype=torch.float64)
    temperature = ladder.repeat_interleave(replicas)
    types = sampler.random_start(len(temperature))
    if start is not None:
        types[:, :replicas] = start[:, torch.arange(replicas) % start.shape[1]]
    chains = sampler.start(types)
    total = torch.zeros(len(types), replicas, sampler.n_slots, sampler.n_types, dtype=torch.float64)
    weight = torch.zeros(len(types), replicas, dtype=torch.float64)
    for step in range(burn_in + sweeps):
        log_conditionals = sampler.sweep(chains, temperature)
        if step >= burn_in:
            total += log_conditionals[:, :replicas].softmax(-1)
            weight += chains.log_weight(sampler.linear, sampler.n_types)[:, :replicas]
        sampler.swap(chains, ladder, step % 2)
    share = (weight / sweeps).softmax(1)
    return (share[..., None, None] * total).sum(1) / sweeps
