"""Multiplex graphs: how joint types are made of layers, and that both layers of a planted graph are found."""

import itertools

import numpy as np
import pytest
import torch

from edgewise.data import from_arrays
from edgewise.errors import ConfigError
from edgewise.inference import GraphConfig, InferenceConfig
from edgewise.inference.infer import infer
from edgewise.inference.layers import arranged, combination, from_origin, joint_types, misfit

from .worlds import springs, untrained


def test_joint_types_have_the_last_layer_fastest():
    assert joint_types((2, 3)) == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    rows = combination((2, 3)).tolist()
    assert rows[0] == [1, 0, 0, 0]
    assert rows[2] == [1, 0, 0, 1]
    assert rows[4] == [1, 1, 1, 0]


@pytest.mark.parametrize("layers", [(2, 2), (2, 3), (3, 3)])
def test_shuffled_tied_laws_are_put_in_order(layers):
    rng = np.random.default_rng(0)
    combined = combination(layers).double().numpy()
    tied = combined @ rng.normal(size=(combined.shape[1], 5))
    shuffled = tied[rng.permutation(len(tied))]
    order = arranged(shuffled, layers)
    assert sorted(order.tolist()) == list(range(len(tied)))
    assert misfit(shuffled[order], combined) < 1e-20
    assert misfit(shuffled[rng.permutation(len(tied))], combined) > 1e-3


def test_a_new_origin_renames_types_within_their_layers():
    layers = (2, 3)
    types = joint_types(layers)
    for weakest in range(6):
        order = from_origin(weakest, layers)
        assert order[0] == weakest
        assert sorted(order) == list(range(6))
        renamed = [types[k] for k in order]
        for a, b in itertools.product(range(6), repeat=2):  # who shares a layer's type still does
            for layer in range(2):
                same = types[a][layer] == types[b][layer]
                assert same == (renamed[a][layer] == renamed[b][layer])


def test_effects_of_layers_add_up_and_stay_so_under_combination():
    model, data, _, _ = untrained(springs(), layers=[2, 2])
    for mix in (torch.eye(4)[[3, 2, 1, 0]], torch.randn(4, 4, generator=torch.Generator().manual_seed(0))):
        with torch.no_grad():
            f = model.terms(data)[1]
        torch.testing.assert_close(
            f[..., 3, :] + f[..., 0, :], f[..., 1, :] + f[..., 2, :], atol=1e-5, rtol=1e-4
        )
        model.law.combine_heads(mix)
        if mix.det().abs() == 1:  # a renaming of the types is exact
            with torch.no_grad():
                torch.testing.assert_close(model.terms(data)[1], f.flip(-2), atol=1e-5, rtol=1e-4)


def test_without_interaction_layers_add_up_from_nothing():
    model, data, _, _ = untrained(springs(), layers=[2, 2], no_interaction="yes")
    with torch.no_grad():
        f = model.terms(data)[1]
    assert not f[..., 0, :].any()
    torch.testing.assert_close(f[..., 3, :], f[..., 1, :] + f[..., 2, :], atol=1e-6, rtol=1e-4)


def two_layers(sequences=24, frames=60, n=4, seed=0):
    """Two features, each passed on along a graph of its own."""
    rng = np.random.default_rng(seed)
    graphs = (rng.random((2, sequences, n, n)) < 0.5) & ~np.eye(n, dtype=bool)
    u = np.zeros((2, sequences, frames, n))
    for t in range(1, frames):
        push = np.einsum("lqrs,lqs->lqr", graphs, np.tanh(2 * u[:, :, t - 1]))
        u[:, :, t] = 0.3 * u[:, :, t - 1] - 0.5 * push + 0.2 * rng.normal(size=u[:, :, t].shape)
    return from_arrays({"a": u[0], "b": u[1]}, edges=(2 * graphs[0] + graphs[1]).astype(int))


def test_both_layers_of_a_planted_graph_are_found():
    ds = two_layers()
    result = infer(ds, layers=[2, 2], hidden=16, max_steps=400)
    assert result.metrics["edge_accuracy"] > 0.97
    assert result.no_interaction
    truth = ds["edges"].to_numpy()
    off = ~np.eye(4, dtype=bool)
    found = [(result.layer(k).isel(type=1).to_numpy() > 0.5)[:, off] for k in range(2)]
    wanted = [(truth // 2)[:, off] > 0, (truth % 2)[:, off] > 0]
    right = [[float((f == w).mean()) for w in wanted] for f in found]
    assert max(right[0][0] + right[1][1], right[0][1] + right[1][0]) > 1.96  # the layers' order is free


def test_a_layer_is_the_marginal_of_the_joint_types():
    result = infer(springs(), layers=[2, 2], hidden=8, max_steps=8)
    p = result.probability.to_numpy()
    np.testing.assert_allclose(result.layer(0).to_numpy()[..., 1], p[..., 2] + p[..., 3])
    np.testing.assert_allclose(result.layer(1).to_numpy()[..., 1], p[..., 1] + p[..., 3])
    with pytest.raises(ConfigError, match="there is no layer 2"):
        result.layer(2)
    plain = infer(springs(), hidden=8, max_steps=8)
    with pytest.raises(ConfigError, match="there is no layer 1"):
        plain.layer(1)
    np.testing.assert_array_equal(plain.layer(0), plain.probability)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"layers": [2]}, "layers is"),
        ({"layers": [2, 1]}, "layers is"),
        ({"layers": [2, 2], "edge_types": 3}, "edge_types=3 with layers"),
        ({"layers": [2, 2], "most_types": 3}, "most_types together with layers"),
        ({"layers": [5, 5]}, "edge_types is 25"),
    ],
)
def test_layers_that_make_no_sense_are_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        InferenceConfig.from_dict(settings)


def test_layers_count_the_types_and_survive_the_round_trip():
    config = InferenceConfig.from_dict({"layers": [2, 3]})
    assert config.graph == GraphConfig(layers=(2, 3))
    assert config.graph.edge_types == 6
    assert InferenceConfig.from_dict(config.to_dict()) == config
