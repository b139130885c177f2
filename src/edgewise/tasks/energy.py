"""Learning the potential energy of systems from single frames: its objective, and how a run is measured."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

import torch
from sklearn.linear_model import LinearRegression
from torch import Tensor, nn

from edgewise.models.interaction import InteractionEnergy
from edgewise.models.learned_energy import EnergyScale, LearnedEnergy
from edgewise.models.learned_simulator import MotionScales, in_units
from edgewise.models.objects import ObjectDims
from edgewise.tasks.energy_data import energies
from edgewise.tasks.experiment import Measured, Metric
from edgewise.tasks.fingerprints import fingerprint
from edgewise.tasks.frame_batches import FrameBatches, training_sentence
from edgewise.tasks.learning import Learning
from edgewise.tasks.motion_scales import scales_of
from edgewise.tasks.motions import Motions, read_motions
from edgewise.tasks.next_velocity import AT_ONCE, VALIDATED, sampled_frames
from edgewise.tasks.physics import SHOWN, TESTED, facts_of
from edgewise.tasks.physics_data import PhysicsParts
from edgewise.tasks.physics_tables import EnergyModel, PhysicsTraining
from edgewise.tasks.recipe import Recipe
from edgewise.tasks.regression import scale_of
from edgewise.tasks.stopping import LowestLoss


class EnergyObjective(FrameBatches):
    """Mean squared error of the energies, in standard deviations of the training part.

    The energy is that of the true state, also where what is read has noise.

    Args:
        train, validation: recordings, each with its energies [S, T].
        training: the recipe's table; seed: of the batches and the noise.
    """

    metric = "error / variance"

    def __init__(
        self,
        train: tuple[Motions, Tensor],
        validation: tuple[Motions, Tensor],
        training: PhysicsTraining,
        seed: int,
    ) -> None:
        super().__init__(train[0], validation[0], training, seed)
        self.energies, self.validation_energies = train[1], validation[1]

    def loss(self, module: nn.Module, step: int) -> Tensor:
        assert isinstance(module, LearnedEnergy)
        objects, system, frame = self.batch(step)
        scale = module.energy
        target = (self.energies[system, frame] - scale.mean) / scale.sd
        return (module(objects) - target.float()).square().mean()

    def validate(self, module: nn.Module) -> tuple[float, float]:
        assert isinstance(module, LearnedEnergy)
        error, variance = squared_error(module, self.validation, self.validation_energies, VALIDATED)
        return error / module.energy.sd**2, error / variance


class EnergyExperiment:
    """A recipe of the task "physics" whose model learns energies; see `edgewise.tasks.experiment.Experiment`.

    Raises:
        DataError: where energies are not known, or all the same; see `edgewise.tasks.energy_data.energies`.
    """

    random_split = False
    metric = Metric(
        "squared error of the potential energy over its variance", "ratio", higher_is_better=False
    )

    def __init__(self, recipe: Recipe, parts: PhysicsParts) -> None:
        self.recipe, self.parts = recipe, parts
        self.energies = tuple(energies(ds) for ds in parts.recordings)  # training, validation, test
        self.scales, self.dims = scales_of(parts.train), parts.train.dims()
        self.energy = EnergyScale(*scale_of(self.energies[0]))
        states = [t for part in self._motions for t in (part.position, part.velocity)]
        self.fingerprint = fingerprint([*states, *self.energies])

    @property
    def training(self) -> PhysicsTraining:
        return cast(PhysicsTraining, self.recipe.training)

    @property
    def _motions(self) -> tuple[Motions, Motions, Motions]:
        return self.parts.train, self.parts.validation, self.parts.test

    def seeds(self, run: int) -> tuple[int, ...]:
        return (run,)

    def network(self) -> nn.Module:
        return LearnedEnergy(
            energy_network(cast(EnergyModel, self.recipe.model), self.dims), self.scales, self.energy
        )

    def learning(self, name: str, module: nn.Module, run: int, seed: int) -> Learning:
        train, validation, _ = zip(self._motions, self.energies, strict=True)
        objective = EnergyObjective(train, validation, self.training, seed)
        return Learning(name, module, objective, seed=seed, stopping=LowestLoss(0))

    def measure(self, run: int, members: Sequence[nn.Module]) -> Measured:
        module = cast(LearnedEnergy, members[0])
        found = [
            squared_error(module, motions, known, TESTED)
            for motions, known in zip(self._motions, self.energies, strict=True)
        ]
        train, validation, test = (error / variance for error, variance in found)
        more: dict[str, Any] = {
            "energy_mse": found[2][0],
            "energy_variance": found[2][1],
            "other_numbers": {str(n): self._elsewhere(module, n) for n in self.parts.more},
        }
        return Measured(run, train, validation, test, (test,), self._table(run, module), more)

    def _elsewhere(self, module: LearnedEnergy, n: int) -> dict[str, float]:
        """The same on systems of another size."""
        recorded = self.parts.more[n]
        motions = read_motions(recorded, self.parts.names)
        error, variance = squared_error(module, motions, energies(recorded), TESTED)
        return {"ratio": error / variance, "energy_mse": error, "energy_variance": variance}

    def _table(self, run: int, module: LearnedEnergy) -> dict[str, list[Any]]:
        """Energies of some test frames, true and foretold."""
        motions, known = self.parts.test, self.energies[2]
        system, frame = sampled_frames(motions, SHOWN)
        names = self.parts.recorded["sequence"].to_numpy()
        return {
            "seed": [run] * len(system),
            "system": names[system.numpy()].tolist(),
            "frame": frame.tolist(),
            "true": _rounded(known[system, frame]),
            "predicted": _rounded(foretold(module, motions, system, frame)),
        }

    def baselines(self) -> list[dict[str, Any]]:
        (train, _, test), (known, _, true) = self._motions, self.energies
        at, tested = sampled_frames(train, TESTED), sampled_frames(test, TESTED)
        fit = LinearRegression().fit(self._summed(train, *at).numpy(), known[at].numpy())
        linear = torch.from_numpy(fit.predict(self._summed(test, *tested).numpy()))
        answers = {
            "the mean of the training part": torch.full_like(linear, self.energy.mean),
            "linear regression on summed features of objects": linear,
        }
        truth = true[tested]
        variance = truth.var(correction=0)
        return [
            {"name": name, "value": float((answer - truth).square().mean() / variance)}
            for name, answer in answers.items()
        ]

    def _summed(self, motions: Motions, system: Tensor, frame: Tensor) -> Tensor:
        """What is known of objects, summed over them: [B, features] float64."""
        objects = in_units(motions.at(system, frame), self.scales, torch.float64)
        known = [objects.attributes, objects.position]
        return torch.cat(known if objects.external is None else [*known, objects.external], -1).sum(-2)

    def preview(self, measured: Sequence[Measured]) -> dict[str, Any]:
        table = measured[0].predictions
        rows = zip(*(table[name] for name in ("system", "frame", "true", "predicted")), strict=True)
        points = [
            {"name": f"system {system}, frame {frame}", "true": true, "predicted": predicted, "split": 0}
            for system, frame, true, predicted in rows
        ]
        items = {"item": "frame", "named_by": "system"}
        return {"kind": "regression", "target": "potential energy", "unit": "", "points": points, **items}

    def facts(self) -> list[list[Any]]:
        energy = f"{self.energy.mean:.4g}, {self.energy.sd:.4g}"
        return [*facts_of(self.parts), ["energy, mean and standard deviation in training", energy]]

    def protocol(self) -> list[str]:
        return [
            "Trained on single frames: the potential energy of the system from its objects and relations. The error is"
            " the mean square over the test frames, divided by the variance of their energies.",
            training_sentence(self.training),
            "Energies are standardised by the mean and standard deviation of the training part. The weights of the"
            " lowest validation error are kept.",
        ]

    def files(self) -> Mapping[str, bytes]:
        return {}

    def shape(self) -> dict[str, Any]:
        return {
            "described": asdict(self.parts.names),
            "dims": asdict(self.dims),
            "scales": asdict(self.scales),
            "energy": asdict(self.energy),
        }


def energy_network(model: EnergyModel, dims: ObjectDims) -> InteractionEnergy:
    """An untrained network: scaled `Objects` -> energy."""
    return InteractionEnergy(
        dims,
        translation=model.translation,
        features=model.features,
        hidden=(model.abstraction_hidden,),
        effect_dim=model.effect_dim,
        relation_hidden=(model.relation_hidden,) * model.relation_layers,
        object_hidden=(model.object_hidden,) * model.object_layers,
    )


def restored(recipe: Recipe, shape: Mapping[str, Any]) -> LearnedEnergy:
    """The network of a run, without its weights, from the record `config.json`."""
    network = energy_network(cast(EnergyModel, recipe.model), ObjectDims(**shape["dims"]))
    return LearnedEnergy(network, MotionScales.from_dict(shape["scales"]), EnergyScale(**shape["energy"]))


@torch.no_grad()
def foretold(module: LearnedEnergy, motions: Motions, system: Tensor, frame: Tensor) -> Tensor:
    """The energies of some frames [B] of some systems [B], in the units of the data: [B] float64."""
    parts = zip(system.split(AT_ONCE), frame.split(AT_ONCE), strict=True)
    return torch.cat([module.energies(motions.at(*part)) for part in parts])


def squared_error(module: LearnedEnergy, motions: Motions, known: Tensor, most: int) -> tuple[float, float]:
    """Mean squared error over at most so many frames, and the variance of their energies.

    Args:
        known: the energies of all frames, [S, T].
    """
    at = sampled_frames(motions, most)
    error = (foretold(module, motions, *at) - known[at]).square().mean()
    return float(error), float(known[at].var(correction=0))


def _rounded(values: Tensor) -> list[float]:
    return [float(f"{value:.6g}") for value in values.tolist()]
