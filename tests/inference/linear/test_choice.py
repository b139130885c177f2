"""Forward selection where there are many senders."""

import numpy as np
import torch

from edgewise.inference.linear.choice import choose
from edgewise.inference.linear.evidence import SUMMED, evidence_of, posterior_of
from edgewise.inference.linear.rows import Series, Terms, regressions
from edgewise.inference.linear.sets import log_evidence

ONE = torch.ones(1, dtype=torch.float64)
TERMS = Terms(0, False)


def driven(n=SUMMED + 3, frames=300, seed=0):
    """Entity 0 hears 5 and 9; everybody else nobody."""
    rng = np.random.default_rng(seed)
    x = np.zeros((frames, n))
    for t in range(1, frames):
        x[t] = 0.5 * x[t - 1] + rng.normal(size=n)
        x[t, 0] += 0.6 * x[t - 1, 5] - 0.6 * x[t - 1, 9]
    return Series.of(x[..., None], 0)


def test_those_that_act_are_chosen_first():
    found = choose([regressions(driven(), TERMS)], ONE, 2)
    assert set(found.senders[0].tolist()) == {5, 9}


def test_a_gain_is_the_difference_that_a_sender_makes():
    one = regressions(driven(), TERMS)
    found = choose([one], ONE, 2)
    chosen, other = found.senders, torch.full((len(found.senders), 1), 3)
    without, with_it = log_evidence(one, chosen, ONE), log_evidence(one, torch.cat([chosen, other], 1), ONE)
    gain = with_it[:, 7] - without[:, 3]
    open_ = torch.isfinite(found.gain[:, 3])
    assert int(open_.sum()) > 10
    torch.testing.assert_close(found.gain[open_, 3], gain[open_])


def test_the_posterior_of_many_names_who_acts():
    p = posterior_of(evidence_of([driven()], TERMS, torch.ones(2)), 0.05, acyclic=False, seed=0)
    assert p[0, 5] > 0.99
    assert p[0, 9] > 0.99
    assert (p.flatten().sort().values[:-2] < 0.9).all()
    assert (p.diagonal() == 0).all()
