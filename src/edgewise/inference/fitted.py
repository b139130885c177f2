"""What a method that learns leaves behind, in one form for all of them."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import xarray as xr
from torch import nn

from edgewise.inference.config import InferenceConfig
from edgewise.inference.encoding import Encoding


@dataclass(frozen=True)
class Reading:
    """What a fitted model finds in a data set.

    Attributes:
        probability: [graph, window, receiver, sender, type].
        types: their names, empty where those of the fit hold; no_interaction: whether type 0 means that nothing acts.
        first_frame: where the first window begins.
        tail: frames at the end of a recording that a forecast starts from.
        influence: [graph, receiver, sender], None where the method has none.
        law_record: the record `law.json`, None where there is no law to draw.
        notes: what a reader of the result must know; about: more for the record `run.json`.
        confidence: what more is known of the pairs by name: q_value [graph, window, receiver, sender]; spread, low and
            high [graph, window, receiver, sender, type]; influence_low, influence_high, and of continuous strengths
            strength, strength_low, strength_high, strength_std [graph, receiver, sender].
    """

    probability: np.ndarray
    types: tuple[str, ...]
    no_interaction: bool
    first_frame: int
    tail: int
    influence: np.ndarray | None = None
    law_record: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    confidence: dict[str, np.ndarray] = field(default_factory=dict)


class Fitted(Protocol):
    """A model that has been fitted: it reads graphs from data, foretells, and can be written down.

    Beside these, a class has `restored(plain, weights, config)`, which makes it of what `to_dict` gave and the weights.
    """

    @property
    def model(self) -> nn.Module:
        """What was trained."""
        ...

    @property
    def encoding(self) -> Encoding:
        """Roles and scales of the data."""
        ...

    @property
    def entities(self) -> tuple[str, ...]:
        """Names of the entities that it was fitted on."""
        ...

    def posterior(self, ds: xr.Dataset, config: InferenceConfig) -> np.ndarray:
        """Belief about the graphs of validated data, for a forecast: [graph, window, receiver, sender, type].

        Of continuous strengths, the last axis is that of `edgewise.inference.belief.strength_belief`.
        """
        ...

    def read(self, ds: xr.Dataset, config: InferenceConfig, *, fresh: bool) -> Reading:
        """The graphs of validated data, and what is to be said of them.

        Args:
            fresh: whether these are other data than those that it was fitted on.

        Raises:
            DataError: for data that do not fit the model.
        """
        ...

    def answering(self, *, exact: bool) -> "Fitted":
        """The same model, set to answer by its exact posterior, or else as fast as it can.

        Raises:
            ConfigError: where an exact posterior is asked for and there is none.
        """
        ...

    def forecast(
        self, ds: xr.Dataset, probability: np.ndarray, *, steps: int, samples: int = 0, seed: int = 0
    ) -> xr.Dataset:
        """What follows the last frames of a data set; see `Inference.forecast`.

        Args:
            probability: [sequence or 1, receiver, sender, type] belief about the graph, as `posterior` has it.
        """
        ...

    def held_out(self, n_frames: int) -> int:
        """How many last frames of so many a forecast can be measured on (0: none)."""
        ...

    def sentences(self, config: InferenceConfig) -> list[str]:
        """What the model was told about the law, in words."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Plain values from which, with the weights, it can be made again."""
        ...
