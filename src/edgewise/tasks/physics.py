"""Learned simulators: interaction networks and their controls, trained on motions and measured by rolling them out."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from edgewise.models.interaction import DynamicsOnly, FlatMLP, InteractionDynamics
from edgewise.models.learned_simulator import LearnedSimulator, MotionScales
from edgewise.models.objects import ObjectDims
from edgewise.models.pair_forces import PairForces
from edgewise.settings import plain
from edgewise.tasks.experiment import Measured, Metric
from edgewise.tasks.fingerprints import fingerprint
from edgewise.tasks.frame_batches import training_sentence
from edgewise.tasks.learning import Learning
from edgewise.tasks.motion_scales import scales_of
from edgewise.tasks.motions import Motions, read_motions
from edgewise.tasks.next_velocity import NextVelocity, errors, sampled_frames
from edgewise.tasks.physics_data import PhysicsParts
from edgewise.tasks.physics_tables import (
    DynamicsModel,
    DynamicsOnlyModel,
    FlatModel,
    InteractionModel,
    PhysicsTraining,
    SimulatedData,
)
from edgewise.tasks.recipe import Recipe
from edgewise.tasks.rollout import positions_after
from edgewise.tasks.stopping import LowestLoss

TESTED = 20000
"""Frames that an error is measured on, at most."""
SHOWN = 200
"""Test frames whose changes of velocity the page shows."""
AHEAD = (1, 10, 100, 1000)
"""Steps after which positions of a rollout are compared with the recording."""
ROLLED = 20
"""Systems that are rolled out for that, at most."""


def dynamics_of(model: DynamicsModel, dims: ObjectDims, step: float, n_objects: int) -> nn.Module:
    """An untrained network: scaled `Objects` -> change of velocity; see `edgewise.models`.

    Args:
        step: the distance that speed 1 makes in a step; n_objects: for the control that needs it.
    """
    if isinstance(model, InteractionModel):
        return InteractionDynamics(
            dims,
            step,
            translation=model.translation,
            effect_dim=model.effect_dim,
            relation_hidden=(model.relation_hidden,) * model.relation_layers,
            object_hidden=(model.object_hidden,) * model.object_layers,
        )
    if isinstance(model, FlatModel):
        return FlatMLP(dims, n_objects, (model.hidden,) * model.layers)
    if isinstance(model, DynamicsOnlyModel):
        return DynamicsOnly(dims, (model.hidden,) * model.layers)
    return PairForces(dims, step, **plain(model))


class PhysicsExperiment:
    """A recipe of the task "physics" on its data; see `edgewise.tasks.experiment.Experiment`."""

    random_split = False
    metric = Metric("velocity error / constant velocity", "", higher_is_better=False)

    def __init__(self, recipe: Recipe, parts: PhysicsParts) -> None:
        self.recipe, self.parts = recipe, parts
        self.scales, self.dims = scales_of(parts.train), parts.train.dims()
        every = [parts.train, parts.validation, parts.test]
        self.fingerprint = fingerprint([t for part in every for t in (part.position, part.velocity)])

    @property
    def training(self) -> PhysicsTraining:
        return cast(PhysicsTraining, self.recipe.training)

    def seeds(self, run: int) -> tuple[int, ...]:
        return (run,)

    def network(self) -> nn.Module:
        model = cast(DynamicsModel, self.recipe.model)
        dynamics = dynamics_of(model, self.dims, self.scales.step, self.parts.train.n_objects)
        return LearnedSimulator(dynamics, self.scales)

    def learning(self, name: str, module: nn.Module, run: int, seed: int) -> Learning:
        objective = NextVelocity(self.parts.train, self.parts.validation, self.training, seed)
        return Learning(name, module, objective, seed=seed, stopping=LowestLoss(0))

    def measure(self, run: int, members: Sequence[nn.Module]) -> Measured:
        module = cast(LearnedSimulator, members[0])
        parts = self.parts
        found = [errors(module, part, TESTED) for part in (parts.train, parts.validation, parts.test)]
        train, validation, test = (error / constant for error, constant in found)
        unit = self.scales.change**2
        more: dict[str, Any] = {
            "velocity_mse": found[2][0] * unit,
            "constant_velocity_mse": found[2][1] * unit,
            "rollout": self._ahead(module, parts.test),
        }
        if not isinstance(module.dynamics, FlatMLP):
            more["other_numbers"] = {str(n): self._elsewhere(module, n) for n in parts.more}
        return Measured(run, train, validation, test, (test,), self._table(run, module), more)

    def _elsewhere(self, module: LearnedSimulator, n: int) -> dict[str, Any]:
        """The same on systems of another size."""
        motions = read_motions(self.parts.more[n], self.parts.names)
        error, constant = errors(module, motions, TESTED)
        return {"ratio": error / constant, "rollout": self._ahead(module, motions)}

    def _ahead(self, module: LearnedSimulator, motions: Motions) -> dict[str, dict[str, float]]:
        """Root mean squared distance to the recording after so many steps, beside constant velocity."""
        few = motions.systems(slice(0, ROLLED))
        ahead = [steps for steps in AHEAD if steps < motions.n_frames]
        rolled, straight = positions_after(module, few, ahead)
        moving = ~few.fixed[..., 0]
        return {
            str(steps): {
                "rmse": _distance(rolled[steps], few, steps, moving),
                "constant_velocity": _distance(straight[steps], few, steps, moving),
            }
            for steps in ahead
        }

    def _table(self, run: int, module: LearnedSimulator) -> dict[str, list[Any]]:
        """Changes of velocity of some test frames, true and foretold."""
        motions, recorded = self.parts.test, self.parts.recorded
        system, frame = sampled_frames(motions, SHOWN)
        objects = motions.at(system, frame)
        true = (motions.velocity[system, frame + 1] - objects.velocity).numpy()
        foretold = (module(objects) * self.scales.change).numpy()
        row, entity = (~objects.fixed[..., 0]).nonzero(as_tuple=True)
        names = recorded["sequence"].to_numpy(), recorded["entity"].to_numpy()
        table: dict[str, list[Any]] = {
            "seed": [run] * (len(row) * self.dims.space),
            "system": [],
            "frame": [],
            "object": [],
            "feature": [],
            "true": [],
            "predicted": [],
        }
        for axis, name in enumerate(self.parts.names.velocity):
            table["system"] += names[0][system[row].numpy()].tolist()
            table["frame"] += frame[row].tolist()
            table["object"] += names[1][entity.numpy()].tolist()
            table["feature"] += [name] * len(row)
            table["true"] += [float(f"{value:.6g}") for value in true[row, entity, axis]]
            table["predicted"] += [float(f"{value:.6g}") for value in foretold[row, entity, axis]]
        return table

    def baselines(self) -> list[dict[str, Any]]:
        return [{"name": "constant velocity", "value": 1.0}]

    def preview(self, measured: Sequence[Measured]) -> dict[str, Any]:
        table = measured[0].predictions
        rows = zip(
            *(table[name] for name in ("object", "feature", "frame", "true", "predicted")), strict=True
        )
        points = [
            {"name": f"{entity}, {feature}, frame {frame}", "true": true, "predicted": predicted, "split": 0}
            for entity, feature, frame, true, predicted in rows
        ]
        items = {"item": "object", "named_by": "name and frame"}
        return {
            "kind": "regression",
            "target": "change of velocity in a step",
            "unit": "",
            "points": points,
            **items,
        }

    def facts(self) -> list[list[Any]]:
        return facts_of(self.parts)

    def protocol(self) -> list[str]:
        simulated_ = isinstance(self.recipe.data, SimulatedData)
        return [
            "Trained on single steps: the velocities of the next frame from this one. The error is its mean square over"
            " the objects that move, divided by that of constant velocity on the same frames.",
            "The test systems are others than those of the training."
            if simulated_
            else "The last recordings (of a single one the last frames) are the test part.",
            training_sentence(self.training),
            "The weights of the lowest validation error are kept. Rollouts start at the first frame of a test system.",
        ]

    def files(self) -> Mapping[str, bytes]:
        return {}

    def shape(self) -> dict[str, Any]:
        return {
            "described": asdict(self.parts.names),
            "dims": asdict(self.dims),
            "scales": asdict(self.scales),
            "n_objects": self.parts.train.n_objects,
        }


def restored(recipe: Recipe, shape: Mapping[str, Any]) -> LearnedSimulator:
    """The simulator of a run, without its weights, from the record `config.json`."""
    scales = MotionScales.from_dict(shape["scales"])
    model = cast(DynamicsModel, recipe.model)
    dynamics = dynamics_of(model, ObjectDims(**shape["dims"]), scales.step, shape["n_objects"])
    return LearnedSimulator(dynamics, scales)


def facts_of(parts: PhysicsParts) -> list[list[Any]]:
    """[name, value] of recordings, for a reader."""
    counts = ", ".join(str(part.n_systems) for part in (parts.train, parts.validation, parts.test))
    frames = ", ".join(str(part.n_frames) for part in (parts.train, parts.validation, parts.test))
    return [
        ["recordings for training, validation, test", counts],
        ["frames of a recording", frames],
        ["objects", parts.train.n_objects],
        ["time of a step", parts.train.time_step],
        ["attributes of an object", ", ".join(parts.names.attributes) or "none"],
        ["from outside", ", ".join(parts.names.external) or "nothing"],
        ["relations", parts.train.relation.n_edges],
        ["attributes of a relation", parts.train.dims().relation],
    ]


def _distance(found: np.ndarray, motions: Motions, steps: int, moving: torch.Tensor) -> float:
    """Root mean square over the objects that move of the distance to where they were recorded."""
    apart = found - motions.position[:, steps].double().numpy()
    return float(np.sqrt(np.square(apart).sum(-1)[moving.numpy()].mean()))
