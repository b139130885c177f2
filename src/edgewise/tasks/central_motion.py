"""Moving bodies by an acceleration of their places: a symplectic integrator of fourth order."""

from collections.abc import Callable

import torch
from torch import Tensor

OUTER = 1 / (2 - 2 ** (1 / 3))
INNER = 1 - 2 * OUTER
DRIFTS = (OUTER / 2, (OUTER + INNER) / 2, (OUTER + INNER) / 2, OUTER / 2)
KICKS = (OUTER, INNER, OUTER)
"""Shares of a step; the sum of either is 1 (Yoshida 1990, eq. 2.11)."""


@torch.no_grad()
def roll(
    acceleration: Callable[[Tensor], Tensor],
    position: Tensor,
    velocity: Tensor,
    step: float | Tensor,
    *,
    frames: int,
    substeps: int,
    fixed: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The frames after a start, by the fourth-order semi-implicit scheme of Yoshida (1990), Physics Letters A 150, 262.

        x += c_k h v,  v += d_k h a(x)   for k = 1, 2, 3,  then  x += c_4 h v,     h = step / substeps

    A composition of three leapfrogs: symplectic, reversible in time, errors of order h^4 a unit of time. A body whose
    period is P is followed well with 40 substeps a period or more. What ceases to be finite stays so, in its system.

    Args:
        acceleration: of all bodies, [system, body, d] -> the same.
        step: from frame to frame, one for all or [system]; negative: backwards in time.
        frames: after the start; substeps: of the integrator, a frame.
        fixed: [body] bool, bodies that do not move.

    Shapes: position, velocity [system, body, d] -> both [system, frames + 1, body, d]; frame 0 is the start.
    """
    h = torch.as_tensor(step, dtype=position.dtype).reshape(-1, 1, 1) / substeps
    free = torch.ones(()) if fixed is None else (~fixed).to(position.dtype).unsqueeze(-1)
    drifts, kicks = [c * h * free for c in DRIFTS], [d * h * free for d in KICKS]
    places, speeds = [position], [velocity]
    for _ in range(frames):
        for _ in range(substeps):
            for drift, kick in zip(drifts, kicks, strict=False):
                position = torch.addcmul(position, drift, velocity)
                velocity = torch.addcmul(velocity, kick, acceleration(position))
            position = torch.addcmul(position, drifts[-1], velocity)
        places.append(position)
        speeds.append(velocity)
    return torch.stack(places, 1), torch.stack(speeds, 1)
