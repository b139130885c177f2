"""From settings to a network."""

import torch

from edgewise.errors import ConfigError
from edgewise.inference.config import InferenceConfig
from edgewise.inference.encoding import Encoding
from edgewise.inference.nri.decoder import Decoder, MLPDecoder, RNNDecoder
from edgewise.inference.nri.encoder import CNNEncoder, Encoder, MLPEncoder
from edgewise.inference.nri.frames import FeatureScale
from edgewise.inference.nri.model import NRI
from edgewise.inference.nri.simulator import KNOWN_LAWS, SimulatorDecoder, frame_bodies


def silent(config: InferenceConfig) -> bool:
    """Whether type 0 means that nothing acts: unless the settings say that every type acts.

    Under a known law the first type has a coupling like the others.
    """
    return config.graph.no_interaction != "no" and config.nri.decoder in ("mlp", "rnn")


def build_nri(config: InferenceConfig, encoding: Encoding, scale: FeatureScale, n_frames: int) -> NRI:
    """A network with fresh weights.

    Args:
        config: settings; encoding, scale: of the data; n_frames: that the encoder reads.

    Raises:
        ConfigError: for a known law that does not fit the data.
    """
    settings, n_types = config.nri, config.graph.edge_types
    prior = config.graph.prior or (1 / n_types,) * n_types
    encoder = build_encoder(config, len(scale.names), n_frames)
    return NRI(
        encoder,
        _decoder(config, encoding, scale),
        torch.tensor(prior).log(),
        undirected=config.graph.undirected,
        variance=settings.variance,
        tau=settings.tau,
        hard=settings.hard,
        prediction_steps=settings.prediction_steps,
    )


def build_encoder(config: InferenceConfig, n_features: int, n_frames: int) -> Encoder:
    """An encoder with fresh weights."""
    settings, n_types = config.nri, config.graph.edge_types
    shared = {
        "hidden": config.law.hidden,
        "dropout": settings.dropout,
        "factor_graph": settings.factor_graph,
    }
    if settings.encoder == "cnn":
        return CNNEncoder(n_features, n_types, **shared)
    return MLPEncoder(n_frames, n_features, n_types, **shared)


def _decoder(config: InferenceConfig, encoding: Encoding, scale: FeatureScale) -> Decoder:
    settings, n_types = config.nri, config.graph.edge_types
    if settings.decoder in KNOWN_LAWS:
        return _known(config, encoding, scale)
    shared = {"hidden": config.law.hidden, "silent": silent(config), "dropout": settings.dropout}
    if settings.decoder == "rnn":
        return RNNDecoder(len(scale.names), n_types, burn_in=settings.burn_in, **shared)
    return MLPDecoder(len(scale.names), n_types, **shared)


def _known(config: InferenceConfig, encoding: Encoding, scale: FeatureScale) -> SimulatorDecoder:
    law, kind = KNOWN_LAWS[config.nri.decoder], config.nri.decoder
    if config.graph.edge_types != len(law.couplings):
        raise ConfigError(
            f"the decoder {kind} with {config.graph.edge_types} edge types",
            expected=f"{len(law.couplings)}, those of the law",
        )
    if encoding.space_dim != 2 or len(encoding.velocity) != 2 or encoding.others or encoding.rates:
        raise ConfigError(
            f"the decoder {kind} for the features {', '.join(scale.names)}",
            expected="two positions and their velocities, as edgewise.physics simulates them",
            fix="use the decoder mlp, which learns the law",
        )
    return SimulatorDecoder(
        law,
        bodies=frame_bodies(law.bodies, encoding.step),
        center=torch.tensor(scale.center),
        scale=torch.tensor(scale.scale),
    )
