"""Simulated systems with a known interaction graph, by name.

>>> trajectories = simulate("springs", entities=5, sequences=2, steps=3, seed=0)
>>> dict(trajectories.sizes)
{'sequence': 2, 'time': 3, 'entity': 5, 'receiver': 5, 'sender': 5}
"""

from edgewise.physics.observe import SIMULATORS, simulate
from edgewise.physics.record import Recording, Simulator

__all__ = ["SIMULATORS", "Recording", "Simulator", "simulate"]
