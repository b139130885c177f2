"""Learning who pulls how strongly, and by which law of distance, from recorded motion: the task "central-forces"."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from edgewise.models.central_force import CentralForce, RadialLaw, refuse_coincident
from edgewise.tasks.central_data import ForceData
from edgewise.tasks.central_fit import (
    Accelerations,
    ForceFits,
    ForceLearning,
    ForceObjective,
    refine,
    weights_of,
)
from edgewise.tasks.central_forecast import Forecasts
from edgewise.tasks.central_measure import by_entity, distances_of, exponents, finite, law_curves, masses
from edgewise.tasks.central_simple import ellipses, gravity_of, straight
from edgewise.tasks.central_tables import CentralForceData, CentralForceModel, CentralForceTraining
from edgewise.tasks.experiment import Measured, Metric
from edgewise.tasks.fingerprints import fingerprint
from edgewise.tasks.learning import Learning
from edgewise.tasks.recipe import Recipe


class CentralForceExperiment:
    """A recipe of the task "central-forces" on its data; see `edgewise.tasks.experiment.Experiment`.

    The figure is the largest distance between forecast and recording over the horizon: of the bodies that the recipe
    names, over all windows of a part and all frames of a window.

    Raises:
        DataError: for parts that are too short, bodies at one place, or a body that is never accelerated.
    """

    random_split = False

    def __init__(self, recipe: Recipe, motions: ForceData) -> None:
        self.recipe, self.motions = recipe, motions
        data = cast(CentralForceData, recipe.data)
        self.forecast_names, self.mass_names = data.forecast, data.masses
        self.metric = Metric("forecast error", motions.length, higher_is_better=False)
        for found in (motions.fit, motions.far):
            for sequence in found.position:
                refuse_coincident(torch.from_numpy(sequence), list(found.entities))
        self.forecasts = Forecasts(motions, self.model.substeps)
        self.train = self._accelerations("training", None)
        self.validation = self._accelerations("validation", self.train.weight)
        self.distances = distances_of(self.train.position.numpy())
        self.network()  # refuses what cannot be fitted before a folder is made
        arrays = (motions.fit.position, motions.fit.velocity, motions.far.position, motions.far.velocity)
        self.fingerprint = fingerprint([*motions.fit.entities, *map(torch.from_numpy, arrays)])

    def _accelerations(self, part: str, weight: torch.Tensor | None) -> Accelerations:
        recording = self.motions.train if part == "training" else self.motions.validation
        position, acceleration = recording.accelerations(part, self.training.frames)
        if weight is None:
            weight = torch.from_numpy(weights_of(acceleration, recording.fixed))
        return Accelerations(torch.from_numpy(position), torch.from_numpy(acceleration), weight)

    @property
    def training(self) -> CentralForceTraining:
        return cast(CentralForceTraining, self.recipe.training)

    @property
    def model(self) -> CentralForceModel:
        return cast(CentralForceModel, self.recipe.model)

    def seeds(self, run: int) -> tuple[int, ...]:
        return (run,)

    def network(self) -> ForceFits:
        fits = force_fits(self.model, self.shape())
        for law in fits.laws:
            cast(CentralForce, law).start(self.train.position, self.train.acceleration)
        return fits

    def learning(self, name: str, module: nn.Module, run: int, seed: int) -> Learning:
        objective = ForceObjective(self.train, self.validation, self.training)
        fits = cast(ForceFits, module)
        return ForceLearning(name, fits, objective, seed=seed, iterations=self.training.iterations)

    @cached_property
    def _asked(self) -> np.ndarray:
        """Positions of the bodies whose forecasts are the figure."""
        names = self.motions.fit.entities
        return np.array([k for k, name in enumerate(names) if name in (self.forecast_names or names)])

    def measure(self, run: int, members: Sequence[nn.Module]) -> Measured:
        fits = cast(ForceFits, members[0])
        errors = self.forecasts.errors(fits.chosen)
        figure = {part: float(found[..., self._asked].max()) for part, found in errors.items()}
        found = masses(fits, self.motions, self.mass_names)
        columns = ("entity", "found", "true", "relative_error", "standard_error")
        table = {"seed": [run] * len(found["masses"])}
        table |= {name: [row[name] for row in found["masses"]] for name in columns}
        stamps, long_errors = self.forecasts.long_errors(fits.chosen)
        more = exponents(fits, self.distances) | found
        more |= {
            "acceleration_error": self._acceleration_errors(fits),
            "forecast": {
                "horizon": self.motions.horizon,
                "windows": len(errors["test"]),
                "mean_at_the_end": finite(errors["test"][:, -1, self._asked].mean()),
                "entities": by_entity(errors["test"], self.motions.fit.entities),
            },
            "long_forecast": {
                "time": self.motions.calendar(stamps).round(4).tolist(),
                "errors": {
                    name: [finite(value) for value in long_errors[:, k]]
                    for k, name in enumerate(self.motions.fit.entities)
                },
            },
            "curves": law_curves(fits, self.distances),
        }
        return Measured(
            run, figure["train"], figure["validation"], figure["test"], (figure["test"],), table, more
        )

    def _acceleration_errors(self, fits: ForceFits) -> dict[str, dict[str, float]]:
        """The relative error of accelerations by each law, on the parts that chose between them."""
        laws = {"power": fits.power} | ({} if fits.free is None else {"free": fits.free})
        return {
            name: {"train": self.train.error(law), "validation": self.validation.error(law)}
            for name, law in laws.items()
        }

    def baselines(self) -> list[dict[str, Any]]:
        train = (self.train.position.numpy(), self.train.acceleration.numpy())
        central = int((train[1] ** 2).sum((0, 2)).argmin())  # what is heavy is hardly moved
        mu = gravity_of(central, *train)

        def kepler(position: np.ndarray, velocity: np.ndarray, times: np.ndarray) -> np.ndarray:
            return ellipses(position, velocity, times, central=central, mu=mu)

        alike = CentralForce(
            len(self.motions.fit.entities), RadialLaw(unit=self.motions.unit), n_identities=1
        )
        alike.start(self.train.position, self.train.acceleration)
        refine(alike, self.train, self.training.iterations)
        answers = {
            "constant velocity": self.forecasts.errors_of(straight),
            f"an ellipse each around {self.motions.fit.entities[central]}": self.forecasts.errors_of(kepler),
            "one strength for all bodies": self.forecasts.errors(alike)["test"],
        }
        return [
            {"name": name, "value": finite(found[..., self._asked].max())} for name, found in answers.items()
        ]

    def preview(self, measured: Sequence[Measured]) -> dict[str, Any]:
        more, motions = measured[0].more, self.motions
        rows = more["masses"]
        return {
            "kind": "central-forces",
            "length": motions.length,
            "time": "year" if motions.mass_unit else motions.time or "time",
            "mass_unit": motions.mass_unit,
            "law": more["law"],
            "exponent": more["exponent"],
            "exponent_standard_error": more["exponent_standard_error"],
            "log_mass_correlation": more["log_mass_correlation"],
            "curves": more["curves"],
            "masses": rows,
            "long_forecast": more["long_forecast"],
        }

    def facts(self) -> list[list[Any]]:
        motions = self.motions
        span = motions.calendar(motions.far.time[[0, -1]])
        parts = motions.calendar(np.array(motions.bounds))
        return [
            ["bodies", len(motions.fit.entities)],
            ["recordings", len(motions.fit.sequences)],
            ["frames that are learnt from", len(self.train.position)],
            ["training part", f"{parts[0]:.6g} to {parts[1]:.6g}"],
            ["validation part", f"{parts[1]:.6g} to {parts[2]:.6g}"],
            ["recorded", f"{span[0]:.6g} to {span[1]:.6g}"],
            ["windows of the test", len(self.forecasts.starts["test"])],
            ["distances", f"{self.distances[0]:.4g} to {self.distances[-1]:.4g} {motions.length}".rstrip()],
        ]

    def protocol(self) -> list[str]:
        training, motions = self.training, self.motions
        horizon = f"{motions.horizon:g} {motions.time}".rstrip()
        chosen = (
            "The power law and the free law are fitted; the one with the lower error of accelerations on the"
        )
        return [
            "Accelerations are central differences of eighth order of the recorded velocities; masses, and the law of"
            " distance, are not given.",
            f"Adam, {10 * training.epochs} steps from a force that does not depend on distance and bodies that are all"
            f" alike, then least squares of the relative errors, at most {training.iterations} iterations.",
            f"{chosen} validation part makes the forecasts."
            if self.model.hidden
            else "Only a power law is fitted.",
            f"The figure is the largest error over {horizon} in the test part, which is looked at once.",
            f"Motion is integrated by Yoshida's scheme of fourth order, {self.model.substeps} steps a frame of"
            f" {motions.fit.step:g} {motions.time}.".replace(" .", "."),
        ]

    def files(self) -> Mapping[str, bytes]:
        return {}

    def shape(self) -> dict[str, Any]:
        motions, train = self.motions, self.motions.train
        logs = np.log(self.distances / motions.unit)
        return {
            "entities": list(motions.fit.entities),
            "sequences": list(motions.fit.sequences),
            "fixed": motions.fit.fixed.tolist(),
            "unit": motions.unit,
            "spread": float(np.sqrt(np.mean(logs**2))) or 1.0,
            "length": motions.length,
            "time": motions.time,
            "step": motions.fit.step,
            "start": {
                "time": train.time[-2:].tolist(),
                "position": train.position[:, -2:].tolist(),
                "velocity": train.velocity[:, -2:].tolist(),
            },
        }


def force_fits(model: CentralForceModel, shape: Mapping[str, Any]) -> ForceFits:
    """The untrained laws of a recipe, from what `CentralForceExperiment.shape` says."""
    return ForceFits(len(shape["entities"]), model, unit=shape["unit"], spread=shape["spread"])
