"""A learned potential energy: a network on scaled states, whose answer is in units of the energies it was fitted on."""

from dataclasses import dataclass

from torch import Tensor, nn

from edgewise.models.learned_simulator import MotionScales, in_units
from edgewise.models.objects import Objects


@dataclass(frozen=True)
class EnergyScale:
    """Mean and standard deviation of the energies of a training part, in the units of the data."""

    mean: float
    sd: float


class LearnedEnergy(nn.Module):
    """The potential energy of systems in the units of the data:

        U = mean + sd * network(scaled state)

    Args:
        network: scaled `Objects` -> [B], in standard deviations from the mean.
        scales: the units of the states; energy: those of the energies.
    """

    def __init__(self, network: nn.Module, scales: MotionScales, energy: EnergyScale) -> None:
        super().__init__()
        self.network, self.scales, self.energy = network, scales, energy

    def forward(self, objects: Objects) -> Tensor:
        """In standard deviations from the mean: [B]."""
        dtype = next(self.network.parameters()).dtype
        return self.network(in_units(objects, self.scales, dtype))

    def energies(self, objects: Objects) -> Tensor:
        """In the units of the data: [B] float64."""
        return self.energy.mean + self.energy.sd * self(objects).double()
