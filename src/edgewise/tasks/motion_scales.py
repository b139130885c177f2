"""The units in which a network is told of motions."""

import numpy as np
from torch import Tensor

from edgewise.models.learned_simulator import AttributeScale, MotionScales
from edgewise.tasks.motions import Motions

WIDE = 10.0
"""Positive attributes whose largest value is more than so many times the smallest are told as logarithms."""


def scales_of(motions: Motions) -> MotionScales:
    """The units in which a network is told of these motions, measured on them.

    As in Battaglia et al. (2016, section 4): centred at the median, and such that the 5th and 95th percentiles lie near
    -1 and 1; one scale for all axes, so that directions are kept. Changes of velocity are in units of their root mean
    square.
    """
    moving = ~motions.fixed[:, None].expand(*motions.position.shape[:-1], 1)[..., 0]
    position, velocity = motions.position[moving], motions.velocity[moving]
    center = position.median(0).values
    change = (motions.velocity[:, 1:] - motions.velocity[:, :-1])[moving[:, 1:]]
    relation = motions.relation_attributes
    return MotionScales(
        center=tuple(center.tolist()),
        length=_half_range(position - center),
        speed=_half_range(velocity),
        change=float(change.double().square().mean().sqrt()) or 1.0,
        time_step=motions.time_step,
        mass=1.0 if motions.mass is None else float(motions.mass[~motions.fixed].median()),
        attributes=_standards(motions.attributes),
        relation=() if relation is None else _standards(relation),
    )


def _half_range(values: Tensor) -> float:
    """Half the way from the 5th to the 95th percentile."""
    low, high = np.quantile(values.numpy(), [0.05, 0.95])
    return float(high - low) / 2 or 1.0


def _standards(values: Tensor) -> tuple[AttributeScale, ...]:
    """Middle and half range of each of the last axis, of the logarithm of what is positive and spans decades."""
    return tuple(_standard(column) for column in values.flatten(0, -2).double().numpy().T)


def _standard(column: np.ndarray) -> AttributeScale:
    log = bool(column.min() > 0 and column.max() > WIDE * column.min())
    told = np.log(column) if log else column
    low, high = float(told.min()), float(told.max())
    return AttributeScale((low + high) / 2, (high - low) / 2 or 1.0, log)
