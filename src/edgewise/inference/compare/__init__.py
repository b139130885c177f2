"""Methods side by side on one data set: against known edges, or by what their graphs foretell."""

from edgewise.inference.compare.comparison import Comparison
from edgewise.inference.compare.entries import DEFAULT, Entry, planned
from edgewise.inference.compare.run import compare

__all__ = ["DEFAULT", "Comparison", "Entry", "compare", "planned"]
