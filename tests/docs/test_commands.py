"""What the pages show on the command line exists: commands, flags, make targets; and all of it is described."""

import re
from dataclasses import fields

import pytest
from cyclopts import CycloptsError
from pages import PAGES, ROOT, blocks, command_lines, name

from edgewise import InferenceConfig
from edgewise.cli.app import COMMANDS, app
from edgewise.inference.config import SECTIONS
from edgewise.inference.records import RUN_FILES

HOW_TO = (ROOT / "docs" / "how-to.md").read_text("utf-8")
LINES = [(name(page), words) for page in PAGES for words in command_lines(page, "edgewise")]


def parse(words: list[str]) -> str:
    """The name of the command that the words call; nothing is run.

    Raises CycloptsError for a command, a flag or a value that does not exist.
    """
    command, *_ = app.parse_args(words, exit_on_error=False, print_error=False)
    return command.__name__


@pytest.mark.parametrize(("page", "words"), LINES, ids=[f"{p}: {' '.join(w)}" for p, w in LINES])
def test_a_command_line_parses(page, words):
    assert parse(words) == words[0]


@pytest.mark.parametrize(
    "line",
    [
        "infre a.csv --out r",
        "infer a.csv --out r --edgetypes 3",
        "infer a.csv --out r --graph all",
        "infer a.csv",
    ],
)
def test_a_wrong_command_line_would_be_noticed(line):
    with pytest.raises(CycloptsError):
        parse(line.split())


def test_every_command_is_shown_somewhere():
    in_readme = (ROOT / "README.md").read_text("utf-8")
    assert [command for command in COMMANDS if f"`{command}`" not in in_readme] == []
    assert {words[0] for _, words in LINES} >= {
        "infer",
        "apply",
        "forecast",
        "evaluate",
        "simulate",
        "convert",
    }


def test_make_targets_exist():
    rules = re.findall(r"^([\w -]+):", (ROOT / "Makefile").read_text("utf-8"), flags=re.MULTILINE)
    targets = {target for rule in rules for target in rule.split()}
    asked = {words[0] for page in PAGES for words in command_lines(page, "make")}
    assert asked >= {"demo", "test"}
    assert asked <= targets


def test_the_readme_starts_with_two_commands():
    text = (ROOT / "README.md").read_text("utf-8")
    assert blocks(ROOT / "README.md", "sh")[0].split() == ["make", "demo", "make", "test"]
    assert text.index("make demo") < text.index("![") < text.index("```python")


def test_every_setting_is_described_with_its_default():
    rows = re.findall(r"^\| `(\w+)` \|\s*(\w*)\s*\| (.*?) \|", HOW_TO, flags=re.MULTILINE)
    described = {setting: (table, default.strip("`")) for setting, table, default in rows}
    wanted = {"method": ("", InferenceConfig().method)}
    for table, record in SECTIONS.items():
        for f in fields(record):
            nothing = {"prior": "alike"}.get(f.name, "none")
            default = nothing if f.default == () else f"{f.default:g}" if _is_number(f.default) else f.default
            wanted[f.name] = (table, str(default).lower())
    assert described == wanted


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def test_messages_that_are_explained_are_ones_that_appear():
    section = HOW_TO.partition("## When a message appears")[2]
    quoted = re.findall(r"^\| `(.+?)` \|", section, flags=re.MULTILINE)
    assert len(quoted) > 10
    source = "\n".join(path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    source = re.sub(r'"\n\s+f?"', "", source)  # texts that go on in the next line
    parts = [part.strip() for message in quoted for part in message.split("...") if part.strip()]
    assert [part for part in parts if part not in source] == []


def test_every_file_of_a_run_is_described():
    page = (ROOT / "docs" / "run-folder.md").read_text("utf-8")
    table = re.findall(r"^\| `([\w.]+)/?` \|", page.partition("## run.json")[0], flags=re.MULTILINE)
    assert set(table) == RUN_FILES
