"""Choosing settings: short fits, one choice after the other, judged by the likelihood of held-out frames.

Of the trials of a stage, listed from the simplest on, the first is taken whose predictive log-likelihood is within two
standard errors of the best, or within 0.005 nats a number: the rule of Breiman et al. (1984, section 3.4.3), who take
one. There are several stages, and the error is that of a difference over few receivers; with one, short fits of a
linear autoregression of five entities often took settings that it does not need.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import xarray as xr

from edgewise.errors import ConfigError
from edgewise.inference.auto.parts import DECIDE, FIT, TELL, at_frames, only_used, part_of, roles
from edgewise.inference.auto.predictive import Forms, Score, forms_of, likeliest_prior, score
from edgewise.inference.auto.survey import Survey, survey
from edgewise.inference.auto.trials import STAGES, Trial, fixed_by_rule, start_name
from edgewise.inference.auto.words import sentences
from edgewise.inference.config import ConfidenceConfig, InferenceConfig
from edgewise.inference.encoding import fit_encoding
from edgewise.inference.fitted_law import check_usable, observed
from edgewise.inference.result import Inference
from edgewise.inference.superposition import fit_superposition
from edgewise.inference.superposition.fit import log_prior_of
from edgewise.inference.superposition.model import SuperpositionModel
from edgewise.training import Deadline, Progress

ERRORS = 2.0
"""Standard errors within which settings are as good as the best."""
LEAST = 0.005
"""Nats a number below which a difference is not worth more complicated settings, however clear it is."""
STEPS = 300
"""Steps of a trial's fit at most."""
SHARE = 0.3
"""Of a time limit, what all trials together may take."""
EXPECTED = 8
"""Trials that such a part is divided among."""


@dataclass(frozen=True)
class Tried:
    """A trial that was made: its settings in full, what it scored, what it left for later questions."""

    trial: Trial
    config: InferenceConfig
    score: Score
    seconds: float
    model: SuperpositionModel
    forms: Forms


def choose_settings(
    ds: xr.Dataset,
    given: Mapping[str, Any],
    on_progress: Callable[[Progress], None] | None = None,
) -> tuple[InferenceConfig, dict[str, Any]]:
    """Settings for a validated data set, and the record of how they were chosen (`auto` in `run.json`).

    Args:
        given: settings that the user has named: they stand, and are not varied.

    Raises:
        ConfigError: for a setting that is wrong, or that no likelihood can be compared under.
        DataError: for data too few to hold some out.
    """
    began = time.monotonic()
    asked = InferenceConfig.from_dict(given)
    _check(asked)
    seen = survey(ds)
    part = part_of(ds)
    purpose = roles(part.sizes["sequence"], part.sizes["time"], asked.training.seed)
    contest = _Contest(part, purpose, dict(given), on_progress)
    best = contest.tried(Trial(start_name(seen), _free(fixed_by_rule(seen), given)))
    for stage in STAGES:
        best = contest.winner(stage(best.trial, seen), given)
    settings = dict(best.trial.settings)
    if "prior" not in given and _may_be_sparse(best, given):
        prior = likeliest_prior(best.forms, best.model.level, asked.training.seed)
        settings |= {} if prior[0] == prior[1] else {"prior": list(prior)}
    chosen = InferenceConfig.from_dict({**settings, **given})
    record = _record(seen, settings, given, contest.made, best)
    return chosen, record | {"seconds": round(time.monotonic() - began, 2)}


def named_in(config: InferenceConfig) -> dict[str, Any]:
    """The settings of a configuration that are not as by default."""
    default, plain = InferenceConfig().to_dict(), config.to_dict()
    flat = {} if plain["method"] == default["method"] else {"method": plain["method"]}
    for table, values in plain.items():
        if isinstance(values, dict):
            flat |= {name: value for name, value in values.items() if value != default[table][name]}
    return flat


def with_choice(result: Inference, record: dict[str, Any]) -> Inference:
    """The result, with the record of how its settings were chosen."""
    notes = [*record["sentences"], *result.about["notes"]]
    metrics = result.metrics | {"seconds": round(result.metrics["seconds"] + record["seconds"], 3)}
    about = result.about | {"auto": record, "notes": notes, "seconds": metrics["seconds"]}
    return replace(result, metrics=metrics, about=about)


def _check(asked: InferenceConfig) -> None:
    """Refuse what has no likelihood of a graph to compare."""
    if asked.method not in ("superposition", "hybrid"):
        raise ConfigError(
            f"auto with the method {asked.method}",
            expected="a method that has a marginal likelihood",
            fix="drop auto, or use method='superposition'",
        )
    if asked.law.gain == "profiled":
        raise ConfigError(
            "auto together with gain = 'profiled'",
            expected="series of known scale, so that the same numbers are foretold under all settings",
            fix="drop one of the two",
        )


def _free(settings: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Without those that were given."""
    return {name: value for name, value in settings.items() if name not in given}


def _may_be_sparse(best: Tried, given: Mapping[str, Any]) -> bool:
    """Whether a prior of two types, one of them idle, is a question."""
    two = best.config.graph.edge_types == 2 and not {"most_types", "strengths"} & given.keys()
    return two and bool(best.model.null)


class _Contest:
    """Makes trials on a part of the data, and keeps what was made."""

    def __init__(
        self,
        part: xr.Dataset,
        purpose: Any,
        given: dict[str, Any],
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self.part, self.purpose, self.given, self.on_progress = part, purpose, given, on_progress
        self.made: list[Tried] = []

    def winner(self, trials: list[Trial], given: Mapping[str, Any]) -> Tried:
        """Of a stage's trials, the first that is as good as the best; those that differ in given settings are one."""
        free = [replace(trial, settings=_free(trial.settings, given)) for trial in trials]
        made = [tried for trial in free if (tried := self._possible(trial)) is not None]
        top = max(made, key=lambda each: each.score.mean)
        return next(each for each in made if _as_good(each.score, top.score))

    def _possible(self, trial: Trial) -> Tried | None:
        """The trial, made once; None where its settings do not go together with those that were given."""
        try:
            config = _trial_config(trial.settings, self.given)
            known = next((each for each in self.made if each.config == config), None)
            return known or self.tried(trial)
        except ConfigError:
            return None

    def tried(self, trial: Trial) -> Tried:
        """Fit on what is fitted, score on what decides."""
        began = time.monotonic()
        config = _trial_config(trial.settings, self.given)
        encoding = fit_encoding(
            self.part, lags=config.law.lags, bridge=config.graph.fill_gaps, angles=config.law.angles
        )
        data = observed(self.part, encoding, config)
        fitting = only_used(at_frames(data, encoding, self.purpose == FIT))
        check_usable(fitting)
        fit = fit_superposition(
            fitting,
            encoding,
            config,
            deadline=Deadline(config.training.time_limit),
            on_progress=self.on_progress,
        )
        known = (self.purpose == TELL) | (self.purpose == FIT)
        tell, decide = (at_frames(data, encoding, wanted) for wanted in (known, self.purpose == DECIDE))
        forms = forms_of(fit.model, tell, decide, config.graph)
        found = score(forms, fit.model.level, log_prior_of(config), config.training.seed)
        made = Tried(trial, config, found, time.monotonic() - began, fit.model, forms)
        self.made.append(made)
        return made


def _trial_config(settings: Mapping[str, Any], given: Mapping[str, Any]) -> InferenceConfig:
    """A short fit with these settings: types for strengths, one graph for windows, nothing measured beside."""
    config = InferenceConfig.from_dict({**settings, **given})
    graph = replace(config.graph, most_types=0, strengths="types")
    if graph.graph == "per-window":
        graph = replace(graph, graph="per-sequence")
    training = replace(
        config.training,
        max_steps=min(config.training.max_steps, STEPS),
        min_steps=0,
        refit_steps=0,
        refit_horizon=1,
        time_limit=config.training.time_limit * SHARE / EXPECTED,
    )
    return replace(config, graph=graph, training=training, confidence=ConfidenceConfig(calibrate=False))


def _as_good(found: Score, top: Score) -> bool:
    difference, error = top.above(found)
    return difference <= max(ERRORS * error, LEAST)


def _record(
    seen: Survey, settings: dict[str, Any], given: Mapping[str, Any], made: list[Tried], best: Tried
) -> dict[str, Any]:
    """What `run.json` keeps of the choice."""
    tried = []
    for each in made:
        behind, error = best.score.above(each.score)
        tried.append(
            {
                "name": each.trial.name,
                "settings": dict(each.trial.settings),
                "nats": each.score.mean,
                "behind": behind,
                "standard_error": 0.0 if each is best else error,
                "seconds": round(each.seconds, 2),
                "chosen": each is best,
            }
        )
    record = {"survey": seen.to_dict(), "chosen": settings, "given": dict(given), "tried": tried}
    return record | {"sentences": sentences(seen, settings, given, tried)}
