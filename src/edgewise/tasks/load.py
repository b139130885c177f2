"""From a recipe to its experiment: the data are read and checked."""

from typing import cast

from edgewise.errors import ConfigError
from edgewise.tasks.experiment import Experiment
from edgewise.tasks.physics_tables import EnergyModel
from edgewise.tasks.recipe import CitationData, Recipe


def experiment_of(recipe: Recipe, *, skip_invalid: bool = False) -> Experiment:
    """The recipe on its data.

    Args:
        skip_invalid: leave molecules out whose SMILES do not parse.

    Raises:
        DataError: for data that cannot be read or do not fit the task.
        ConfigError: for an option that the task has no use for.
    """
    if skip_invalid and recipe.task != "molecules":
        raise ConfigError(
            f"--skip-invalid with a recipe for {recipe.task}",
            expected="a recipe for molecules",
            fix="drop --skip-invalid",
        )
    if recipe.task == "sequences":
        from edgewise.tasks.sequence import SequenceExperiment

        return SequenceExperiment(recipe)
    if recipe.task == "physics":
        from edgewise.tasks.energy import EnergyExperiment
        from edgewise.tasks.physics import PhysicsExperiment
        from edgewise.tasks.physics_data import PhysicsData, read_parts

        kind = EnergyExperiment if isinstance(recipe.model, EnergyModel) else PhysicsExperiment
        return kind(recipe, read_parts(cast(PhysicsData, recipe.data)))
    if recipe.task == "images":
        from edgewise.tasks.images import ImagesExperiment
        from edgewise.tasks.images_data import read_parts as read_pictures
        from edgewise.tasks.recipe import ImagesData

        return ImagesExperiment(recipe, read_pictures(cast(ImagesData, recipe.data)))
    if recipe.task == "citation":
        from edgewise.tasks.citation import CitationExperiment
        from edgewise.tasks.nodes import read_classification

        return CitationExperiment(recipe, read_classification(cast(CitationData, recipe.data)))
    if recipe.task == "central-forces":
        from edgewise.tasks.central import CentralForceExperiment
        from edgewise.tasks.central_data import read_force_data
        from edgewise.tasks.central_tables import CentralForceData

        return CentralForceExperiment(recipe, read_force_data(cast(CentralForceData, recipe.data)))
    from edgewise.tasks.molecule import MoleculeExperiment, read_molecules

    return MoleculeExperiment(recipe, *read_molecules(recipe, skip_invalid=skip_invalid))
