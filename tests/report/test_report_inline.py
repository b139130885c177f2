"""What is put into the page: vendored libraries, our scripts, and data."""

import base64
import hashlib
import json
from pathlib import Path

import pytest

from edgewise.report import inline

VENDOR = inline.HERE / "vendor"
CHECKSUMS = json.loads((VENDOR / "checksums.json").read_text())


@pytest.mark.parametrize("folder", sorted(CHECKSUMS))
def test_vendored_files_are_the_published_ones(folder: str):
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (VENDOR / folder).iterdir()}
    assert files == CHECKSUMS[folder]["sha256"]
    assert "LICENSE" in files


def test_every_inlined_library_is_listed_with_its_version():
    used = {*inline.INFERENCE.libraries, *inline.TRAINING.libraries}
    assert {Path(path).parent.name for path in used} == set(CHECKSUMS)
    listed = (VENDOR / "VENDORED.md").read_text()
    for folder, entry in CHECKSUMS.items():
        assert f"| `{folder}/` | `{entry['package']}` | {entry['version']} |" in listed


def test_every_script_of_ours_is_inlined():
    used = {*inline.INFERENCE.own, *inline.TRAINING.own}
    assert {path.stem for path in (inline.HERE / "js").iterdir()} == used


def test_a_script_cannot_end_its_element_early():
    made = inline.script('a = "</script><!--"; b = "</SCRIPT>";')
    assert made.text == r'a = "<\/script><\!--"; b = "<\/SCRIPT>";'


def test_a_script_is_allowed_by_the_hash_of_its_escaped_text():
    made = inline.script('a = "</script>";\r\n')
    digest = hashlib.sha256(b'a = "<\\/script>";\n').digest()
    assert made.source == f"'sha256-{base64.b64encode(digest).decode()}'"


def test_data_has_no_character_that_html_reads():
    text = inline.data({"<b>": "</script>&\u2028"})
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text) == {"<b>": "</script>&\u2028"}


def test_numbers_keep_seven_digits_and_times_all():
    value = {"a": [1 / 3, 2.0, float("nan")], "time": [1_700_000_000.123]}
    assert inline.compact(value) == {"a": [0.3333333, 2, None], "time": [1_700_000_000.123]}
