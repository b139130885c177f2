"""The encoder that is shown the truth, and the forecasters that know of no graph."""

import numpy as np
import pytest
import torch

from edgewise.errors import ConfigError, DataError
from edgewise.inference.config import InferenceConfig
from edgewise.inference.metrics import edge_metrics
from edgewise.inference.nri.lstm import ForecastObjective, LSTMForecaster, learn_lstm
from edgewise.inference.nri.supervised import CrossEntropyObjective, learn_supervised

from ..worlds import springs

SETTINGS = {"method": "nri", "hidden": 16, "frames": 14, "max_steps": 60, "learning_rate": 1e-2}


def test_an_encoder_that_is_shown_the_graphs_learns_to_read_them():
    ds = springs(sequences=200, entities=3, steps=14, strength=2.0)
    fitted = learn_supervised(ds, InferenceConfig.from_dict(SETTINGS))
    fresh = springs(sequences=100, entities=3, steps=14, seed=8, strength=2.0)
    p = fitted.probability(fresh)
    np.testing.assert_allclose(p.sum(-1), 1)
    measured = edge_metrics(p, fresh["edges"].to_numpy(), types_matched=False)
    assert measured.edge_accuracy > 0.9
    assert len(fitted.history) == 60


def test_pairs_of_unknown_type_are_left_out_of_the_loss():
    torch.manual_seed(0)
    logits = torch.randn(2, 3, 2, 2)

    class Says(torch.nn.Module):
        def forward(self, relation, trajectories):
            return logits[: len(trajectories)]

    labels = torch.tensor([[[0, 1], [-1, -7], [1, 1]], [[-1, 0], [0, 0], [1, -1]]])
    found = CrossEntropyObjective(torch.zeros(2, 5, 3, 1), labels).loss(Says(), torch.arange(2))
    known = [
        -logits[b, i, s].log_softmax(-1)[labels[b, i, s]]
        for b in range(2)
        for i in range(3)
        for s in range(2)
        if labels[b, i, s] >= 0
    ]
    assert found.item() == pytest.approx(sum(known).item() / len(known), rel=1e-6)


def test_without_a_usable_truth_supervision_is_refused():
    ds, config = springs(), InferenceConfig.from_dict(SETTINGS)
    with pytest.raises(DataError, match="no true graph to train on"):
        learn_supervised(ds.drop_vars("edges"), config)
    many = ds.assign(edges=ds["edges"] * 4)
    with pytest.raises(DataError) as error:
        learn_supervised(many, config)
    assert "has a type 4" in str(error.value)
    assert "set edge_types = 5" in str(error.value)


def forecaster(kind):
    torch.manual_seed(0)
    return LSTMForecaster(3, 4, kind=kind, hidden=6).double()


def frames(time=7, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(2, time, 4, 3, dtype=torch.float64, generator=generator)


@pytest.mark.parametrize("kind", ["single", "joint"])
@pytest.mark.parametrize("burn_in", [1, 4, 6, 20])
def test_after_the_burn_in_every_input_is_a_prediction(kind, burn_in):
    """Frame by frame with the LSTM's state carried along by hand."""
    model, truth = forecaster(kind), frames()
    made = model.predicted(truth, burn_in)
    assert made.shape == (2, 6, 4, 3)
    for b in range(2):
        systems = [truth[b, :, i] for i in range(4)] if kind == "single" else [truth[b].flatten(1)]
        parts = []
        for x in systems:
            state, row, steps = None, x[0], []
            for t in range(6):
                row = x[t] if t < burn_in else row
                hidden, state = model.lstm(model.enter(row)[None, None], state)
                row = row + model.leave(hidden[0, 0])
                steps.append(row)
            parts.append(torch.stack(steps))
        expected = torch.stack(parts, 1) if kind == "single" else parts[0].unflatten(1, (4, 3))
        torch.testing.assert_close(made[b], expected)


@pytest.mark.parametrize("kind", ["single", "joint"])
def test_a_roll_out_goes_on_after_the_past(kind):
    model, truth = forecaster(kind), frames()
    one = model.roll(truth, 3)
    assert one.shape == (2, 3, 4, 3)
    longer = torch.cat([truth, torch.zeros_like(truth[:, :3])], 1)
    torch.testing.assert_close(one, model.predicted(longer, 7)[:, -3:])


def test_entities_are_strangers_to_a_single_lstm_and_not_to_a_joint_one():
    truth, other = frames(), frames()
    other[:, :, 3] += 1.0
    for kind, apart in (("single", True), ("joint", False)):
        model = forecaster(kind)
        assert torch.equal(model.roll(truth, 2)[:, :, :3], model.roll(other, 2)[:, :, :3]) is apart
    assert forecaster("single").roll(frames()[:, :, :2], 2).shape == (2, 2, 2, 3)
    with pytest.raises(DataError, match="systems of 2 entities"):
        forecaster("joint").roll(frames()[:, :, :2], 2)


@pytest.mark.parametrize("kind", ["single", "joint"])
def test_training_improves_the_forecast(kind):
    ds = springs(sequences=30, steps=20)
    past, truth = ds.isel(time=slice(0, 16)), ds["x"].to_numpy()[:, 16:]
    errors = []
    for steps in (1, 60):
        fitted = learn_lstm(ds, kind=kind, hidden=16, frames=16, ahead=4, steps=steps, learning_rate=1e-2)
        ahead = fitted.forecast(past, steps=4)["x"].to_numpy()
        assert ahead.shape == (30, 4, 4)
        errors.append(np.square(ahead - truth).mean())
    assert errors[1] < 0.2 * errors[0]


def test_the_error_is_the_mean_over_all_predicted_frames():
    model, truth = forecaster("single"), frames()
    found = ForecastObjective(truth, 3).loss(model, torch.tensor([1]))
    made = model.predicted(truth[1:], 3)
    expected = ((made - truth[1:, 1:]) ** 2).sum() / made.numel()
    assert found.item() == pytest.approx(expected.item())


def test_impossible_lstms_are_refused():
    with pytest.raises(ConfigError, match="an LSTM of kind 'both'"):
        learn_lstm(springs(), kind="both")
    with pytest.raises(ConfigError, match="ahead=14 of 14 frames"):
        learn_lstm(springs(), ahead=14)
