"""From a data set to q-values: fit on each half, judge the other."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from edgewise.inference.confidence.alignment import aligned_types
from edgewise.inference.confidence.discovery import Judge, evidence_scores, q_values
from edgewise.inference.confidence.folds import FoldedObservations, only_fold, two_folds
from edgewise.inference.confidence.held_out import CrossFitted
from edgewise.inference.confidence.temperature import calibration_of
from edgewise.inference.config import ConfidenceConfig, InferenceConfig
from edgewise.inference.encoding import Encoding
from edgewise.inference.observations import Observations, renumbered
from edgewise.inference.superposition.fit import Fitted, fit_superposition, log_prior_of
from edgewise.inference.superposition.model import SuperpositionModel
from edgewise.inference.superposition.posterior import graph_posterior
from edgewise.training import Deadline, Progress

FITS = 2
"""Fits that cross-fitting needs."""


def fit_halves(
    data: Observations,
    encoding: Encoding,
    config: InferenceConfig,
    *,
    time_limit: float = 0.0,
    on_progress: Callable[[Progress], None] | None = None,
) -> CrossFitted:
    """Two laws, each fitted on one half of the data (`two_folds`) and ready to judge the other.

    Args:
        time_limit: seconds for each of the two fits (0: none).

    Raises:
        DataError: for one recording that is too short to be halved.
    """
    folded = _halves(data, encoding, config)
    plain = replace(config, graph=replace(config.graph, no_interaction="yes"), confidence=ConfidenceConfig())
    fits = [
        fit_superposition(
            only_fold(folded, 1 - fold),
            encoding,
            plain,
            deadline=Deadline(time_limit),
            on_progress=on_progress,
        )
        for fold in range(FITS)
    ]
    temperatures = tuple(_on_held_out(fit, folded, fold, config) for fold, fit in enumerate(fits))
    if config.graph.edge_types > 2:
        _align(fits[0], fits[1], data, plain)
    return CrossFitted(tuple(fit.model for fit in fits), temperatures)


def cross_fitted_q_values(
    laws: CrossFitted, data: Observations, encoding: Encoding, config: InferenceConfig
) -> np.ndarray:
    """The q-value of every pair of the data that `laws` were fitted on: [graph, window, receiver, sender].

    NaN where nothing was judged.

    Raises:
        ConfigError: see `evidence_scores`.
    """
    judge = Judge(laws, config.graph, log_prior_of(config))
    return _judged(judge, _halves(data, encoding, config), config.training.seed)


def _halves(data: Observations, encoding: Encoding, config: InferenceConfig) -> FoldedObservations:
    return two_folds(data, lags=encoding.lags, seed=config.training.seed)


def q_values_of_new(
    model: SuperpositionModel, temperature: float, data: Observations, config: InferenceConfig
) -> np.ndarray:
    """The q-values of recordings that the law was not fitted on: the same without a split."""
    everything = torch.zeros(data.target.shape[:2], dtype=torch.int64)
    parts = {name: getattr(data, name) for name in Observations.__annotations__}
    judge = Judge(CrossFitted((model,), (temperature,)), config.graph, log_prior_of(config))
    return _judged(judge, FoldedObservations(**parts, fold=everything), config.training.seed)


def _judged(judge: Judge, data: FoldedObservations, seed: int) -> np.ndarray:
    scores = evidence_scores(judge, data, seed=seed)
    q = q_values(scores.pairs, scores.decoys)
    return np.fmin(q, q.swapaxes(-1, -2)) if judge.graph.undirected else q


def _on_held_out(fitted: Fitted, data: FoldedObservations, fold: int, config: InferenceConfig) -> float:
    """Set the law's noise to that of the fold which it was not fitted on; -> the temperature there."""
    seen, new = renumbered(only_fold(data, 1 - fold)), renumbered(only_fold(data, fold))
    measured = calibration_of(
        fitted.model, seen, new, config.graph, fitted.log_prior, seed=config.training.seed
    )
    fitted.model.level.mul_(measured.noise_ratio)
    return measured.temperature if config.confidence.calibrate else 1.0


def _align(first: Fitted, second: Fitted, data: Observations, config: InferenceConfig) -> None:
    """Put the types of the second law in the order of the first's, by their posteriors on all data."""
    seed = config.training.seed
    found = [
        graph_posterior(fit.model, data, config.graph, fit.log_prior, seed=seed).probability.numpy()
        for fit in (first, second)
    ]
    order = list(aligned_types(found[0], found[1], idle=True, layers=config.graph.layers))
    second.model.law.combine_heads(torch.eye(len(order))[order])
