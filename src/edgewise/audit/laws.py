"""The law of an inference as a module that an audit can call."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from edgewise.audit.runs import ENTITIES, Run, chosen_axes
from edgewise.errors import ConfigError
from edgewise.inference.encoding import Encoding
from edgewise.inference.observations import Observations
from edgewise.inference.result import Inference
from edgewise.inference.superposition.model import SuperpositionModel
from edgewise.relation import nearest_slots


class Law(nn.Module):
    """What everybody together does to each entity, were all pairs of a type that acts: sum over j of f_k(s_j, s_i).

    One after another for every type k but "no interaction". In space only the components of the spatial targets are
    given, so that they follow as vectors where the law does.

    Args:
        model: the law; encoding: of the data.

    Shapes: x [batch, entity, position, velocity, context, state at the next frame] -> [batch, entity, types * targets].
    """

    def __init__(self, model: SuperpositionModel, encoding: Encoding) -> None:
        super().__init__()
        self.model = model
        self.space, self.context = encoding.space_dim, encoding.context_dim
        self.after = encoding.after_dim if model.law.config.instantaneous else 0

    @property
    def features(self) -> int:
        """Numbers of an entity."""
        return 2 * self.space + self.context + self.after

    def forward(self, x: Tensor) -> Tensor:
        _, messages, _ = self.model.terms(self._observations(x))
        acting = messages[..., 1:, :] if bool(self.model.null) else messages
        if self.space:
            acting = acting[..., : self.space]
        return acting.sum(3)[:, 0].flatten(-2)

    def _observations(self, x: Tensor) -> Observations:
        """One frame of a stretch a sample; everybody is there and may act on everybody."""
        position, velocity, context, after = x[:, None].split(
            (self.space, self.space, self.context, self.after), -1
        )
        batch, n = x.shape[:2]
        nothing = x.new_zeros(batch, 1, n, self.model.n_targets)
        slots = nearest_slots(torch.zeros(n, n), n - 1).expand(batch, n, n - 1)
        number = torch.arange(batch)
        present = x.new_ones(batch, 1, n)
        return Observations(
            position,
            velocity,
            context,
            after,
            nothing,
            nothing,
            present,
            slots,
            number,
            torch.zeros_like(number),
        )


def law_of(folder: Path, sizes: Mapping[str, Any]) -> Run:
    """The law of a run of `edgewise infer`.

    Raises:
        ConfigError: for a method that learns no law of pairs, or sizes that it does not fit.
        RunError: for a folder that is no such run.
    """
    result = Inference.load(folder)
    model = getattr(result.fitted, "model", None)
    if not isinstance(model, SuperpositionModel):
        raise ConfigError(
            f"{folder} was inferred with the method {result.config.method!r}, which learns no law of pairs to audit",
            expected="a run with the method superposition or hybrid",
            fix="infer with --method superposition, or name a network: edgewise audit package.module:factory",
        )
    assert result.fitted is not None
    encoding = result.fitted.encoding
    module, d = Law(model, encoding), encoding.space_dim
    known: dict[str, Any] = {"features": module.features}
    if d:
        known |= {"spatial": tuple(range(d)), "vectors": _vectors(encoding)}
    if model.identity is not None:
        known["entities"] = len(result.entities)
    return Run(module, chosen_axes(sizes, known, entities=ENTITIES))


def _vectors(encoding: Encoding) -> tuple[int, ...]:
    """The velocity, and of every earlier frame the displacement and the velocity, which stand in the context."""
    d, states = encoding.space_dim, len(encoding.states)
    found = list(range(d, 2 * d))
    for lag in range(encoding.lags):
        first = 2 * d + states + lag * (2 * d + states)
        found += range(first, first + 2 * d)
    return tuple(found)
