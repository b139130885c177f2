"""Receivers of unknown scale: offset and gain of every series found in closed form.

Where the series of each entity and recording was scaled on its own, the target is known up to an offset o and a gain
g > 0:

    y(t) = o + g ( f_own + sum_j f_z(s_j, s_i) + e(t) ),    e ~ N(0, level)

so that the noise is that of the law, before scaling. With h = 1 / g, centred series and u = o . cross,
v = o^T gram o of a configuration o (whose first column, what does not depend on the graph, is always on),

    log p(y | o, h) = D log h - ( h^2 square - 2 h u + v ) / (2 level) - D/2 log(2 pi level)

is largest at h = ( u + sqrt(u^2 + 4 D level square) ) / (2 square). Everything is unchanged when y is scaled.
"""

from dataclasses import replace

import torch
from torch import Tensor

from edgewise.inference.superposition.model import QuadraticForm

SILENT = 1e-10
"""Variance that every target has at least, in its scale: a series that never changes has this one."""


def without_offset(form: QuadraticForm) -> QuadraticForm:
    """Project out the first column, a constant: offsets of messages and target; one number observed is used up."""
    constant = form.gram[..., :1, 1:]
    size = form.gram[..., 0, 0].clamp_min(1e-12)
    mean = form.cross[..., 0]
    gram = form.gram[..., 1:, 1:] - constant.transpose(-1, -2) @ constant / size[..., None, None]
    return replace(
        form,
        gram=gram,
        cross=form.cross[..., 1:] - constant[..., 0, :] * (mean / size)[..., None],
        square=(form.square - mean**2 / size).clamp_min(0) + SILENT * size,
        count=(form.count - 1).clamp_min(0),
    )


def inverse_gain(form: QuadraticForm, linear: Tensor, level: Tensor) -> Tensor:
    """h of configurations with u = `linear` [..., n]: [..., n]."""
    square, count = form.square[..., None], form.count[..., None]
    root = (linear**2 + 4 * count * level * square).clamp_min(1e-300).sqrt()
    # of two equal expressions, the one that does not subtract like from like
    forwards = (linear + root) / (2 * square)
    backwards = 2 * count * level / (root - linear).clamp_min(1e-300)
    return torch.where(linear >= 0, forwards, backwards).clamp_min(1e-150)


def at_gain(form: QuadraticForm, h: Tensor) -> QuadraticForm:
    """The form of a known gain, without the column that is always on: h [...]."""
    base, rest = form.gram[..., 0, 0], form.gram[..., 1:, 1:]
    return replace(
        form,
        gram=rest,
        cross=h[..., None] * form.cross[..., 1:] - form.gram[..., 0, 1:],
        square=(h**2 * form.square - 2 * h * form.cross[..., 0] + base).clamp_min(0),
    )
