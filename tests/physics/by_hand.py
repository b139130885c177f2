"""The simulators once more, one system and one step at a time: what the fast ones are compared with."""

import numpy as np


def bodies(acceleration, positions, velocities, steps, *, half_width=5.0, dt=0.001, sample_every=100):
    """Kick, drift, reflect; positions and velocities `[entity, 2]` -> `[time, entity, 2]`."""
    x, v = positions.copy(), velocities.copy()
    frames_x, frames_v = [], []
    for step in range(1, steps * sample_every + 1):
        v = v + dt * np.clip(acceleration(x), -100.0, 100.0)
        x = x + dt * v
        v = np.where(x > half_width, -np.abs(v), np.where(x < -half_width, np.abs(v), v))
        x = np.where(x > half_width, 2 * half_width - x, np.where(x < -half_width, -2 * half_width - x, x))
        if step % sample_every == 0:
            frames_x.append(x)
            frames_v.append(v)
    return np.stack(frames_x), np.stack(frames_v)


def springs(edges, strength=0.1):
    """Acceleration of `[entity, 2]` for edges `[receiver, sender]`."""

    def acceleration(x):
        offsets = x[:, None] - x[None]
        return -strength * (edges[..., None] * offsets).sum(axis=1)

    return acceleration


def charges(signs, strength=1.0):
    """Acceleration of `[entity, 2]` for signs `[entity]`."""

    def acceleration(x):
        offsets = x[:, None] - x[None]
        distance = np.linalg.norm(offsets, axis=-1)
        np.fill_diagonal(distance, np.inf)
        return strength * (np.outer(signs, signs)[..., None] * offsets / distance[..., None] ** 3).sum(axis=1)

    return acceleration


def kuramoto(coupling, phases, omega, steps, *, dt=0.01, sample_every=10):
    """Classical Runge-Kutta; returns phases and rates `[time, entity]`."""

    def slope(phi):
        return omega + (coupling * np.sin(phi[None] - phi[:, None])).sum(axis=1)

    phi = [phases]
    for _ in range(steps * sample_every):
        k1 = slope(phi[-1])
        k2 = slope(phi[-1] + dt / 2 * k1)
        k3 = slope(phi[-1] + dt / 2 * k2)
        k4 = slope(phi[-1] + dt * k3)
        phi.append(phi[-1] + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    path = np.stack(phi)
    return path[:-1:sample_every], (np.diff(path, axis=0) / dt)[::sample_every]
