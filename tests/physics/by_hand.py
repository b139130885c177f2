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


def march(kick, positions, velocities, steps, dt):
    """Frames of x <- x + dt v after v <- v + kick(x, v); `[entity, 2]` -> `[time, entity, 2]`, the start first."""
    x, v = positions.copy(), velocities.copy()
    frames_x, frames_v = [x], [v]
    for _ in range(steps - 1):
        v = v + kick(x, v)
        x = x + dt * v
        frames_x.append(x)
        frames_v.append(v)
    return np.stack(frames_x), np.stack(frames_v)


def nbody(masses, positions, velocities, steps, *, gravitation=1e5, dt=0.001, fixed=True):
    """Attracting bodies of one system; the first is fixed or not."""

    def kick(x, v):
        offsets = x[None] - x[:, None]  # [receiver, sender]
        distance = np.linalg.norm(offsets, axis=-1)
        np.fill_diagonal(distance, np.inf)
        pulls = gravitation * (masses[None, :, None] * offsets / distance[..., None] ** 3).sum(axis=1)
        if fixed:
            pulls[0] = 0
        return dt * pulls

    return march(kick, positions, velocities, steps, dt)


def collide(x, v, kick, i, j, normal, depth, mass, bounce, push):
    """Add to `kick` what one collision changes of the velocities of i and j; masses may be infinite."""
    speed = normal @ (v[i] - v[j])
    parting = max(bounce * max(-speed, 0.0), push * depth)
    if parting > speed:
        impulse = (parting - speed) / (1 / mass[i] + 1 / mass[j])
        kick[i] = kick[i] + impulse * normal / mass[i]
        kick[j] = kick[j] - impulse * normal / mass[j]


def balls(
    mass,
    radius,
    restitution,
    positions,
    velocities,
    steps,
    *,
    half_width=1.5,
    dt=0.01,
    gravity=0.0,
    push_out=0.0,
):
    """Balls in a square box of one system, without the walls as objects."""
    n = len(mass)
    masses = np.append(mass, np.inf)  # the last is any wall
    first, second = np.triu_indices(n, 1)
    reach = radius[first] + radius[second]

    def kick(x, v):
        out = np.zeros((n + 1, 2))
        out[:n, 1] -= dt * gravity
        both = np.vstack([v, [0.0, 0.0]])
        offsets = x[first] - x[second]
        distance = np.sqrt((offsets**2).sum(axis=1))
        for pair in np.flatnonzero(distance < reach):
            i, j = first[pair], second[pair]
            normal, depth = offsets[pair] / distance[pair], reach[pair] - distance[pair]
            bounce = restitution[i] * restitution[j]
            collide(x, both, out, i, j, normal, depth, masses, bounce, push_out / dt)
        depths = np.abs(x) + radius[:, None] - half_width
        for i, axis in np.argwhere(depths > 0):
            normal = np.zeros(2)
            normal[axis] = -np.sign(x[i, axis])
            collide(x, both, out, i, n, normal, depths[i, axis], masses, restitution[i], push_out / dt)
        return out[:n]

    return march(kick, positions, velocities, steps, dt)


def string(
    constant,
    gravity,
    positions,
    velocities,
    steps,
    *,
    pinned=1,
    mass=0.1,
    length=0.2,
    reach=0.55,
    bounce=0.5,
    push_out=0.1,
    dt=0.001,
):
    """A string of masses, and the ball it falls onto as the last object, of one system."""
    n = len(positions) - 1
    masses = np.full(n + 1, mass)
    masses[n] = np.inf
    masses[[0, n - 1][:pinned]] = np.inf

    def kick(x, v):
        out = np.zeros_like(x)
        out[:n, 1] -= dt * gravity
        stretch = x[1:n] - x[: n - 1]
        pulls = constant * (1 - length / np.sqrt((stretch**2).sum(axis=1)))[:, None] * stretch
        out[: n - 1] += dt * pulls / mass
        out[1:n] -= dt * pulls / mass
        out[np.isinf(masses)] = 0
        offsets = x[:n] - x[n]
        distance = np.sqrt((offsets**2).sum(axis=1))
        for i in np.flatnonzero((distance < reach) & np.isfinite(masses[:n])):
            collide(
                x, v, out, i, n, offsets[i] / distance[i], reach - distance[i], masses, bounce, push_out / dt
            )
        return out

    return march(kick, positions, velocities, steps, dt)
