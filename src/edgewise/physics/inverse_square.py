"""Forces that fall with the square of the distance: what charges and gravity share.

F_i = sum_j w_ij (x_i - x_j) / (|x_i - x_j|^2 + softening^2)^(3/2)
"""

import numpy as np

from edgewise.physics.batch import Floats
from edgewise.physics.box import Force


def inverse_square_force(weights: Floats, softening: float = 0.0) -> Force:
    """The force between points.

    Args:
        weights: w, above 0 where a pair repels each other, `[receiver, sender, system]`; 0 on the diagonal.
        softening: a length below which the force stops growing; 0 for none.
    """
    entity = np.arange(len(weights))
    offsets = np.empty((2, *weights.shape))
    cubed, scale = np.empty_like(weights), np.empty_like(weights)  # |r|^3 and weight / |r|^3

    def force(positions: Floats, out: Floats) -> None:
        np.subtract(positions[:, :, None], positions[:, None], out=offsets)
        np.multiply(offsets[0], offsets[0], out=cubed)
        np.multiply(offsets[1], offsets[1], out=scale)
        np.add(cubed, scale, out=cubed)
        if softening:
            np.add(cubed, softening**2, out=cubed)
        cubed[entity, entity] = 1.0  # nothing acts on itself: weight 0 over any distance but 0
        np.sqrt(cubed, out=scale)
        np.multiply(cubed, scale, out=cubed)
        np.divide(weights, cubed, out=scale)
        np.multiply(offsets, scale, out=offsets)
        np.add.reduce(offsets, axis=2, out=out)

    return force
