"""What a user may choose about an inference; one small record a subject, each field with its own help."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from edgewise.errors import ConfigError
from edgewise.inference.peers.names import PEERS
from edgewise.settings import one_of, plain, require, take

Scope = Literal["per-sequence", "shared", "per-window"]
LEARNED = ("superposition", "hybrid", "linear", "nri")
"""Methods that learn a law; the others score pairs."""
METHODS = (*LEARNED, "correlation", "partial-correlation", "lag-regression", *PEERS)


@dataclass(frozen=True)
class GraphConfig:
    """Which graph is sought.

    Attributes:
        edge_types: number of kinds of relation, "no interaction" included when it is one of them.
        layers: types of each of several independent relations whose effects add up, such as 2, 2; edge_types is then
            their product. Empty: one relation.
        most_types: fit 2 to this many types and take the number that data which were held out speak for; 0: edge_types.
        no_interaction: whether type 0 means that nothing acts. "auto" decides by the marginal likelihood.
        undirected: the relation of (i, j) is that of (j, i): their evidence is added.
        graph: one graph a sequence, one for all sequences ("shared"), or one a window of time.
        window: frames of a window, for graph = "per-window".
        stay: probability that an edge keeps its type from one window to the next.
        neighbours: candidates are the so many nearest entities (0: every other entity).
        nearest: what near means: the least mean distance, or the highest correlation with the sender a frame earlier,
            for data without positions or where distance does not decide.
        prior: prior probability of each type; empty: all alike.
        fill_gaps: longest gap in frames that is bridged by interpolation where a value is only looked at.
        strengths: "types", or "continuous" for one law whose strength is a number of each pair's own, with an interval;
            prior is then that of not acting and of acting, and is learnt if it is empty.
        acyclic: no chain of effects leads back to where it began; for the method linear, above all with effects within
            a frame.
    """

    edge_types: int = 2
    layers: tuple[int, ...] = ()
    most_types: int = 0
    no_interaction: Literal["auto", "yes", "no"] = "auto"
    undirected: bool = False
    graph: Scope = "per-sequence"
    window: int = 10
    stay: float = 0.9
    neighbours: int = 0
    nearest: Literal["position", "correlation"] = "position"
    prior: tuple[float, ...] = ()
    fill_gaps: int = 3
    strengths: Literal["types", "continuous"] = "types"
    acyclic: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "prior", tuple(float(p) for p in self.prior))
        self._count_layers()
        require(2 <= self.edge_types <= 16, "edge_types", self.edge_types, "2 to 16 types")
        require(
            self.most_types == 0 or 2 <= self.most_types <= 16,
            "most_types",
            self.most_types,
            "0, or 2 to 16 types",
        )
        if self.most_types and self.prior:
            raise ConfigError(
                "most_types together with prior",
                expected="one of the two: a prior is for one number of types",
                fix="drop one",
            )
        require(
            self.no_interaction in ("auto", "yes", "no"),
            "no_interaction",
            self.no_interaction,
            "auto, yes, no",
        )
        scopes = ("per-sequence", "shared", "per-window")
        require(self.graph in scopes, "graph", self.graph, f"one of {', '.join(scopes)}")
        require(self.window >= 1, "window", self.window, "at least 1 frame")
        require(0.0 < self.stay < 1.0, "stay", self.stay, "a probability between 0 and 1, ends excluded")
        require(self.neighbours >= 0, "neighbours", self.neighbours, "0 (all) or a positive number")
        one_of("nearest", self.nearest, ("position", "correlation"))
        require(self.fill_gaps >= 0, "fill_gaps", self.fill_gaps, "0 or a positive number of frames")
        if self.prior:
            right = (
                len(self.prior) == self.edge_types and min(self.prior) > 0 and abs(sum(self.prior) - 1) < 1e-6
            )
            require(right, "prior", self.prior, f"{self.edge_types} positive probabilities that sum to 1")
        one_of("strengths", self.strengths, ("types", "continuous"))
        if self.strengths == "continuous":
            self._check_strengths()

    def _check_strengths(self) -> None:
        """Refuse what makes no sense, or is not known, of strengths that are numbers."""
        asked = {
            f"edge_types = {self.edge_types}": (
                self.edge_types != 2,
                "one law, and so 2 types: no interaction, acts",
            ),
            f"layers = {self.layers}": (bool(self.layers), "one relation"),
            f"most_types = {self.most_types}": (self.most_types > 0, "one law"),
            "no_interaction = 'no'": (self.no_interaction == "no", "pairs that may not act at all"),
            "undirected": (self.undirected, "directed graphs: each direction has a strength of its own"),
            "graph = 'per-window'": (self.graph == "per-window", "one graph a recording, or one for all"),
        }
        for what, (is_asked, expected) in asked.items():
            if is_asked:
                raise ConfigError(
                    f"strengths = 'continuous' together with {what}",
                    expected=expected,
                    fix=f"drop {what.partition(' = ')[0]}, or strengths",
                )

    def _count_layers(self) -> None:
        if not self.layers:
            return
        right = all(float(size).is_integer() and size >= 2 for size in self.layers) and len(self.layers) >= 2
        require(right, "layers", self.layers, "two or more relations of at least 2 types each")
        object.__setattr__(self, "layers", tuple(int(size) for size in self.layers))
        product = math.prod(self.layers)
        if self.edge_types not in (2, product):
            raise ConfigError(
                f"edge_types={self.edge_types} with layers {self.layers}",
                expected=f"{product} joint types",
                fix="drop edge_types",
            )
        if self.most_types:
            raise ConfigError("most_types together with layers", expected="one of the two", fix="drop one")
        object.__setattr__(self, "edge_types", product)


@dataclass(frozen=True)
class LawConfig:
    """The inductive bias of the learnt pairwise law f_k(sender, receiver).

    Attributes:
        translation: only relative positions and relative velocities enter a message, never where the pair is.
        rotation: messages turn with the pair: components along and across the line between the two.
        local_frames: all is seen from each entity, facing the way it goes: no place and no direction is special, for
            its own motion and the noise too, and earlier frames turn with it. In the plane.
        symmetric: action equals reaction, f(j, i) = -f(i, j).
        additive: a message depends on the sender alone.
        lags: earlier frames that also enter, of the sender and the receiver.
        identity: size of a learnt vector an entity (masses, charges, roles); 0 for interchangeable entities.
        angles: features that are the sine of an angle: its cosine enters too.
        gain: of every target series: "known", or "profiled" where the series of each entity and recording was scaled on
            its own (to -1 and 1, say): its offset and its positive gain then have a closed form for each graph.
        separable: rank r of a law a_k(sender) . b_k(receiver), much cheaper than a network of pairs; 0: no such law.
        instantaneous: senders act within a frame too: their state at the next frame enters beside that at this one.
        hidden: width of the networks.
    """

    translation: bool = True
    rotation: bool = False
    local_frames: bool = False
    symmetric: bool = False
    additive: bool = False
    lags: int = 0
    identity: int = 0
    angles: tuple[str, ...] = ()
    gain: Literal["known", "profiled"] = "known"
    separable: int = 0
    instantaneous: bool = False
    hidden: int = 64

    def __post_init__(self) -> None:
        object.__setattr__(self, "angles", tuple(str(name) for name in self.angles))
        require(self.gain in ("known", "profiled"), "gain", self.gain, "known or profiled")
        require(0 <= self.separable <= 1024, "separable", self.separable, "0 to 1024 products")
        require(0 <= self.lags <= 50, "lags", self.lags, "0 to 50 earlier frames")
        require(0 <= self.identity <= 64, "identity", self.identity, "0 to 64 numbers an entity")
        require(4 <= self.hidden <= 4096, "hidden", self.hidden, "4 to 4096 units")
        if self.rotation and not self.translation:
            raise ConfigError(
                "rotation without translation",
                expected="a law of relative positions",
                fix="set translation = true",
            )
        if self.rotation and self.lags:
            raise ConfigError(
                "rotation together with lags",
                expected="a law whose messages turn with the pair; displacements at earlier frames do not enter that",
                fix="drop one of the two",
            )
        self._check_local_frames()
        if self.additive and (self.symmetric or self.rotation):
            raise ConfigError(
                "additive together with symmetric or rotation",
                expected="a law that sees both ends of the pair",
                fix="drop additive, or the other bias",
            )
        if self.angles and self.lags:
            raise ConfigError(
                "angles together with lags",
                expected="a law of angles at one frame",
                fix="drop one of the two",
            )
        if self.separable and (self.additive or self.symmetric or self.rotation):
            raise ConfigError(
                "separable together with additive, symmetric or rotation",
                expected="a law that is an inner product of what each end is",
                fix="drop separable, or the other bias",
            )

    def _check_local_frames(self) -> None:
        """Refuse what local frames make no sense with."""
        if not self.local_frames:
            return
        others = ("rotation", "symmetric", "additive", "separable", "instantaneous", "angles")
        asked = [name for name in others if getattr(self, name)]
        if asked or not self.translation:
            raise ConfigError(
                f"local_frames together with {asked[0] if asked else 'translation = false'}",
                expected="a law of pairs that are seen from the receiver",
                fix="drop one of the two",
            )


@dataclass(frozen=True)
class TrainingConfig:
    """How the law is fitted.

    Attributes:
        seed: decides the initial weights and every batch.
        max_steps: most gradient steps, should the marginal likelihood not settle earlier.
        min_steps: steps with types before the marginal likelihood may count as settled; many for laws that are found
            slowly, such as of bodies that meet closely.
        refit_steps: steps in which a copy of the fitted law is refitted to the mean motion by least squares, for
            forecasts where rare large motions make up the error (0: forecasts are the law's).
        refit_horizon: steps that the copy goes on from its own states while it is compared with what happened.
        refit_error: what the copy makes small: "squared" errors of all that moves, or the "distance" between a foretold
            position (or value) and the true one.
        time_limit: seconds after which the fit is brought to its end (0: none).
        batch_size: recordings (or stretches of one) a step; 0 chooses by the number of pairs.
        learning_rate: Adam's step size; it falls to zero over the last third of the fit.
        noise: "learnt" lets the noise depend on the receiver's state; "profiled" keeps one level.
        temperature: tempering of the configurations at the start of the discrete phase.
    """

    seed: int = 0
    max_steps: int = 4000
    min_steps: int = 0
    refit_steps: int = 0
    refit_horizon: int = 1
    refit_error: Literal["squared", "distance"] = "squared"
    time_limit: float = 0.0
    batch_size: int = 0
    learning_rate: float = 3e-3
    noise: Literal["learnt", "profiled"] = "learnt"
    temperature: float = 4.0

    def __post_init__(self) -> None:
        require(self.seed >= 0, "seed", self.seed, "0 or a positive whole number")
        require(self.max_steps >= 1, "max_steps", self.max_steps, "at least 1 step")
        for name in ("min_steps", "refit_steps"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "0 or a positive number of steps")
        require(1 <= self.refit_horizon <= 1000, "refit_horizon", self.refit_horizon, "1 to 1000 steps")
        one_of("refit_error", self.refit_error, ("squared", "distance"))
        for name, usual in (("refit_horizon", 1), ("refit_error", "squared")):
            if getattr(self, name) != usual and not self.refit_steps:
                raise ConfigError(
                    f"{name} = {getattr(self, name)} without refit_steps",
                    expected="a number of steps of the refit",
                    fix=f"set refit_steps = 2000, or drop {name}",
                )
        require(self.time_limit >= 0, "time_limit", self.time_limit, "seconds, or 0 for none")
        require(self.batch_size >= 0, "batch_size", self.batch_size, "0 (chosen) or a positive number")
        require(0 < self.learning_rate <= 1, "learning_rate", self.learning_rate, "above 0, at most 1")
        require(self.noise in ("learnt", "profiled"), "noise", self.noise, "learnt or profiled")
        require(self.temperature >= 1, "temperature", self.temperature, "at least 1")


@dataclass(frozen=True)
class ConfidenceConfig:
    """How sure the answer is, and how that is made certain of.

    Attributes:
        fdr: report only edges within this expected share of false discoveries (0: off); compares them with decoys, by
            two more fits on half of the data each.
        calibrate: divide the evidence by a temperature that is measured on residuals, no labels needed; of 20
            recordings or more, a tenth is held out from the fit for it.
        ensemble: fits with so many seeds, whose posteriors are pooled.
        bootstrap: so many resamples of blocks of time, for an interval of each probability (0: none).
    """

    fdr: float = 0.0
    calibrate: bool = True
    ensemble: int = 1
    bootstrap: int = 0

    def __post_init__(self) -> None:
        require(0 <= self.fdr < 1, "fdr", self.fdr, "a share from 0 (off) to below 1, such as 0.05")
        require(1 <= self.ensemble <= 100, "ensemble", self.ensemble, "1 to 100 fits")
        enough = self.bootstrap == 0 or 20 <= self.bootstrap <= 10_000
        require(enough, "bootstrap", self.bootstrap, "0 (none), or 20 to 10000 resamples")


@dataclass(frozen=True)
class NRIConfig:
    """Neural relational inference (Kipf et al. 2018); of `law` it takes the width `hidden`, and `graph` and `training`.

    Attributes:
        encoder: reads the graph: "mlp" a window of fixed length, "cnn" one of any length.
        decoder: predicts the motion: "mlp" from the last frame, "rnn" from all before, or the known law of simulated
            "springs" or "charged" bodies.
        frames: length of the windows that recordings are cut into (the whole recording where it is shorter).
        prediction_steps: frames that the decoder predicts from its own predictions before it sees a true one.
        burn_in: true frames that a recurrent decoder sees before it sees only its own (0: see prediction_steps).
        tau: temperature of the sampled graphs.
        hard: sample one-hot graphs in training, with the gradient of the soft ones.
        variance: of the motion given the graph, in features that are scaled to lie between -1 and 1.
        dropout: probability with which a unit of a network is left out in training.
        factor_graph: whether the encoder hears of a pair's neighbours.
        validation: share of the recordings that the kept weights are chosen by.
        dynamic: infer the graph anew at every frame of a forecast.
        precision: of the matrix products in training; bfloat16 pays where hidden is 128 or more.
    """

    encoder: Literal["mlp", "cnn"] = "mlp"
    decoder: Literal["mlp", "rnn", "springs", "charged"] = "mlp"
    frames: int = 49
    prediction_steps: int = 10
    burn_in: int = 0
    tau: float = 0.5
    hard: bool = False
    variance: float = 5e-5
    dropout: float = 0.0
    factor_graph: bool = True
    validation: float = 0.1
    dynamic: bool = False
    precision: Literal["float32", "bfloat16"] = "float32"

    def __post_init__(self) -> None:
        one_of("encoder", self.encoder, ("mlp", "cnn"))
        one_of("decoder", self.decoder, ("mlp", "rnn", "springs", "charged"))
        require(self.frames >= 2, "frames", self.frames, "at least 2 frames")
        require(self.prediction_steps >= 1, "prediction_steps", self.prediction_steps, "at least 1 frame")
        require(
            0 <= self.burn_in < self.frames, "burn_in", self.burn_in, "0 or fewer frames than a window has"
        )
        one_of("precision", self.precision, ("float32", "bfloat16"))
        require(self.tau > 0, "tau", self.tau, "above 0")
        require(self.variance > 0, "variance", self.variance, "above 0")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "a probability from 0 to below 1")
        require(
            0 < self.validation < 1, "validation", self.validation, "a share between 0 and 1, ends excluded"
        )
        if self.burn_in and self.decoder != "rnn":
            raise ConfigError(
                f"burn_in={self.burn_in} with the decoder {self.decoder}",
                expected="the decoder rnn, the only one that remembers",
                fix="drop burn_in, or name the decoder rnn",
            )


@dataclass(frozen=True)
class HybridConfig:
    """Hybrid inference: superposition, with an encoder that was taught by its exact posterior beside it.

    Attributes:
        dreams: share of each batch that is dreamt under the fitted law, with graphs that are known since they were
            drawn; the rest are recordings with their exact posteriors.
        encoder_steps: gradient steps in which the encoder learns to answer like the exact posterior.
        encoder_hidden: width of the encoder (0: that of the law).
    """

    dreams: float = 0.75
    encoder_steps: int = 500
    encoder_hidden: int = 0

    def __post_init__(self) -> None:
        require(0 <= self.dreams <= 1, "dreams", self.dreams, "a share from 0 to 1")
        require(self.encoder_steps >= 1, "encoder_steps", self.encoder_steps, "at least 1 step")
        right = self.encoder_hidden == 0 or 4 <= self.encoder_hidden <= 4096
        require(right, "encoder_hidden", self.encoder_hidden, "0 (that of the law), or 4 to 4096 units")


@dataclass(frozen=True)
class PeersConfig:
    """Methods of other packages (`graphical-lasso`, `pcmci`, `netrd:granger`, ...): what they are given.

    Attributes:
        series: what a peer reads: "levels" of every feature as recorded, or its "increments" from frame to frame.
        shortest_delay: fewest frames between cause and effect (pcmci; 0: effects within a frame count too).
        longest_delay: most frames between cause and effect (pcmci, netrd:granger, netrd:transfer-entropy).
    """

    series: Literal["levels", "increments"] = "levels"
    shortest_delay: int = 1
    longest_delay: int = 1

    def __post_init__(self) -> None:
        one_of("series", self.series, ("levels", "increments"))
        require(self.shortest_delay in (0, 1), "shortest_delay", self.shortest_delay, "0 or 1 frame")
        require(1 <= self.longest_delay <= 50, "longest_delay", self.longest_delay, "1 to 50 frames")


@dataclass(frozen=True)
class InferenceConfig:
    """Everything that decides an inference: `method`, and the tables `graph`, `law`, `training`, `confidence`,
    `nri`, `hybrid`, `peers`."""

    method: str = "superposition"
    graph: GraphConfig = field(default_factory=GraphConfig)
    law: LawConfig = field(default_factory=LawConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    confidence: ConfidenceConfig = field(default_factory=ConfidenceConfig)
    nri: NRIConfig = field(default_factory=NRIConfig)
    hybrid: HybridConfig = field(default_factory=HybridConfig)
    peers: PeersConfig = field(default_factory=PeersConfig)

    def __post_init__(self) -> None:
        one_of("method", self.method, METHODS)
        self._check_strengths()
        self._check_refit()
        self._check_confidence()
        if self.graph.acyclic and self.method != "linear":
            raise ConfigError(
                f"acyclic with the method {self.method}",
                expected="method = 'linear', whose graphs are summed over orders of the entities",
                fix="drop acyclic, or the method",
            )

    def _check_strengths(self) -> None:
        """Refuse what continuous strengths do not go together with."""
        if self.graph.strengths == "types":
            return
        if self.method != "superposition":
            raise ConfigError(
                f"strengths = 'continuous' with the method {self.method}",
                expected="method = 'superposition', in which effects add up",
                fix="drop strengths, or the method",
            )
        if self.law.gain == "profiled":
            raise ConfigError(
                "strengths = 'continuous' together with gain = 'profiled'",
                expected="series of known scale: a gain and the strengths of a receiver cannot be told apart",
                fix="drop one of the two",
            )
        confidence = self.confidence
        for name in ("fdr", "ensemble", "bootstrap"):
            if getattr(confidence, name) not in (0, 1):
                raise ConfigError(
                    f"strengths = 'continuous' together with {name} = {getattr(confidence, name):g}",
                    expected="the intervals that continuous strengths have by themselves",
                    fix=f"drop {name}, or strengths",
                )

    def _check_refit(self) -> None:
        """Refuse a refit where there is no law of increments, or no one graph to hold."""
        if not self.training.refit_steps:
            return
        refused = {
            f"the method {self.method}": self.method not in ("superposition", "hybrid"),
            "gain = 'profiled'": self.law.gain == "profiled",
            "graph = 'per-window'": self.graph.graph == "per-window",
        }
        for what, given in refused.items():
            if given:
                raise ConfigError(
                    f"refit_steps = {self.training.refit_steps} with {what}",
                    expected="a superposition law of known gain, and one graph a recording or one for all",
                    fix="drop refit_steps",
                )

    def _check_confidence(self) -> None:
        """Refuse what a method, or a graph of which every type acts, cannot be asked."""
        asked = [
            name for name in ("fdr", "ensemble", "bootstrap") if getattr(self.confidence, name) not in (0, 1)
        ]
        if asked == ["fdr"] and self.method == "linear":
            return  # by its own posterior
        if asked and self.method not in ("superposition", "hybrid"):
            raise ConfigError(
                f"{asked[0]} = {getattr(self.confidence, asked[0]):g} with the method {self.method}",
                expected="method = 'superposition', which has a likelihood",
                fix=f"drop {asked[0]}, or the method",
            )
        if self.confidence.bootstrap and self.graph.graph == "per-window":
            raise ConfigError(
                "bootstrap together with per-window graphs",
                expected="one graph a recording, or one for all: windows have too few blocks to draw from",
                fix="drop one of the two",
            )
        if self.confidence.fdr and self.law.local_frames:
            raise ConfigError(
                f"fdr = {self.confidence.fdr:g} together with local_frames",
                expected="one of the two: decoys have no frame of their own",
                fix="drop one",
            )
        if self.confidence.fdr and self.graph.no_interaction == "no":
            raise ConfigError(
                f"fdr = {self.confidence.fdr:g} together with no_interaction = 'no'",
                expected="a type that means 'no interaction', for an edge to be compared with",
                fix="drop one of the two",
            )

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values, as written to `config.toml`."""
        return {"method": self.method} | {name: plain(getattr(self, name)) for name in SECTIONS}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], source: str = "settings") -> "InferenceConfig":
        """The reverse of `to_dict`; also takes the fields of all tables without their table.

        Raises:
            ConfigError: for a key that no table has (with the nearest that one has) or a value of the wrong type.
        """
        chosen: dict[str, dict[str, Any]] = {name: {} for name in SECTIONS}
        method = cls.method
        for key, value in values.items():
            if key == "method":
                method = str(value)
            elif key in SECTIONS and isinstance(value, Mapping):
                for inner, setting in value.items():
                    take(chosen, {key: SECTIONS[key]}, inner, setting, f"{source}, table [{key}]")
            else:
                take(chosen, SECTIONS, key, value, source)
        return cls(
            method=method,
            graph=GraphConfig(**chosen["graph"]),
            law=LawConfig(**chosen["law"]),
            training=TrainingConfig(**chosen["training"]),
            confidence=ConfidenceConfig(**chosen["confidence"]),
            nri=NRIConfig(**chosen["nri"]),
            hybrid=HybridConfig(**chosen["hybrid"]),
            peers=PeersConfig(**chosen["peers"]),
        )


SECTIONS: dict[
    str,
    type[GraphConfig]
    | type[LawConfig]
    | type[TrainingConfig]
    | type[ConfidenceConfig]
    | type[NRIConfig]
    | type[HybridConfig]
    | type[PeersConfig],
] = {
    "graph": GraphConfig,
    "law": LawConfig,
    "training": TrainingConfig,
    "confidence": ConfidenceConfig,
    "nri": NRIConfig,
    "hybrid": HybridConfig,
    "peers": PeersConfig,
}
