"""Checkpoints: one safetensors file each, replaced atomically; never a pickle."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from edgewise.errors import RunError

FORMAT = "1"


@dataclass(frozen=True)
class Checkpoint:
    """A training run as it stood after `step` steps of a phase.

    Attributes:
        phase: which part of the training; step: steps done in it.
        module, optimizer: their tensors by name.
        state: what else the task needs: plain values, and dictionaries of tensors by name (kept weights, say).
        seconds: time spent so far.
    """

    phase: str
    step: int
    module: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    state: dict[str, Any]
    seconds: float

    def restore(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Put the tensors back, in place.

        Raises:
            RunError: if they are those of another model.
        """
        try:
            module.load_state_dict(self.module)
        except RuntimeError as error:
            raise RunError(
                f"the checkpoint (phase {self.phase}, step {self.step}) is of another model: {error}",
                expected="the model that the interrupted run was training",
                fix="resume with the settings that the run began with, or start it anew",
            ) from error
        plain = optimizer.state_dict()
        plain["state"] = {}
        for name, tensor in self.optimizer.items():
            index, key = name.split(".", 1)
            plain["state"].setdefault(int(index), {})[key] = tensor
        optimizer.load_state_dict(plain)


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The state of an optimiser as named tensors: "parameter index.key"."""
    state = optimizer.state_dict()["state"]
    return {
        f"{index}.{key}": torch.as_tensor(value)
        for index, entry in state.items()
        for key, value in entry.items()
    }


def _is_tensors(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(t, Tensor) for t in value.values())


@dataclass(frozen=True)
class Checkpoints:
    """The folder that a run keeps its latest checkpoint in (or, under another name, a part that is finished)."""

    folder: Path
    name: str = "latest"

    @property
    def path(self) -> Path:
        return self.folder / f"{self.name}.safetensors"

    def save(self, checkpoint: Checkpoint) -> None:
        """Write and then replace: an interrupted write leaves the one before."""
        self.folder.mkdir(parents=True, exist_ok=True)
        tensors = {f"module.{name}": t for name, t in checkpoint.module.items()}
        tensors |= {f"optimizer.{name}": t for name, t in checkpoint.optimizer.items()}
        kept = {key: value for key, value in checkpoint.state.items() if _is_tensors(value)}
        tensors |= {f"state.{key}.{name}": t for key, value in kept.items() for name, t in value.items()}
        about = {
            "format": FORMAT,
            "phase": checkpoint.phase,
            "step": checkpoint.step,
            "state": {key: value for key, value in checkpoint.state.items() if key not in kept},
            "seconds": checkpoint.seconds,
        }
        draft = self.path.with_suffix(".partial")
        save_file(
            {k: t.detach().cpu().contiguous().clone() for k, t in tensors.items()},
            draft,
            {"about": json.dumps(about)},
        )
        draft.replace(self.path)

    def load(self) -> Checkpoint | None:
        """The latest checkpoint, or None if there is none.

        Raises:
            RunError: for a damaged file, or one of another version.
        """
        if not self.path.exists():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                about = json.loads((file.metadata() or {})["about"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        except (SafetensorError, KeyError, OSError, json.JSONDecodeError) as error:
            raise RunError(
                f"{self.path} cannot be read: {error}",
                expected="a checkpoint of edgewise",
                fix="start the run anew",
            ) from error
        if about.get("format") != FORMAT:
            raise RunError(
                f"{self.path} has format {about.get('format')}",
                expected=f"format {FORMAT}, which this version writes",
                fix="resume with the version that began the run, or start it anew",
            )
        parts: dict[str, dict[str, Tensor]] = {"module": {}, "optimizer": {}, "state": {}}
        for name, tensor in tensors.items():
            part, rest = name.split(".", 1)
            parts[part][rest] = tensor
        state = about["state"]
        for name, tensor in parts.pop("state").items():
            key, rest = name.split(".", 1)
            state.setdefault(key, {})[rest] = tensor
        return Checkpoint(about["phase"], about["step"], **parts, state=state, seconds=about["seconds"])

    def clear(self) -> None:
        """Delete every checkpoint of the folder, those of finished parts among them."""
        for path in self.folder.glob("*.safetensors"):
            path.unlink()
        self.remove()

    def remove(self) -> None:
        """Delete the checkpoint once the run is complete."""
        self.path.unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()
