"""Control of false discoveries: q-values by the book, decoys that cannot act, scores that may be exchanged."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from edgewise.errors import ConfigError, DataError
from edgewise.inference.confidence import discovery
from edgewise.inference.confidence.crossfit import q_values_of_new
from edgewise.inference.confidence.decoys import (
    Draw,
    decoy_messages,
    draw_decoys,
    recorded_frames,
    with_decoys,
)
from edgewise.inference.confidence.discovery import (
    Judge,
    best_other,
    both_ends,
    evidence_scores,
    interaction_odds,
    one_by_one,
    q_values,
)
from edgewise.inference.confidence.folds import FoldedObservations, hold_out, only_fold, two_folds
from edgewise.inference.confidence.held_out import CrossFitted
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.posterior import whole_form

from ..superposition.forms import LEVEL, problem
from ..worlds import springs, untrained, with_values


@pytest.fixture(autouse=True)
def few_decoys(monkeypatch):
    """Enough for what does not depend on how many there are."""
    monkeypatch.setattr(discovery, "DECOYS", 100)


def folded(data: Observations, fold: int = 0) -> FoldedObservations:
    parts = {name: getattr(data, name) for name in Observations.__annotations__}
    return FoldedObservations(**parts, fold=torch.full(data.target.shape[:2], fold))


def judge_of(ds, **settings):
    model, data, _, config = untrained(ds, no_interaction="yes", **settings)
    prior = torch.full((config.graph.edge_types,), 1 / config.graph.edge_types, dtype=torch.float64).log()
    return Judge(CrossFitted((model,), (1.0,)), config.graph, prior), folded(data), model, config


# q-values


def by_the_book(pairs, decoys):
    """Benjamini & Hochberg's step-up on empirical p-values, a pair at a time."""
    p = [(1 + sum(d >= s for d in decoys)) / (1 + len(decoys)) for s in pairs]
    m = len(pairs)
    smallest = []
    for mine in p:
        rejecting = [m * other / sum(x <= other for x in p) for other in p if other >= mine]
        smallest.append(min(1.0, *rejecting))
    return np.array(smallest)


@pytest.mark.parametrize("seed", range(5))
def test_q_values_are_the_levels_at_which_benjamini_and_hochberg_reject(seed):
    rng = np.random.default_rng(seed)
    pairs = np.concatenate([rng.normal(size=12), rng.normal(3, 1, size=6)]).round(1)  # with ties
    decoys = rng.normal(size=40).round(1)
    q = q_values(pairs, decoys)
    np.testing.assert_allclose(q, by_the_book(pairs, decoys), rtol=1e-12)


def test_the_expected_share_of_false_discoveries_is_kept():
    rng = np.random.default_rng(1)
    shares, found = [], []
    for _ in range(400):
        real = np.arange(100) < 40
        pairs = rng.normal(size=100) + 4 * real
        kept = q_values(pairs, rng.normal(size=400)) <= 0.1
        shares.append((kept & ~real).sum() / max(kept.sum(), 1))
        found.append((kept & real).sum() / real.sum())
    assert np.mean(shares) <= 0.1
    assert (
        np.mean(shares) > 0.03
    )  # 0.1 times the share of pairs that do not interact is what it should be near
    assert np.mean(found) > 0.9


def test_where_nothing_acts_discoveries_are_as_rare_as_the_rate():
    rng = np.random.default_rng(2)
    any_found = [(q_values(rng.normal(size=20), rng.normal(size=800)) <= 0.05).any() for _ in range(600)]
    assert np.mean(any_found) < 0.075  # 0.05 up to 2.8 standard errors


def test_what_was_not_judged_has_no_q_value_and_does_not_count():
    pairs = np.array([[5.0, np.nan], [np.nan, -1.0]])
    q = q_values(pairs, np.zeros(19))
    assert np.isnan(q).tolist() == [[False, True], [True, False]]
    assert q[0, 0] == pytest.approx(2 * (1 / 20) / 1)
    assert q[1, 1] == 1.0


def test_log_odds_of_any_interaction():
    p = torch.tensor([[0.5, 0.25, 0.25], [1.0, 0.0, 0.0], [0.0, 0.1, 0.9]], dtype=torch.float64)
    odds = interaction_odds(p)
    assert odds[0] == 0
    assert odds[1] == pytest.approx(math.log(1e-300))
    assert odds[2] == pytest.approx(-math.log(1e-300))


# Decoys


def test_a_decoy_is_the_same_entity_in_another_recording():
    ds = springs(sequences=3)
    _, data, _, _ = untrained(ds)
    source = np.array([1, 2, 0])
    made = with_decoys(folded(data), source, np.zeros(3, dtype=int))
    for name in ("position", "velocity", "context", "present"):
        assert torch.equal(getattr(made.decoy, name), getattr(data, name)[torch.from_numpy(source)])
    assert torch.equal(made.position, data.position)
    assert torch.equal(made.decoy.target, data.target)


def test_a_turned_decoy_goes_on_at_the_start_after_the_end():
    ds = springs(sequences=1, steps=200)  # cut into stretches: 199 transitions of 64 frames each, padded
    _, data, _, _ = untrained(ds)
    assert len(data) == 4
    made = with_decoys(folded(data), np.array([0]), np.array([60]))
    whole = data.position.flatten(0, 1)[:199]
    np.testing.assert_array_equal(
        made.decoy.position.flatten(0, 1)[:199].numpy(), np.roll(whole.numpy(), -60, axis=0)
    )


def test_one_recording_is_turned_by_a_quarter_to_three_quarters_and_never_twice_alike():
    _, data, _, _ = untrained(springs(sequences=1, steps=41))
    draws = list(draw_decoys(data, 100, seed=0))
    assert all(draw.source.tolist() == [0] for draw in draws)
    assert sorted(int(draw.shift[0]) for draw in draws) == list(range(10, 31))


def test_other_recordings_come_as_they_are_and_turned_only_where_they_are_few():
    _, data, _, _ = untrained(springs(sequences=3))
    draws = list(draw_decoys(data, 40, seed=0))
    assert len(draws) == 10
    offsets = [set((draw.source - np.arange(3)) % 3) for draw in draws]
    assert all(len(offset) == 1 and offset <= {1, 2} for offset in offsets)
    assert offsets[0] != offsets[1]
    assert all((draw.shift == 0).all() for draw in draws[:2])
    assert all(((draw.shift >= 4) & (draw.shift <= 9)).all() for draw in draws[2:])
    _, many, _, _ = untrained(springs(sequences=13))
    draws = list(draw_decoys(many, 40, seed=0))
    assert len(draws) == 12
    assert all((draw.shift == 0).all() for draw in draws)


def test_decoys_may_be_kept_within_groups():
    _, data, _, _ = untrained(springs(sequences=7, steps=6))
    group = np.array([0, 1, 0, 1, 1, 0, 0])
    draws = list(draw_decoys(data, 2, seed=0, group=group))
    assert len(draws) == 2
    for draw in draws:
        assert sorted(draw.source) == list(range(7))
        assert (draw.source != np.arange(7)).all()
        np.testing.assert_array_equal(group[draw.source], group)
    (alone,) = draw_decoys(data, 1, seed=0, group=np.arange(7))  # groups of one have nobody to take
    assert (alone.source != np.arange(7)).all()


def test_a_mirrored_draw_makes_both_ends_see_one_path():
    """What i here hears of the decoy of j is, but for the sign, what j there hears of the decoy of i."""
    _, data, _, _ = untrained(springs(sequences=3, steps=25))
    draw = Draw(np.array([1, 2, 0]), np.array([6, 6, 6]))
    made, back = (with_decoys(folded(data), d.source, d.shift) for d in (draw, draw.mirrored()))
    i, j, here = 0, 2, 1
    path = made.decoy.position[here, :, j] - data.position[here, :, i]
    there = int(draw.source[here])
    other = back.decoy.position[there, :, i] - data.position[there, :, j]
    np.testing.assert_array_equal(np.roll(-other.numpy(), -6, axis=0), path.numpy())


def test_the_evidence_of_both_ends_of_a_decoy_is_added():
    log_prior = torch.tensor([0.7, 0.3], dtype=torch.float64).log()
    here, there = torch.rand(
        2, 2, 1, 3, 3, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    )
    here, there = here / here.sum(-1, keepdim=True), there / there.sum(-1, keepdim=True)
    heard = torch.ones(2, 1, 3, 3, dtype=torch.bool)
    heard[0, 0, 1, 2] = False
    both = both_ends(here, there, log_prior, heard, torch.ones_like(heard))
    product = here[1, 0, 0, 2] * there[1, 0, 2, 0] / log_prior.exp()
    torch.testing.assert_close(both[1, 0, 0, 2], product / product.sum())
    torch.testing.assert_close(
        both[0, 0, 1, 2], there[0, 0, 2, 1]
    )  # one end that heard nothing brings no evidence


def test_a_decoy_is_read_within_the_recording_that_it_comes_from():
    def shorter(name, values):
        values[1, 9:] = np.nan
        return values

    _, data, _, _ = untrained(with_values(springs(sequences=2), shorter))
    assert recorded_frames(data).tolist() == [13, 9]
    made = with_decoys(folded(data), np.array([1, 0]), np.array([4, 4]))
    assert made.decoy.present[0].all()  # nine frames, again and again


def test_a_recording_too_short_for_a_decoy_is_refused():
    _, data, _, _ = untrained(springs(sequences=1, steps=4))
    with pytest.raises(DataError, match="one recording of 3 transitions, from which no decoy can be made"):
        list(draw_decoys(data, 1, seed=0))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"symmetric": True},
        {"neighbours": 2},
        {"identity": 3},
        {"instantaneous": True},
        {"lags": 1},
        {"layers": (2, 2), "edge_types": 4, "no_interaction": "yes"},
    ],
)
def test_the_message_of_a_decoy_is_that_of_the_sender_put_in_its_place(settings):
    """One sender at a time is replaced in the data; its message must be what `decoy_messages` says."""
    ds = springs(sequences=2, steps=9)
    model, data, _, _ = untrained(ds, **settings)
    if settings.get("instantaneous"):
        from edgewise.inference.encoding import fit_encoding
        from edgewise.inference.observations import observe

        data = observe(ds, fit_encoding(ds, lags=0, bridge=3), instantaneous=True)
    made = with_decoys(folded(data), np.array([1, 0]), np.array([0, 0]))
    with torch.no_grad():
        messages = decoy_messages(model, made)
        for sender in range(4):
            swapped = replace(
                data,
                **{
                    name: torch.cat(
                        [
                            getattr(data, name)[:, :, :sender],
                            getattr(made.decoy, name)[:, :, sender : sender + 1],
                            getattr(data, name)[:, :, sender + 1 :],
                        ],
                        2,
                    )
                    for name in ("position", "velocity", "context", "after", "present")
                },
            )
            expected = model.terms(swapped)[1]
            for stretch, receiver, slot in (data.slots == sender).nonzero().tolist():
                torch.testing.assert_close(
                    messages[stretch, :, receiver, slot],
                    expected[stretch, :, receiver, slot],
                    rtol=1e-4,
                    atol=1e-5,
                )


# Folds


def test_folds_are_halves_of_the_recordings_and_each_frame_is_in_one():
    _, data, _, _ = untrained(springs(sequences=7))
    halves = two_folds(data, seed=0)
    sizes = [len(only_fold(halves, fold)) for fold in (0, 1)]
    assert sorted(sizes) == [3, 4]
    assert set(only_fold(halves, 0).sequence.tolist()) | set(only_fold(halves, 1).sequence.tolist()) == set(
        range(7)
    )
    assert only_fold(halves, 0).weight.sum() + only_fold(halves, 1).weight.sum() == data.weight.sum()


def test_one_recording_is_halved_in_time_with_a_gap():
    _, data, _, _ = untrained(springs(sequences=1, steps=200), lags=1)
    halves = two_folds(data, lags=1)
    fold = halves.fold.flatten()[:198]
    assert (fold[:99] == 0).all()
    assert (fold[99:102] == -1).all()
    assert (fold[102:] == 1).all()
    early = only_fold(halves, 0)
    assert len(early) == 2  # stretches without a frame of the fold are left out
    assert early.weight.sum() == data.weight.flatten(0, 1)[:99].sum()


def test_a_recording_that_is_too_short_cannot_be_halved():
    _, data, _, _ = untrained(springs(sequences=1, steps=9))
    with pytest.raises(
        DataError, match=r"one recording of 8 transitions, which cannot be halved\n.*at least 10"
    ):
        two_folds(data)


def test_a_tenth_is_held_out_of_twenty_recordings_or_more():
    _, few, _, _ = untrained(springs(sequences=19, steps=4))
    assert hold_out(few, 0) == (few, None)
    _, data, _, _ = untrained(springs(sequences=30, steps=4))
    seen, out = hold_out(data, 0)
    assert out is not None
    assert (len(seen), len(out)) == (27, 3)
    assert seen.sequence.tolist() == list(range(27))
    together = torch.cat([seen.target, out.target])
    assert {tuple(x.flatten().tolist()) for x in together} == {
        tuple(x.flatten().tolist()) for x in data.target
    }


def test_each_half_is_read_by_its_own_law_in_units_of_its_noise():
    ds = springs(sequences=4)
    first, data, _, config = untrained(ds, no_interaction="yes", seed=0, level=0.02)
    second, *_ = untrained(ds, no_interaction="yes", seed=1, level=0.3)
    halves = two_folds(data, seed=0)
    form, _ = whole_form(CrossFitted((first, second), (1.0, 2.0)), halves, config.graph)
    for recording in range(4):
        fold = int(halves.fold[recording, 0])
        law, temperature = ((first, 1.0), (second, 2.0))[fold]
        alone, _ = whole_form(law, data, config.graph)
        rows = slice(4 * recording, 4 * recording + 4)
        scale = float(law.level) * temperature
        torch.testing.assert_close(form.gram[rows], alone.gram[rows] / scale)
        torch.testing.assert_close(form.count[rows], alone.count[rows] / temperature)


# Scores


def test_a_pair_and_its_decoy_are_weighed_in_each_others_company():
    """Against the posterior over candidates and one decoy, all configurations listed one by one."""
    small = problem(n_slots=4, n_types=2, prior=[0.7, 0.3])  # two candidates, then their two decoys
    laws = CrossFitted((untrained(springs(), no_interaction="yes")[0],))
    graph = untrained(springs(), no_interaction="yes")[3].graph
    form = small.form.map(lambda part: part / LEVEL)
    real, decoys = one_by_one(Judge(laws, graph, small.log_prior), form, 2)
    for slot in range(2):
        keep = [0, 1, 2 + slot]
        three = replace(small, messages=small.messages[:, :, keep])
        for receiver in range(2):
            joint = three.joint(receiver).softmax(0)
            on = [
                sum(w for types, w in zip(three.configurations(), joint, strict=True) if types[which])
                for which in (slot, 2)
            ]
            assert real[receiver, 0, slot, 1] == pytest.approx(float(on[0]), abs=1e-12)
            assert decoys[receiver, 0, slot, 1] == pytest.approx(float(on[1]), abs=1e-12)


def test_a_decoy_that_is_its_sender_scores_as_the_sender_does():
    judge, data, _, _ = judge_of(springs(sequences=2))
    same = with_decoys(data, np.array([0, 1]), np.array([0, 0]))
    form, _ = whole_form(judge.laws, same, judge.graph)
    real, decoys = one_by_one(judge, form, data.slots.shape[-1])
    torch.testing.assert_close(real, decoys)


def test_the_best_other_decoy_of_a_receiver():
    scores = torch.tensor([[9.0, 3.0, 5.0], [-1.0, 9.0, -2.0], [4.0, 4.0, 9.0]], dtype=torch.float64)
    wanted = ~torch.eye(3, dtype=torch.bool)[None, None]
    other = best_other(scores[None, None], wanted, undirected=False)[0, 0]
    assert other[0].tolist()[1:] == [5.0, 3.0]
    assert other[1].tolist() == [0.0, 0.0, 0.0]  # never a bonus
    assert other[2].tolist()[:2] == [4.0, 4.0]
    both = best_other(scores[None, None], wanted, undirected=True)[0, 0]
    assert both[0, 1] == 5.0
    assert torch.equal(both, both.T)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"graph": "shared"},
        {"graph": "per-window", "window": 4},
        {"undirected": True},
        {"edge_types": 3},
        {"neighbours": 2},
        {"neighbours": 2, "undirected": True},
    ],
)
def test_every_candidate_has_a_score_and_nobody_else(settings):
    judge, data, _, config = judge_of(springs(sequences=2), **settings)
    scores = evidence_scores(judge, data)
    graphs = 1 if config.graph.graph == "shared" else 2
    windows = math.ceil(13 / 4) if config.graph.graph == "per-window" else 1
    assert scores.pairs.shape == (graphs, windows, 4, 4)
    judged = np.isfinite(scores.pairs)
    candidate = np.zeros((2, 4, 4), dtype=bool)
    for stretch, receiver, slot in np.ndindex(*data.slots.shape):
        candidate[int(data.sequence[stretch]), receiver, int(data.slots[stretch, receiver, slot])] = True
    if config.graph.undirected:
        candidate = np.triu(candidate | candidate.swapaxes(1, 2), 1)
    np.testing.assert_array_equal(judged, np.broadcast_to(candidate[:graphs, None], judged.shape))
    assert np.isfinite(scores.decoys).all()
    assert len(scores.decoys) >= 100 or config.graph.neighbours
    q = q_values_of_new(judge.laws.laws[0], 1.0, data, config)
    assert ((q > 0) & (q <= 1)).sum() == judged.sum() * (2 if config.graph.undirected else 1)


def test_missing_values_leave_scores_finite():
    rng = np.random.default_rng(0)

    def holes(name, values):
        return np.where(rng.random(values.shape) < 0.05, np.nan, values)

    judge, data, _, _ = judge_of(with_values(springs(sequences=2, steps=30), holes))
    scores = evidence_scores(judge, data)
    assert np.isfinite(scores.pairs[0, 0][~np.eye(4, dtype=bool)]).all()


def test_many_candidates_are_judged_by_sampling(monkeypatch):
    judge, data, _, _ = judge_of(springs(sequences=2))
    exact = evidence_scores(judge, data)
    monkeypatch.setattr(discovery, "EXACTLY", 8)  # 2^3 configurations; one more decoy is too many
    sampled = evidence_scores(judge, data)
    judged = np.isfinite(exact.pairs)
    np.testing.assert_array_equal(np.isfinite(sampled.pairs), judged)
    assert len(sampled.decoys) == 5 * judged.sum()  # as few sets as make the 100 that are asked for
    clear = np.abs(exact.pairs[judged]) > 5
    assert clear.sum() > 5
    assert (np.sign(sampled.pairs[judged][clear]) == np.sign(exact.pairs[judged][clear])).mean() > 0.9


def test_a_law_of_which_every_type_acts_is_refused():
    model, data, _, config = untrained(springs(), no_interaction="no")
    with pytest.raises(ConfigError, match="fdr for a law of which every type acts"):
        q_values_of_new(model, 1.0, data, config)
