"""Runs that are named by their place on a hub; nothing here goes to the network."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import huggingface_hub
import huggingface_hub.errors
import pytest

from edgewise.errors import ConfigError, RunError
from edgewise.hub import is_hub, model_card, refuse_to_write, run_folder, upload

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def run(tmp_path) -> Path:
    """The records that a card is made of."""
    folder = tmp_path / "run"
    folder.mkdir()
    data = {"n_sequences": 2, "n_entities": 5, "n_frames": 40, "features": ["x", "y"]}
    about = {
        "edgewise": "0.1.0",
        "method": "superposition",
        "data": data,
        "notes": ["sampled"],
        "law": ["near"],
    }
    metrics = {"n_edges": 7, "edge_accuracy": 0.9, "auroc": 0.95}
    for name, record in (("run", about), ("config", {"types": ["none", "pulls"]}), ("metrics", metrics)):
        (folder / f"{name}.json").write_text(json.dumps(record))
    return folder


def test_a_folder_is_itself(tmp_path):
    assert run_folder(tmp_path) == tmp_path
    assert not is_hub(tmp_path)
    refuse_to_write(tmp_path, "report.html")


@pytest.mark.parametrize("path", ["hf://me/springs@v1", Path("hf://me/springs@v1")])
def test_a_repository_is_downloaded_once_a_revision(path, tmp_path, monkeypatch):
    asked = []

    def snapshot_download(name, *, revision):
        asked.append((name, revision))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    assert run_folder(path) == tmp_path
    assert asked == [("me/springs", "v1")]


@pytest.mark.parametrize("name", ["hf://springs", "hf://me/springs/deep", "hf://me/springs@", "hf://"])
def test_names_that_are_none_are_refused(name):
    with pytest.raises(RunError, match="names no run on a hub") as error:
        run_folder(name)
    assert "hf://owner/name" in str(error.value)


def test_a_repository_that_cannot_be_read_is_one_message(monkeypatch):
    def snapshot_download(name, *, revision):
        raise huggingface_hub.errors.LocalEntryNotFoundError("no connection and nothing in the cache\nmore")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    with pytest.raises(RunError, match=r"^hf://me/springs cannot be read: no connection") as error:
        run_folder("hf://me/springs")
    assert "more" not in error.value.found


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ConfigError, match="huggingface_hub, which is not installed") as error:
        run_folder("hf://me/springs")
    assert "edgewise[hub]" in str(error.value)


def test_nothing_is_written_into_a_snapshot():
    with pytest.raises(ConfigError, match=r"report\.html of a run on a hub"):
        refuse_to_write(Path("hf://me/springs"), "report.html")


def test_a_snapshot_in_the_cache_is_read_offline(run, tmp_path):
    repository = tmp_path / "cache" / "models--me--springs"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(COMMIT)
    shutil.copytree(run, repository / "snapshots" / COMMIT)
    code = "from edgewise.hub import run_folder; print(run_folder('hf://me/springs'))"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={"HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert Path(answer.stdout.strip()).samefile(repository / "snapshots" / COMMIT)


def test_the_card_says_how_to_load_the_run_and_what_it_found(run):
    card = model_card(run, "me/springs")
    assert card.startswith("---\nlibrary_name: edgewise\n")
    assert 'ew.Inference.load("hf://me/springs")' in card
    assert "accuracy 0.9000, AUROC 0.9500" in card
    assert "- sampled" in card


def test_an_upload_makes_the_repository_and_sends_the_folder(run, monkeypatch):
    calls = []

    class Api:
        def create_repo(self, name, **how):
            calls.append(("create", name, how))

        def upload_folder(self, *, repo_id, folder_path, commit_message, revision):
            calls.append(("upload", repo_id, sorted(path.name for path in folder_path.iterdir()), revision))

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    assert upload(run, "me/springs", private=True, message="first") == "hf://me/springs"
    assert calls == [
        ("create", "me/springs", {"private": True, "exist_ok": True}),
        ("upload", "me/springs", ["README.md", "config.json", "metrics.json", "run.json"], None),
    ]
    assert upload(run, "hf://me/springs@v2", private=True, message="second") == "hf://me/springs@v2"
    assert calls[-1][-1] == "v2"


def test_a_hub_that_refuses_is_one_message(run, monkeypatch):
    class Api:
        def create_repo(self, name, **how):
            raise huggingface_hub.errors.LocalTokenNotFoundError("no token")

    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    with pytest.raises(RunError, match="hf://me/springs cannot be written: no token"):
        upload(run, "me/springs", private=False, message="first")
