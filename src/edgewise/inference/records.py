"""The run folder: everything a run leaves behind, written whole or not at all."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import networkx as nx
import tomli_w
import xarray as xr
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from edgewise.errors import EdgewiseError, RunError
from edgewise.folders import (
    FORMAT,
    INFERENCE_FILES,
    STARTED,
    check_folder,
    check_format,
    check_same_start,
    complete_folder,
    note_start,
    prepare_folder,
    read_json,
    to_json,
    write_json,
)
from edgewise.hub import run_folder
from edgewise.inference.confidence.arrays import NAMES
from edgewise.inference.config import SECTIONS, InferenceConfig
from edgewise.inference.fitted import Fitted
from edgewise.inference.fitted_law import FittedLaw
from edgewise.inference.hybrid.fitted import FittedHybrid
from edgewise.inference.linear.fitted import FittedLinear
from edgewise.inference.nri.fitted import FittedNRI
from edgewise.inference.result import Inference
from edgewise.settings import read_toml

KIND = "inference"
RUN_FILES = INFERENCE_FILES
READ_FILES = (
    "config.json", "config.toml", "posterior.nc", "tail.nc", "metrics.json", "law.json", "history.json", "preview.json",
)  # fmt: skip
"""What `read_run` needs beside `run.json` (and `model.safetensors`, which a baseline has none of)."""


def start_run(
    folder: Path, config: InferenceConfig, fingerprint: str, auto: dict[str, Any] | None = None
) -> None:
    """Note what a run is about to do, so that an interrupted one can be resumed.

    Args:
        auto: how the settings were chosen, if they were.
    """
    (folder / "config.toml").write_text(tomli_w.dumps(config.to_dict()), encoding="utf-8")
    note_start(folder, KIND, fingerprint, **({} if auto is None else {"auto": auto}))


def resumable(folder: Path, fingerprint: str) -> InferenceConfig:
    """The configuration of an interrupted run on the same data.

    Raises:
        RunError: if nothing was begun here, with other data, by another version, or it is already complete.
    """
    check_same_start(folder, KIND, fingerprint)
    return read_config(folder / "config.toml")


def choice_of(folder: Path) -> dict[str, Any] | None:
    """How the settings of an interrupted run were chosen; None where they were all given."""
    return read_json(folder / STARTED).get("auto")


def read_config(path: Path) -> InferenceConfig:
    """Settings from a TOML file.

    Raises:
        RunError: if it cannot be read; ConfigError for what it says.
    """
    values = read_toml(
        path, expected="a TOML file of settings", fix="take the config.toml of a run folder as a start"
    )
    return InferenceConfig.from_dict(values, source=str(path))


def write_run(result: Inference, folder: Path, *, overwrite: bool = False) -> Path:
    """Write all records beside the folder, then move them in, `run.json` last: a folder that has it is complete."""
    prepare_folder(folder, overwrite=overwrite)
    return complete_run(result, folder)


def complete_run(result: Inference, folder: Path) -> Path:
    """Write the records into a prepared folder (whose checkpoints stay until they are removed)."""
    complete_folder(folder, lambda draft: _write_records(result, draft))
    return folder


def _write_records(result: Inference, folder: Path) -> None:
    settings = tomli_w.dumps(result.config.to_dict()).encode()
    (folder / "config.toml").write_bytes(settings)
    posterior = result.probability.to_dataset()
    if result.influence is not None:
        posterior["influence"] = result.influence
    posterior = posterior.merge(result.confidence)
    posterior.to_netcdf(folder / "posterior.nc", engine="h5netcdf")
    result.tail.to_netcdf(folder / "tail.nc", engine="h5netcdf")
    result.edges().to_csv(folder / "edges.csv", index=False)
    nx.write_graphml(result.graph(), folder / "graph.graphml")
    for name in ("metrics", "history", "preview"):
        write_json(folder / f"{name}.json", getattr(result, name))
    write_json(folder / "law.json", result.law_record)
    model: dict[str, Any] = {
        "format": FORMAT,
        "types": list(result.types),
        "no_interaction": result.no_interaction,
        "settings_digest": sha256(settings).hexdigest(),
        "encoding": None,
    }
    if result.fitted is not None:
        model |= result.fitted.to_dict()
        weights = {name: t.detach().contiguous() for name, t in result.fitted.model.state_dict().items()}
        if isinstance(result.fitted, FittedLaw | FittedHybrid):
            weights |= {name: t.contiguous() for name, t in result.fitted.member_weights().items()}
        (folder / "model.safetensors").write_bytes(save(weights))  # save_file keeps others from reading it
    write_json(folder / "config.json", model)
    write_json(folder / "run.json", result.about)


def read_run(source: Path) -> Inference:
    """Read a run folder, or a run on a hub; see `Inference.load`."""
    folder = run_folder(source)
    if not (folder / "run.json").is_file():
        begun = (folder / STARTED).exists()
        raise RunError(
            f"{folder} holds an unfinished run"
            if begun
            else f"{folder} is not a run folder: it has no run.json",
            expected="the folder that `edgewise infer --out` wrote",
            fix="finish it with `edgewise infer DATA --out RUN --resume`" if begun else "check the path",
        )
    about = read_json(folder / "run.json")
    check_format(folder / "run.json", about)
    if about.get("kind", KIND) != KIND:
        raise RunError(
            f"{folder} holds a run of another kind ({about['kind']}): it has no posterior and no law",
            expected="the folder that `edgewise infer --out` wrote",
            fix="use `edgewise predict RUN DATA` for the run of a recipe",
        )
    missing = [name for name in READ_FILES if not (folder / name).is_file()]
    if missing:
        raise _damaged(folder, f"{missing[0]} is missing")
    try:
        model = read_json(folder / "config.json")
        config = read_config(folder / "config.toml")
        _check_settings(folder, model)
        with xr.open_dataset(folder / "posterior.nc", engine="h5netcdf") as file:
            posterior = file.load()
        with xr.open_dataset(folder / "tail.nc", engine="h5netcdf", decode_times=False) as file:
            tail = file.load()
        fitted = None
        if model["encoding"] is not None:
            fitted = RESTORED[config.method](model, load_file(folder / "model.safetensors"), config)
        records = {
            name: read_json(folder / f"{name}.json") for name in ("metrics", "law", "history", "preview")
        }
        types, no_interaction, probability = model["types"], model["no_interaction"], posterior["probability"]
    except EdgewiseError:
        raise
    except (OSError, LookupError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        reason = f"there is no {error}" if isinstance(error, KeyError) else str(error).partition("\n")[0]
        raise _damaged(folder, reason) from error
    return Inference(
        probability=probability,
        influence=posterior.get("influence"),
        types=tuple(types),
        no_interaction=no_interaction,
        metrics=records["metrics"],
        config=config,
        fitted=fitted,
        tail=tail,
        law_record=records["law"],
        history=records["history"],
        preview=records["preview"],
        about=about,
        confidence=posterior[[name for name in NAMES if name in posterior]],
    )


def _check_settings(folder: Path, model: dict[str, Any]) -> None:
    """Refuse settings that are not those of the run: a file cut between two lines would read as defaults."""
    found = sha256((folder / "config.toml").read_bytes()).hexdigest()
    if found != model.get("settings_digest", found):
        raise _damaged(folder, "config.toml is not as the run wrote it")


def _damaged(folder: Path, reason: str) -> RunError:
    return RunError(
        f"{folder} is damaged: {reason}",
        expected="the records that a run leaves",
        fix="run `edgewise infer` again",
    )


RESTORED: dict[str, Callable[..., Fitted]] = {
    "superposition": FittedLaw.restored,
    "hybrid": FittedHybrid.restored,
    "linear": FittedLinear.restored,
    "nri": FittedNRI.restored,
}
"""What makes a fitted model of its record, its weights and the configuration."""


def with_command(result: Inference, command: str, argv: list[str], data: Path | None) -> Inference:
    """The result, with a note of which command made it from which file."""
    about = result.about | {"command": command, "argv": argv}
    about["data"] = about["data"] | {"path": "" if data is None else str(data)}
    return replace(result, about=about)


def merged_config(path: Path | None, given: dict[str, Any]) -> InferenceConfig:
    """Settings of a file (if any), overruled by those given one by one.

    Raises:
        RunError: if the file cannot be read; ConfigError for a setting that is wrong.
    """
    return overruled(InferenceConfig() if path is None else read_config(path), given)


def named_settings(path: Path | None, given: dict[str, Any]) -> dict[str, Any]:
    """Settings that a file names (without their tables) and those given one by one, which win.

    Raises:
        RunError: if the file cannot be read; ConfigError for what it says.
    """
    flat: dict[str, Any] = {}
    if path is not None:
        read_config(path)
        for name, value in read_toml(path, expected="a TOML file of settings", fix="check the path").items():
            flat |= value if isinstance(value, dict) else {name: value}
    return flat | given


def overruled(config: InferenceConfig, given: dict[str, Any]) -> InferenceConfig:
    """The configuration with some settings changed.

    Raises:
        ConfigError: for a setting that is unknown or wrong.
    """
    plain = config.to_dict()
    for key, value in given.items():
        section = next(
            (name for name, record in SECTIONS.items() if key in record.__dataclass_fields__), None
        )
        if section is None:
            plain[key] = value
        else:
            plain[section][key] = value
    return InferenceConfig.from_dict(plain)


__all__ = [
    "FORMAT",
    "READ_FILES",
    "RUN_FILES",
    "STARTED",
    "check_folder",
    "choice_of",
    "complete_run",
    "merged_config",
    "named_settings",
    "overruled",
    "prepare_folder",
    "read_config",
    "read_run",
    "resumable",
    "start_run",
    "to_json",
    "with_command",
    "write_run",
]
