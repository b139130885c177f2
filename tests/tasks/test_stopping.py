"""The rules of the papers, against plain transcriptions of the authors' loops."""

import json

import numpy as np
import pytest
import torch

from edgewise.tasks.stopping import BestWeights, Course, FixedEpochs, LowestError, Patience, RisingLoss


def walk(seed, n=400):
    """A validation curve that falls and then wanders: (losses, accuracies)."""
    draw = np.random.default_rng(seed)
    losses = 2 * np.exp(-np.arange(n) / 40) + 0.02 * draw.normal(size=n).cumsum() * 0.3 + 1.0
    accuracies = np.round(np.clip(0.8 - 0.3 * losses / 3 + 0.01 * draw.normal(size=n), 0, 1), 2)
    return losses.tolist(), accuracies.tolist()


def stops_at(rule, losses, accuracies):
    """(epochs trained, epochs whose weights were kept) under a rule."""
    kept = []
    for epoch, (loss, accuracy) in enumerate(zip(losses, accuracies, strict=True)):
        if rule.observe(loss, accuracy):
            kept.append(epoch)
        if rule.done:
            return epoch + 1, kept
    return len(losses), kept


def kipf(losses, early_stopping=10):
    """train.py of tkipf/gcn."""
    cost_val = []
    for epoch in range(len(losses)):
        cost_val.append(losses[epoch])
        if epoch > early_stopping and cost_val[-1] > np.mean(cost_val[-(early_stopping + 1) : -1]):
            break
    return len(cost_val)


def velickovic(losses, accuracies, patience):
    """execute_cora.py of PetarV-/GAT."""
    vlss_mn, vacc_mx, curr_step, saved = np.inf, 0.0, 0, []
    for epoch in range(len(losses)):
        if accuracies[epoch] >= vacc_mx or losses[epoch] <= vlss_mn:
            if accuracies[epoch] >= vacc_mx and losses[epoch] <= vlss_mn:
                saved.append(epoch)
            vacc_mx = np.max((accuracies[epoch], vacc_mx))
            vlss_mn = np.min((losses[epoch], vlss_mn))
            curr_step = 0
        else:
            curr_step += 1
            if curr_step == patience:
                return epoch + 1, saved
    return len(losses), saved


@pytest.mark.parametrize("seed", range(8))
def test_a_rising_loss_stops_where_kipfs_loop_does(seed):
    losses, accuracies = walk(seed)
    epochs, kept = stops_at(RisingLoss(10), losses, accuracies)
    assert epochs == kipf(losses)
    assert kept == []


def test_a_loss_may_rise_in_the_first_epochs():
    rising = [float(k) for k in range(30)]
    assert stops_at(RisingLoss(10), rising, rising)[0] == kipf(rising) == 12
    level = [1.0] * 30
    assert stops_at(RisingLoss(10), level, level)[0] == kipf(level) == 30


@pytest.mark.parametrize("patience", [3, 20])
@pytest.mark.parametrize("seed", range(8))
def test_patience_stops_and_keeps_where_velickovics_loop_does(seed, patience):
    losses, accuracies = walk(seed)
    assert stops_at(Patience(patience), losses, accuracies) == velickovic(losses, accuracies, patience)


def test_the_walks_try_both_ends_of_the_rules():
    lengths = [kipf(walk(seed)[0]) for seed in range(8)]
    assert min(lengths) < 200
    waits = [velickovic(*walk(seed), 3)[0] for seed in range(8)]
    assert min(waits) < 400


def test_the_lowest_error_is_kept_and_waited_for():
    errors = [3.0, 2.0, 2.5, 2.0, 1.0, 4.0, 4.0, 4.0, 0.5]
    assert stops_at(LowestError(3), errors, errors) == (8, [0, 1, 4])
    assert stops_at(LowestError(0), errors, errors) == (9, [0, 1, 4, 8])
    assert stops_at(FixedEpochs(), errors, errors) == (9, [])


@pytest.mark.parametrize("rule", [lambda: RisingLoss(10), lambda: Patience(5), lambda: LowestError(5)])
@pytest.mark.parametrize("at", [0, 1, 12, 30])
def test_a_rule_goes_on_from_its_state(rule, at):
    losses, accuracies = walk(1)
    whole, first, second = rule(), rule(), rule()
    expected = [(whole.observe(*pair), whole.done) for pair in zip(losses, accuracies, strict=True)]
    for pair in list(zip(losses, accuracies, strict=True))[:at]:
        first.observe(*pair)
    second.restore(json.loads(json.dumps(first.state())))
    rest = list(zip(losses, accuracies, strict=True))[at:]
    assert [(second.observe(*pair), second.done) for pair in rest] == expected[at:]


def test_best_weights_are_a_copy_that_is_put_back():
    module, best = torch.nn.Linear(2, 1), BestWeights()
    best.put_back(module)  # nothing is kept yet
    for epoch, value in ((0, 1.0), (3, 2.0)):
        torch.nn.init.constant_(module.weight, value)
        best.keep(module, epoch)
    torch.nn.init.constant_(module.weight, 9.0)
    best.put_back(module)
    assert module.weight.tolist() == [[2.0, 2.0]]
    assert best.epoch == 3


def test_a_long_course_is_thinned_and_keeps_its_ends():
    course = Course()
    for epoch in range(1234):
        course.add(epoch, 2.0 * epoch, 3.0 * epoch)
    thin = course.thinned(500)
    assert len(thin["epoch"]) == len(set(thin["epoch"])) == 500
    assert (thin["epoch"][0], thin["epoch"][-1]) == (1, 1234)
    assert thin["validation_metric"] == [3.0 * (epoch - 1) for epoch in thin["epoch"]]
    assert Course([1.0], [2.0], [3.0]).thinned(500) == {
        "epoch": [1],
        "train_loss": [1.0],
        "validation_loss": [2.0],
        "validation_metric": [3.0],
    }
