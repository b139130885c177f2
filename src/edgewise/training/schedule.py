"""How the learning rate goes: functions of the step."""

import math
from collections.abc import Callable

Schedule = Callable[[int], float]


def cosine(rate: float, steps: int) -> Schedule:
    """Half a cosine from `rate` at step 0 to 0 at `steps` (Loshchilov & Hutter 2017, eq. 5, one cycle):

    rate/2 (1 + cos(pi step/steps))
    """
    return lambda step: 0.5 * rate * (1 + math.cos(math.pi * min(step / max(steps, 1), 1.0)))
