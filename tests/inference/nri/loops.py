"""The equations of Kipf et al. (2018) written out pair by pair, in float64: what the fast code is compared with."""

import math

import torch


def pairs(n):
    """(receiver, slot, sender) of everybody but oneself, the senders of a receiver in order."""
    for i in range(n):
        for slot, j in enumerate(j for j in range(n) if j != i):
            yield i, slot, j


def normalise(values, norm):
    """Batch normalisation of a list of vectors by their own mean and biased variance."""
    stacked = torch.stack(values)
    mean = stacked.sum(0) / len(values)
    variance = ((stacked - mean) ** 2).sum(0) / len(values)
    return [(v - mean) / torch.sqrt(variance + norm.eps) * norm.weight + norm.bias for v in values]


def elu(x):
    return torch.where(x > 0, x, torch.exp(x.clamp(max=0)) - 1)


def matrix_of(first):
    """The matrix of a first layer that reads [receiver; sender; edge] or a node."""
    if isinstance(first, torch.nn.Linear):
        return first.weight
    return torch.cat([p for p in (first.receiver, first.sender, first.edge) if p is not None], 1)


def block(module, inputs):
    """An MLP block on a list of vectors."""
    hidden = [elu(matrix_of(module.first) @ x + module.first.bias) for x in inputs]
    hidden = [elu(module.second.weight @ h + module.second.bias) for h in hidden]
    return normalise(hidden, module.norm)


def edges_to_logits(module, batch, n, edges):
    """Edges (in the order of batch and pairs) to nodes, back to edges with the skip, to logits."""
    where = {
        (b, i, slot): k for k, (b, (i, slot, _)) in enumerate((b, p) for b in range(batch) for p in pairs(n))
    }
    if module.factor_graph:
        sums = [
            sum((edges[where[b, i, slot]] for slot in range(n - 1)), torch.zeros_like(edges[0])) / n
            for b in range(batch)
            for i in range(n)
        ]
        nodes = block(module.middle, sums)
        last = [
            torch.cat([nodes[b * n + i], nodes[b * n + j], edges[where[b, i, slot]]])
            for b in range(batch)
            for i, slot, j in pairs(n)
        ]
    else:
        last = [torch.cat([m, e]) for m, e in zip(block(module.middle, edges), edges, strict=True)]
    found = block(module.last, last)
    return torch.stack([module.logits.weight @ f + module.logits.bias for f in found])


def mlp_encoder(encoder, x):
    """[batch, time, n, feature] -> logits [batch * n * (n - 1), type]."""
    batch, _, n, _ = x.shape
    nodes = block(encoder.embed, [x[b, :, i].reshape(-1) for b in range(batch) for i in range(n)])
    ends = [torch.cat([nodes[b * n + i], nodes[b * n + j]]) for b in range(batch) for i, _, j in pairs(n)]
    return edges_to_logits(encoder.edges, batch, n, block(encoder.to_edges, ends))


def convolution(x, weight, bias):
    """[time, channel] with weight [out, channel, kernel] -> [time - kernel + 1, out]."""
    kernel = weight.shape[2]
    starts = range(len(x) - kernel + 1)
    return torch.stack([bias + sum(weight[:, :, k] @ x[t + k] for k in range(kernel)) for t in starts])


def cnn_encoder(encoder, x):
    batch, _, n, d = x.shape
    # a patch lists the features, and of each the five frames
    first = torch.cat(
        [encoder.first.receiver.unflatten(1, (d, 5)), encoder.first.sender.unflatten(1, (d, 5))], 1
    )
    series = [
        convolution(torch.cat([x[b, :, i], x[b, :, j]], 1), first, encoder.first.bias).clamp(min=0)
        for b in range(batch)
        for i, _, j in pairs(n)
    ]
    length = len(series[0])
    flat = normalise([frame for s in series for frame in s], encoder.first_norm)
    series = [torch.stack(flat[k * length : (k + 1) * length]) for k in range(len(series))]
    pooled = [
        torch.stack([torch.maximum(s[2 * t], s[2 * t + 1]) for t in range(length // 2)]) for s in series
    ]
    series = [convolution(s, encoder.second.weight, encoder.second.bias).clamp(min=0) for s in pooled]
    length = len(series[0])
    flat = normalise([frame for s in series for frame in s], encoder.second_norm)
    edges = []
    for k in range(len(series)):
        frames = flat[k * length : (k + 1) * length]
        scores = [
            math.exp((encoder.attention.weight[0] @ f + encoder.attention.bias[0]).item()) for f in frames
        ]
        edges.append(
            sum(
                s / sum(scores) * (encoder.value.weight @ f + encoder.value.bias)
                for s, f in zip(scores, frames, strict=True)
            )
        )
    return edges_to_logits(encoder.edges, batch, n, block(encoder.to_edges, edges))


def perceptron(network, x):
    """Linear, ReLU, linear, ReLU, linear of an output network."""
    layers = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    for layer in layers[:-1]:
        x = (layer.weight @ x + layer.bias).clamp(min=0)
    return layers[-1].weight @ x + layers[-1].bias


def heard(messages, nodes, weights, activation):
    """sum_j sum_k z_ijk f_k([h_i; h_j]) of one frame: nodes [n, d], weights [n, n - 1, type] -> list of n vectors."""
    n, (types, hidden, _) = len(nodes), messages.weight.shape
    first = torch.cat([messages.pair.receiver, messages.pair.sender], 1).view(types, hidden, -1)
    bias = messages.pair.bias.view(types, hidden)
    total = [torch.zeros(hidden, dtype=nodes.dtype) for _ in range(n)]
    for i, slot, j in pairs(n):
        for k in range(types):
            inner = activation(first[k] @ torch.cat([nodes[i], nodes[j]]) + bias[k])
            message = activation(messages.weight[k].T @ inner + messages.bias[k, 0])
            total[i] = total[i] + weights[i, slot, k] * message
    return total


def relu(x):
    return x.clamp(min=0)


def mlp_step(decoder, nodes, weights):
    """One frame [n, feature] -> the next."""
    weights = weights[..., 1:] if decoder.silent else weights
    arrived = heard(decoder.messages, nodes, weights, relu)
    return torch.stack(
        [x + perceptron(decoder.out, torch.cat([x, m])) for x, m in zip(nodes, arrived, strict=True)]
    )


def rnn_step(decoder, nodes, state, weights):
    weights = weights[..., 1:] if decoder.silent else weights
    arrived = heard(decoder.messages, state, weights, torch.tanh)
    n, types = len(nodes), weights.shape[-1]
    cell, size = decoder.cell, decoder.cell.hidden_size
    states = []
    for i in range(n):
        inputs = torch.cat([arrived[i] / (types * (n - 1)), nodes[i]])
        a, h = cell.weight_ih @ inputs + cell.bias_ih, cell.weight_hh @ state[i] + cell.bias_hh
        reset = 1 / (1 + torch.exp(-(a[:size] + h[:size])))
        update = 1 / (1 + torch.exp(-(a[size : 2 * size] + h[size : 2 * size])))
        new = torch.tanh(a[2 * size :] + reset * h[2 * size :])
        states.append((1 - update) * new + update * state[i])
    moved = [x + perceptron(decoder.out, h) for x, h in zip(nodes, states, strict=True)]
    return torch.stack(moved), torch.stack(states)
