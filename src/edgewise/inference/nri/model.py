"""Neural relational inference: encoder, sample, decoder (Kipf et al. 2018, section 3)."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgewise.inference.nri.decoder import Decoder
from edgewise.inference.nri.encoder import Encoder
from edgewise.inference.nri.gumbel import gumbel_noise, relaxed_sample
from edgewise.inference.nri.objective import categorical_kl, gaussian_nll
from edgewise.relation import Complete


@dataclass(frozen=True)
class Bound:
    """The two parts of the negative evidence lower bound, each divided by B N; `kl` is not negative."""

    nll: Tensor
    kl: Tensor

    @property
    def total(self) -> Tensor:
        return self.nll + self.kl


class NRI(nn.Module):
    """An encoder q(z | x) and a decoder p(x | z), trained together by the evidence lower bound:

        ELBO = E_q(z|x) [log p(x | z)] - KL(q(z | x) || p(z))

    Args:
        encoder, decoder: see there.
        log_prior: log p(z) of an edge's type, [type].
        undirected: the types of (i, j) and (j, i) are one: their log-odds are added, and one sample serves both.
        variance: of the Gaussian p(x(t + 1) | x(t), z), in scaled features.
        tau: temperature of the samples; hard: whether they are one-hot (straight-through).
        prediction_steps: frames from one true input of the decoder to the next.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder,
        log_prior: Tensor,
        *,
        undirected: bool = False,
        variance: float = 5e-5,
        tau: float = 0.5,
        hard: bool = False,
        prediction_steps: int = 10,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder
        self.log_prior: Tensor
        self.register_buffer("log_prior", log_prior)
        self.undirected, self.variance = undirected, variance
        self.tau, self.hard, self.prediction_steps = tau, hard, prediction_steps

    def log_posterior(self, trajectories: Tensor) -> Tensor:
        """log q(z | x): [batch, time, n, feature] -> [batch, n, n - 1, type]."""
        relation = relation_of(trajectories)
        logits = self.encoder(relation, trajectories).to(
            trajectories.dtype
        )  # also where products are in bfloat16
        if self.undirected:
            logits = logits + relation.reverse_edges(logits)
        return logits.log_softmax(-1)

    def sample(self, log_posterior: Tensor) -> Tensor:
        """Relaxed graphs from q, by torch's generator: [batch, n, n - 1, type]."""
        noise = gumbel_noise(log_posterior)
        if self.undirected:
            relation = Complete(log_posterior.shape[1], loops=False)
            first = relation.slots() < torch.arange(relation.n_receivers)[:, None]  # sender before receiver
            noise = torch.where(first[..., None], noise, relation.reverse_edges(noise))
        return relaxed_sample(log_posterior, noise, self.tau, hard=self.hard)

    def forward(self, trajectories: Tensor) -> Bound:
        """The bound of a batch [batch, time, n, feature]: by sampled graphs in training, else by the posterior mean."""
        log_posterior = self.log_posterior(trajectories)
        weights = self.sample(log_posterior) if self.training else log_posterior.exp()
        relation, n = relation_of(trajectories), trajectories.shape[2]
        predicted = self.decoder.teacher_forced(relation, trajectories, weights, self.prediction_steps)
        nll = gaussian_nll(predicted, trajectories[:, 1:], self.variance)
        kl = categorical_kl(log_posterior, self.log_prior, n)
        return Bound(
            nll, kl / 2 if self.undirected else kl
        )  # a pair without direction is one variable, not two

    def roll(
        self,
        past: Tensor,
        weights: Tensor,
        steps: int,
        *,
        dynamic: bool = False,
        noise: torch.Generator | None = None,
    ) -> Tensor:
        """Frames after the past, each predicted from the one before.

        Args:
            past: [batch, time, n, feature]; weights: belief about the graph [batch, n, n - 1, type].
            steps: frames ahead.
            dynamic: infer the graph anew at every step, from the last frames, predictions among them (the paper's
                experiment on motion capture, "dynamic"); `weights` then only warm up the decoder.
            noise: draws the Gaussian of every frame; the mean without it.

        Returns:
            [batch, steps, n, feature]
        """
        relation = relation_of(past)
        nodes, state, frames = past[:, -1], self.decoder.warmed(relation, past, weights), []
        for _ in range(steps):
            if dynamic:
                weights = self.log_posterior(past).exp()
            nodes, state = self.decoder.step(relation, nodes, state, weights)
            if noise is not None:
                nodes = nodes + self.variance**0.5 * torch.randn(nodes.shape, generator=noise)
            frames.append(nodes)
            past = torch.cat([past[:, 1:], nodes[:, None]], 1)
        return torch.stack(frames, 1)


def relation_of(trajectories: Tensor) -> Complete:
    """Everybody but oneself: of [batch, time, n, feature]."""
    return Complete(trajectories.shape[2], loops=False)
