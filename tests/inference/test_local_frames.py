"""Laws that see everything from the receiver, facing the way it goes."""

import math

import numpy as np
import pytest
import torch

from edgewise.data import from_arrays
from edgewise.errors import ConfigError
from edgewise.inference import InferenceConfig, infer
from edgewise.inference.encoding import fit_encoding
from edgewise.inference.local_frames import LocalFrames, VectorColumns, alike_in_space
from edgewise.inference.observations import observe
from edgewise.inference.superposition.model import SuperpositionModel

SETTINGS = {"local_frames": True, "lags": 2, "hidden": 8}


def walks(angle=0.0, shift=0.0, seed=0, temperature=True):
    """Four walkers of three recordings, all turned about the origin and moved."""
    rng = np.random.default_rng(seed)
    paths = rng.normal(size=(3, 14, 4, 2)).cumsum(1) * 0.1 + rng.normal(size=(3, 1, 4, 2))
    paths = paths + np.arange(14)[None, :, None, None] * np.array([0.3, 0.1])
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    paths = paths @ turn.T + shift
    more = {"warmth": rng.normal(size=(3, 14, 4)).cumsum(1)} if temperature else {}
    return from_arrays({"x": paths[..., 0], "y": paths[..., 1]} | more, position=["x", "y"])


def model_of(encoding, **settings):
    torch.manual_seed(0)
    model = SuperpositionModel(InferenceConfig.from_dict(SETTINGS | settings), encoding, 4).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def in_float64(data):
    return type(data)(
        **{name: part.double() if part.is_floating_point() else part for name, part in vars(data).items()}
    )


@pytest.mark.parametrize("noise", ["learnt", "profiled"])
@torch.no_grad()
def test_turning_and_moving_everything_turns_what_is_foretold(noise):
    still = walks()
    encoding = fit_encoding(still, lags=2, bridge=3)
    model, angle = model_of(encoding, noise=noise), 1.1
    turned = walks(angle, shift=5.0)
    one, other = (in_float64(observe(ds, encoding)) for ds in (still, turned))
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]).double()
    own, messages, log_sigma = model.terms(one)
    own_t, messages_t, log_sigma_t = model.terms(other)
    for before, after in ((own, own_t), (messages, messages_t)):
        torch.testing.assert_close(before[..., :2] @ turn.T, after[..., :2], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(before[..., 2:], after[..., 2:], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(log_sigma, log_sigma_t, rtol=1e-4, atol=1e-5)
    assert float(messages.abs().max()) > 0.1


@torch.no_grad()
def test_without_local_frames_turning_changes_what_is_foretold():
    still = walks()
    encoding = fit_encoding(still, lags=2, bridge=3)
    model = model_of(encoding, local_frames=False)
    one, other = (in_float64(observe(ds, encoding)) for ds in (still, walks(1.1)))
    assert not torch.allclose(model.terms(one)[0][..., 2], model.terms(other)[0][..., 2], rtol=1e-2)


@torch.no_grad()
def test_axes_look_along_the_mean_velocity_and_there_and_back_is_the_same():
    ds = walks()
    encoding = fit_encoding(ds, lags=2, bridge=3)
    data, columns = observe(ds, encoding), VectorColumns.of(encoding)
    frames = LocalFrames.of(data, columns)
    path = torch.tensor(np.stack([ds["x"], ds["y"]], -1)).float()
    for t in (0, 5):
        frame = encoding.first_frame + t
        way = (path[:, frame] - path[:, frame - 3]) / encoding.step
        torch.testing.assert_close(
            frames.axes[:, t, :, 0], way / way.norm(dim=-1, keepdim=True), rtol=1e-3, atol=1e-3
        )
    some = torch.randn(*data.target.shape)
    seen = torch.cat([frames.seen(some[..., :2]), some[..., 2:]], -1)
    torch.testing.assert_close(frames.in_space(seen), some, rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_who_stands_has_no_heading_and_sees_nothing():
    ds = walks(temperature=False)
    encoding = fit_encoding(ds, lags=2, bridge=3)
    data = observe(ds, encoding)
    data.velocity[:] = 0.0
    data.context[:] = 0.0
    frames = LocalFrames.of(data, VectorColumns.of(encoding))
    assert float(frames.axes.abs().max()) == 0.0
    assert torch.isfinite(model_of(encoding).terms(in_float64(data))[0]).all()


def test_both_components_have_one_noise():
    found = alike_in_space(torch.tensor([[1.0, 3.0, 5.0]]))
    assert found.tolist() == [[2.0, 2.0, 5.0]]


def test_a_fit_with_local_frames_forecasts_turned_recordings_alike():
    ds = walks(temperature=False)
    result = infer(ds, graph="shared", no_interaction="yes", max_steps=20, refit_steps=10, **SETTINGS)
    here = result.forecast(3, data=ds)
    there = result.forecast(3, data=walks(math.pi / 2, temperature=False))
    np.testing.assert_allclose(there["x"], -here["y"], atol=1e-4)
    np.testing.assert_allclose(there["y"], here["x"], atol=1e-4)
    assert any("facing the way it goes" in sentence for sentence in result.about["law"])


@pytest.mark.parametrize(
    "other", [{"rotation": True, "lags": 0}, {"additive": True}, {"symmetric": True}, {"translation": False}]
)
def test_what_local_frames_do_not_go_with_is_refused(other):
    with pytest.raises(ConfigError, match="local_frames together with"):
        InferenceConfig.from_dict(SETTINGS | other)


def test_decoys_and_other_spaces_are_refused():
    with pytest.raises(ConfigError, match="decoys have no frame"):
        InferenceConfig.from_dict(SETTINGS | {"fdr": 0.1})
    line = from_arrays({"x": np.random.default_rng(0).normal(size=(1, 20, 3)).cumsum(1)}, position=["x"])
    with pytest.raises(ConfigError, match="positions in the plane"):
        infer(line, **SETTINGS)
