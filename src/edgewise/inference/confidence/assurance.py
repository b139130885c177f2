"""A fit that knows how far it may be believed: noise, temperature, the halves' laws and the members of an ensemble."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.inference.confidence.crossfit import FITS, fit_halves
from edgewise.inference.confidence.ensemble import Member, orders_of
from edgewise.inference.confidence.folds import hold_out
from edgewise.inference.confidence.held_out import CrossFitted
from edgewise.inference.confidence.strength_temperature import crossed_strength_temperature
from edgewise.inference.confidence.temperature import Calibration, calibration_of
from edgewise.inference.config import InferenceConfig
from edgewise.inference.encoding import Encoding
from edgewise.inference.observations import Observations
from edgewise.inference.superposition.fit import Fitted, fit_superposition
from edgewise.inference.superposition.model import SuperpositionModel
from edgewise.inference.superposition.phases import EXACTLY
from edgewise.inference.superposition.posterior import graph_posterior
from edgewise.inference.superposition.slab_fit import fit_strengths, settle_prior
from edgewise.training import Checkpoints, Deadline, Progress


@dataclass(frozen=True)
class Assurance:
    """What is known of a law beside the law.

    Attributes:
        calibration: measured without labels; members: the other fits of an ensemble.
        label_temperature: of the probabilities, fitted on labelled systems (`calibrate`).
        halves: laws that judge the data of the fit (with `fdr`); not kept in a run folder, since later data are new.
    """

    calibration: Calibration = field(default_factory=Calibration)
    members: tuple[Member, ...] = ()
    label_temperature: float = 1.0
    halves: CrossFitted | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without the laws of members."""
        calibration = self.calibration
        return {
            "temperature": calibration.temperature,
            "noise_ratio": calibration.noise_ratio,
            "held_out": calibration.held_out,
            "correlation": list(calibration.correlation),
            "label_temperature": self.label_temperature,
            "members": [
                {"temperature": member.temperature, "order": list(member.order)} for member in self.members
            ],
        }

    def weights(self) -> dict[str, Tensor]:
        """The weights of the members, by name."""
        return {
            f"{_prefix(number)}{name}": tensor
            for number, member in enumerate(self.members)
            for name, tensor in member.model.state_dict().items()
        }

    @classmethod
    def restored(
        cls,
        plain: dict[str, Any],
        weights: dict[str, Tensor],
        made: Callable[[], SuperpositionModel],
    ) -> "Assurance":
        """The reverse of `to_dict` and `weights`; `made` gives a model to load weights into."""
        members = []
        for number, entry in enumerate(plain["members"]):
            model, prefix = made(), _prefix(number)
            own = {name.removeprefix(prefix): t for name, t in weights.items() if name.startswith(prefix)}
            model.load_state_dict(own)
            members.append(Member(model, entry["temperature"], tuple(entry["order"])))
        calibration = Calibration(
            plain["temperature"], plain["noise_ratio"], plain["held_out"], tuple(plain["correlation"])
        )
        return cls(calibration, tuple(members), plain["label_temperature"])


MEMBER = "member."
"""What the names of a member's weights begin with."""


def _prefix(number: int) -> str:
    return f"{MEMBER}{number + 1}."


def assured_fit(
    data: Observations,
    encoding: Encoding,
    config: InferenceConfig,
    *,
    deadline: Deadline,
    checkpoints: Checkpoints | None = None,
    resume: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[Fitted, Assurance]:
    """Fit a law, and find out how far it may be believed; see `edgewise.inference.config.ConfidenceConfig`.

    A time limit is for all fits together: each gets an equal part. Checkpoints are kept of the first.

    Raises:
        ConfigError: with `fdr`, if every type of the fitted law acts; for too many candidates, see `check_candidates`.
        DataError: with `fdr`, for one recording that is too short to be halved.
    """
    check_candidates(data, config)
    confidence = config.confidence
    crossed = config.graph.strengths == "continuous" and confidence.calibrate
    n_fits = confidence.ensemble + (FITS if confidence.fdr or crossed else 0)
    seen, held_out = hold_out(data, config.training.seed) if confidence.calibrate else (data, None)
    share = deadline.limit / n_fits
    learn = fit_strengths if config.graph.strengths == "continuous" else fit_superposition
    fits, calibrations = [], []
    for number in range(confidence.ensemble):
        first = number == 0
        fitted = learn(
            seen,
            encoding,
            replace(config, training=replace(config.training, seed=config.training.seed + number)),
            deadline=Deadline(share, deadline.spent) if first else Deadline(share),
            checkpoints=checkpoints if first else None,
            resume=resume and first,
            on_progress=on_progress,
        )
        fits.append(fitted)
        calibrations.append(_settled(fitted, seen, held_out, config))
    if crossed:
        temperature = crossed_strength_temperature(
            data, encoding, config, time_limit=share, on_progress=on_progress
        )
        fits[0], calibrations[0] = _at_temperature(fits[0], calibrations[0], temperature, seen, config)
    members = _members(fits, calibrations, data, config)
    halves = None
    if confidence.fdr:
        _check_idle(fits[0])
        halves = fit_halves(data, encoding, config, time_limit=share, on_progress=on_progress)
    return fits[0], Assurance(calibrations[0], members, halves=halves)


def check_candidates(data: Observations, config: InferenceConfig) -> None:
    """Refuse what would need more configurations than can be summed, before anything is fitted.

    Raises:
        ConfigError: for `fdr` of per-window graphs with too many candidates.
    """
    graph, n_slots = config.graph, data.slots.shape[-1]
    with_decoy = n_slots + 1
    asked = config.confidence.fdr > 0 and graph.graph == "per-window"
    if asked and graph.edge_types**with_decoy > EXACTLY:
        raise ConfigError(
            f"fdr of per-window graphs with {n_slots} candidates and {graph.edge_types} types:"
            f" {graph.edge_types}^{with_decoy} configurations",
            expected=f"at most {EXACTLY}",
            fix="name fewer candidates with neighbours",
        )


def _check_idle(fitted: Fitted) -> None:
    if not bool(fitted.model.null):
        raise ConfigError(
            "fdr, and the fit found no type that means 'no interaction': every type acts",
            expected="a type for an edge to be compared with",
            fix="set no_interaction = 'yes' if some pairs do not interact, or switch fdr off",
        )


def _settled(
    fitted: Fitted, seen: Observations, held_out: Observations | None, config: InferenceConfig
) -> Calibration:
    """Set the noise level of a fit, on all that it saw and larger where the held-out recordings say so."""
    model, graph, seed = fitted.model, config.graph, config.training.seed
    if graph.strengths == "types" and graph.edge_types ** seen.slots.shape[-1] <= EXACTLY:
        graph_posterior(model, seen, graph, fitted.log_prior, seed=seed, profile=True)
    if not config.confidence.calibrate:
        return Calibration()
    measured = calibration_of(model, seen, held_out, graph, fitted.log_prior, seed=seed)
    model.level.mul_(measured.noise_ratio)
    return measured


def _at_temperature(
    fitted: Fitted,
    measured: Calibration,
    temperature: float | None,
    seen: Observations,
    config: InferenceConfig,
) -> tuple[Fitted, Calibration]:
    """Continuous strengths at a temperature (None: that of the noise), and the prior that the evidence then has."""
    if temperature is not None:
        measured = replace(measured, temperature=temperature)
    log_prior = settle_prior(fitted.model, seen, config, fitted.log_prior, temperature=measured.temperature)
    return replace(fitted, log_prior=log_prior), measured


@torch.no_grad()
def _members(
    fits: list[Fitted], calibrations: list[Calibration], data: Observations, config: InferenceConfig
) -> tuple[Member, ...]:
    if len(fits) == 1:
        return ()
    probabilities = [
        graph_posterior(
            fitted.model,
            data,
            config.graph,
            fitted.log_prior,
            seed=config.training.seed,
            temperature=measured.temperature,
        ).probability.numpy()
        for fitted, measured in zip(fits, calibrations, strict=True)
    ]
    nulls = [bool(fitted.model.null) for fitted in fits]
    orders = orders_of(probabilities, nulls, config.graph.layers)
    return tuple(
        Member(fitted.model, measured.temperature, order)
        for fitted, measured, order in zip(fits[1:], calibrations[1:], orders[1:], strict=True)
    )
