"""How the learning rate goes: functions of the step."""

import math
from collections.abc import Callable

Schedule = Callable[[int], float]


def cosine(rate: float, steps: int) -> Schedule:
    """Half a cosine from `rate` at step 0 to 0 at `steps` (Loshchilov & Hutter 2017, eq. 5, one cycle):

    rate/2 (1 + cos(pi step/steps))
    """
    return lambda step: 0.5 * rate * (1 + math.cos(math.pi * min(step / max(steps, 1), 1.0)))


def inverse_sqrt(peak: float, warmup: int) -> Schedule:
    """A straight rise to `peak` in `warmup` steps, then 1 / sqrt(step) (Vaswani et al. 2017, eq. 3):

        peak min(t / warmup, sqrt(warmup / t)),   t = step + 1

    The paper's rate is that with peak = 1 / sqrt(dim warmup).
    """
    return lambda step: peak * min((step + 1) / max(warmup, 1), (max(warmup, 1) / (step + 1)) ** 0.5)
