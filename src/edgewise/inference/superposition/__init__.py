"""The main method: superposed pairwise effects, and exact posteriors over who acts on whom (DESIGN 4)."""

from edgewise.inference.superposition.fit import Fitted, fit_superposition
from edgewise.inference.superposition.influence import influence
from edgewise.inference.superposition.posterior import GraphPosterior, graph_posterior

__all__ = ["Fitted", "GraphPosterior", "fit_superposition", "graph_posterior", "influence"]
