"""Simple answers to the same questions, for a reader to compare with."""

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from edgewise.data.citations import NodeClassification

STRENGTHS = tuple(10.0**k for k in range(-2, 5))
"""Inverse weights of a penalty that are tried; the validation part chooses."""


def logistic_regression(data: NodeClassification) -> float:
    """Test accuracy in % of a logistic regression on each node's own features, blind to the edges."""
    words, shape = data.words, (data.words.n_receivers, data.words.n_senders)
    values = data.values[:, 0].numpy()
    features = csr_matrix((values, (words.receivers.numpy(), words.senders.numpy())), shape=shape)
    labels = data.labels.numpy()
    train, validation, test = (part.numpy() for part in (data.train, data.validation, data.test))
    fits = [LogisticRegression(C=c, max_iter=1000).fit(features[train], labels[train]) for c in STRENGTHS]
    best = max(fits, key=lambda fit: fit.score(features[validation], labels[validation]))
    return 100.0 * float(best.score(features[test], labels[test]))


def rmse(predicted: np.ndarray, true: np.ndarray) -> float:
    """Root of the mean squared error."""
    return float(np.sqrt(np.mean((predicted - true) ** 2)))


def regressions(features: np.ndarray, targets: np.ndarray, parts: tuple[np.ndarray, ...]) -> dict[str, float]:
    """Test RMSE of the training mean, ridge regression and a random forest.

    Args:
        features: [n_items, n_features]; targets: [n_items].
        parts: the indices of training, validation and test.
    """
    train, validation, test = parts
    scale = StandardScaler().fit(features[train])
    scaled = np.asarray(scale.transform(features))
    ridges = [Ridge(alpha=1 / c).fit(scaled[train], targets[train]) for c in STRENGTHS]
    ridge = min(ridges, key=lambda fit: rmse(fit.predict(scaled[validation]), targets[validation]))
    forest = RandomForestRegressor(300, random_state=0).fit(features[train], targets[train])
    return {
        "the training mean": rmse(np.full(len(test), targets[train].mean()), targets[test]),
        "ridge regression on summed atom features": rmse(ridge.predict(scaled[test]), targets[test]),
        "random forest on summed atom features": rmse(forest.predict(features[test]), targets[test]),
    }
