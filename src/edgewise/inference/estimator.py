"""`RelationalInference`: `edgewise.infer` with the manners of scikit-learn."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, cast

import networkx as nx
import numpy as np
import pandas as pd
import xarray as xr
from sklearn.base import BaseEstimator
from sklearn.utils import Tags, check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from edgewise.data.given import Trajectories, as_dataset, is_long
from edgewise.data.roles import DIMS
from edgewise.errors import ConfigError, DataError
from edgewise.inference.config import InferenceConfig, Scope
from edgewise.inference.infer import LEARNERS, infer
from edgewise.inference.one_step import one_step_ahead
from edgewise.inference.result import Inference

FEWEST_FRAMES = 3
"""Of two frames there is one increment, whose scale and noise cannot be told apart."""


def _learns_a_law(estimator: "RelationalInference") -> bool:
    return estimator.method in LEARNERS


class RelationalInference(BaseEstimator):
    """Who acts on whom, as a scikit-learn estimator.

    `X` is an array or a wide table [time, entity]: rows (samples) are frames, **columns (features) are the
    entities**, whose names are those of the table. NaN means not observed. Also taken are what
    `edgewise.data.as_dataset` understands: arrays [sequence, time, entity] and [sequence, time, entity, feature],
    lists of recordings, long tables, and data sets of `edgewise.load`, which alone know positions and clocks of
    their own; frames of a wide table follow one another at equal times, whatever its index.

    The model of a frame is its successor: `predict` gives for every frame the expected next one.

    Args:
        method: see `edgewise infer --help`; without a law (correlation and other scores) there is no `predict` or
            `score`.
        edge_types: kinds of relation, "no interaction" included.
        graph: "shared" for one graph, "per-sequence", or "per-window" of each recording.
        undirected: whether the relation of (i, j) is that of (j, i).
        lags: earlier frames that enter the law.
        instantaneous: whether senders act within a frame too, as in slowly sampled series.
        additive: whether a message depends on the sender alone.
        no_interaction: whether type 0 means that nothing acts: "yes", which `edge_prob_` needs, "no", or "auto"
            (decided by the marginal likelihood).
        prior: probability of each type; None: all alike.
        fdr: report only edges within this false-discovery rate; 0: off.
        bootstrap: resamples for an interval of each probability; 0: none.
        ensemble: fits with so many seeds, whose posteriors are pooled.
        max_steps: most gradient steps of a fit.
        time_limit: seconds after which a fit is brought to its end; 0: none.
        random_state: seed; None draws one, and an instance of RandomState is drawn from.
        settings: any other setting of `edgewise.infer` by name, such as {"hidden": 16}.

    Attributes:
        inference_: the whole result, an `edgewise.Inference`.
        edge_prob_: [n_entities, n_entities] **[receiver, sender]**: the probability that the column acts on the row;
            0 on the diagonal. Where there are several graphs, their mean; where every type acts, the probability of the
            likeliest type.
        graph_: networkx graph, edges sender -> receiver with `type` and `probability`; where there are several graphs,
            the pairs with a mean probability above 1/2, and each one's own is `inference_.graph(...)`.
        n_features_in_: number of entities.
        feature_names_in_: their names, where X has names.

    >>> import numpy as np
    >>> series = np.random.default_rng(0).normal(size=(60, 3)).cumsum(0)
    >>> model = RelationalInference(max_steps=20, settings={"hidden": 8}).fit(series)
    >>> model.edge_prob_.shape, model.predict(series).shape
    ((3, 3), (60, 3))
    """

    def __init__(
        self,
        *,
        method: str = "superposition",
        edge_types: int = 2,
        graph: Scope = "shared",
        undirected: bool = False,
        lags: int = 0,
        instantaneous: bool = False,
        additive: bool = False,
        no_interaction: Literal["auto", "yes", "no"] = "yes",
        prior: Sequence[float] | None = None,
        fdr: float = 0.0,
        bootstrap: int = 0,
        ensemble: int = 1,
        max_steps: int = 4000,
        time_limit: float = 0.0,
        random_state: int | np.random.RandomState | None = 0,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.method = method
        self.edge_types = edge_types
        self.graph = graph
        self.undirected = undirected
        self.lags = lags
        self.instantaneous = instantaneous
        self.additive = additive
        self.no_interaction = no_interaction
        self.prior = prior
        self.fdr = fdr
        self.bootstrap = bootstrap
        self.ensemble = ensemble
        self.max_steps = max_steps
        self.time_limit = time_limit
        self.random_state = random_state
        self.settings = settings

    def fit(self, X: Trajectories, y: object = None) -> Self:
        """Infer the graph of the trajectories.

        Args:
            X: trajectories, see the class.
            y: not used; there for pipelines.

        Raises:
            DataError: (a ValueError) for data that do not follow the schema or of which nothing can be learnt.
            ConfigError: (a ValueError) for a setting that is wrong or does not fit the data.
        """
        config = self._config()
        ds = self._dataset(X, reset=True)
        result = infer(ds, config)
        self.inference_: Inference = result
        self.edge_prob_ = _mean_interaction(result)
        self.graph_ = _graph(result, self.edge_prob_)
        return self

    @available_if(_learns_a_law)
    def predict(self, X: Trajectories) -> np.ndarray:
        """The expected next frame of every frame: row t is the forecast of row t + 1, a median time step on.

        The first rows have no past: where the law looks at `lags` earlier frames, the first frame is taken to have
        stood still before. Values are NaN where an entity was not observed. Where every recording or window has a
        graph of its own, the graphs of `X` are inferred first, by the law.

        Returns: an array of the shape of X; of data sets and tables [sequence, time, entity, feature], and of long
            tables the same.

        Raises:
            ValueError: for other entities than those of the fit.
        """
        check_is_fitted(self)
        ds = self._dataset(X, reset=False)
        predicted = one_step_ahead(self.inference_, ds)
        values = np.stack([predicted[name].to_numpy() for name in predicted.data_vars], -1)
        return values.reshape(shape) if (shape := _plain_shape(X)) is not None else values

    @available_if(_learns_a_law)
    def score(self, X: Trajectories, y: object = None) -> float:
        """How much better the one-step prediction is than "nothing moves":

            1 - sum (x(t+1) - predicted(t+1))^2 / sum (x(t+1) - x(t))^2

        of each feature, over all frames that have a successor and the past that the law looks at; the mean over
        features. 1 is perfect, 0 as good as persistence, below 0 worse.

        Raises:
            DataError: for data in which nothing moves, or with fewer than two frames.
        """
        check_is_fitted(self)
        ds = self._dataset(X, reset=False)
        fitted = self.inference_.fitted
        assert fitted is not None
        first = fitted.encoding.first_frame
        predicted = one_step_ahead(self.inference_, ds)
        skills = []
        for name in predicted.data_vars:
            now, ahead = (part[name].transpose(*DIMS).to_numpy() for part in (ds, predicted))
            error = (now[:, first + 1 :] - ahead[:, first:-1]) ** 2
            moved = np.diff(now[:, first:], axis=1) ** 2
            both = np.isfinite(error) & np.isfinite(moved)
            if (total := moved[both].sum()) > 0:
                skills.append(1 - error[both].sum() / total)
        if not skills:
            raise DataError(
                f"nothing moves in these {ds.sizes['time']} frames",
                expected="two frames or more in which something changes",
                fix="score a longer part of a recording",
            )
        return float(np.mean(skills))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.three_d_array = True
        return tags

    def _config(self) -> InferenceConfig:
        """The parameters and `settings` as one configuration.

        Raises:
            ConfigError: for a setting that is given twice, is unknown or wrong.
        """
        more = dict(self.settings or {})
        named = self.get_params(deep=False)
        twice = sorted((set(more) & set(named)) | ({"seed"} & set(more)))
        if twice:
            raise ConfigError(
                f"settings holds {', '.join(twice)}",
                expected="settings that are no parameters of their own (the seed is random_state)",
                fix=f"pass it directly: RelationalInference({twice[0]}=...)",
            )
        values = {name: value for name, value in named.items() if name not in ("random_state", "settings")}
        values["prior"] = list(self.prior) if self.prior is not None else []
        return InferenceConfig.from_dict(values | more | {"seed": self._seed()}, source="parameters")

    def _seed(self) -> int:
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(2**31 - 1))

    def _dataset(self, X: Trajectories, *, reset: bool) -> xr.Dataset:
        """The data in the schema; notes their entities (`reset`), or refuses others than those of the fit."""
        if not _is_table(X):
            ds = as_dataset(X)
            self._check_entities(ds, named=not isinstance(X, np.ndarray), reset=reset)
            return ds
        values = validate_data(
            self,
            cast("Any", X),
            reset=reset,
            dtype=np.float64,
            ensure_all_finite="allow-nan",
            ensure_min_samples=FEWEST_FRAMES if reset else 1,
            ensure_min_features=2 if reset else 1,
        )
        names = getattr(self, "feature_names_in_", None)
        # a single frame can be predicted from; the schema asks for two
        padded = values if len(values) > 1 else np.concatenate([values, np.full_like(values, np.nan)])
        return as_dataset(padded, entity=None if names is None else list(names)).isel(time=slice(len(values)))

    def _check_entities(self, ds: xr.Dataset, *, named: bool, reset: bool) -> None:
        found = ds["entity"].to_numpy().astype(object)
        if reset:
            self.n_features_in_ = len(found)
            if named:
                self.feature_names_in_ = found
            elif hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
            return
        if len(found) != self.n_features_in_:
            raise DataError(
                f"X has {len(found)} features, but {type(self).__name__} is expecting {self.n_features_in_} features as"
                " input: its entities",
                expected="the entities of the fit",
            )
        known = getattr(self, "feature_names_in_", found)
        if named and list(found) != list(known):
            raise DataError(
                f"the entities are {', '.join(found[:5])} ...",
                expected=f"those of the fit, in this order: {', '.join(known[:5])} ...",
                fix="select them in that order",
            )


def _is_table(X: object) -> bool:
    """Whether it is scikit-learn's own kind of input, [time, entity]: what its checks understand."""
    if isinstance(X, xr.Dataset | xr.DataArray):
        return False
    if isinstance(X, pd.DataFrame):
        return not is_long(X)
    if isinstance(X, list | tuple):
        return not X or getattr(X[0], "ndim", 1) == 1
    return getattr(X, "ndim", 2) < 3


def _plain_shape(X: Any) -> tuple[int, ...] | None:
    """The shape of what was given, where it is a table or an array without names."""
    if isinstance(X, np.ndarray) or _is_table(X):
        return np.shape(X)
    return None


def _mean_interaction(result: Inference) -> np.ndarray:
    """[receiver, sender] probability that a pair interacts, the mean over graphs."""
    p = result.interaction()
    over = [dim for dim in p.dims if dim not in ("receiver", "sender")]
    mean = p.mean(over).transpose("receiver", "sender").to_numpy().copy()
    np.fill_diagonal(mean, 0.0)
    return mean


def _graph(result: Inference, mean: np.ndarray) -> nx.DiGraph | nx.Graph:
    """The graph, or where there are several that of the pairs which mostly interact."""
    if len(result.sequences) == 1 and "window" not in result.probability.dims:
        return result.graph()
    p = result.probability
    over = [dim for dim in p.dims if dim not in ("receiver", "sender", "type")]
    kinds = p.mean(over).transpose("receiver", "sender", "type").to_numpy()[..., int(result.no_interaction) :]
    graph: nx.DiGraph | nx.Graph = nx.Graph() if result.config.graph.undirected else nx.DiGraph()
    graph.add_nodes_from(result.entities)
    for receiver, sender in np.argwhere(mean > 0.5):
        kind = int(kinds[receiver, sender].argmax()) + int(result.no_interaction)
        names = result.entities[sender], result.entities[receiver]
        graph.add_edge(*names, type=kind, probability=float(mean[receiver, sender]))
    return graph
