"""Measuring a model's relational inductive bias: its symmetries, who influences whom, which weights it shares."""

from edgewise.audit.audit import Audit, audit
from edgewise.audit.axes import Axes, Layout
from edgewise.audit.estimate import Estimate
from edgewise.audit.extent import Extent
from edgewise.audit.influence import Influence
from edgewise.audit.randomness import Randomness
from edgewise.audit.sharing import Sharing
from edgewise.audit.symmetry import Symmetry

__all__ = [
    "Audit",
    "Axes",
    "Estimate",
    "Extent",
    "Influence",
    "Layout",
    "Randomness",
    "Sharing",
    "Symmetry",
    "audit",
]
