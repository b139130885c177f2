"""A checkpoint brings everything back, is written whole, and says what is wrong with it."""

import json

import pytest
import torch
from safetensors.torch import save_file

from edgewise.errors import RunError
from edgewise.training import Checkpoint, Checkpoints
from edgewise.training.checkpoint import optimizer_tensors


def trained(steps, seed=0):
    """A small module and its Adam after some steps."""
    torch.manual_seed(seed)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.Adam(module.parameters(), lr=0.1, betas=(0.9, 0.99))
    step_on(module, optimizer, range(steps))
    return module, optimizer


def step_on(module, optimizer, steps):
    for step in steps:
        x = torch.randn(5, 3, generator=torch.Generator().manual_seed(step))
        optimizer.zero_grad()
        module(x).square().mean().backward()
        optimizer.step()


def checkpoint_of(module, optimizer, step=4, state=None):
    return Checkpoint(
        "a phase", step, module.state_dict(), optimizer_tensors(optimizer), state or {"x": [1.5, None]}, 2.5
    )


def test_what_is_saved_is_what_is_loaded(tmp_path):
    module, optimizer = trained(4)
    kept = Checkpoints(tmp_path / "deep" / "checkpoints")
    state = {"evidence": [0.1 + 0.2, -1e-300], "from": None, "steps": 7}
    kept.save(checkpoint_of(module, optimizer, state=state))
    found = kept.load()
    assert found is not None
    assert (found.phase, found.step, found.state, found.seconds) == ("a phase", 4, state, 2.5)
    assert found.module.keys() == module.state_dict().keys()
    for name, tensor in module.state_dict().items():
        assert torch.equal(found.module[name], tensor)


def test_a_state_may_hold_tensors_by_name(tmp_path):
    module, optimizer = trained(1)
    weights = {"0.weight": torch.tensor([[1.5, -0.0]]), "a.b": torch.tensor(7)}
    Checkpoints(tmp_path).save(checkpoint_of(module, optimizer, state={"best": weights, "n": 3, "none": {}}))
    found = Checkpoints(tmp_path).load()
    assert found is not None
    assert found.state.keys() == {"best", "n", "none"}
    assert (found.state["n"], found.state["none"]) == (3, {})
    assert found.state["best"].keys() == weights.keys()
    assert all(torch.equal(found.state["best"][name], tensor) for name, tensor in weights.items())


def test_checkpoints_of_other_names_lie_beside_each_other(tmp_path):
    module, optimizer = trained(1)
    Checkpoints(tmp_path).save(checkpoint_of(module, optimizer, step=1))
    Checkpoints(tmp_path, "seed-3").save(checkpoint_of(module, optimizer, step=2))
    assert {path.name for path in tmp_path.iterdir()} == {"latest.safetensors", "seed-3.safetensors"}
    assert [Checkpoints(tmp_path, name).load().step for name in ("latest", "seed-3")] == [1, 2]
    Checkpoints(tmp_path).remove()
    assert Checkpoints(tmp_path, "seed-3").load().step == 2


def test_going_on_from_a_checkpoint_is_bit_identical_to_going_on(tmp_path):
    module, optimizer = trained(4)
    Checkpoints(tmp_path).save(checkpoint_of(module, optimizer))
    other, fresh = trained(9, seed=5)
    found = Checkpoints(tmp_path).load()
    assert found is not None
    found.restore(other, fresh)
    for one, its in ((module, optimizer), (other, fresh)):
        step_on(one, its, range(4, 8))
    for left, right in zip(module.state_dict().values(), other.state_dict().values(), strict=True):
        assert torch.equal(left, right)


def test_there_is_nothing_to_load_before_the_first_save(tmp_path):
    assert Checkpoints(tmp_path / "none").load() is None


def test_an_interrupted_write_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    module, optimizer = trained(1)
    kept = Checkpoints(tmp_path)
    kept.save(checkpoint_of(module, optimizer, step=1))

    def dies(tensors, path, about):
        path.write_bytes(b"half a fi")
        raise OSError("disk full")

    monkeypatch.setattr("edgewise.training.checkpoint.save_file", dies)
    with pytest.raises(OSError, match="disk full"):
        kept.save(checkpoint_of(module, optimizer, step=2))
    found = kept.load()
    assert found is not None
    assert found.step == 1


@pytest.mark.parametrize("damage", ["cut", "not a checkpoint", "foreign"])
def test_a_damaged_file_is_refused_by_name(tmp_path, damage):
    kept = Checkpoints(tmp_path)
    kept.save(checkpoint_of(*trained(1)))
    if damage == "cut":
        kept.path.write_bytes(kept.path.read_bytes()[:-40])
    elif damage == "foreign":
        save_file({"weight": torch.zeros(2)}, kept.path)
    else:
        kept.path.write_text("hello")
    with pytest.raises(RunError) as error:
        kept.load()
    assert f"{kept.path} cannot be read" in str(error.value)
    assert "start the run anew" in str(error.value)


def test_a_checkpoint_of_another_format_is_refused(tmp_path):
    kept = Checkpoints(tmp_path)
    about = {"format": "99", "phase": "x", "step": 1, "state": {}, "seconds": 0.0}
    save_file({"module.weight": torch.zeros(2)}, kept.path, {"about": json.dumps(about)})
    with pytest.raises(RunError) as error:
        kept.load()
    assert f"{kept.path} has format 99" in str(error.value)
    assert "format 1, which this version writes" in str(error.value)


def test_removing_takes_an_empty_folder_along_and_nothing_else(tmp_path):
    kept = Checkpoints(tmp_path / "checkpoints")
    kept.remove()
    kept.save(checkpoint_of(*trained(1)))
    kept.remove()
    assert not kept.folder.exists()
    kept.save(checkpoint_of(*trained(1)))
    (kept.folder / "notes.txt").write_text("mine")
    kept.remove()
    assert [path.name for path in kept.folder.iterdir()] == ["notes.txt"]
