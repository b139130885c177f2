"""Runs on a Hugging Face hub: `hf://owner/name@revision` wherever the folder of a run is asked for."""

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from edgewise.errors import ConfigError, RunError

PREFIX = "hf://"
CARD = "README.md"

_REFERENCE = re.compile(
    r"^hf:/{1,2}(?P<name>[^@/]+/[^@/]+)(?:@(?P<revision>[^@]+))?$"
)  # Path keeps one slash


def is_hub(source: str | Path) -> bool:
    """Whether a run is named by its place on a hub."""
    return str(source).startswith("hf:/")


def run_folder(source: str | Path) -> Path:
    """The folder that holds a run: the path itself, or a local snapshot of the repository `hf://owner/name@revision`.

    The snapshot lies in the cache of `huggingface_hub` and is downloaded once a revision. Nothing in it is unpickled.

    Raises:
        ConfigError: without the package `huggingface_hub` (extra `hub`).
        RunError: for a name that is none, a repository or revision that is not there, or without a connection.
    """
    if not is_hub(source):
        return Path(source)
    name, revision = _parts(str(source))
    hub = _hub()
    try:
        return Path(hub.snapshot_download(name, revision=revision))
    except (hub.errors.HfHubHTTPError, hub.errors.HFValidationError, OSError) as error:
        raise _not_found(name, revision, error) from error


def refuse_to_write(source: str | Path, what: str) -> None:
    """Refuse to write into the snapshot of a hub repository, where a command would write beside the run.

    Raises:
        ConfigError: if `source` is on a hub.
    """
    if is_hub(source):
        raise ConfigError(
            f"{what} of a run on a hub has no folder to be written to",
            expected="a file to write",
            fix=f"name it: --out {what}",
        )


def upload(folder: Path, repository: str, *, private: bool, message: str) -> str:
    """Put a run folder on a hub, with a model card; the repository is made where there is none.

    Args:
        repository: `owner/name`, or `owner/name@branch` for a branch that is there.

    Returns: the name that `run_folder` reads.

    Raises:
        ConfigError: without `huggingface_hub`.
        RunError: if the hub refuses (no token, no right to write, no connection).
    """
    name, revision = _parts(f"{PREFIX}{repository.removeprefix(PREFIX)}")
    hub = _hub()
    (folder / CARD).write_text(model_card(folder, name), encoding="utf-8")
    try:
        api = hub.HfApi()
        api.create_repo(name, private=private, exist_ok=True)
        api.upload_folder(repo_id=name, folder_path=folder, commit_message=message, revision=revision)
    except (hub.errors.HfHubHTTPError, hub.errors.HFValidationError, OSError) as error:
        raise RunError(
            f"{PREFIX}{name} cannot be written: {_first_line(error)}",
            expected="a repository that you may write to, and a connection",
            fix="log in with `hf auth login`; the owner is your name or that of your organisation",
        ) from error
    return f"{PREFIX}{name}{f'@{revision}' if revision else ''}"


def model_card(folder: Path, name: str) -> str:
    """A short README for a run on a hub, from its records alone."""
    about, model, metrics = (_record(folder / f"{part}.json") for part in ("run", "config", "metrics"))
    data, features = about["data"], ", ".join(about["data"]["features"])
    notes = [f"- {note}" for note in about.get("notes", [])]
    accuracy, auroc = metrics.get("edge_accuracy"), metrics.get("auroc")
    measured = (
        [f"Against the known edges: accuracy {accuracy:.4f}, AUROC {auroc:.4f}."]
        if accuracy is not None and auroc is not None
        else ["No known edges: nothing says how many of these are right."]
    )
    lines = [
        "---",
        "library_name: edgewise",
        "tags: [relational-inference, edgewise]",
        "---",
        f"# {name}",
        "",
        "Who acts on whom, inferred from trajectories by edgewise (`pip install edgewise`)"
        f" {about['edgewise']} (method {about['method']}).",
        "",
        "```python",
        "import edgewise as ew",
        "",
        f'result = ew.Inference.load("{PREFIX}{name}")',
        "result.edges()",
        "```",
        "",
        f"- data: {data['n_sequences']} recordings of {data['n_entities']} entities, {data['n_frames']} frames;"
        f" features {features}",
        f"- types: {', '.join(model['types'])}",
        f"- edges: {metrics.get('n_edges')}",
        *(f"- law: {sentence}" for sentence in about.get("law", [])),
        "",
        *measured,
        *(["", "## Notes of the run", "", *notes] if notes else []),
    ]
    return "\n".join(lines) + "\n"


def _parts(source: str) -> tuple[str, str | None]:
    match = _REFERENCE.match(source)
    if match is None:
        raise RunError(
            f"'{source}' names no run on a hub",
            expected=f"{PREFIX}owner/name or {PREFIX}owner/name@revision",
            fix="check the name; a local folder needs no prefix",
        )
    return match["name"], match["revision"]


def _hub() -> ModuleType:
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        raise ConfigError(
            "runs on a hub need huggingface_hub, which is not installed",
            expected="the extra `hub`",
            fix="pip install 'edgewise[hub]'",
        ) from error
    return huggingface_hub


def _not_found(name: str, revision: str | None, error: Exception) -> RunError:
    at = f"@{revision}" if revision else ""
    return RunError(
        f"{PREFIX}{name}{at} cannot be read: {_first_line(error)}",
        expected="a repository that exists and that you may read, and a connection or an earlier download",
        fix="check the name and the revision; for a private one log in with `hf auth login`",
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(
            f"{path} cannot be read: {error}", expected="a complete run folder", fix="check the path"
        ) from error
    return record
