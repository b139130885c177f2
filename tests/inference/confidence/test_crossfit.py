"""False discoveries from end to end: data in, edges out."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from edgewise.data import from_arrays
from edgewise.errors import ConfigError, DataError
from edgewise.inference import Inference, InferenceConfig, infer
from edgewise.inference.confidence import assurance, crossfit, discovery
from edgewise.inference.confidence.crossfit import fit_halves
from edgewise.inference.confidence.folds import two_folds
from edgewise.inference.encoding import fit_encoding
from edgewise.inference.observations import observe
from edgewise.inference.superposition.fit import fit_superposition
from edgewise.physics import simulate
from edgewise.training import Deadline

from ..worlds import QUICK, springs, untrained

SHORT = {"hidden": 8, "max_steps": 60, "learning_rate": 2e-2}


def walks(rng, *size):
    return rng.normal(size=size).cumsum(1)


def autoregressions(rng, *size):
    x = np.zeros(size)
    for t in range(1, size[1]):
        x[:, t] = 0.8 * x[:, t - 1] + rng.normal(size=x[:, t].shape)
    return x


def oscillators(rng, *size):
    rate, phase = (
        rng.uniform(0.1, 0.4, size=(size[0], 1, size[2])),
        rng.uniform(0, 6, size=(size[0], 1, size[2])),
    )
    return np.sin(rate * np.arange(size[1])[None, :, None] + phase) + 0.02 * rng.normal(size=size)


@pytest.mark.parametrize(
    ("made", "sequences", "frames", "scope"),
    [
        (walks, 10, 40, "per-sequence"),
        (autoregressions, 10, 40, "shared"),
        (oscillators, 8, 50, "per-sequence"),
        (autoregressions, 1, 200, "shared"),
    ],
)
def test_where_nobody_acts_hardly_anything_is_reported(made, sequences, frames, scope):
    ds = from_arrays({"x": made(np.random.default_rng(0), sequences, frames, 4)})
    result = infer(ds, graph=scope, fdr=0.05, no_interaction="yes", **SHORT)
    assert len(result.edges()) <= 1
    assert len(result.edges(every=True)) >= 1  # the posterior alone would have reported these


def test_free_particles_do_not_act():
    ds = simulate("springs", sequences=10, entities=4, steps=30, seed=0, edge_probability=0.0, noise=0.005)
    result = infer(ds, fdr=0.05, no_interaction="yes", **SHORT)
    assert len(result.edges()) <= 1


@pytest.fixture(scope="module")
def found():
    ds = springs(sequences=24, entities=4, steps=40, seed=3)
    settings = {"hidden": 8, "max_steps": 120, "batch_size": 6, "learning_rate": 2e-2}
    return ds, infer(ds, fdr=0.05, **settings)


def test_springs_are_kept_and_nothing_else(found):
    ds, result = found
    true = ds["edges"].to_numpy() > 0
    edges = result.edges()
    right = [bool(true[int(row.sequence), int(row.target), int(row.source)]) for row in edges.itertuples()]
    assert sum(right) > 0.95 * true.sum()
    assert len(right) - sum(right) <= 0.05 * len(right) + 2 * np.sqrt(0.05 * len(right))
    assert (edges["q_value"] <= 0.05).all()


def test_what_is_left_out_of_the_edges_stays_in_the_posterior(found, tmp_path):
    _, result = found
    strict = replace(
        result, config=replace(result.config, confidence=replace(result.config.confidence, fdr=1e-9))
    )
    assert len(strict.edges()) == 0
    assert strict.graph().number_of_edges() == 0
    assert len(strict.edges(every=True)) == len(result.edges(every=True)) > 0
    again = Inference.load(strict.save(tmp_path / "run"))
    np.testing.assert_array_equal(again.probability, result.probability)
    np.testing.assert_array_equal(again.confidence["q_value"], result.confidence["q_value"])
    assert len((tmp_path / "run" / "edges.csv").read_text().splitlines()) == 1


def test_new_recordings_are_judged_by_the_law_as_it_is(found):
    _, result = found
    fresh = springs(sequences=12, entities=4, steps=40, seed=11)
    applied = result.apply(fresh)
    true = fresh["edges"].to_numpy() > 0
    rows = applied.edges().itertuples()
    right = [bool(true[int(row.sequence), int(row.target), int(row.source)]) for row in rows]
    assert sum(right) > 0.9 * true.sum()
    assert len(right) - sum(right) <= 0.1 * len(right)


@pytest.mark.parametrize(
    "settings",
    [
        {"edge_types": 3, "graph": "shared"},
        {"layers": (2, 2), "edge_types": 4, "graph": "shared"},
        {"undirected": True},
        {"graph": "per-window", "window": 6},
    ],
)
def test_every_scope_and_number_of_types_has_q_values(settings, monkeypatch):
    monkeypatch.setattr(discovery, "DECOYS", 100)
    result = infer(springs(steps=24), fdr=0.2, **QUICK, **settings)
    q = result.confidence["q_value"]
    assert q.dims == result.probability.dims[:-1]
    off = ~np.eye(4, dtype=bool)
    assert ((q.to_numpy() > 0) & (q.to_numpy() <= 1))[..., off].all()
    if settings.get("undirected"):
        np.testing.assert_array_equal(q, q.transpose("sequence", "sender", "receiver"))


def test_a_law_does_not_see_what_it_judges():
    """Other targets in fold 0 leave the law that judges it as it was, and change the other."""
    config = InferenceConfig.from_dict(QUICK)
    ds = springs(sequences=4)
    encoding = fit_encoding(ds, lags=0, bridge=3)
    data = observe(ds, encoding)
    first = fit_halves(data, encoding, config)
    inside = two_folds(data, seed=0).fold == 0
    other = replace(data, target=torch.where(inside[:, :, None, None], -data.target, data.target))
    second = fit_halves(other, encoding, config)

    def same(a, b):
        names = [name for name in a.state_dict() if name != "level"]  # that is set on what is judged
        return all(torch.equal(a.state_dict()[name], b.state_dict()[name]) for name in names)

    assert same(first.laws[0], second.laws[0])
    assert not same(first.laws[1], second.laws[1])


def test_types_of_the_two_laws_are_put_in_one_order():
    config = InferenceConfig.from_dict(QUICK | {"edge_types": 3})
    ds = springs(sequences=3)
    encoding = fit_encoding(ds, lags=0, bridge=3)
    data = observe(ds, encoding)
    one, two = (fit_superposition(data, encoding, config, deadline=Deadline()) for _ in range(2))
    two.model.law.combine_heads(torch.eye(3)[[0, 2, 1]])
    assert not torch.allclose(one.model.terms(data)[1], two.model.terms(data)[1])
    crossfit._align(one, two, data, config)
    torch.testing.assert_close(one.model.terms(data)[1], two.model.terms(data)[1])


def test_every_type_acting_is_refused_before_and_after_the_fit(monkeypatch):
    with pytest.raises(ConfigError, match=r"fdr = 0.05 together with no_interaction = 'no'"):
        infer(springs(), fdr=0.05, no_interaction="no")
    model, _, _, _ = untrained(springs(), no_interaction="no")
    prior = torch.full((2,), 0.5, dtype=torch.float64).log()
    fitted = assurance.Fitted(model, prior, None, 0)
    monkeypatch.setattr(assurance, "fit_superposition", lambda *a, **k: fitted)
    with pytest.raises(ConfigError, match="fdr, and the fit found no type that means 'no interaction'"):
        infer(springs(), fdr=0.05)


def test_a_time_limit_is_for_all_fits_together(monkeypatch):
    monkeypatch.setattr(discovery, "DECOYS", 100)
    limits = []

    def fitted(*args, deadline, **kwargs):
        limits.append(deadline.limit)
        return fit_superposition(*args, deadline=Deadline(), **kwargs)

    monkeypatch.setattr(assurance, "fit_superposition", fitted)
    monkeypatch.setattr(crossfit, "fit_superposition", fitted)
    infer(springs(steps=24), fdr=0.2, ensemble=2, time_limit=60.0, **QUICK)
    assert limits == [15.0] * 4


def test_what_cannot_be_judged_is_refused():
    with pytest.raises(ConfigError, match=r"fdr = 0.1 with the method correlation"):
        infer(springs(), fdr=0.1, method="correlation")
    with pytest.raises(ConfigError, match=r"fdr is 1.5\n.*a share from 0 \(off\) to below 1, such as 0.05"):
        infer(springs(), fdr=1.5)
    with pytest.raises(DataError, match="one recording of 8 transitions, which cannot be halved"):
        infer(springs(sequences=1, steps=9), fdr=0.1, **QUICK)
    with pytest.raises(ConfigError, match=r"fdr of per-window graphs with 16 candidates and 2 types: 2\^17"):
        infer(springs(sequences=1, entities=17), fdr=0.1, graph="per-window", **QUICK)
