"""The run folder: everything a run leaves behind, written whole or not at all."""

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import tomli_w
import torch
import xarray as xr
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from edgewise.errors import EdgewiseError, RunError
from edgewise.inference.config import SECTIONS, InferenceConfig
from edgewise.inference.encoding import Encoding
from edgewise.inference.result import FittedLaw, Inference
from edgewise.inference.superposition.model import SuperpositionModel

FORMAT = 1
STARTED = "started.json"
RUN_FILES = frozenset(
    {
        "run.json", "config.toml", "config.json", "model.safetensors", "posterior.nc", "edges.csv", "graph.graphml",
        "metrics.json", "law.json", "history.json", "preview.json", "tail.nc", "forecast.nc", "report.html",
        "checkpoints", STARTED,
    }
)  # fmt: skip
READ_FILES = (
    "config.json", "config.toml", "posterior.nc", "tail.nc", "metrics.json", "law.json", "history.json", "preview.json",
)  # fmt: skip
"""What `read_run` needs beside `run.json` (and `model.safetensors`, which a baseline has none of)."""


def check_folder(folder: Path, *, overwrite: bool = False, resume: bool = False) -> None:
    """Refuse a folder that a run may not be written to. Nothing is made, changed or removed.

    Raises:
        RunError: if the folder holds something (unless it is a run and `overwrite`, or one that was begun and
            `resume`), or cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(
            f"{folder} is a file", expected="a folder, or a name that is free", fix="choose another --out"
        )
    if resume:
        _check_begun(folder)
    held = sorted(entry.name for entry in folder.iterdir()) if folder.exists() else []
    replaceable = is_run(folder)
    if held and not resume and not (overwrite and replaceable):
        fix = (
            "pass --overwrite to replace the run"
            if replaceable
            else "choose another --out: this is not a run folder, so --overwrite does not clear it"
        )
        raise RunError(
            f"{folder} is not empty: it holds {', '.join(held[:5])}{', ...' if len(held) > 5 else ''}",
            expected="an empty folder, or a name that is free",
            fix=fix,
        )
    standing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=standing):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from error


def prepare_folder(folder: Path, *, overwrite: bool = False, resume: bool = False) -> None:
    """Make the folder of a run, and clear it of the run that it replaces.

    Raises:
        RunError: see `check_folder`.
    """
    check_folder(folder, overwrite=overwrite, resume=resume)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not resume:
            clear_run(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error


def is_run(folder: Path) -> bool:
    """Whether the folder holds a run, complete or begun (a `run.json` of another program is none)."""
    for name, key in (("run.json", "edgewise"), (STARTED, "fingerprint")):
        try:
            record = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(record, dict) and {"format", key} <= record.keys():
            return True
    return False


def _unwritable(folder: Path, error: OSError) -> RunError:
    return RunError(
        f"{folder} cannot be written: {error.strerror or error}",
        expected="a folder that can be made and written, with room on the disk",
        fix="choose another --out, or change its rights",
    )


def clear_run(folder: Path) -> None:
    """Remove the files of a run; anything else in the folder stays."""
    for name in RUN_FILES:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def start_run(folder: Path, config: InferenceConfig, fingerprint: str) -> None:
    """Note what a run is about to do, so that an interrupted one can be resumed."""
    (folder / "config.toml").write_text(tomli_w.dumps(config.to_dict()), encoding="utf-8")
    _write_json(folder / STARTED, {"format": FORMAT, "fingerprint": fingerprint})


def _check_begun(folder: Path) -> None:
    if (folder / STARTED).is_file():
        return
    done = is_run(folder)
    raise RunError(
        f"{folder} is complete: there is nothing to resume" if done else f"no run was begun in {folder}",
        expected="the folder of an interrupted run",
        fix="start anew with --overwrite" if done else "start anew without --resume",
    )


def resumable(folder: Path, fingerprint: str) -> InferenceConfig:
    """The configuration of an interrupted run on the same data.

    Raises:
        RunError: if nothing was begun here, with other data, by another version, or it is already complete.
    """
    _check_begun(folder)
    begun = folder / STARTED
    about = _read_json(begun)
    _check_format(begun, about)
    found = str(about.get("fingerprint"))
    if found != fingerprint:
        raise RunError(
            f"{folder} was begun with other data (fingerprint {found[:12]}, these have {fingerprint[:12]})",
            expected="the same data, read in the same way, as before",
            fix="resume with that data set, or start anew with --overwrite",
        )
    return read_config(folder / "config.toml")


def read_config(path: Path) -> InferenceConfig:
    """Settings from a TOML file.

    Raises:
        RunError: if it cannot be read; ConfigError for what it says.
    """
    import tomllib

    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RunError(
            f"{path} cannot be read: {reason}",
            expected="a TOML file of settings",
            fix="take the config.toml of a run folder as a start",
        ) from error
    return InferenceConfig.from_dict(plain, source=str(path))


def write_run(result: Inference, folder: Path, *, overwrite: bool = False) -> Path:
    """Write all records beside the folder, then move them in, `run.json` last: a folder that has it is complete."""
    prepare_folder(folder, overwrite=overwrite)
    return complete_run(result, folder)


def complete_run(result: Inference, folder: Path) -> Path:
    """Write the records into a prepared folder (whose checkpoints stay until they are removed)."""
    draft = folder / ".draft"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        _write_records(result, draft)
        for path in sorted(draft.iterdir(), key=lambda p: p.name == "run.json"):
            path.replace(folder / path.name)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    (folder / STARTED).unlink(missing_ok=True)
    return folder


def _write_records(result: Inference, folder: Path) -> None:
    (folder / "config.toml").write_text(tomli_w.dumps(result.config.to_dict()), encoding="utf-8")
    posterior = result.probability.to_dataset()
    if result.influence is not None:
        posterior["influence"] = result.influence
    posterior.to_netcdf(folder / "posterior.nc", engine="h5netcdf")
    result.tail.to_netcdf(folder / "tail.nc", engine="h5netcdf")
    result.edges().to_csv(folder / "edges.csv", index=False)
    nx.write_graphml(result.graph(), folder / "graph.graphml")
    for name in ("metrics", "history", "preview"):
        _write_json(folder / f"{name}.json", getattr(result, name))
    _write_json(folder / "law.json", result.law_record)
    model: dict[str, Any] = {
        "format": FORMAT,
        "types": list(result.types),
        "no_interaction": result.no_interaction,
        "encoding": None,
    }
    if result.fitted is not None:
        model["encoding"] = result.fitted.encoding.to_dict()
        model["log_prior"] = result.fitted.log_prior.tolist()
        model["entities"] = list(result.fitted.entities)
        weights = {name: t.detach().contiguous() for name, t in result.fitted.model.state_dict().items()}
        (folder / "model.safetensors").write_bytes(save(weights))  # save_file keeps others from reading it
    _write_json(folder / "config.json", model)
    _write_json(folder / "run.json", result.about)


def read_run(folder: Path) -> Inference:
    """Read a run folder; see `Inference.load`."""
    if not (folder / "run.json").is_file():
        begun = (folder / STARTED).exists()
        raise RunError(
            f"{folder} holds an unfinished run"
            if begun
            else f"{folder} is not a run folder: it has no run.json",
            expected="the folder that `edgewise infer --out` wrote",
            fix="finish it with `edgewise infer DATA --out RUN --resume`" if begun else "check the path",
        )
    about = _read_json(folder / "run.json")
    _check_format(folder / "run.json", about)
    missing = [name for name in READ_FILES if not (folder / name).is_file()]
    if missing:
        raise _damaged(folder, f"{missing[0]} is missing")
    try:
        model = _read_json(folder / "config.json")
        config = read_config(folder / "config.toml")
        with xr.open_dataset(folder / "posterior.nc", engine="h5netcdf") as file:
            posterior = file.load()
        with xr.open_dataset(folder / "tail.nc", engine="h5netcdf", decode_times=False) as file:
            tail = file.load()
        fitted = _read_law(folder, model, config) if model["encoding"] is not None else None
        records = {
            name: _read_json(folder / f"{name}.json") for name in ("metrics", "law", "history", "preview")
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
    )


def _damaged(folder: Path, reason: str) -> RunError:
    return RunError(
        f"{folder} is damaged: {reason}",
        expected="the records that a run leaves",
        fix="run `edgewise infer` again",
    )


def _read_law(folder: Path, model: dict[str, Any], config: InferenceConfig) -> FittedLaw:
    encoding = Encoding.from_dict(model["encoding"])
    network = SuperpositionModel(config, encoding, len(model["entities"]))
    network.load_state_dict(load_file(folder / "model.safetensors"))
    log_prior = torch.tensor(model["log_prior"], dtype=torch.float64)
    return FittedLaw(network, encoding, log_prior, tuple(model["entities"]))


def _check_format(path: Path, about: Any) -> None:
    if not isinstance(about, dict):
        raise RunError(f"{path} is not a record of a run", expected="a JSON object", fix="check the path")
    if about.get("format") != FORMAT:
        raise RunError(
            f"{path} has format {about.get('format')!r} (written by edgewise {about.get('edgewise', 'unknown')})",
            expected=f"format {FORMAT}, which this version reads and writes",
            fix="use the version that wrote the run, or run `edgewise infer` again",
        )


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            f"{path} cannot be read: {error}",
            expected="a JSON record of a run",
            fix="run `edgewise infer` again",
        ) from error


def _finite(value: Any) -> Any:
    """What JSON has no word for (NaN, infinities) becomes null; arrays and numbers of NumPy become plain."""
    if isinstance(value, dict):
        return {str(key): _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    if isinstance(value, np.ndarray):
        return _finite(value.tolist())
    if isinstance(value, np.generic):
        return _finite(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def to_json(value: Any, *, indent: int | None = None) -> str:
    """JSON text without NaN."""
    return json.dumps(_finite(value), indent=indent, ensure_ascii=False, allow_nan=False)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(
        to_json(value, indent=None if path.name == "preview.json" else 1) + "\n", encoding="utf-8"
    )


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
