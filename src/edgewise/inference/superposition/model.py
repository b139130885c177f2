"""The generative model: what every candidate would do to a receiver, whitened, as a quadratic form of the graph."""

from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor, nn

from edgewise.errors import ConfigError
from edgewise.inference.candidates import CandidateRelation
from edgewise.inference.config import InferenceConfig
from edgewise.inference.encoding import Encoding
from edgewise.inference.law import NoiseShape, OwnMotion, PairwiseLaw, geometry
from edgewise.inference.local_frames import LocalFrames, VectorColumns, alike_in_space
from edgewise.inference.observations import Observations


@dataclass(frozen=True)
class QuadraticForm:
    """All that a graph's likelihood needs of the data of one receiver (DESIGN 4).

    With whitened residual r and message columns A (slot x type), a configuration o costs

        |r - A^T o|^2 = square - 2 cross . o + o^T gram o

    Where the gain is profiled, r is the target itself, and the first column, on in every configuration, is what does
    not depend on the graph (see `edgewise.inference.superposition.gain`).

    Attributes, under any leading dimensions [...]:
        gram: [..., columns, columns];  cross: [..., columns];  square: [...];
        log_scale: [...] sum of log sigma;  count: [...] numbers observed.
    """

    gram: Tensor
    cross: Tensor
    square: Tensor
    log_scale: Tensor
    count: Tensor

    def map(self, function) -> Self:
        """Apply a function to every part."""
        return replace(self, **{f.name: function(getattr(self, f.name)) for f in fields(self)})

    def summed(self, index: Tensor, size: int) -> Self:
        """Add up the parts whose first dimension has the same index: evidence of several stretches of one graph."""
        return self.map(lambda part: part.new_zeros(size, *part.shape[1:]).index_add(0, index, part))


class SuperpositionModel(nn.Module):
    """y_i(t) = f_own(s_i) + sum_j f_{z_ij}(s_j, s_i) + noise,   noise ~ N(0, level * sigma_i(t)^2).

    Args:
        config: the inductive biases and the number of types.
        encoding: roles and scales of the data.
        n_entities: how many entities the learnt identities are for (only with `law.identity`).

    `level` is the profiled noise variance, set from the data at each step and not by gradient; `null` is True where
    type 0 does nothing.
    """

    level: Tensor
    null: Tensor

    def __init__(self, config: InferenceConfig, encoding: Encoding, n_entities: int) -> None:
        super().__init__()
        law, n_types = config.law, config.graph.edge_types
        sizes = {
            "space_dim": encoding.space_dim,
            "context_dim": encoding.context_dim + law.identity,
            "n_targets": len(encoding.targets),
        }
        self.n_types, self.n_targets = n_types, len(encoding.targets)
        self.gain, self.layers = law.gain == "profiled", config.graph.layers
        self.strengths = config.graph.strengths == "continuous"
        if self.gain and self.n_targets != 1:
            raise ConfigError(
                f"gain = profiled with {self.n_targets} targets: {', '.join(encoding.targets)}",
                expected="one target, such as a feature that is declared a rate",
                fix="name the rate (--rate), or keep the gain known",
            )
        self.vectors = VectorColumns.of(encoding) if law.local_frames else None
        self.identity = nn.Embedding(n_entities, law.identity) if law.identity else None
        after_dim = encoding.after_dim if law.instantaneous else 0
        self.law = PairwiseLaw(law, n_types, **sizes, after_dim=after_dim, layers=config.graph.layers)
        self.own = OwnMotion(law.hidden, **sizes)
        self.noise = NoiseShape(law.hidden, **sizes) if config.training.noise == "learnt" else None
        self.log_scale = nn.Parameter(torch.zeros(self.n_targets)) if self.noise is None else None
        self.register_buffer("level", torch.ones(()))
        self.register_buffer("null", torch.tensor(config.graph.no_interaction == "yes"))

    def context(self, batch: Observations) -> Tensor:
        """[stretch, time, entity, context_dim], the learnt identities joined."""
        if self.identity is None:
            return batch.context
        vectors = self.identity.weight.expand(*batch.context.shape[:2], -1, -1)
        return torch.cat([batch.context, vectors], -1)

    def terms(self, batch: Observations) -> tuple[Tensor, Tensor, Tensor]:
        """Own motion, messages and log sigma of a batch, in units of the targets' scales.

        Shapes: own, log sigma [stretch, time, entity, target]; messages [stretch, time, entity, slot, type, target].
        """
        if self.vectors is not None:
            return self._local_terms(batch, self.vectors)
        pairs = CandidateRelation(batch.slots)
        context = self.context(batch)
        pair = geometry(batch.position, batch.velocity, pairs) if batch.position.shape[-1] else {}
        there = pairs.senders(batch.present[..., None])
        after = batch.after if self.law.config.instantaneous else None
        messages = self.law(batch.position, batch.velocity, context, pairs, pair, after) * there[..., None]
        if self.law.combined is not None and bool(self.null):
            messages = messages - messages[..., :1, :]  # layers add up from nothing
        own = self.own(batch.position, batch.velocity, context)
        if self.noise is None:
            assert self.log_scale is not None
            log_sigma = self.log_scale.expand_as(own)
        else:
            log_sigma = self.noise(batch.position, batch.velocity, context, pair, there)
        return own, messages, log_sigma

    def _local_terms(self, batch: Observations, vectors: VectorColumns) -> tuple[Tensor, Tensor, Tensor]:
        """`terms` of a law that sees all from each entity's own frame, and reads no position."""
        pairs, frames = CandidateRelation(batch.slots), LocalFrames.of(batch, vectors)
        context, velocity = frames.context(self.context(batch), vectors), frames.seen(batch.velocity)
        nowhere = torch.zeros_like(batch.position)
        pair = frames.pair(geometry(batch.position, batch.velocity, pairs), pairs)
        there = pairs.senders(batch.present[..., None])
        messages = self.law(nowhere, velocity, context, pairs, pair) * there[..., None]
        own = self.own(nowhere, velocity, context)
        if self.noise is None:
            assert self.log_scale is not None
            log_sigma = self.log_scale.expand_as(own)
        else:
            log_sigma = self.noise(nowhere, velocity, context, pair, there)
        return frames.in_space(own), frames.in_space(messages), alike_in_space(log_sigma)

    def forward(self, batch: Observations, window: int = 0) -> QuadraticForm:
        """The quadratic form of each receiver, columns [slot, type 1 .. n_types - 1] against type 0.

        The message of type 0 from every candidate is part of the residual (nothing, where `null`), and a column is
        what another type would change. Shapes: leading dimensions [stretch, window, receiver]; one window unless
        `window` transitions are given. Computed in float64: the form is a difference of large numbers.
        """
        return self.form_of(batch, *self.terms(batch), window=window)

    def form_of(
        self, batch: Observations, own: Tensor, messages: Tensor, log_sigma: Tensor, *, window: int = 0
    ) -> QuadraticForm:
        """The quadratic form of given terms: what `forward` gives of its own, under any number of slots."""
        precision = batch.weight * (-log_sigma).exp()
        base = own if bool(self.null) else own + messages[..., 0, :].sum(3)
        columns = messages[..., 1:, :] - (0 if bool(self.null) else messages[..., :1, :])
        columns = columns.flatten(3, 4)
        length = window or own.shape[1]

        def by_window(x: Tensor) -> Tensor:
            """[stretch, time, entity, ...] -> [stretch, window, entity, ..., frame, target]."""
            return x.unflatten(1, (-1, length)).movedim(2, -2)

        if self.gain:
            always = torch.stack([torch.ones_like(base), base], 3)
            columns, base = torch.cat([always, columns], 3), torch.zeros_like(base)
        r = by_window((batch.target - base) * precision).flatten(-2).double()
        a = by_window(columns * precision[:, :, :, None]).flatten(-2).double()
        return QuadraticForm(
            gram=a @ a.transpose(-1, -2),
            cross=(a @ r[..., None])[..., 0],
            square=(r * r).sum(-1),
            log_scale=by_window(log_sigma * batch.weight).double().sum((-1, -2)),
            count=by_window(batch.weight).double().sum((-1, -2)),
        )
