"""Small evidence, and the posterior of it by a plain sum over configurations."""

import itertools

import numpy as np
import torch

from edgewise.inference.hybrid.network import Evidence

PRIOR = {2: torch.tensor([0.7, 0.3]).double().log(), 3: torch.tensor([0.5, 0.3, 0.2]).double().log()}


def some_evidence(
    receivers: int,
    slots: int,
    n_types: int,
    *,
    size: float,
    shared: float = 0.3,
    frames: int = 12,
    seed: int = 0,
) -> Evidence:
    """Messages that look alike by a share `shared`, and residuals of graphs from the prior with noise."""
    rng = np.random.default_rng(seed)
    columns = slots * (n_types - 1)
    a = rng.normal(size=(receivers, columns, frames)) + shared * rng.normal(size=(receivers, 1, frames))
    a *= size / np.sqrt(frames)
    prior = PRIOR[n_types].exp().numpy()
    types = rng.choice(n_types, size=(receivers, slots), p=prior)
    o = np.eye(n_types)[types][..., 1:].reshape(receivers, columns)
    r = np.einsum("rct,rc->rt", a, o) + rng.normal(size=(receivers, frames))
    gram = np.einsum("rct,rdt->rcd", a, a)
    return Evidence(torch.from_numpy(np.einsum("rct,rt->rc", a, r)), torch.from_numpy(gram))


def summed_by_hand(evidence: Evidence, log_prior: torch.Tensor) -> np.ndarray:
    """[receiver, slot, type] by a loop over all configurations."""
    n_types = len(log_prior)
    slots = evidence.linear.shape[1] // (n_types - 1)
    found = np.zeros((len(evidence), slots, n_types))
    for r, (linear, gram) in enumerate(zip(evidence.linear.numpy(), evidence.gram.numpy(), strict=True)):
        graphs = list(itertools.product(range(n_types), repeat=slots))
        logs = []
        for types in graphs:
            o = np.concatenate([np.eye(n_types)[k][1:] for k in types])
            prior = sum(float(log_prior[k]) for k in types)
            logs.append(linear @ o - 0.5 * o @ gram @ o + prior)
        weights = np.exp(np.asarray(logs) - max(logs))
        for weight, types in zip(weights / weights.sum(), graphs, strict=True):
            for slot, kind in enumerate(types):
                found[r, slot, kind] += weight
    return found
