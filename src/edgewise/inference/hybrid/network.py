"""The encoder: from the evidence of a receiver's candidates to their posterior, in one pass."""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from edgewise.inference.superposition.model import QuadraticForm

ROUNDS = 6
"""How often the candidates of a receiver hear of each other."""
DAMPING = 0.3
"""Share of the way that a candidate's approximation goes in a round."""
CERTAIN = 20.0
"""Log-odds beyond which more makes no difference."""
LEAST_VARIANCE = 1e-6
ROUNDING = 1e-13
"""Share of the largest evidence that is added to all, so that rounding leaves matrices positive."""


@dataclass(frozen=True)
class Evidence:
    """All that a law and a recording say of who acts on a receiver, in nats.

        log p(o | y) = linear . o - 1/2 o^T gram o + log prior(o) + const

    with o the one-hot configuration of the candidates, type 0 left out.

    Attributes:
        linear: [receiver, slot * (n_types - 1)] float64; gram: [receiver, columns, columns].
    """

    linear: Tensor
    gram: Tensor

    def __len__(self) -> int:
        return len(self.linear)

    def __getitem__(self, index: Tensor | slice) -> Self:
        return type(self)(self.linear[index], self.gram[index])

    @classmethod
    def of(cls, form: QuadraticForm, level: Tensor) -> Self:
        """The evidence of a form with leading dimensions [receiver], at a noise level []."""
        return cls(form.cross / level, form.gram / level)

    @classmethod
    def cat(cls, parts: list[Self]) -> Self:
        """The receivers of several, one after the other."""
        return cls(torch.cat([part.linear for part in parts]), torch.cat([part.gram for part in parts]))


class PosteriorNetwork(nn.Module):
    """Expectation propagation that has learnt from exact inference where it is wrong.

    Each candidate s of a receiver has an approximate Gaussian factor with precision L_s and linear term l_s over its
    one-hot type o_s (Minka 2001; for one-hot symbols behind a linear mixture, Cespedes, Olmos, Sanchez-Fernandez &
    Perez-Cruz 2014). All of them with the evidence give a Gaussian, of which candidate s without its own factor sees

        Sigma = (gram + blocks(L))^-1,   mu = Sigma (linear + l)
        C_s = Sigma_ss^-1 - L_s,         c_s = Sigma_ss^-1 mu_s - l_s

    and so the log-odds of its types against type 0

        g_s = c_s - 1/2 diag(C_s) + log pi_k / pi_0

    A network corrects them, shared by all candidates, receivers and recordings, one a round,

        u_s <- u_s + f_r(u_s, mean_s' u_s', features_s),    log-odds_s = 2 sigmoid(a_r(u_s)) g_s + b_r(u_s)

    where a_r and b_r start at 0: untrained it is expectation propagation. Mean and covariance of the corrected q_s make
    the next factors (damped; a factor that would have no positive precision stays). Any number of candidates may be
    read, in any order. Gradients do not run through the factors: every round learns to answer from what it is given.

    Args:
        n_types: of edges; hidden: width.

    Shapes: evidence of r receivers, log prior [type] -> log q after every round, [round, r, slot, type] float64.
    """

    def __init__(self, n_types: int, *, hidden: int) -> None:
        super().__init__()
        self.n_types, self.hidden = n_types, hidden
        columns = n_types - 1
        fan_in = FEATURES * columns + 2 * hidden
        self.rounds = nn.ModuleList(
            nn.Sequential(
                nn.Linear(fan_in, hidden), nn.Hardswish(), nn.Linear(hidden, hidden), nn.Hardswish()
            )
            for _ in range(ROUNDS)
        )
        self.heads = nn.ModuleList(nn.Linear(hidden, 2 * columns) for _ in range(ROUNDS))
        for head in self.heads:
            for parameter in head.parameters():
                nn.init.zeros_(parameter)

    def forward(self, evidence: Evidence, log_prior: Tensor) -> Tensor:
        factors = Factors(evidence, log_prior)
        state = torch.zeros(*factors.mean.shape[:2], self.hidden)
        answers = []
        for network, head in zip(self.rounds, self.heads, strict=True):
            odds, features = factors.cavity()
            odds = odds.clamp(-CERTAIN, CERTAIN)
            seen = torch.cat([features, state, state.mean(1, keepdim=True).expand_as(state)], -1)
            state = state + network(seen)
            gate, shift = head(state).double().chunk(2, -1)
            odds = 2 * gate.sigmoid() * odds + shift
            answers.append(torch.cat([torch.zeros_like(odds[..., :1]), odds], -1).log_softmax(-1))
            factors.match(answers[-1].detach()[..., 1:].exp())
        return torch.stack(answers)

    @torch.no_grad()
    def log_posterior(self, evidence: Evidence, log_prior: Tensor) -> Tensor:
        """log q, the answer of the last round: [r, slot, type]; so many receivers at once as memory allows."""
        rows = max(1, NUMBERS // evidence.linear.shape[1] ** 2)
        parts = [evidence[at : at + rows] for at in range(0, len(evidence), rows)]
        return torch.cat([self(part, log_prior)[-1] for part in parts])


FEATURES = 5
"""Numbers a column that a round reads beside its state; see `Factors.cavity`."""
NUMBERS = 1 << 21
"""Numbers of the gram matrices that are read in one pass: bounds memory."""


class Factors:
    """The Gaussian factors of all candidates, and what each candidate sees of the others.

    Attributes:
        mean: of the one-hot types, [receiver, slot, column], at first that of the prior.
    """

    def __init__(self, evidence: Evidence, log_prior: Tensor) -> None:
        columns = len(log_prior) - 1
        self.linear = evidence.linear.unflatten(-1, (-1, columns))  # [receiver, slot, column]
        self.gram = evidence.gram
        self.size = self.gram.diagonal(dim1=-1, dim2=-2).view_as(self.linear)
        self.prior = (log_prior[1:] - log_prior[0]).double().expand_as(self.linear)
        self.mean = log_prior.double().exp()[1:].expand_as(self.linear)
        self.precision = torch.linalg.inv(_covariance(self.mean))
        self.shift = (self.precision @ self.mean[..., None])[..., 0]

    def cavity(self) -> tuple[Tensor, Tensor]:
        """Log-odds g of every candidate's types, and what a round reads: asinh of g, of the diagonals of C and of the
        gram matrix, the mean so far, and the prior.

        Shapes: [receiver, slot, column]; [receiver, slot, FEATURES * column] float32.
        """
        n_slots, columns = self.linear.shape[1:]
        whole = self.gram.unflatten(-1, (n_slots, columns)).unflatten(1, (n_slots, columns)).clone()
        each = torch.arange(n_slots)
        whole[:, each, :, each] += self.precision.transpose(0, 1)
        whole = whole.flatten(3).flatten(1, 2)
        ridge = ROUNDING * self.size.flatten(1).amax(1)[:, None].expand(whole.shape[:2])
        factor = torch.linalg.cholesky(whole + ridge.diag_embed())
        both = (self.linear + self.shift).flatten(1)[..., None]
        mean = torch.cholesky_solve(both, factor).view(self.linear.shape)
        covariance = torch.cholesky_inverse(factor).view(-1, n_slots, columns, n_slots, columns)
        covariance = covariance[:, each, :, each].transpose(0, 1)
        sure = torch.linalg.inv(covariance)  # Sigma_ss^-1
        self.others = sure - self.precision  # C
        self.heard = (sure @ mean[..., None])[..., 0] - self.shift  # c
        certainty = self.others.diagonal(dim1=-1, dim2=-2)
        odds = self.heard - certainty / 2 + self.prior
        parts = (odds.asinh(), certainty.asinh(), self.size.asinh(), self.mean, self.prior)
        return odds, torch.cat(parts, -1).float()

    def match(self, mean: Tensor) -> None:
        """Give every candidate the factor that, with what it sees, has the moments of its types' probabilities.

        Args:
            mean: [receiver, slot, column] probabilities of the types but the first.
        """
        self.mean = mean
        sure = torch.linalg.inv(_covariance(mean))
        precision = sure - self.others
        shift = (sure @ mean[..., None])[..., 0] - self.heard
        proper = (torch.linalg.eigvalsh(precision)[..., 0] > 0)[..., None]
        step = DAMPING * proper
        self.shift = self.shift + step * (shift - self.shift)
        self.precision = self.precision + step[..., None] * (precision - self.precision)


def _covariance(mean: Tensor) -> Tensor:
    """Of one-hot types with such probabilities: [..., column] -> [..., column, column], never singular."""
    least = LEAST_VARIANCE * torch.eye(mean.shape[-1], dtype=mean.dtype)
    return mean.diag_embed() - mean[..., :, None] * mean[..., None, :] + least
