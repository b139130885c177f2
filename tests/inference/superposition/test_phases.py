"""The course of a fit: its schedules, the trial of type 0, and the hand-over from strengths to types."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from edgewise.inference.superposition.fit import log_prior_of, name_types, order_types
from edgewise.inference.superposition.phases import (
    PAIRS,
    StrengthsPhase,
    TypesPhase,
    arranged,
    type_sizes,
)
from edgewise.inference.superposition.strengths import Strengths

from ..worlds import springs, untrained, with_values


def types_phase(**settings):
    model, data, _, config = untrained(springs(), **settings)
    return TypesPhase(model, data, config, log_prior_of(config))


def drive(phase, evidence, start=0):
    """Feed a phase with a course of evidence instead of training it; -> the step after the last."""
    for step, value in enumerate(evidence, start):
        phase.after(step, -value)
    return start + len(evidence)


def scaled_heads(phase, *sizes):
    phase.model.law.combine_heads(torch.diag(torch.tensor(sizes)))


SETTLED = TypesPhase.TEMPER + 2 * TypesPhase.WINDOW


def test_evidence_is_arranged_by_receiver():
    model, data, _, _ = untrained(springs(steps=11))
    form = model(data, 5)  # [3 stretches, 2 windows, 4 entities]
    per_graph = arranged(form, "per-window")
    assert per_graph.square.shape == (12, 2)
    assert torch.equal(per_graph.square[4 * 1 + 3, 1], form.square[1, 1, 3])
    shared = arranged(form, "shared")
    assert shared.square.shape == (4, 1)
    torch.testing.assert_close(shared.gram[2, 0], form.gram[:, :, 2].sum((0, 1)))


def test_tempering_falls_to_one_and_stays():
    phase = types_phase(temperature=4.0)
    course = [phase.temperature(step) for step in range(80)]
    assert course[0] == 4.0
    assert all(left >= right for left, right in pairwise(course))
    assert course[TypesPhase.TEMPER :] == [1.0] * (80 - TypesPhase.TEMPER)


def test_the_step_size_warms_up_and_decays_to_zero():
    phase = types_phase(learning_rate=0.01, no_interaction="yes")
    assert phase.learning_rate(0) == pytest.approx(0.01 / 20)
    assert phase.learning_rate(500) == 0.01
    end = drive(phase, [1.0] * SETTLED)
    left = phase.steps_left(end)
    assert left is not None
    assert left > 0
    rates = [phase.learning_rate(step) for step in range(end, end + left + 1)]
    assert rates[0] == pytest.approx(0.01)
    assert rates[-1] == pytest.approx(0, abs=1e-12)
    assert all(left > right for left, right in pairwise(rates))
    assert phase.steps_left(end + left) == 0


def test_types_are_learnt_until_the_evidence_rests():
    phase = types_phase(no_interaction="yes", max_steps=10_000)
    end = drive(phase, [0.01 * step for step in range(400)])
    assert phase.steps_left(end) is None
    end = drive(phase, [4.0] * (2 * TypesPhase.WINDOW), start=end)
    assert phase.steps_left(end)


def test_types_are_not_learnt_beyond_the_most_steps():
    phase = types_phase(no_interaction="yes", max_steps=300)
    end = drive(phase, [0.01 * step for step in range(phase.most - 1)])
    assert phase.decay_from is None
    end = drive(phase, [2.0], start=end)
    assert phase.decay_from == end == phase.most
    assert phase.steps_left(end) == phase.most // 2  # the last third


@pytest.mark.parametrize("no_interaction", ["yes", "auto"])
@pytest.mark.parametrize("max_steps", [1, 2, 7, 40, 300, 4000])
def test_both_phases_together_take_no_more_than_the_most_steps(max_steps, no_interaction):
    model, data, _, config = untrained(springs(), max_steps=max_steps, no_interaction=no_interaction)
    strengths = StrengthsPhase(model, data, config)
    steps = 0
    while strengths.steps_left(steps) != 0:
        drive(strengths, [0.2 * steps], start=steps)
        steps += 1
    types = TypesPhase(model, data, config, log_prior_of(config))
    scaled_heads(types, 0.01, 1.0)
    more = 0
    while types.steps_left(more) != 0:
        drive(types, [0.2 * more], start=more)
        more += 1
    assert steps + more <= max(max_steps, 2)


def test_a_weak_type_is_tried_without_and_stays_silent_if_nothing_is_lost():
    phase = types_phase()
    scaled_heads(phase, 0.01, 1.0)
    end = drive(phase, [1.0] * SETTLED)
    assert phase.trial_from == end
    assert bool(phase.model.null)
    assert phase.steps_left(end) is None
    end = drive(phase, [0.9] * phase.trial, start=end)
    assert bool(phase.model.null)
    assert phase.steps_left(end)


def test_a_type_that_is_missed_gets_its_law_back():
    phase = types_phase()
    scaled_heads(phase, 0.01, 1.0)
    end = drive(phase, [5.0] * SETTLED)
    end = drive(phase, [2.0] * phase.trial, start=end)
    assert not bool(phase.model.null)
    assert phase.steps_left(end)


def test_a_trial_cut_short_by_the_clock_does_not_declare_a_missed_type_idle():
    phase = types_phase()
    scaled_heads(phase, 0.01, 1.0)
    end = drive(phase, [5.0] * SETTLED)
    end = drive(phase, [2.0] * (phase.trial // 2), start=end)
    phase.wind_down(end, 40)
    drive(phase, [2.0] * 40, start=end)
    assert not bool(phase.model.null)


def test_types_of_similar_size_are_not_tried_without():
    phase = types_phase()
    scaled_heads(phase, 0.9, 1.0)
    sizes = type_sizes(phase.model, phase.data)
    assert sizes[0] > TypesPhase.IDLE * sizes[1]
    drive(phase, [1.0] * SETTLED)
    assert phase.trial_from is None
    assert phase.decay_from == SETTLED
    assert not bool(phase.model.null)


def test_no_trial_where_the_answer_was_given():
    phase = types_phase(no_interaction="no")
    scaled_heads(phase, 0.01, 1.0)
    drive(phase, [1.0] * SETTLED)
    assert phase.trial_from is None
    assert not bool(phase.model.null)


def test_a_phase_ends_within_the_steps_that_are_possible():
    phase = types_phase(no_interaction="yes")
    end = drive(phase, [0.01 * step for step in range(100)])
    phase.wind_down(end, 500)  # time enough to go on learning
    assert phase.steps_left(end) is None
    phase.wind_down(end, 60)
    assert phase.steps_left(end) == 60
    end = drive(phase, [1.0] * 10, start=end)
    phase.wind_down(end, 20)
    assert phase.steps_left(end) == 20
    assert phase.learning_rate(end + 20) == pytest.approx(0, abs=1e-12)


def test_strengths_are_learnt_until_they_rest_but_not_for_ever():
    model, data, _, config = untrained(springs(), max_steps=4000)
    phase = StrengthsPhase(model, data, config)
    end = drive(phase, [1.0] * 59)
    assert phase.steps_left(end) is None
    assert phase.steps_left(drive(phase, [1.0], start=end)) == 0
    rising = StrengthsPhase(model, data, config)
    end = drive(rising, [0.1 * step for step in range(399)])
    assert rising.steps_left(end) is None
    assert rising.steps_left(400) == 0
    early = StrengthsPhase(model, data, config)
    early.wind_down(30, 5)
    assert early.steps_left(30) is None
    early.wind_down(35, 0)
    assert early.steps_left(35) == 0


def test_a_phase_is_restored_from_its_state():
    phase = types_phase()
    scaled_heads(phase, 0.01, 1.0)
    end = drive(phase, [1.0] * (SETTLED + phase.trial))
    other = types_phase()
    other.restore(phase.state())
    assert other.state() == phase.state()
    assert other.steps_left(end) == phase.steps_left(end)
    assert other.learning_rate(end + 7) == phase.learning_rate(end + 7)


@pytest.mark.parametrize(("entities", "steps"), [(4, 14), (8, 50), (12, 90)])
def test_a_batch_looks_at_about_as_many_pairs_whatever_the_recordings(entities, steps):
    model, data, _, config = untrained(springs(entities=entities, steps=steps, sequences=5))
    phase = TypesPhase(model, data, config, log_prior_of(config))
    pairs = (steps - 1) * entities * (entities - 1)
    assert phase.batch_size == max(4, PAIRS // pairs)
    assert len(phase.batch(0)) == min(phase.batch_size, 5)


@pytest.mark.parametrize(("entities", "batch"), [(40, 2), (70, 1)])
def test_of_many_entities_fewer_recordings_make_a_batch(entities, batch):
    model, data, _, config = untrained(springs(entities=entities, steps=60, sequences=2))
    assert TypesPhase(model, data, config, log_prior_of(config)).batch_size == batch


def test_a_batch_size_that_is_given_is_kept():
    assert types_phase(batch_size=2).batch(5).sequence.shape == (2,)


def test_the_types_are_ordered_by_the_size_of_their_messages_and_an_idle_one_stays_first():
    model, data, _, _ = untrained(springs(), edge_types=3)
    model.law.combine_heads(torch.diag(torch.tensor([5.0, 0.1, 1.0])))
    order_types(model, data)
    sizes = type_sizes(model, data)
    assert sizes.tolist() == sorted(sizes.tolist())
    model.law.combine_heads(torch.eye(3)[[2, 1, 0]])
    largest = type_sizes(model, data)[0]
    model.null.fill_(True)
    order_types(model, data)
    assert type_sizes(model, data)[0] == largest


def test_the_size_of_a_type_is_that_among_those_who_are_there():
    """Two of four entities are never there: most pairs are not."""
    ds = with_values(springs(), lambda name, x: np.where(np.arange(4) < 2, np.nan, x))
    model, data, _, _ = untrained(ds)
    sent = model.terms(data)[1].detach().norm(dim=-1)
    among = sent[:, :, 2:][data.slots[:, None, 2:].expand(-1, 13, -1, -1) >= 2]
    torch.testing.assert_close(type_sizes(model, data), among.median(0).values)
    assert (among > 0).all()


def told_strengths(monkeypatch):
    """Strengths that alternate between 0.8 and 0.2, and the prior's 0 for candidates that sent nothing."""

    def strengths(form, level):
        mean = torch.full(form.cross.shape, 0.2, dtype=torch.float64)
        mean[..., ::2] = 0.8
        mean[form.gram.diagonal(dim1=-1, dim2=-2) == 0] = 0.0
        return Strengths(form.square, mean, form.square)

    monkeypatch.setattr("edgewise.inference.superposition.fit.strengths_of", strengths)


def clusters_became_types(ds):
    """Whether name_types put the types at strengths 0.2 and 0.8 between f_0 and f_1."""
    model, data, _, config = untrained(ds)
    before = model.terms(data)[1].detach()
    name_types(model, data, config)
    after = model.terms(data)[1].detach()
    mixed = [(1 - c) * before[..., 0, :] + c * before[..., 1, :] for c in (0.2, 0.8)]
    first, second = after.unbind(-2)
    return any(
        torch.allclose(first, mixed[k], rtol=1e-4, atol=1e-5)
        and torch.allclose(second, mixed[1 - k], rtol=1e-4, atol=1e-5)
        for k in (0, 1)
    )


def test_clusters_of_strengths_become_types(monkeypatch):
    told_strengths(monkeypatch)
    assert clusters_became_types(springs())


def test_candidates_that_were_never_there_form_no_cluster(monkeypatch):
    told_strengths(monkeypatch)
    ds = springs(entities=6)
    assert clusters_became_types(with_values(ds, lambda name, x: np.where(np.arange(6) < 3, np.nan, x)))


def test_evidence_does_not_count_as_settled_before_the_least_steps():
    for least, begins in ((0, SETTLED), (SETTLED + 60, SETTLED + 60)):
        phase = types_phase(no_interaction="yes", max_steps=4000, min_steps=least)
        drive(phase, [1.0] * (2 * SETTLED))
        assert phase.decay_from == begins
