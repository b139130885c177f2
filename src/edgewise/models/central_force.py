"""Bodies that pull on each other along the line between them, by a law of distance that is learnt."""

import math

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from edgewise.errors import ConfigError, DataError


class RadialLaw(nn.Module):
    """How a force depends on distance: a power and, if asked for, a network beside it.

        log phi(r) = exponent u + N(u / spread) - N(0),    u = log(r / unit),    N(x) = w . tanh(W x + b)

    so phi(unit) = 1 whatever the parameters are. It starts as phi = 1: N has w = 0, and the exponent is 0.

    Args:
        hidden: units of N; 0 for a power alone.
        unit: the distance at which phi is 1; spread: of u, which sets what the network sees to about 1.

    Shapes: log_distance u [...] -> log phi [...].
    """

    unit: Tensor
    spread: Tensor

    def __init__(self, hidden: int = 0, *, unit: float = 1.0, spread: float = 1.0) -> None:
        super().__init__()
        if hidden < 0:
            raise ConfigError(f"hidden is {hidden}", expected="0 (a power alone) or a number of units")
        self.exponent = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.register_buffer("unit", torch.tensor(unit, dtype=torch.float64))
        self.register_buffer("spread", torch.tensor(spread, dtype=torch.float64))
        self.correction = _correction(hidden) if hidden else None

    def forward(self, log_distance: Tensor) -> Tensor:
        straight = self.exponent * log_distance
        if self.correction is None:
            return straight
        seen = (log_distance / self.spread).unsqueeze(-1)
        return straight + (self.correction(seen) - self.correction(torch.zeros_like(seen[:1]))).squeeze(-1)

    def gradient(self, log_distance: Tensor) -> Tensor:
        """d log phi / d parameters, in the order of `parameters()`: [n] -> [n, n_parameters]."""
        if self.correction is None:
            return log_distance.unsqueeze(-1)

        def value(parameters: dict[str, Tensor], at: Tensor) -> Tensor:
            return functional_call(self, (parameters, dict(self.named_buffers())), (at.unsqueeze(0),))[0]

        parameters = {name: p.detach() for name, p in self.named_parameters()}
        found = vmap(grad(value), (None, 0))(parameters, log_distance)
        return torch.cat([found[name].reshape(len(log_distance), -1) for name in parameters], dim=-1)

    def slope(self, log_distance: Tensor) -> Tensor:
        """The local exponent d log phi / d log r: [n] -> [n]."""
        return vmap(grad(lambda at: self(at.unsqueeze(0))[0]))(log_distance)


def _correction(hidden: int) -> nn.Sequential:
    first, last = nn.Linear(1, hidden), nn.Linear(hidden, 1, bias=False)
    nn.init.zeros_(last.weight)
    return nn.Sequential(first, nn.Tanh(), last).double()


class CentralForce(nn.Module):
    """The acceleration of every body, from the places of all of them:

        a_i = sign sum over j != i of g_j phi(|r|) r / |r|,    r = x_j - x_i,    g_j = exp(identity_j) > 0

    What is built in, and nothing else: only relative places count (translation), no direction is preferred (rotation),
    a pull is along the line between two bodies (radial), it does not depend on third bodies (superposition), and a body
    pulls on all others by one number that belongs to it (entity identity). Neither phi nor a g is given, nor that
    the two forces of a pair are opposite. A force on bodies of mass m_i that is proportional to m_i m_j has this form
    with g_j = constant m_j. It has no velocities in it, and no signs that differ between bodies (charges).

    Only products g phi act, so phi(unit) = 1 fixes the scale: g_j is the acceleration that j causes at the distance
    `unit`. For phi = r^-2 it is GM_j / unit^2.

    Lemos et al. (2022), "Rediscovering orbital mechanics with machine learning", learn masses and a force between pairs
    in the same spirit, with a graph network for the force.

    Args:
        n_bodies: bodies that pull.
        law: of distance. All weights are float64.
        n_identities: `n_bodies`, or 1 for bodies that all pull alike.

    Shapes: position [..., n_bodies, d] -> acceleration [..., n_bodies, d].
    """

    sign: Tensor
    others: Tensor

    def __init__(self, n_bodies: int, law: RadialLaw, *, n_identities: int | None = None) -> None:
        super().__init__()
        count = n_bodies if n_identities is None else n_identities
        if n_bodies < 2 or count not in (1, n_bodies):
            raise ConfigError(
                f"{n_bodies} bodies with {count} identities",
                expected="two bodies or more, with an identity each or one for all",
            )
        self.n_bodies, self.law = n_bodies, law
        self.identity = nn.Parameter(torch.zeros(count, dtype=torch.float64))
        self.register_buffer("sign", torch.ones((), dtype=torch.float64))
        others = 1 - torch.eye(n_bodies, dtype=torch.float64)
        self.register_buffer("others", others, persistent=False)

    @property
    def strength(self) -> Tensor:
        """g, the pull of each body at the distance `law.unit`: [n_bodies]."""
        return self.identity.exp().expand(self.n_bodies)

    def forward(self, position: Tensor) -> Tensor:
        separation, distance = self._pairs(position)
        phi = self.law((distance / self.law.unit).log()).exp()
        pull = self.sign * self.strength * self.others * phi / distance
        return (pull.unsqueeze(-2) @ separation).squeeze(-2)

    def _pairs(self, position: Tensor) -> tuple[Tensor, Tensor]:
        """x_j - x_i [..., i, j, d] and its length [..., i, j]; the diagonal has `unit`, which nothing multiplies."""
        separation = position.unsqueeze(-3) - position.unsqueeze(-2)
        distance = separation.square().sum(-1).sqrt()
        return separation, distance + (1 - self.others) * self.law.unit

    def jacobian(self, position: Tensor) -> Tensor:
        """d acceleration / d (identities, parameters of the law), in closed form: [..., n_bodies, d, n_parameters]."""
        separation, distance = self._pairs(position)
        log_distance = (distance / self.law.unit).log()
        pull = self.sign * self.strength * self.others * self.law(log_distance).exp() / distance
        term = (pull.unsqueeze(-1) * separation).transpose(-1, -2)  # [..., i, d, j]
        slopes = self.law.gradient(log_distance.flatten()).unflatten(0, log_distance.shape)
        each = term if len(self.identity) > 1 else term.sum(-1, keepdim=True)
        return torch.cat([each, term @ slopes], dim=-1)

    @torch.no_grad()
    def start(self, position: Tensor, acceleration: Tensor) -> None:
        """Give all bodies the one strength, with its sign, that fits best under the law as it is (least squares).

        Shapes: position, acceleration [n_frames, n_bodies, d].

        Raises:
            DataError: if two bodies are at one place, or nothing is accelerated.
        """
        refuse_coincident(position)
        self.identity.zero_()
        self.sign.fill_(1.0)
        unit = self(position)
        common = float((unit * acceleration).sum() / unit.square().sum())
        if not acceleration.any() or common == 0.0:
            raise DataError("no body is accelerated", expected="bodies that act on each other")
        self.sign.fill_(1.0 if common > 0 else -1.0)
        self.identity.fill_(math.log(abs(common)))


def refuse_coincident(position: Tensor, names: list[str] | None = None) -> None:
    """Refuse two bodies at one place, between which no line can be drawn: position [n_frames, n_bodies, d].

    Raises:
        DataError: naming the first two and their frame.
    """
    separation = position.unsqueeze(-3) - position.unsqueeze(-2)
    same = (separation == 0).all(-1)
    same.diagonal(dim1=-2, dim2=-1).fill_(False)
    if same.any():
        frame, first, second = (int(k) for k in same.nonzero()[0])
        one, other = (names[k] if names else f"body {k}" for k in (first, second))
        raise DataError(
            f"{one} and {other} are at one place in frame {frame}",
            expected="bodies at different places: a force along the line between them needs one",
            fix="leave out one of the two, or the frames in which they meet",
        )
