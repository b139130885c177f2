"""The evidence lower bound (Kipf et al. 2018, section 3.2 and equation 3)."""

from torch import Tensor


def gaussian_nll(predicted: Tensor, target: Tensor, variance: float) -> Tensor:
    """The negative log-likelihood of the trajectories, up to its constant:

        sum over batch, time, entity, feature of (target - predicted)^2 / (2 variance),  divided by B N

    with B trajectories of N entities (the scaling of the authors' code: a sum over time and features).

    Shapes: [batch, time, entity, feature] twice -> [].
    """
    n_batch, _, n_entities, _ = target.shape
    return (predicted - target).square().sum() / (2 * variance * n_batch * n_entities)


def categorical_kl(log_posterior: Tensor, log_prior: Tensor, n_entities: int) -> Tensor:
    """The divergence of the edges' posterior from the prior:

        sum over batch, pairs of sum_k q_k (log q_k - log pi_k),  divided by B N

    Args:
        log_posterior: log q [batch, receiver, n - 1, type]; log_prior: log pi [type], uniform or not.
        n_entities: N.
    """
    divergence = (log_posterior.exp() * (log_posterior - log_prior)).sum()
    return divergence / (len(log_posterior) * n_entities)
