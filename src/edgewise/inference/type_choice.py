"""How many types of interaction: fits with 2, 3, ... types, compared on data that none of them saw."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import xarray as xr
from torch import Tensor

from edgewise.errors import ConfigError
from edgewise.inference.config import GraphConfig, InferenceConfig
from edgewise.inference.encoding import fit_encoding
from edgewise.inference.fitted_law import check_usable, observed
from edgewise.inference.superposition import fit_superposition
from edgewise.inference.superposition.model import SuperpositionModel
from edgewise.inference.superposition.selection import HeldOutEvidence, choose_types, split
from edgewise.training import Deadline, Progress


def with_chosen_types(
    ds: xr.Dataset, config: InferenceConfig, on_progress: Callable[[Progress], None] | None = None
) -> tuple[InferenceConfig, dict[str, Any]]:
    """The configuration with the number of types that held-out data speak for, and the record of the choice.

    Each number is fitted on three quarters of the recordings (of the frames where recordings are few), each with an
    equal part of half the time limit, if there is one; the other half is for the fit that follows.

    Raises:
        ConfigError: for a method that has no evidence.
        DataError: for data too few to hold a part of them out.
    """
    if config.method not in ("superposition", "hybrid"):
        raise ConfigError(
            f"most_types with the method {config.method}",
            expected="a method that has a marginal likelihood",
            fix="use method='superposition', or name the number with edge_types",
        )
    most = config.graph.most_types
    fitting, deciding = split(ds)
    encoding = fit_encoding(
        fitting, lags=config.law.lags, bridge=config.graph.fill_gaps, angles=config.law.angles
    )
    held_out = observed(deciding, encoding, config)
    check_usable(held_out)
    limit = config.training.time_limit / (2 * (most - 1))

    def fitted(n_types: int) -> tuple[SuperpositionModel, Tensor, GraphConfig]:
        graph = replace(config.graph, edge_types=n_types, most_types=0)
        choice = replace(config, graph=graph)
        data = observed(fitting, encoding, choice)
        found = fit_superposition(data, encoding, choice, deadline=Deadline(limit), on_progress=on_progress)
        return found.model, found.log_prior, graph

    chosen, evidence = choose_types(most, fitted, held_out)
    training = replace(config.training, time_limit=config.training.time_limit / 2)
    graph = replace(config.graph, edge_types=chosen, most_types=0)
    return replace(config, graph=graph, training=training), {"chosen": chosen, "evidence": _record(evidence)}


def _record(evidence: dict[int, HeldOutEvidence]) -> dict[str, dict[str, float | None]]:
    """For `run.json`, in which what is not a number is nothing."""
    return {
        str(n_types): {name: value if value == value else None for name, value in asdict(found).items()}
        for n_types, found in evidence.items()
    }


def sentence(choice: dict[str, Any]) -> str:
    """The choice, for a reader."""
    tried = ", ".join(f"{k}: {found['mean']:.3f}" for k, found in choice["evidence"].items())
    return (
        f"{choice['chosen']} types were chosen: the fewest whose evidence on held-out data is within one standard error"
        f" of the best (nats a number observed; {tried})."
    )
