"""Simple answers to how bodies move on: straight on, or each on its own ellipse around the heaviest."""

import numpy as np
from scipy.optimize import newton


def straight(position: np.ndarray, velocity: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Constant velocity: position, velocity [system, body, d], times [frame] -> [system, frame, body, d]."""
    return position[:, None] + times[:, None, None] * velocity[:, None]


def gravity_of(central: int, position: np.ndarray, acceleration: np.ndarray) -> float:
    """mu in a_i - a_c = -mu r / |r|^3, r = x_i - x_c: the median over bodies of least squares a body.

    A median, since a satellite's motion around the central body is no ellipse. Shapes: [frame, body, d].
    """
    others = np.delete(np.arange(position.shape[1]), central)
    r = position[:, others] - position[:, [central]]
    pull = -r / np.linalg.norm(r, axis=-1, keepdims=True) ** 3
    found = acceleration[:, others] - acceleration[:, [central]]
    return float(np.median((pull * found).sum((0, 2)) / (pull * pull).sum((0, 2))))


def ellipses(
    position: np.ndarray, velocity: np.ndarray, times: np.ndarray, *, central: int, mu: float
) -> np.ndarray:
    """The two-body problem of every body with the central one, which moves straight on.

        r(t) = f r_0 + g v_0,   f = 1 - a / |r_0| (1 - cos dE),   g = t - (dE - sin dE) / n,   n = sqrt(mu / a^3)
        n t = dE - (1 - |r_0| / a) sin dE + r_0 . v_0 / sqrt(mu a) (1 - cos dE)

    (Bate, Mueller & White 1971, section 4.4). A body that is not bound moves straight on.

    Shapes: position, velocity [system, body, d], times [frame] -> [system, frame, body, d].
    """
    moved = straight(position, velocity, times)
    others = np.delete(np.arange(position.shape[1]), central)
    r, v = (values[:, others] - values[:, [central]] for values in (position, velocity))
    size = np.linalg.norm(r, axis=-1)
    inverse_axis = 2 / size - (v**2).sum(-1) / mu
    bound = (inverse_axis > 0) & (mu > 0)
    a = np.where(bound, 1 / np.where(bound, inverse_axis, 1.0), size)[:, None]
    n, size, drift = np.sqrt(abs(mu) / a**3), size[:, None], (r * v).sum(-1)[:, None]
    mean = n * times[:, None]  # [system, frame, body]
    cosine, sine = 1 - size / a, drift / np.sqrt(abs(mu) * a)

    def kepler(turned: np.ndarray) -> np.ndarray:
        return turned - cosine * np.sin(turned) + sine * (1 - np.cos(turned)) - mean

    def rate(turned: np.ndarray) -> np.ndarray:
        return 1 - cosine * np.cos(turned) + sine * np.sin(turned)

    turned = newton(kepler, mean, fprime=rate, maxiter=100, tol=1e-13)
    f = 1 - a / size * (1 - np.cos(turned))
    g = times[:, None] - (turned - np.sin(turned)) / n
    orbit = f[..., None] * r[:, None] + g[..., None] * v[:, None] + moved[:, :, [central]]
    moved[:, :, others] = np.where(bound[:, None, :, None], orbit, moved[:, :, others])
    return moved
