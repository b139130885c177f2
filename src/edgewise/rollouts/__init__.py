"""Rollouts of learned simulators: what they are, when they are stopped, and the record that a page is made from."""

from edgewise.rollouts.rollout import (
    FAR,
    Divergence,
    Rollout,
    Start,
    check_asked,
    diverging,
    frame_of,
    places,
    reach,
    stamped,
    stopped,
)

__all__ = [
    "FAR",
    "Divergence",
    "Rollout",
    "Start",
    "check_asked",
    "diverging",
    "frame_of",
    "places",
    "reach",
    "stamped",
    "stopped",
]
