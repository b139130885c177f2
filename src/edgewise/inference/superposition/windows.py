"""Graphs that change: exact inference over paths of configurations, one a window of time."""

import torch
from torch import Tensor


def redraw(weights: Tensor, stay: float, prior: Tensor) -> Tensor:
    """One step ahead: every edge keeps its type with probability `stay`, else draws it anew from the prior.

    The transition matrix over configurations is a Kronecker product of one small matrix an edge, so it is applied
    an edge at a time: [..., n_types ** n_slots] -> the same, at a cost linear in the number of configurations.
    """
    for axis in _edge_axes(weights.shape[-1], len(prior)):
        edge = weights.unflatten(-1, axis)
        weights = (stay * edge + (1 - stay) * prior[:, None] * edge.sum(-2, keepdim=True)).flatten(-3)
    return weights


def redraw_back(weights: Tensor, stay: float, prior: Tensor) -> Tensor:
    """One step back: the transpose of `redraw`."""
    for axis in _edge_axes(weights.shape[-1], len(prior)):
        edge = weights.unflatten(-1, axis)
        weights = (stay * edge + (1 - stay) * (prior[:, None] * edge).sum(-2, keepdim=True)).flatten(-3)
    return weights


def _edge_axes(n_configurations: int, n_types: int) -> list[tuple[int, int, int]]:
    """For each edge, the shape that brings its type to the middle axis."""
    axes, block = [], 1
    while block < n_configurations:
        axes.append((n_configurations // (block * n_types), n_types, block))
        block *= n_types
    return axes


def forward_backward(log_joint: Tensor, stay: float, prior: Tensor) -> tuple[Tensor, Tensor]:
    """Sum over all paths of configurations, and the posterior of each window (Rabiner 1989, section III).

    Args:
        log_joint: [receiver, window, configuration] log likelihood of each window; the first with the log prior.
        stay: probability that an edge is not drawn anew between windows.
        prior: [n_types].

    Returns: log evidence [receiver]; weights [receiver, window, configuration] that sum to 1 over configurations.
    """
    if log_joint.shape[1] == 1:
        total = log_joint[:, 0].logsumexp(-1)
        return total, (log_joint - total[:, None, None]).exp()
    peak = log_joint.amax(-1, keepdim=True)
    likelihood = (log_joint - peak).exp()
    forward, scales = [], []
    ahead = likelihood[:, 0]
    for window in range(log_joint.shape[1]):
        if window:
            ahead = redraw(forward[-1], stay, prior) * likelihood[:, window]
        scale = ahead.sum(-1, keepdim=True)
        forward.append(ahead / scale)
        scales.append(scale)
    log_total = peak.sum((1, 2)) + torch.cat(scales, -1).log().sum(-1)
    behind = torch.ones_like(ahead)
    weights = [forward[-1]]
    for window in range(log_joint.shape[1] - 1, 0, -1):
        behind = redraw_back(behind * likelihood[:, window], stay, prior) / scales[window]
        weights.append(forward[window - 1] * behind)
    return log_total, torch.stack(weights[::-1], 1)
