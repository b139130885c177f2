"""The number of types, by what was held out; and types that are one."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from edgewise.data import from_arrays
from edgewise.errors import ConfigError, DataError
from edgewise.inference import InferenceConfig
from edgewise.inference.infer import infer
from edgewise.inference.superposition import graph_posterior, selection
from edgewise.inference.superposition.selection import (
    HeldOutEvidence,
    evidence,
    fewest_as_good,
    split,
    types_alike,
)

from ..worlds import springs, untrained


def two_kinds(sequences=24, frames=60, n=4, seed=0):
    """An autoregression whose edges pull, push or are absent."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 3, (sequences, n, n)) * ~np.eye(n, dtype=bool)
    weight = np.array([0.0, 0.8, -0.8])[kinds]
    x = np.zeros((sequences, frames, n))
    for t in range(1, frames):
        x[:, t] = 0.3 * x[:, t - 1] + np.einsum("qrs,qs->qr", weight, np.tanh(x[:, t - 1]))
        x[:, t] += 0.2 * rng.normal(size=(sequences, n))
    return from_arrays({"level": x}, edges=kinds)


def test_the_fewest_types_within_a_standard_error_are_taken():
    found = {2: HeldOutEvidence(-1.0, 0.1), 3: HeldOutEvidence(-0.52, 0.1), 4: HeldOutEvidence(-0.5, 0.05)}
    assert fewest_as_good(found) == 3
    alone = {2: HeldOutEvidence(-1.0, math.nan), 3: HeldOutEvidence(-0.9, math.nan)}
    assert fewest_as_good(alone) == 3


def test_recordings_are_held_out_or_else_frames():
    fitting, deciding = split(springs(sequences=8))
    assert (fitting.sizes["sequence"], deciding.sizes["sequence"]) == (6, 2)
    fitting, deciding = split(springs(sequences=2, steps=40))
    assert (fitting.sizes["time"], deciding.sizes["time"]) == (30, 10)
    with pytest.raises(DataError, match="too few to hold a part of them out"):
        split(springs(sequences=2, steps=14))


def test_evidence_is_that_of_the_posterior_and_a_lower_bound_beyond_enumeration(monkeypatch):
    model, data, _, config = untrained(springs(sequences=6))
    log_prior = torch.full((2,), 0.5, dtype=torch.float64).log()
    exact = evidence(model, data, config.graph, log_prior)
    assert exact.mean == pytest.approx(graph_posterior(model, data, config.graph, log_prior).evidence)
    monkeypatch.setattr(selection, "EXACTLY", 1)
    bound = evidence(model, data, config.graph, log_prior)
    assert exact.mean - 0.05 < bound.mean <= exact.mean + 1e-9


def test_two_types_with_one_law_are_found_and_the_model_is_left_alone():
    model, data, _, config = untrained(springs(sequences=6), edge_types=3, level=0.05)
    log_prior = torch.full((3,), 1 / 3, dtype=torch.float64).log()
    model.law.combine_heads(torch.tensor([[1.0, 0, 0], [0, 20, 0], [0, 20, 0]]))
    chosen = torch.randint(0, 2, data.slots.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        own, messages, _ = model.terms(data)
        weight = torch.nn.functional.one_hot(chosen, 3).float()
        moved = own + torch.einsum("srmk,strmkd->strd", weight, messages)
    data = replace(
        data, target=moved + 0.05 * torch.randn(moved.shape, generator=torch.Generator().manual_seed(1))
    )
    before = {name: value.clone() for name, value in model.state_dict().items()}
    pairs = [(a, b) for a, b, _ in types_alike(model, data, config.graph, log_prior)]
    assert pairs == [(1, 2)]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_three_types_are_chosen_where_there_are_three():
    ds = two_kinds()
    result = infer(ds, most_types=4, hidden=8, max_steps=240)
    assert result.config.graph.edge_types == 3
    choice = result.about["type_choice"]
    assert choice["chosen"] == 3
    assert choice["evidence"]["3"]["mean"] > choice["evidence"]["2"]["mean"] + 0.02
    assert "3 types were chosen" in result.about["notes"][0]
    assert result.metrics["edge_accuracy"] > 0.9


def test_a_choice_of_types_needs_evidence_and_no_prior():
    with pytest.raises(ConfigError, match="most_types together with prior"):
        InferenceConfig.from_dict({"most_types": 3, "prior": [0.5, 0.5]})
    with pytest.raises(ConfigError, match="most_types with the method nri"):
        infer(springs(sequences=8), method="nri", most_types=3)
