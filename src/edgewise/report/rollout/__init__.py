"""The section of a page that shows a learned simulator at work."""

from edgewise.report.rollout.record import read_rollout
from edgewise.report.rollout.section import context

__all__ = ["context", "read_rollout"]
