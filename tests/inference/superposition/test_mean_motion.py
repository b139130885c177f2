"""A copy of the law that foretells the mean motion."""

import pytest
import torch

from edgewise.errors import ConfigError
from edgewise.inference import infer
from edgewise.inference.config import InferenceConfig, TrainingConfig
from edgewise.inference.result import Inference
from edgewise.inference.superposition.mean_motion import GivenGraphs, MeanMotion, at_frames, refit_mean
from edgewise.physics import simulate
from edgewise.training import Deadline

from ..worlds import planted, springs, untrained
from .test_influence import beliefs


def given(graphs=3, null=False, **settings):
    """Untrained law, observations and drawn beliefs."""
    model, data, _, _ = untrained(
        springs(), edge_types=3, graph="shared" if graphs == 1 else "per-sequence", **settings
    )
    model.null.fill_(null)
    belief = beliefs(graphs, 4, 3)
    return model, data, belief, GivenGraphs.of(data, belief)


@pytest.mark.parametrize("null", [True, False])
@pytest.mark.parametrize("graphs", [1, 3])
@torch.no_grad()
def test_the_error_is_that_of_the_expected_increment(null, graphs):
    model, data, belief, held = given(graphs, null)
    own, messages, _ = model.terms(data)
    for stretch, frame in ((0, 0), (1, 5), (2, 11)):
        total, count = 0.0, 0.0
        for receiver in range(4):
            expected = own[stretch, frame, receiver].double().clone()
            for slot in range(3):
                sender = data.slots[stretch, receiver, slot]
                for k in range(int(null), 3):
                    p = belief[stretch if graphs > 1 else 0, receiver, sender, k]
                    expected += p * messages[stretch, frame, receiver, slot, k].double()
            known = data.weight[stretch, frame, receiver].double()
            total += float(
                ((data.target[stretch, frame, receiver].double() - expected).square() * known).sum()
            )
            count += float(known.sum())
        found = held.squared_errors(model, torch.tensor([stretch]), torch.tensor([frame]))
        assert float(found) == pytest.approx(total / count, rel=1e-4)


@torch.no_grad()
def test_however_frames_are_drawn_the_mean_is_that_over_all_frames():
    model, data, _, held = given()
    held.data.target[0, 3] *= 20.0  # a rare large motion
    task = MeanMotion(model, held, 10, TrainingConfig())
    torch.manual_seed(0)
    drawn = torch.stack([task.loss(model, step) for step in range(400)])
    expected = held.error(model) / float(data.target.square().mean())
    assert float(drawn.mean()) == pytest.approx(expected, rel=0.05)
    even = MeanMotion(model, held, 10, TrainingConfig())
    even.bounds, even.importance = (
        torch.arange(1.0, len(even.bounds) + 1).double(),
        torch.ones_like(even.importance),
    )
    assert drawn.std() < 0.5 * torch.stack([even.loss(model, step) for step in range(400)]).std()


def test_moments_of_which_nothing_was_observed_are_never_drawn():
    _, data, _, held = given()
    data.weight[1, 4:] = 0.0
    stretch, frame = held.moments()
    assert not ((stretch == 1) & (frame >= 4)).any()
    assert len(stretch) == data.weight.amax((2, 3)).sum()


def test_frames_are_stretches_of_their_own():
    _, data, _, _ = given()
    some = at_frames(data, torch.tensor([2, 0]), torch.tensor([7, 1]))
    assert torch.equal(some.position[:, 0], torch.stack([data.position[2, 7], data.position[0, 1]]))
    assert torch.equal(some.slots, data.slots[[2, 0]])
    assert torch.equal(some.sequence, data.sequence[[2, 0]])


def test_the_copy_foretells_better_and_the_law_stays_as_it_was():
    model, data, _, _ = untrained(planted(sequences=4, frames=40)[0])
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    held = GivenGraphs.of(data, beliefs(4, 4, 2))
    settings = TrainingConfig(refit_steps=150, learning_rate=1e-2)
    found = refit_mean(model, held, None, settings, deadline=Deadline())
    assert found.error_after < 0.7 * found.error_before
    assert held.error(found.model) == pytest.approx(found.error_after)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    noise = {name: tensor for name, tensor in found.model.state_dict().items() if name.startswith("noise")}
    assert noise
    assert all(torch.equal(tensor, before[name]) for name, tensor in noise.items())


def test_a_copy_that_is_no_better_is_not_kept():
    model, data, _, _ = untrained(springs())
    held = GivenGraphs.of(data, beliefs(3, 4, 2))
    assert refit_mean(model, held, None, TrainingConfig(refit_steps=0), deadline=Deadline()) is None


def test_forecasts_are_the_copy_s_and_survive_a_round_trip(tmp_path):
    ds = simulate("charged", entities=3, sequences=24, steps=25, seed=0)
    plain = infer(ds, max_steps=60, hidden=16)
    result = infer(ds, max_steps=60, hidden=16, refit_steps=80, learning_rate=3e-3)
    torch.testing.assert_close(
        torch.tensor(result.probability.values), torch.tensor(plain.probability.values)
    )
    assert result.about["refit"]["error_after"] < result.about["refit"]["error_before"]
    ahead = result.forecast(steps=3)
    assert not plain.forecast(steps=3).identical(ahead)
    assert plain.forecast(steps=3, samples=2, seed=1).identical(result.forecast(steps=3, samples=2, seed=1))
    result.save(tmp_path / "run")
    assert Inference.load(tmp_path / "run").forecast(steps=3).identical(ahead)


@pytest.mark.parametrize(
    "settings", [{"method": "nri"}, {"graph": "per-window"}, {"gain": "profiled"}, {"method": "correlation"}]
)
def test_a_refit_without_a_law_or_a_graph_is_refused(settings):
    with pytest.raises(ConfigError, match="refit_steps"):
        InferenceConfig.from_dict({"refit_steps": 10} | settings)
