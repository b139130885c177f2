"""The law made visible: force against distance, or the mean effect of one feature on another."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear

from edgewise.inference.candidates import CandidateRelation
from edgewise.inference.encoding import Encoding
from edgewise.inference.law import PairwiseLaw, geometry
from edgewise.inference.layers import joint_types
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.model import SuperpositionModel
from edgewise.nn.linear import PairMLP

BINS = 32
STRETCHES = 48


def _sample(data: Observations) -> Observations:
    return data[torch.linspace(0, len(data) - 1, min(len(data), STRETCHES)).long()]


@torch.no_grad()
def _radial(
    model: SuperpositionModel, data: Observations, encoding: Encoding
) -> tuple[np.ndarray, np.ndarray]:
    """Distance [pair] and acceleration toward the sender [pair, type], in data units, over pairs of the data."""
    batch = _sample(data)
    pairs = CandidateRelation(batch.slots)
    pair = geometry(batch.position, batch.velocity, pairs)
    _, messages, _ = model.terms(batch)
    d = encoding.space_dim
    toward = (messages[..., :d] * pair["direction"][..., None, :]).sum(-1)
    if bool(model.null):
        toward[..., 0] = 0.0
    there = (pairs.senders(batch.present[..., None]) * pairs.receivers(batch.present[..., None]))[..., 0] > 0
    distance = pair["distance"][..., 0][there].double().numpy() * encoding.length
    return distance, toward[there].double().numpy() * encoding.target_scale[0] / encoding.step


def law_curves(
    model: SuperpositionModel, data: Observations, encoding: Encoding
) -> list[dict[str, list[float]]]:
    """Force against distance of every type, as the pairs of the data show it.

    Each type is a dict of equal-length lists: distance (bin medians), force (median acceleration of the receiver
    toward the sender; negative is repulsion), low and high (10 and 90 % quantiles over pairs: what distance alone does
    not decide) and density (share of pairs). Bins hold equally many pairs.
    """
    distance, toward = _radial(model, data, encoding)
    edges = np.unique(np.quantile(distance, np.linspace(0, 1, BINS + 1)))
    index = np.clip(np.searchsorted(edges, distance, side="right") - 1, 0, len(edges) - 2)
    bins = [index == b for b in range(len(edges) - 1) if (index == b).any()]
    curves = []
    for k in range(toward.shape[1]):
        rows = [np.quantile(toward[inside, k], (0.5, 0.1, 0.9)) for inside in bins]
        curves.append(
            {
                "distance": [float(np.median(distance[inside])) for inside in bins],
                "force": [float(row[0]) for row in rows],
                "low": [float(row[1]) for row in rows],
                "high": [float(row[2]) for row in rows],
                "density": [float(inside.mean()) for inside in bins],
            }
        )
    return curves


def mean_effects(model: SuperpositionModel, data: Observations, encoding: Encoding) -> list[Tensor]:
    """For data without positions: the mean derivative of a target with respect to a sender's feature.

    One [target, feature] matrix a type, dimensionless: a receiver's scaled increment a standard deviation of the
    sender's feature (features at the present frame).
    """
    batch = _sample(data)
    pairs = CandidateRelation(batch.slots)
    context = model.context(batch).detach()
    nodes = pairs.nodes(context)
    sender = pairs.nodes(torch.cat([context, batch.after], -1)).clone().requires_grad_(True)
    law = model.law
    out = _messages(law, pairs, nodes, sender)
    messages = law.by_type(pairs.by_slot(out))
    present = batch.present[..., None]
    there = pairs.senders(present) * pairs.receivers(present)  # [stretch, time, receiver, slot, 1]
    n_edges = there.sum().clamp_min(1)
    # the features at the present frame, then, of instantaneous effects, those at the next
    read = torch.cat(
        [torch.arange(len(encoding.states)), context.shape[-1] + torch.arange(batch.after.shape[-1])]
    )
    effects = []
    for k in range(law.n_types):
        rows = []
        for target in range(law.n_targets):
            (slope,) = torch.autograd.grad(
                (messages[..., k, target] * there[..., 0]).sum(), sender, retain_graph=True
            )
            rows.append(slope[..., read].flatten(0, -2).sum(0) / n_edges)
        effect = torch.stack(rows)
        effects.append(torch.zeros_like(effect) if k == 0 and bool(model.null) else effect)
    return effects


def _messages(law: PairwiseLaw, pairs: CandidateRelation, nodes: Tensor, sender: Tensor) -> Tensor:
    """The law on edges whose senders carry other values than they have as receivers."""
    relation, network = pairs.relation, law.network
    if not law.config.symmetric:
        return network(relation, nodes, sender)
    # f(j, i) = (g(j, i) - g(i, j)) / 2: the sender is also the receiver of the answer
    assert isinstance(network, PairMLP)
    first = network.pair
    assert first.sender is not None
    assert first.receiver is not None
    answer = relation.from_senders(linear(sender, first.receiver)) + first.bias
    answer = answer + relation.from_receivers(linear(nodes, first.sender))
    return (network(relation, nodes, sender) - network.layers(answer)) / 2


def type_names(
    model: SuperpositionModel, curves: list[dict[str, list[float]]] | None, n_types: int
) -> list[str]:
    """What to call the types: "no interaction" if idle, "attracts" or "repels" where the force is one-sided.

    Joint types of several layers are called by their type in each, such as "type 0/1".
    """
    joint = joint_types(model.layers) if model.layers else [(k,) for k in range(n_types)]
    names = []
    for k in range(n_types):
        if k == 0 and bool(model.null):
            names.append("no interaction")
            continue
        name = f"type {'/'.join(str(kind) for kind in joint[k])}"
        if curves:
            force = np.asarray(curves[k]["force"]) * np.asarray(curves[k]["density"])
            total = np.abs(force).sum()
            if total and abs(force.sum()) > 0.8 * total:
                name += " (attracts)" if force.sum() > 0 else " (repels)"
        names.append(name)
    return names
